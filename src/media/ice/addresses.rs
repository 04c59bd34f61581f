//! Which addresses clients are told to send to.

use nix::ifaddrs::getifaddrs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The announced addresses of a socket bound to `bound`: the configured public ones; else the bound one; else, when
/// bound to all, those of the interfaces with loopback last (a browser on this machine).
pub fn announced(bound: SocketAddr, public: &[IpAddr]) -> Vec<SocketAddr> {
    let ips = match public {
        [] if bound.ip().is_unspecified() => of_interfaces(bound.is_ipv6()),
        [] => vec![bound.ip()],
        configured => configured.to_vec(),
    };
    ips.into_iter().map(|ip| SocketAddr::new(ip, bound.port())).collect()
}

fn of_interfaces(with_v6: bool) -> Vec<IpAddr> {
    let storages = getifaddrs().into_iter().flatten().filter_map(|interface| interface.address);
    let all = storages.filter_map(|address| {
        let v4 = address.as_sockaddr_in().map(|a| IpAddr::V4(a.ip()));
        v4.or_else(|| address.as_sockaddr_in6().map(|a| IpAddr::V6(a.ip())))
    });
    let mut ips: Vec<IpAddr> = all.filter(|ip| usable(*ip, with_v6)).collect();
    ips.push(Ipv4Addr::LOCALHOST.into());
    ips
}

/// Loopback is added by hand; link-local addresses need a zone that SDP cannot carry.
fn usable(ip: IpAddr, with_v6: bool) -> bool {
    match ip {
        IpAddr::V4(ip) => !ip.is_loopback() && !ip.is_link_local(),
        IpAddr::V6(ip) => with_v6 && !ip.is_loopback() && !ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configured_addresses_win_and_keep_the_port() {
        let public = ["192.0.2.9".parse().unwrap()];
        assert_eq!(announced("0.0.0.0:7".parse().unwrap(), &public), ["192.0.2.9:7".parse().unwrap()]);
    }

    #[test]
    fn a_bound_address_is_announced_as_it_is() {
        assert_eq!(announced("127.0.0.1:7".parse().unwrap(), &[]), ["127.0.0.1:7".parse().unwrap()]);
    }

    #[test]
    fn bound_to_all_announces_loopback_last_and_once() {
        let all = announced("0.0.0.0:7".parse().unwrap(), &[]);
        assert_eq!(all.last().unwrap().ip(), IpAddr::V4(Ipv4Addr::LOCALHOST));
        assert_eq!(all.iter().filter(|a| a.ip().is_loopback()).count(), 1);
        assert!(all.iter().all(|a| a.is_ipv4()));
    }
}
