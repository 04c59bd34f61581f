//! Where a request comes from, and by which name it has reached us.
//!
//! Decides whose word counts: the connection's, or `X-Forwarded-For` when the connection is a trusted proxy's.

use super::Shared;
use axum::extract::{ConnectInfo, FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, header};
use ipnet::IpNet;
use metrics::counter;
use std::convert::Infallible;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Once;

const FORWARDED: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The client's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

impl ClientAddress {
    /// What limits of one address apply to: of IPv6 a /64, which is what a household gets.
    pub fn household(self) -> IpAddr {
        match self.0 {
            IpAddr::V6(address) => {
                let mut segments = address.segments();
                segments[4..].fill(0);
                Ipv6Addr::from(segments).into()
            }
            v4 => v4,
        }
    }
}

impl fmt::Display for ClientAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ClientAddress
where
    Shared: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let connection = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        let nearest = connection.unwrap_or(Ipv4Addr::LOCALHOST.into()).to_canonical();
        let server = Shared::from_ref(state).server;
        if is_unheard(nearest, &parts.headers, &server.trusted_proxies) {
            tell_unheard(nearest);
        }
        Ok(Self(farthest(nearest, &parts.headers, &server.trusted_proxies)))
    }
}

/// Whether somebody whose word does not count says who the client is.
fn is_unheard(nearest: IpAddr, headers: &HeaderMap, proxies: &[IpNet]) -> bool {
    headers.contains_key(FORWARDED) && !is_trusted(nearest, proxies)
}

fn is_trusted(address: IpAddr, proxies: &[IpNet]) -> bool {
    proxies.iter().any(|net| net.contains(&address))
}

/// Counted; and said once, since behind such a proxy all clients share the limits of one.
fn tell_unheard(proxy: IpAddr) {
    static SAID: Once = Once::new();
    counter!("media_untrusted_forwarded_total").increment(1);
    SAID.call_once(|| {
        tracing::warn!(%proxy, "X-Forwarded-For of an untrusted address is ignored, so all who come through it count as one \
             client; if it is your proxy, list it in server.trusted_proxies");
    });
}

/// The last address that no trusted proxy stands for: what is left of it anybody may have written.
fn farthest(nearest: IpAddr, headers: &HeaderMap, proxies: &[IpNet]) -> IpAddr {
    let lines: Vec<&str> = headers.get_all(FORWARDED).iter().filter_map(|line| line.to_str().ok()).collect();
    let hops = lines.iter().flat_map(|line| line.split(',')).rev();
    let mut client = nearest;
    for hop in hops {
        match hop.trim().parse::<IpAddr>() {
            Ok(hop) if is_trusted(client, proxies) => client = hop.to_canonical(),
            _ => break,
        }
    }
    client
}

/// The name and port that a request came to.
pub fn host(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::HOST)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(nearest: &str, forwarded: &[&str], proxies: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append(FORWARDED, line.parse().unwrap());
        }
        let proxies: Vec<IpNet> = proxies.iter().map(|net| net.parse().unwrap()).collect();
        farthest(nearest.parse().unwrap(), &headers, &proxies).to_string()
    }

    #[test]
    fn a_proxy_is_believed_only_when_it_is_trusted() {
        assert_eq!(seen("203.0.113.5", &["198.51.100.1"], &[]), "203.0.113.5");
        assert_eq!(seen("127.0.0.1", &["198.51.100.1"], &["127.0.0.0/8"]), "198.51.100.1");
        assert_eq!(seen("127.0.0.1", &["198.51.100.1, 10.0.0.2"], &["127.0.0.0/8", "10.0.0.0/8"]), "198.51.100.1");
        assert_eq!(seen("127.0.0.1", &["6.6.6.6", "198.51.100.1"], &["127.0.0.0/8"]), "198.51.100.1", "forged");
        assert_eq!(seen("127.0.0.1", &["nonsense"], &["127.0.0.0/8"]), "127.0.0.1");
    }

    #[test]
    fn a_proxy_that_nobody_trusts_is_noticed() {
        let unheard = |nearest: &str, forwarded: bool| {
            let line = forwarded.then(|| (FORWARDED, "198.51.100.1".parse().unwrap()));
            is_unheard(nearest.parse().unwrap(), &line.into_iter().collect(), &["127.0.0.0/8".parse().unwrap()])
        };
        assert!(unheard("203.0.113.5", true));
        assert!(!unheard("127.0.0.1", true) && !unheard("203.0.113.5", false));
    }

    #[test]
    fn a_household_of_ipv6_counts_as_one() {
        let household = |address: &str| ClientAddress(address.parse().unwrap()).household().to_string();
        assert_eq!(household("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(household("192.0.2.7"), "192.0.2.7");
    }
}
