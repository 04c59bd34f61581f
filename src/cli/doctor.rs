//! `millrace doctor`: is all there that the service needs? Says what to install or open.
//!
//! Decides how findings look; what the media engine needs is told by `media::requirements`.

use crate::config::{Config, PublicIps};
use crate::media::rendition::{self, CANDIDATES, Candidate, Verdict, verdict};
use crate::media::requirements;
use std::fmt;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

/// One finding: `Ok` what is well, `Err` what is not and what to do.
type Finding = Result<String, String>;

pub fn run(config: Config) -> ExitCode {
    let report = Report(examine(config));
    print!("{report}");
    if report.is_well() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

struct Report(Vec<Finding>);

impl Report {
    fn is_well(&self) -> bool {
        self.0.iter().all(Result::is_ok)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.0 {
            match finding {
                Ok(text) => writeln!(f, "✓ {text}")?,
                Err(text) => writeln!(f, "✗ {text}")?,
            }
        }
        let wrong = self.0.iter().filter(|finding| finding.is_err()).count();
        match wrong {
            0 => writeln!(f, "\nAll is well: `millrace serve` will work here."),
            _ => writeln!(f, "\n{wrong} of {} checks failed; what to do stands behind each ✗.", self.0.len()),
        }
    }
}

fn examine(config: Config) -> Vec<Finding> {
    let mut findings = vec![settings(&config)];
    let (config, warning) = config.confined();
    findings.extend(warning.map(|warning| Ok(format!("note: {warning}"))));
    findings.extend(media_engine());
    findings.push(ladder(&config));
    findings.extend(hardware(&config));
    findings.extend(ports(&config));
    findings.push(addresses(&config));
    findings.push(writable("data folder", &config.server.data_dir));
    let recordings = config.recording.folder(&config.server);
    findings.push(writable("recordings folder", &recordings));
    findings.push(free_space(&recordings, config.recording.min_free_bytes));
    findings.push(graphviz("dot"));
    findings
}

fn settings(config: &Config) -> Finding {
    config.check().map(|()| "settings".to_owned()).map_err(|problems| format!("settings: {problems}"))
}

fn media_engine() -> Vec<Finding> {
    let report = match requirements::check() {
        Ok(report) => report,
        Err(cause) => return vec![Err(format!("GStreamer does not start: {cause}"))],
    };
    let (major, minor) = requirements::MIN_VERSION;
    let version = if report.version_ok {
        Ok(report.version.clone())
    } else {
        Err(format!("{} is too old: {major}.{minor} is needed (Debian 12 has it)", report.version))
    };
    let mut findings = vec![version];
    if report.missing.is_empty() {
        findings.push(Ok(format!("all {} GStreamer elements", report.found)));
    }
    findings.extend(report.missing.iter().map(|m| Err(format!("element {} is missing: {}", m.element, m.package))));
    if !report.missing.is_empty() {
        findings.push(Err(format!("install them: sudo apt-get install {}", report.packages().join(" "))));
    }
    findings
}

/// Smaller pictures for weak viewers.
fn ladder(config: &Config) -> Finding {
    let rungs = rendition::check_ladder(config.recording.templates.clone()).map_err(|error| error.to_string())?;
    let percent = config.renditions.cpu_percent;
    Ok(format!("smaller pictures: {}; they may take {percent} % of all cores", rungs.join(", ")))
}

/// Encoders of the machine's own, each tried; there need not be any.
fn hardware(config: &Config) -> Vec<Finding> {
    let told = |candidate: &Candidate| {
        let (encoder, verdict) = verdict(candidate, config.recording.templates.as_deref());
        Ok(match verdict {
            Verdict::Works => format!("hardware encoder {encoder}: encodes {}", candidate.codec.as_str()),
            Verdict::Absent => {
                format!("note: no hardware encoder {encoder} (needs a device and {})", candidate.package)
            }
            Verdict::Fails(why) => format!("note: hardware encoder {encoder} does not encode, software does: {why}"),
        })
    };
    CANDIDATES.iter().map(told).collect()
}

fn ports(config: &Config) -> Vec<Finding> {
    let media = SocketAddr::new(config.media.bind, config.media.port);
    let tcp = |name: &str, flag: &str, address| port(name, flag, "TCP", address, TcpListener::bind(address).map(drop));
    let mut findings = vec![tcp("HTTP", "--http", config.server.http)];
    findings.extend(config.server.https.map(|address| tcp("HTTPS", "--https", address)));
    findings.extend(config.rtsp.listen.map(|address| tcp("RTSP", "rtsp.listen in the settings", address)));
    findings.push(port("media", "--media-port", "UDP", media, UdpSocket::bind(media).map(drop)));
    findings.extend(config.media.tcp.then(|| tcp("media", "--media-port", media)));
    for address in &config.turn.listen {
        let (name, flag) = ("STUN and TURN", "turn.listen in the settings");
        findings.push(port(name, flag, "UDP", *address, alone(*address, socket2::Type::DGRAM)));
        findings.push(port(name, flag, "TCP", *address, alone(*address, socket2::Type::STREAM)));
    }
    let tls = config.turn.listen_tls.iter().filter(|_| config.server.tls_cert.is_some());
    findings.extend(tls.map(|address| {
        let bound = alone(*address, socket2::Type::STREAM);
        port("TURN over TLS", "turn.listen_tls in the settings", "TCP", *address, bound)
    }));
    findings
}

/// Binds as the server will: an address of IPv6 without that of IPv4. A machine without IPv6 is well too.
fn alone(address: SocketAddr, kind: socket2::Type) -> std::io::Result<()> {
    let bound = socket2::Socket::new(socket2::Domain::for_address(address), kind, None).and_then(|socket| {
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        // Connections that are over do not count.
        socket.set_reuse_address(kind == socket2::Type::STREAM)?;
        socket.bind(&address.into())
    });
    let none = |error: &std::io::Error| {
        let absent = matches!(error.kind(), std::io::ErrorKind::AddrNotAvailable | std::io::ErrorKind::Unsupported);
        address.is_ipv6() && (absent || error.raw_os_error() == Some(nix::libc::EAFNOSUPPORT))
    };
    bound.or_else(|error| if none(&error) { Ok(()) } else { Err(error) })
}

fn port(name: &str, flag: &str, protocol: &str, address: SocketAddr, bound: std::io::Result<()>) -> Finding {
    match bound {
        Ok(()) if address.ip().is_loopback() => Ok(format!("{name}: {protocol} {address} is free")),
        Ok(()) => Ok(format!("{name}: {protocol} {address} is free; let it through your firewall")),
        Err(e) => Err(format!(
            "{name}: {protocol} {address} cannot be used ({e}): end what uses it (ss -lnp), or choose another by {flag}"
        )),
    }
}

fn addresses(config: &Config) -> Finding {
    if config.media.public_ips == PublicIps::Auto {
        return Ok(format!("clients are told the address that {} sees at start", config.media.stun_server));
    }
    let found: Vec<String> = config.media.announced().iter().map(ToString::to_string).collect();
    if found.is_empty() {
        return Err("no address to announce to clients: give one by --public-ip".into());
    }
    Ok(format!("clients are told to send media to {}; behind a NAT set --public-ip", found.join(", ")))
}

fn writable(name: &str, folder: &Path) -> Finding {
    let probe = folder.join(format!(".doctor-{}", std::process::id()));
    let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&probe, b"x"));
    let _ = std::fs::remove_file(&probe);
    match written {
        Ok(()) => Ok(format!("{name} {} is writable", folder.display())),
        Err(e) => Err(format!(
            "{name} {} cannot be written ({e}): sudo chown $(id -u) it, or choose another by --data-dir",
            folder.display()
        )),
    }
}

fn free_space(folder: &Path, need: u64) -> Finding {
    let free = fs4::available_space(folder).map_err(|e| format!("free disk space cannot be told: {e}"))?;
    let mib = |bytes: u64| bytes >> 20;
    if free < need {
        return Err(format!(
            "only {} MiB are free for recordings, {} are needed: free some, or lower recording.min_free_bytes",
            mib(free),
            mib(need)
        ));
    }
    Ok(format!("{} MiB are free for recordings", mib(free)))
}

fn graphviz(program: &str) -> Finding {
    let found = Command::new(program).arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status();
    match found {
        Ok(status) if status.success() => Ok("Graphviz draws graphs as SVG".into()),
        _ => Err("Graphviz is missing, so graphs cannot be drawn as SVG: sudo apt-get install graphviz".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_told_with_the_flag_to_change_it() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut config = Config::default();
        config.server.http = taken.local_addr().unwrap();
        config.server.https = None;
        config.rtsp.listen = None;
        config.turn.listen.clear();
        config.media.bind = "127.0.0.1".parse().unwrap();
        config.media.port = 0;
        let findings = ports(&config);
        let told = findings[0].as_ref().unwrap_err();
        assert!(told.contains("--http") && told.contains(&config.server.http.to_string()), "{told}");
        assert!(findings[1].is_ok(), "{findings:?}");
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_told() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(writable("data folder", file.path()).unwrap_err().contains("--data-dir"));
        let dir = tempfile::tempdir().unwrap();
        assert!(writable("data folder", dir.path()).is_ok());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "it leaves nothing behind");
    }

    #[test]
    fn too_little_space_is_told() {
        let dir = tempfile::tempdir().unwrap();
        assert!(free_space(dir.path(), 1).is_ok());
        assert!(free_space(dir.path(), u64::MAX).unwrap_err().contains("recording.min_free_bytes"));
    }

    #[test]
    fn a_missing_program_is_told_with_its_package() {
        assert!(graphviz("no-such-program-here").unwrap_err().contains("graphviz"));
    }

    #[test]
    fn failures_are_counted_and_marked() {
        let report = Report(vec![Ok("fine".into()), Err("broken".into())]);
        let text = report.to_string();
        assert!(!report.is_well() && text.contains("✓ fine") && text.contains("✗ broken"), "{text}");
        assert!(text.contains("1 of 2 checks failed"), "{text}");
    }
}
