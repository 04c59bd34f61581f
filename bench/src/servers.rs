//! The servers that are compared, each started for one measurement and ended after it.

use crate::load::Target;
use anyhow::{Context, Result, bail};
use std::net::{IpAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const START_LIMIT: Duration = Duration::from_secs(15);

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// This project's.
    Millrace,
    /// Janus as packaged.
    Janus,
    /// Janus with `event_loops` set to the number of cores.
    JanusTuned,
}

impl Kind {
    /// For tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Millrace => "Millrace",
            Self::Janus => "Janus",
            Self::JanusTuned => "Janus tuned",
        }
    }
}

/// A running server; ended when dropped.
pub struct Server {
    child: Child,
    /// How to reach it.
    pub target: Target,
    folder: tempfile::TempDir,
}

impl Server {
    /// Starts it on this address, which must not be a loopback one for Janus' sake.
    pub fn start(kind: Kind, millrace: &Path, ip: IpAddr) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let (mut command, port) = match kind {
            Kind::Millrace => (millrace_command(millrace, ip, folder.path()), 8080),
            Kind::Janus => (janus_command(folder.path(), ip, None)?, 8188),
            Kind::JanusTuned => (janus_command(folder.path(), ip, Some(cores()))?, 8188),
        };
        let log = std::fs::File::create(std::env::temp_dir().join(format!("millrace-bench-{kind:?}.log")))?;
        let child = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn();
        let child = child.with_context(|| format!("starting {}: is it installed?", kind.name()))?;
        let url = format!("ws://{ip}:{port}");
        let target = if kind == Kind::Millrace { Target::Millrace(url) } else { Target::Janus(url) };
        let mut server = Self { child, target, folder };
        server.until_listening(ip, port)?;
        Ok(server)
    }

    /// Where it keeps its files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    fn until_listening(&mut self, ip: IpAddr, port: u16) -> Result<()> {
        let deadline = Instant::now() + START_LIMIT;
        while TcpStream::connect((ip, port)).is_err() {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended at once ({status}): see millrace-bench-*.log in the temporary folder");
            }
            if Instant::now() > deadline {
                bail!("the server does not listen on {ip}:{port} within {START_LIMIT:?}");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn millrace_command(binary: &Path, ip: IpAddr, folder: &Path) -> Command {
    let mut command = Command::new(binary);
    command
        .args(["serve", "--insecure-open", "--https", "", "--http"])
        .arg(format!("{ip}:8080"))
        .env("MILLRACE_SERVER__DATA_DIR", folder)
        .env("MILLRACE_LOG__FILTER", "warn")
        .current_dir(folder);
    command
}

/// Janus with the videoroom and the WebSocket transport alone.
fn janus_command(folder: &Path, ip: IpAddr, event_loops: Option<usize>) -> Result<Command> {
    let library = janus_library()?;
    let loops = event_loops.map_or(String::new(), |n| format!("event_loops = {n}"));
    let plugins = library.join("plugins");
    let transports = library.join("transports");
    let main = format!(
        "general: {{ plugins_folder = \"{}\"\n transports_folder = \"{}\"\n debug_level = 2\n {loops} }}\n\
         media: {{ ipv6 = false }}\nnat: {{ full_trickle = false\n ice_enforce_list = \"{ip}\" }}\n\
         plugins: {{ disable = \"{}\" }}\ntransports: {{ disable = \"{}\" }}\n",
        plugins.display(),
        transports.display(),
        others(&plugins, "libjanus_videoroom.so"),
        others(&transports, "libjanus_websockets.so"),
    );
    std::fs::write(folder.join("janus.jcfg"), main)?;
    let websockets = "general: { ws = true\n ws_port = 8188\n wss = false }\n";
    std::fs::write(folder.join("janus.transport.websockets.jcfg"), websockets)?;
    std::fs::write(folder.join("janus.plugin.videoroom.jcfg"), "general: { }\n")?;
    let mut command = Command::new("janus");
    command.arg("--configs-folder").arg(folder);
    Ok(command)
}

/// Debian keeps it under the machine's library folder.
fn janus_library() -> Result<PathBuf> {
    let found = std::fs::read_dir("/usr/lib")?.flatten().map(|e| e.path().join("janus")).find(|p| p.is_dir());
    found.context("Janus is not installed: apt-get install janus")
}

fn others(folder: &Path, wanted: &str) -> String {
    let names = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names = names.filter_map(|e| e.file_name().into_string().ok());
    names.filter(|n| n.ends_with(".so") && n != wanted).collect::<Vec<_>>().join(",")
}
