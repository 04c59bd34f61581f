//! The addresses that clients are told to send media to.

use super::Media;
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use std::fmt;
use std::net::IpAddr;

/// The word that stands for asking a STUN server.
const AUTO: &str = "auto";

/// `media.public_ips`
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicIps {
    /// These; none means this machine's own.
    Listed(Vec<IpAddr>),
    /// What a STUN server sees. `app` asks it at start and puts the answer in its place.
    Auto,
}

impl Default for PublicIps {
    fn default() -> Self {
        Self::Listed(Vec::new())
    }
}

impl PublicIps {
    /// Those known by now.
    pub fn listed(&self) -> &[IpAddr] {
        match self {
            Self::Listed(ips) => ips,
            Self::Auto => &[],
        }
    }
}

impl<'de> Deserialize<'de> for PublicIps {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ListOrWord)
    }
}

/// A list of addresses, or the word alone: as a text or as a list's only item (the form of flags and variables).
struct ListOrWord;

impl<'de> Visitor<'de> for ListOrWord {
    type Value = PublicIps;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of IP addresses or `{AUTO}`")
    }
    fn visit_str<E: Error>(self, word: &str) -> Result<PublicIps, E> {
        let listed = |word: &str| word.parse().map(|ip| PublicIps::Listed(vec![ip])).map_err(E::custom);
        if word == AUTO { Ok(PublicIps::Auto) } else { listed(word) }
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<PublicIps, A::Error> {
        let mut words = Vec::new();
        while let Some(word) = items.next_element::<String>()? {
            words.push(word);
        }
        if words == [AUTO] {
            return Ok(PublicIps::Auto);
        }
        let ip = |word: &String| word.parse().map_err(|e| A::Error::custom(format!("`{word}`: {e}")));
        Ok(PublicIps::Listed(words.iter().map(ip).collect::<Result<_, _>>()?))
    }
}

impl Media {
    /// The configured addresses; else the one bound to; else those of this machine's interfaces, loopback last.
    pub fn announced(&self) -> Vec<IpAddr> {
        if !self.public_ips.listed().is_empty() {
            return self.public_ips.listed().to_vec();
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
        let public_ips = PublicIps::Listed(public.iter().map(|ip| ip.parse().unwrap()).collect());
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
        assert!(found.last().is_some_and(IpAddr::is_loopback), "{found:?}");
        assert!(media("::", &[]).announced().contains(&IpAddr::from([127, 0, 0, 1])), "a wildcard of both families");
    }

    #[test]
    fn before_the_stun_server_has_answered_auto_means_this_machines_addresses() {
        let auto = Media { public_ips: PublicIps::Auto, ..media("0.0.0.0", &[]) };
        assert_eq!(auto.announced(), media("0.0.0.0", &[]).announced());
    }
}
