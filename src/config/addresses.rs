//! The addresses that clients are told to send media to.

use super::Media;
use std::net::IpAddr;

impl Media {
    /// The configured addresses; else the one bound to; else those of this machine's interfaces, loopback last.
    pub fn announced(&self) -> Vec<IpAddr> {
        if !self.public_ips.is_empty() {
            return self.public_ips.clone();
        }
        if !self.bind.is_unspecified() {
            return vec![self.bind];
        }
        let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
        let mut found: Vec<IpAddr> =
            interfaces.iter().map(if_addrs::Interface::ip).filter(|ip| self.reaches(ip)).collect();
        found.sort_by_key(|ip| (ip.is_loopback(), ip.is_ipv6()));
        found.dedup();
        found
    }

    /// A socket on 0.0.0.0 has no IPv6; link-local addresses mean nothing without an interface's name.
    fn reaches(&self, ip: &IpAddr) -> bool {
        match ip {
            IpAddr::V4(ip) => !ip.is_link_local(),
            IpAddr::V6(ip) => self.bind.is_ipv6() && !ip.is_unicast_link_local(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn media(bind: &str, public: &[&str]) -> Media {
        let public_ips = public.iter().map(|ip| ip.parse().unwrap()).collect();
        Media { bind: bind.parse().unwrap(), public_ips, ..Media::default() }
    }

    #[test]
    fn configured_addresses_come_first_and_alone() {
        assert_eq!(media("0.0.0.0", &["192.0.2.7"]).announced(), ["192.0.2.7".parse::<IpAddr>().unwrap()]);
    }

    #[test]
    fn an_address_bound_to_is_the_one_announced() {
        assert_eq!(media("127.0.0.1", &[]).announced(), ["127.0.0.1".parse::<IpAddr>().unwrap()]);
    }

    #[test]
    fn a_wildcard_means_this_machines_addresses_of_its_family() {
        let found = media("0.0.0.0", &[]).announced();
        assert!(found.contains(&IpAddr::from([127, 0, 0, 1])), "{found:?}");
        assert!(found.iter().all(IpAddr::is_ipv4), "{found:?}");
    }
}
