//! What kind of address it is: one of the world's, or one that reaches into this machine, its link or its cloud.
//!
//! Decides by the bits alone, and looks through the forms in which IPv6 carries an IPv4 address. Whether such an address may
//! be used is the parent's decision.

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
