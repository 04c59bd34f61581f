//! What kind of address it is: one of the world's, or one that reaches into this machine, its link or its cloud.
//!
//! Decides by the bits alone, and looks through the forms in which IPv6 carries an IPv4 address. Whether such an address may
//! be used is the caller's decision.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address that is not simply a host somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Special {
    /// This machine.
    Loopback,
    /// No address; connecting to it reaches this machine.
    Unspecified,
    /// The link only; cloud metadata services are there too.
    LinkLocal,
    /// A cloud's metadata service, outside the link-local range.
    Metadata,
    /// A group.
    Multicast,
    /// Broadcast, and ranges that no host has.
    Reserved,
}

impl Special {
    /// For sentences: `127.0.0.1 is …`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Loopback => "this machine's own address (loopback)",
            Self::Unspecified => "no host's address (unspecified)",
            Self::LinkLocal => "a link-local address",
            Self::Metadata => "a cloud's metadata service",
            Self::Multicast => "a multicast group",
            Self::Reserved => "a broadcast or reserved address",
        }
    }
}

/// The kind, or `None` for an ordinary address. One that carries an IPv4 address is of that one's kind.
pub fn kind(address: IpAddr) -> Option<Special> {
    match address {
        IpAddr::V4(v4) => kind_v4(v4),
        IpAddr::V6(v6) => kind_v6(v6).or_else(|| carried(v6).and_then(kind_v4)),
    }
}

fn kind_v4(v4: Ipv4Addr) -> Option<Special> {
    match v4.octets() {
        [0, ..] => Some(Special::Unspecified),
        [127, ..] => Some(Special::Loopback),
        [169, 254, ..] => Some(Special::LinkLocal),
        [100, 100, 100, 200] | [192, 0, 0, 192] => Some(Special::Metadata),
        [224..=239, ..] => Some(Special::Multicast),
        [240..=255, ..] => Some(Special::Reserved),
        _ => None,
    }
}

fn kind_v6(v6: Ipv6Addr) -> Option<Special> {
    const METADATA: [Ipv6Addr; 2] =
        [Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)];
    match v6 {
        _ if v6.is_loopback() => Some(Special::Loopback),
        _ if v6.is_unspecified() => Some(Special::Unspecified),
        _ if v6.is_unicast_link_local() => Some(Special::LinkLocal),
        _ if v6.is_multicast() => Some(Special::Multicast),
        _ if METADATA.contains(&v6) => Some(Special::Metadata),
        _ => None,
    }
}

/// The IPv4 address inside: mapped, compatible, translated (RFC 2765), NAT64 (both prefixes), 6to4, Teredo, ISATAP.
pub fn carried(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let s = v6.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match s {
        [0, 0, 0, 0, 0, 0xffff | 0, a, b] | [0, 0, 0, 0, 0xffff, 0, a, b] => Some(v4(a, b)),
        [0x64, 0xff9b, 0 | 1, .., a, b] => Some(v4(a, b)),
        [0x2002, a, b, ..] => Some(v4(a, b)),
        [0x2001, 0, .., a, b] => Some(v4(!a, !b)),
        [.., 0 | 0x200, 0x5efe, a, b] => Some(v4(a, b)),
        _ => None,
    }
}

/// Whether it is a host of the world's: neither special nor of a private, shared, test or otherwise set-aside network.
/// IPv6 must be of 2000::/3, and not carry an IPv4 address: what that leads to is somebody else's decision.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => kind_v4(v4).is_none() && !is_set_aside(v4),
        IpAddr::V6(v6) => kind(address).is_none() && carried(v6).is_none() && is_global(v6),
    }
}

/// RFC 1918, 6598 (shared by a provider's customers), 6890 (protocols), 5737 (examples), 3068 (6to4), 2544 (benchmarks).
fn is_set_aside(v4: Ipv4Addr) -> bool {
    matches!(
        v4.octets(),
        [10, ..]
            | [172, 16..=31, ..]
            | [192, 168, ..]
            | [100, 64..=127, ..]
            | [192, 0, 0 | 2, _]
            | [198, 51, 100, _]
            | [203, 0, 113, _]
            | [192, 88, 99, _]
            | [198, 18 | 19, ..]
    )
}

/// Global unicast without protocols (2001::/23) and examples (RFC 3849, 9637).
fn is_global(v6: Ipv6Addr) -> bool {
    let s = v6.segments();
    s[0] & 0xe000 == 0x2000 && !matches!(s, [0x2001, 0..=0x1ff | 0xdb8, ..]) && !(s[0] == 0x3fff && s[1] < 0x1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public(text: &str) -> bool {
        is_public(text.parse().unwrap())
    }

    #[test]
    fn hosts_of_the_world_are_public() {
        for host in ["1.1.1.1", "172.15.0.1", "172.32.0.1", "100.128.0.1", "192.0.1.1", "2606:4700::1111", "2a00::1"] {
            assert!(public(host), "{host}");
        }
    }

    #[test]
    fn no_spelling_of_an_inner_address_is() {
        let inner = ["0.0.0.0", "0.1.2.3", "10.1.1.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.9.9.9"];
        let more = ["169.254.169.254", "172.16.0.1", "172.31.255.255", "192.168.1.1", "192.0.0.192", "198.18.0.1"];
        let odd = ["224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "203.0.113.1"];
        for v4 in inner.into_iter().chain(more).chain(odd).map(|text| text.parse::<Ipv4Addr>().unwrap()) {
            let [a, b, c, d] = v4.octets().map(u16::from);
            let (high, low) = (a << 8 | b, c << 8 | d);
            assert!(!is_public(v4.into()), "{v4}");
            for s in [
                [0, 0, 0, 0, 0, 0xffff, high, low],
                [0, 0, 0, 0, 0, 0, high, low],
                [0, 0, 0, 0, 0xffff, 0, high, low],
                [0x64, 0xff9b, 0, 0, 0, 0, high, low],
                [0x64, 0xff9b, 1, 0, 0, 0, high, low],
                [0x2002, high, low, 0, 0, 0, 0, 1],
                [0x2001, 0, 1, 2, 3, 4, !high, !low],
                [0x2a00, 0, 0, 0, 0, 0x5efe, high, low],
            ] {
                assert!(!is_public(Ipv6Addr::from(s).into()), "{}", Ipv6Addr::from(s));
            }
        }
    }

    #[test]
    fn no_inner_address_of_ipv6_is() {
        for host in [
            "::",
            "::1",
            "fe80::1",
            "fec0::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "2001:db8::1",
            "3fff::1",
            "4000::1",
        ] {
            assert!(!public(host), "{host}");
        }
        assert!(!public("64:ff9b::1.1.1.1"), "what a translator makes of it is not known here");
    }
}
