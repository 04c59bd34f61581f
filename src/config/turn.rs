//! `[turn]`: the STUN and TURN server inside, and others that clients are told of.

use super::check::MIN_SECRET_BYTES;
use super::empty_is_none;
use ipnet::IpNet;
use serde::{Deserialize, Deserializer};
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

/// `[turn]`
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Turn {
    /// Addresses of STUN and TURN, each UDP and TCP; empty: neither runs here.
    pub listen: Vec<SocketAddr>,
    /// Addresses of TURN over TLS; used when `server.tls_cert` is set, since browsers refuse a self-signed one there.
    pub listen_tls: Vec<SocketAddr>,
    /// Relay for clients (TURN); else STUN alone.
    pub relay: bool,
    /// Ports that relayed media comes from and goes to, `FIRST-LAST`.
    #[serde(deserialize_with = "port_range")]
    pub ports: RangeInclusive<u16>,
    /// Networks that may be relayed to though they are private, link-local or loopback. Our own media port always may.
    pub peers: Vec<IpNet>,
    /// Relays at once.
    pub max_allocations: usize,
    /// Relays at once of one user, which is all that have one address: an office behind a NAT, some relays for each browser.
    pub max_allocations_per_user: usize,
    /// What one relay may carry, in bits per second each way; 0: no limit.
    pub max_bitrate: u64,
    /// How long credentials are good for.
    #[serde(with = "humantime_serde")]
    pub credential_ttl: Duration,
    /// Other servers that clients are told of: `stun:host:port`, `turn:host:port?transport=udp`, `turns:host:port`.
    pub servers: Vec<String>,
    /// Shared with a TURN server of `servers` (coturn's `static-auth-secret`), at least 16 bytes; without one a random one is made at start.
    #[serde(deserialize_with = "empty_is_none")]
    pub secret: Option<String>,
}

impl Default for Turn {
    fn default() -> Self {
        let on = |port| vec![SocketAddr::from(([0; 4], port)), SocketAddr::from(([0; 16], port))];
        Self {
            listen: on(3478),
            listen_tls: on(5349),
            relay: true,
            ports: 49152..=65535,
            peers: Vec::new(),
            max_allocations: 1000,
            max_allocations_per_user: 200,
            max_bitrate: 20_000_000,
            credential_ttl: Duration::from_secs(12 * 3600),
            servers: Vec::new(),
            secret: None,
        }
    }
}

/// The secret stays out of logs.
impl std::fmt::Debug for Turn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let secret = self.secret.as_ref().map(|_| "(hidden)");
        f.debug_struct("Turn")
            .field("listen", &self.listen)
            .field("listen_tls", &self.listen_tls)
            .field("relay", &self.relay)
            .field("ports", &self.ports)
            .field("peers", &self.peers)
            .field("servers", &self.servers)
            .field("secret", &secret)
            .finish_non_exhaustive()
    }
}

impl Turn {
    pub(super) fn problem(&self) -> Option<String> {
        let known = ["stun:", "stuns:", "turn:", "turns:"];
        if let Some(bad) = self.servers.iter().find(|url| !known.iter().any(|scheme| url.starts_with(scheme))) {
            return Some(format!(
                "turn.servers has {bad:?}: write stun:host:port, turn:host:port?transport=udp or turns:host:port"
            ));
        }
        let external = self.servers.iter().find(|url| url.starts_with("turn"));
        if let Some(url) = external.filter(|_| self.secret.is_none()) {
            return Some(format!(
                "turn.servers has {url:?} but turn.secret is not set: give both the same static-auth-secret"
            ));
        }
        if self.secret.as_ref().is_some_and(|secret| secret.len() < MIN_SECRET_BYTES) {
            return Some(format!("turn.secret needs at least {MIN_SECRET_BYTES} bytes: try `openssl rand -hex 32`"));
        }
        if self.max_allocations == 0 || self.max_allocations_per_user == 0 {
            return Some(
                "turn.max_allocations and turn.max_allocations_per_user must not be 0: set turn.relay = false instead"
                    .into(),
            );
        }
        self.credential_ttl
            .is_zero()
            .then(|| "turn.credential_ttl is 0, so no credentials would be good: give a duration".into())
    }
}

fn port_range<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RangeInclusive<u16>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let range = text
        .split_once('-')
        .and_then(|(first, last)| Some(first.trim().parse::<u16>().ok()?..=last.trim().parse::<u16>().ok()?));
    range.filter(|range| !range.is_empty() && *range.start() > 0).ok_or_else(|| {
        serde::de::Error::custom(format!("{text:?} is no range of ports: write FIRST-LAST, as 49152-65535"))
    })
}
