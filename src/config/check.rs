//! What must hold between settings, and what a service without a secret may bind to.

use super::{Config, PublicIps};
use crate::model::RoomId;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// A secret shorter than this can be guessed by trying.
pub(super) const MIN_SECRET_BYTES: usize = 16;

/// Everything wrong with the settings, each with its key and the remedy.
#[derive(Debug, Default, PartialEq, Eq, thiserror::Error)]
pub struct Problems(pub Vec<String>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl Config {
    /// Checks what one value alone cannot tell. All problems at once, so that one edit cures them.
    pub fn check(&self) -> Result<(), Problems> {
        let found = [
            self.secret_problem(),
            self.tls_problem(),
            self.port_problem(),
            self.stun_problem(),
            self.limit_problem(),
            self.template_problem(),
            self.storage.problem(),
            self.webhook.problem(),
            self.camera_problem(),
            self.hls.problem(),
            self.renditions.problem(),
            self.turn.problem(),
            self.origin_problem(),
            self.openvidu.problem(),
        ];
        let problems: Vec<String> = found.into_iter().flatten().collect();
        if problems.is_empty() { Ok(()) } else { Err(Problems(problems)) }
    }

    /// Without a secret anybody may do anything, so the service stays on this machine, unless told otherwise.
    /// Returns the settings to use and what to tell the operator.
    pub fn confined(mut self) -> (Self, Option<&'static str>) {
        if self.auth.secret.is_some() {
            return (self, None);
        }
        if self.auth.insecure_open {
            return (self, Some(OPEN));
        }
        self.server.http.set_ip(loopback_of(self.server.http.ip()));
        self.server.https = self.server.https.map(|a| SocketAddr::new(loopback_of(a.ip()), a.port()));
        self.rtsp.listen = self.rtsp.listen.map(|a| SocketAddr::new(loopback_of(a.ip()), a.port()));
        self.media.bind = loopback_of(self.media.bind);
        for address in self.turn.listen.iter_mut().chain(&mut self.turn.listen_tls) {
            address.set_ip(loopback_of(address.ip()));
        }
        let public = self.media.public_ips.listed().iter().copied().filter(IpAddr::is_loopback);
        self.media.public_ips = PublicIps::Listed(public.collect());
        (self, Some(CONFINED))
    }

    fn camera_problem(&self) -> Option<String> {
        let bad = self.cameras.keys().find(|room| !RoomId::is_valid(room));
        if let Some(room) = bad {
            return Some(format!("cameras.{room}: a room's name is 1 to 64 of A-Z, a-z, 0-9, _ and -"));
        }
        let empty = self.cameras.iter().find(|(_, all)| all.iter().any(|camera| camera.uri.is_empty()));
        empty.map(|(room, _)| format!("cameras.{room}: each camera needs its `uri`"))
    }

    fn origin_problem(&self) -> Option<String> {
        let good = |origin: &str| origin == "*" || (origin.contains("://") && !origin.ends_with('/'));
        let bad = self.server.allow_origins.iter().find(|origin| !good(origin))?;
        Some(format!("server.allow_origins has {bad:?}: write scheme and host as https://app.example.org, or *"))
    }

    fn secret_problem(&self) -> Option<String> {
        let length = self.auth.secret.as_ref()?.len();
        (length < MIN_SECRET_BYTES).then(|| {
            format!(
                "auth.secret has {length} bytes, at least {MIN_SECRET_BYTES} are needed: make one with \
                 `openssl rand -hex 32`"
            )
        })
    }

    fn template_problem(&self) -> Option<String> {
        let folder = self.recording.templates.as_ref().filter(|folder| !folder.is_dir())?;
        Some(format!(
            "recording.templates is {}, which is not a folder: make it, or remove the setting",
            folder.display()
        ))
    }

    fn tls_problem(&self) -> Option<String> {
        let (set, missing) = match (&self.server.tls_cert, &self.server.tls_key) {
            (Some(_), None) => ("tls_cert", "tls_key"),
            (None, Some(_)) => ("tls_key", "tls_cert"),
            _ => return None,
        };
        Some(format!(
            "server.{set} is set but server.{missing} is not: set both, or neither for a self-signed certificate"
        ))
    }

    fn port_problem(&self) -> Option<String> {
        let media = SocketAddr::new(self.media.bind, self.media.port);
        let used = [
            ("server.http", Some(self.server.http)),
            ("server.https", self.server.https),
            ("media (media.port, media.tcp)", self.media.tcp.then_some(media)),
            ("rtsp.listen", self.rtsp.listen),
        ];
        let used: Vec<(&str, SocketAddr)> =
            used.into_iter().filter_map(|(key, address)| Some((key, address?))).collect();
        let clashes =
            |a: &SocketAddr, b: &SocketAddr| a.port() != 0 && a.port() == b.port() && overlaps(a.ip(), b.ip());
        used.iter().enumerate().find_map(|(index, (key, address))| {
            let (other, _) = used[..index].iter().find(|(_, other)| clashes(address, other))?;
            Some(format!("{other} and {key} both want TCP port {}: give them different ports", address.port()))
        })
    }

    fn stun_problem(&self) -> Option<String> {
        let missing = self.media.public_ips == PublicIps::Auto && !self.media.stun_server.contains(':');
        missing.then(|| "media.public_ips is `auto` but media.stun_server is no host:port: give one".into())
    }

    fn limit_problem(&self) -> Option<String> {
        let limits = [
            ("rooms.max_rooms", self.rooms.max_rooms),
            ("rooms.max_rooms_per_connection", self.rooms.max_rooms_per_connection),
            ("rooms.max_participants", self.rooms.max_participants),
            ("rooms.max_subscriptions", self.rooms.max_subscriptions),
            ("rooms.max_message_bytes", self.rooms.max_message_bytes),
            ("rtsp.max_clients", self.rtsp.max_clients),
            ("rooms.heartbeat", self.rooms.heartbeat.as_millis() as usize),
            ("media.liveness", self.media.liveness.as_millis() as usize),
            ("media.negotiation_limit", self.media.negotiation_limit.as_millis() as usize),
            ("guests.max_sockets", self.guests.max_sockets),
            ("guests.max_rooms", self.guests.max_rooms),
            ("guests.max_made_per_minute", self.guests.max_made_per_minute as usize),
            ("server.shutdown_limit", self.server.shutdown_limit.as_millis() as usize),
            ("onvif.search", self.onvif.search.as_millis() as usize),
            ("recording.max_age", self.recording.max_age.map_or(1, |age| age.as_millis() as usize)),
        ];
        let (key, _) = limits.into_iter().find(|(_, value)| *value == 0)?;
        Some(format!("{key} is 0, so nothing could work: give it a positive value, or remove it for the default"))
    }
}

const OPEN: &str = "NO SECRET and insecure_open: everybody who reaches this machine may create rooms, watch and record. \
                    Set auth.secret (MILLRACE_AUTH__SECRET) to ask for tokens";
const CONFINED: &str = "no auth.secret is set, so any token is accepted and the service listens on this machine only \
                        (loopback). Set auth.secret (MILLRACE_AUTH__SECRET) to serve other machines";

fn loopback_of(ip: IpAddr) -> IpAddr {
    match ip {
        ip if ip.is_loopback() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    }
}

fn overlaps(a: IpAddr, b: IpAddr) -> bool {
    a == b || a.is_unspecified() || b.is_unspecified()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(change: impl FnOnce(&mut Config)) -> String {
        let mut config = Config::default();
        change(&mut config);
        config.check().map_or_else(|e| e.to_string(), |()| String::new())
    }

    #[test]
    fn defaults_are_sound() {
        assert_eq!(problems(|_| ()), "");
    }

    #[test]
    fn each_problem_names_its_key_and_all_are_told_at_once() {
        let text = problems(|c| {
            c.auth.secret = Some("short".into());
            c.server.tls_cert = Some("cert.pem".into());
            c.server.https = Some(c.server.http);
            c.rooms.max_rooms = 0;
        });
        for key in ["auth.secret has 5 bytes", "server.tls_key is not", "port 8080", "rooms.max_rooms is 0"] {
            assert!(text.contains(key), "{key} is missing in:\n{text}");
        }
    }

    #[test]
    fn a_secret_of_turn_is_as_long_as_that_of_tokens() {
        let with = |secret: &str| problems(|config| config.turn.secret = Some(secret.into()));
        assert!(with("fifteen bytes..").contains("turn.secret needs at least 16 bytes"));
        assert_eq!(with("sixteen bytes..."), "");
    }

    #[test]
    fn media_over_tcp_may_not_want_the_port_of_the_pages() {
        let clash = |c: &mut Config| c.media.port = c.server.http.port();
        assert!(problems(clash).contains("server.http and media"), "{}", problems(clash));
        let without_tcp = |c: &mut Config| {
            clash(c);
            c.media.tcp = false;
        };
        assert_eq!(problems(without_tcp), "");
    }

    #[test]
    fn the_rtsp_server_needs_a_port_of_its_own() {
        let clash = |c: &mut Config| c.rtsp.listen = Some(c.server.http);
        assert!(problems(clash).contains("server.http and rtsp.listen"), "{}", problems(clash));
        assert_eq!(problems(|c| c.rtsp.listen = None), "");
    }

    #[test]
    fn a_folder_of_templates_must_be_there() {
        let text = problems(|c| c.recording.templates = Some("/nonexistent/templates".into()));
        assert!(text.contains("recording.templates is /nonexistent/templates"), "{text}");
    }

    #[test]
    fn finding_out_addresses_needs_somebody_to_ask() {
        let text = problems(|c| {
            c.media.public_ips = PublicIps::Auto;
            c.media.stun_server = String::new();
        });
        assert!(text.contains("media.stun_server"), "{text}");
    }

    #[test]
    fn same_port_on_different_addresses_is_fine() {
        let text = problems(|c| {
            c.server.http = "127.0.0.1:8080".parse().unwrap();
            c.server.https = Some("127.0.0.2:8080".parse().unwrap());
        });
        assert_eq!(text, "");
    }

    #[test]
    fn without_a_secret_everything_is_bound_to_loopback() {
        let mut config = Config::default();
        config.server.https = Some("[::]:4443".parse().unwrap());
        config.media.public_ips = PublicIps::Listed(vec!["192.0.2.1".parse().unwrap()]);
        let (config, warning) = config.confined();
        assert_eq!(config.server.http, "127.0.0.1:8080".parse().unwrap());
        assert_eq!(config.server.https, Some("[::1]:4443".parse().unwrap()));
        assert_eq!(config.rtsp.listen, Some("127.0.0.1:8554".parse().unwrap()));
        assert!(config.media.bind.is_loopback() && config.media.public_ips.listed().is_empty());
        assert!(warning.unwrap().contains("auth.secret"));
    }

    #[test]
    fn a_secret_or_insecure_open_keeps_the_addresses() {
        let mut with_secret = Config::default();
        with_secret.auth.secret = Some("x".repeat(32));
        assert_eq!(with_secret.clone().confined(), (with_secret, None));
        let mut open = Config::default();
        open.auth.insecure_open = true;
        let (after, warning) = open.clone().confined();
        assert_eq!(after, open);
        assert!(warning.unwrap().contains("NO SECRET"));
    }
}
