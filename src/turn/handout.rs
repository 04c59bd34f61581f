//! Which STUN and TURN servers a client is told of, by the name it has reached us.

use super::Credentials;
use crate::config;
use crate::model::IceServer;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Where our own server listens; `None` where it does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ports {
    /// STUN, and TURN if `relay`.
    pub udp: Option<u16>,
    /// The same over TCP.
    pub tcp: Option<u16>,
    /// TURN over TLS.
    pub tls: Option<u16>,
    /// Whether it relays.
    pub relay: bool,
}

/// Tells clients. Cheap to clone.
#[derive(Clone)]
pub struct Handout(Arc<Inner>);

struct Inner {
    ports: Ports,
    /// Servers besides ours.
    others: Vec<String>,
    credentials: Credentials,
    ttl: Duration,
    /// Our name when a request does not say.
    address: Option<IpAddr>,
}

impl Handout {
    /// `ports` are those of the server inside, `credentials` its; `address` is our first announced one.
    pub fn new(settings: &config::Turn, ports: Ports, credentials: Credentials, address: Option<IpAddr>) -> Self {
        let (others, ttl) = (settings.servers.clone(), settings.credential_ttl);
        Self(Arc::new(Inner { ports, others, credentials, ttl, address }))
    }

    /// How long a client may use what it was given, at least.
    pub fn ttl(&self) -> Duration {
        self.0.ttl
    }

    /// The servers for a client that came to `host` (a `Host` header: its port is dropped). `who` tells users apart, for
    /// quotas; without it only servers are named that need no account.
    pub fn servers(&self, host: Option<&str>, who: Option<&str>) -> Vec<IceServer> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let account = who.map(|who| self.0.credentials.issue(who, now, self.0.ttl));
        let urls = self.others().chain(self.ours(host)).filter_map(|url| {
            let needs_account = url.starts_with("turn");
            match (&account, needs_account) {
                (None, true) => None,
                (Some(account), true) => Some(IceServer { url, account: Some(account.clone()) }),
                (_, false) => Some(IceServer::open(url)),
            }
        });
        urls.collect()
    }

    fn others(&self) -> impl Iterator<Item = String> {
        self.0.others.iter().cloned()
    }

    fn ours(&self, host: Option<&str>) -> impl Iterator<Item = String> {
        let name = host.and_then(name).or_else(|| self.0.address.map(bracketed));
        let ports = self.0.ports;
        let relay = |scheme: &str, port: Option<u16>, transport: &str| {
            let (name, port) = (name.as_ref()?, port.filter(|_| ports.relay)?);
            Some(format!("{scheme}:{name}:{port}?transport={transport}"))
        };
        let stun = name.as_ref().zip(ports.udp).map(|(name, port)| format!("stun:{name}:{port}"));
        let all =
            [stun, relay("turn", ports.udp, "udp"), relay("turn", ports.tcp, "tcp"), relay("turns", ports.tls, "tcp")];
        all.into_iter().flatten()
    }
}

/// The name in a `Host` header. Whatever is no host name or address is dropped: it would end in somebody's configuration.
fn name(host: &str) -> Option<String> {
    let authority: axum::http::uri::Authority = host.parse().ok()?;
    let name = authority.host();
    (!name.is_empty() && !host.contains('@')).then(|| name.to_owned())
}

fn bracketed(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handout(servers: &[&str]) -> Handout {
        let servers = servers.iter().map(|&url| url.to_owned()).collect();
        let settings = config::Turn { servers, ..config::Turn::default() };
        let ports = Ports { udp: Some(3478), tcp: Some(3478), tls: None, relay: true };
        Handout::new(&settings, ports, Credentials::new(b"north"), Some([192, 0, 2, 1].into()))
    }

    fn urls(servers: &[IceServer]) -> Vec<&str> {
        servers.iter().map(|server| server.url.as_str()).collect()
    }

    #[test]
    fn servers_have_the_name_that_the_request_came_to() {
        let told = handout(&["stun:stun.example.org:3478"]).servers(Some("rooms.example.org:8080"), Some("me"));
        let expected = [
            "stun:stun.example.org:3478",
            "stun:rooms.example.org:3478",
            "turn:rooms.example.org:3478?transport=udp",
            "turn:rooms.example.org:3478?transport=tcp",
        ];
        assert_eq!(urls(&told), expected);
        assert!(told[..2].iter().all(|server| server.account.is_none()));
        assert!(told[2..].iter().all(|server| server.account.is_some()));
    }

    #[test]
    fn without_a_user_nothing_is_named_that_needs_an_account() {
        assert_eq!(
            urls(&handout(&["turn:other:1"]).servers(Some("[2001:db8::1]:80"), None)),
            ["stun:[2001:db8::1]:3478"]
        );
    }

    #[test]
    fn a_host_that_is_none_is_not_repeated() {
        for odd in [None, Some(""), Some("a b"), Some("u@h"), Some("<script>")] {
            assert_eq!(urls(&handout(&[]).servers(odd, None)), ["stun:192.0.2.1:3478"], "{odd:?}");
        }
    }
}
