//! Where relayed packets may go and come from. Pure; asked for each permission and again for each packet.
//!
//! The world, our own media port, other relays of ours, and what the operator lists. Everything else of this machine and of
//! the networks around it is closed: a relay is a hole in a firewall, drilled from inside.

use crate::model::network;
use ipnet::IpNet;
use parking_lot::RwLock;
use std::net::{IpAddr, SocketAddr};

/// The rules.
#[derive(Debug, Default)]
pub(super) struct Peers {
    /// `turn.peers`.
    pub(super) listed: Vec<IpNet>,
    /// Our media port at each announced address.
    pub(super) media: Vec<SocketAddr>,
    /// The addresses that clients are told are ours.
    pub(super) announced: Vec<IpAddr>,
    /// All addresses of this machine, announced or not. They change while it runs.
    pub(super) own: RwLock<Vec<IpAddr>>,
}

impl Peers {
    /// Whether packets may be exchanged with `peer`; `is_relay` knows the addresses of relays that are open now.
    pub(super) fn allow(&self, peer: SocketAddr, is_relay: impl Fn(SocketAddr) -> bool) -> bool {
        if peer.port() == 0 {
            return false;
        }
        self.is_listed(peer.ip()) || self.media.contains(&peer) || is_relay(peer) || self.is_foreign(peer.ip())
    }

    /// Whether a permission may be had. It is for an address whatever the port (RFC 8656 9.2), and some clients give none:
    /// then one of our own addresses passes, and each packet is asked about.
    pub(super) fn permit(&self, peer: SocketAddr, is_relay: impl Fn(SocketAddr) -> bool) -> bool {
        let any_port = peer.port() == 0
            && (self.is_listed(peer.ip())
                || self.is_foreign(peer.ip())
                || self.media.iter().any(|media| media.ip() == peer.ip()));
        any_port || self.allow(peer, is_relay)
    }

    fn is_listed(&self, ip: IpAddr) -> bool {
        // Only the mapped form is the same host as the address inside; the others merely may lead there.
        let plain = ip.to_canonical();
        self.listed.iter().any(|net| net.contains(&ip) || net.contains(&plain))
    }

    fn is_foreign(&self, ip: IpAddr) -> bool {
        network::is_public(ip) && !self.announced.contains(&ip) && !self.own.read().contains(&ip)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peers() -> Peers {
        let own = ["127.0.0.1", "10.0.0.5", "2a00::5"].map(|ip| ip.parse().unwrap());
        let (media, announced) = (vec![at("8.8.4.4:10000"), at("10.0.0.5:10000")], vec![[8, 8, 4, 4].into()]);
        Peers { listed: Vec::new(), media, announced, own: RwLock::new(own.into()) }
    }

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn allowed(text: &str) -> bool {
        peers().allow(at(text), |relay| relay == at("8.8.4.4:50000"))
    }

    #[test]
    fn the_world_our_media_and_our_relays_are_open() {
        for open in ["1.1.1.1:53", "[2606:4700::1111]:1", "8.8.4.4:10000", "10.0.0.5:10000", "8.8.4.4:50000"] {
            assert!(allowed(open), "{open}");
        }
    }

    #[test]
    fn this_machine_and_its_networks_are_closed() {
        let closed = [
            "127.0.0.1:10000",
            "127.0.0.1:80",
            "0.0.0.0:80",
            "10.0.0.5:80",
            "10.0.0.6:10000",
            "8.8.4.4:80",
            "8.8.4.4:3478",
            "8.8.4.4:50001",
            "169.254.169.254:80",
            "255.255.255.255:9",
            "224.0.0.1:9",
            "1.1.1.1:0",
            "[::1]:80",
            "[::]:80",
            "[2a00::5]:22",
            "[fd00:ec2::254]:80",
            "[fe80::1]:80",
            "[::ffff:127.0.0.1]:80",
            "[::ffff:8.8.4.4]:10000",
            "[::ffff:169.254.169.254]:80",
            "[64:ff9b::169.254.169.254]:80",
            "[64:ff9b::8.8.4.4]:22",
            "[2002:7f00:1::1]:80",
        ];
        for peer in closed {
            assert!(!allowed(peer), "{peer}");
            assert!(!peers().permit(at(peer), |_| false) || peer == "1.1.1.1:0", "{peer}");
        }
    }

    #[test]
    fn what_is_listed_is_open_in_its_mapped_form_too() {
        let peers = Peers { listed: vec!["127.0.0.0/8".parse().unwrap()], ..peers() };
        assert!(peers.allow(at("127.0.0.1:80"), |_| false) && peers.allow(at("[::ffff:127.0.0.1]:80"), |_| false));
        assert!(!peers.allow(at("[64:ff9b::127.0.0.1]:80"), |_| false));
        assert!(!peers.allow(at("10.0.0.6:80"), |_| false));
    }

    #[test]
    fn a_permission_without_a_port_is_for_addresses_that_have_an_open_one() {
        for (peer, expected) in
            [("8.8.4.4:0", true), ("1.1.1.1:0", true), ("127.0.0.1:0", false), ("10.0.0.6:0", false)]
        {
            assert_eq!(peers().permit(at(peer), |_| false), expected, "{peer}");
        }
    }
}
