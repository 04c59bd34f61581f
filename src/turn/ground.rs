//! The sockets of relays: opened on a free port of the range, and their addresses as clients are told them and as they are.
//!
//! Behind a NAT the two differ. What our own relays and our own media port exchange stays inside then: few NATs send a packet
//! back to where it came from.

use super::ledger::Ledger;
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::ops::RangeInclusive;
use turn_server_proto::api::SocketAllocateError;
use turn_types::AddressFamily;

/// Ports that are tried before the range counts as full.
const TRIES: usize = 64;

/// An address of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// What clients are told.
    pub(super) told: IpAddr,
    /// What it is on this machine; the same without a NAT.
    pub(super) inside: IpAddr,
    /// What sockets are bound to.
    pub(super) bind: IpAddr,
}

/// Where relays are opened.
#[derive(Debug)]
pub(super) struct Ground {
    /// At most one of each family.
    pub(super) places: Vec<Place>,
    /// Of relays.
    pub(super) ports: RangeInclusive<u16>,
    /// Our media port, as clients are told it.
    pub(super) media: Vec<SocketAddr>,
}

impl Ground {
    /// Finds the places: `announced` addresses, `own` ones of this machine, `binds` that the operator gave.
    pub(super) fn places(announced: &[IpAddr], own: &[IpAddr], binds: &[IpAddr]) -> Vec<Place> {
        let of = |v4: bool| {
            let announced = || announced.iter().copied().filter(|ip| ip.is_ipv4() == v4);
            let bind = *binds.iter().find(|ip| ip.is_ipv4() == v4)?;
            let told = announced().find(|ip| *ip == bind).or_else(|| announced().next())?;
            // Another address of this machine is not where a socket bound to `bind` hears.
            let bind = if own.contains(&told) && told != bind { unspecified(bind) } else { bind };
            let mine = own.iter().filter(|ip| ip.is_ipv4() == v4);
            let inside = match bind {
                _ if own.contains(&told) => told,
                bind if !bind.is_unspecified() => bind,
                _ => mine.min_by_key(|ip| ip.is_loopback()).copied().unwrap_or(told),
            };
            Some(Place { told, inside, bind })
        };
        [of(true), of(false)].into_iter().flatten().collect()
    }

    /// A socket on a free port, an even one if need be, not blocking, and what the client is told.
    pub(super) fn open(
        &self,
        family: AddressFamily,
        even: bool,
    ) -> Result<(UdpSocket, SocketAddr), SocketAllocateError> {
        let v4 = family == AddressFamily::IPV4;
        let place = self.places.iter().find(|place| place.told.is_ipv4() == v4);
        let place = place.ok_or(SocketAllocateError::AddressFamilyNotSupported)?;
        let mut tried = (0..TRIES).filter_map(|_| {
            let port = rand::random_range(self.ports.clone()) & if even { !1 } else { !0 };
            self.ports.contains(&port).then_some(())?;
            let socket = udp(SocketAddr::new(place.bind, port)).ok()?;
            Some((socket, SocketAddr::new(place.told, port)))
        });
        tried.next().ok_or(SocketAllocateError::InsufficientCapacity)
    }

    /// Where a packet for `peer` is sent.
    pub(super) fn inward(&self, peer: SocketAddr, ledger: &Ledger) -> SocketAddr {
        let place = self.places.iter().find(|place| place.told != place.inside && place.told == peer.ip());
        match place {
            Some(place) if self.media.contains(&peer) || ledger.is_relay(peer) => {
                SocketAddr::new(place.inside, peer.port())
            }
            _ => peer,
        }
    }

    /// Who a packet from `from` is from.
    pub(super) fn outward(&self, from: SocketAddr, ledger: &Ledger) -> SocketAddr {
        let place = self.places.iter().find(|place| place.told != place.inside && place.inside == from.ip());
        let told = place.map(|place| SocketAddr::new(place.told, from.port()));
        told.filter(|told| self.media.contains(told) || ledger.is_relay(*told)).unwrap_or(from)
    }
}

/// A UDP socket that does not block. One of IPv6 takes nothing of IPv4, which has its own.
pub(super) fn udp(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// The unspecified address of the same family.
pub(super) fn unspecified(ip: IpAddr) -> IpAddr {
    if ip.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn ground(places: Vec<Place>) -> Ground {
        Ground { places, ports: 49152..=65535, media: vec!["203.0.113.9:10000".parse().unwrap()] }
    }

    #[test]
    fn without_a_nat_clients_are_told_what_is() {
        let own = [ip("127.0.0.1"), ip("10.0.0.5")];
        let places = Ground::places(&[ip("10.0.0.5"), ip("127.0.0.1")], &own, &[ip("0.0.0.0"), ip("::")]);
        assert_eq!(places, [Place { told: ip("10.0.0.5"), inside: ip("10.0.0.5"), bind: ip("0.0.0.0") }]);
    }

    #[test]
    fn an_address_that_is_listened_on_is_told_if_it_may_be() {
        let own = [ip("127.0.0.1"), ip("10.0.0.5"), ip("10.0.0.6")];
        let both = [ip("10.0.0.5"), ip("10.0.0.6")];
        let six = Place { told: ip("10.0.0.6"), inside: ip("10.0.0.6"), bind: ip("10.0.0.6") };
        assert_eq!(Ground::places(&both, &own, &[ip("10.0.0.6")]), [six]);
        let elsewhere = Place { told: ip("10.0.0.5"), inside: ip("10.0.0.5"), bind: ip("0.0.0.0") };
        assert_eq!(Ground::places(&both[..1], &own, &[ip("10.0.0.6")]), [elsewhere]);
        let nat = Place { told: ip("203.0.113.9"), inside: ip("10.0.0.6"), bind: ip("10.0.0.6") };
        assert_eq!(Ground::places(&[ip("203.0.113.9")], &own, &[ip("10.0.0.6")]), [nat]);
    }

    #[test]
    fn behind_a_nat_what_is_ours_stays_inside() {
        let own = [ip("127.0.0.1"), ip("10.0.0.5")];
        let ground = ground(Ground::places(&[ip("203.0.113.9")], &own, &[ip("0.0.0.0")]));
        let ledger = Ledger::new(1, 1);
        let mut place = ledger.take("a").ok().unwrap();
        place.opened("203.0.113.9:50000".parse().unwrap());
        for (told, inside) in [
            ("203.0.113.9:10000", "10.0.0.5:10000"),
            ("203.0.113.9:50000", "10.0.0.5:50000"),
            ("203.0.113.9:22", "203.0.113.9:22"),
            ("1.1.1.1:53", "1.1.1.1:53"),
        ] {
            let (told, inside) = (told.parse().unwrap(), inside.parse().unwrap());
            assert_eq!(ground.inward(told, &ledger), inside);
            assert_eq!(ground.outward(inside, &ledger), told);
        }
        assert_eq!(ground.outward("10.0.0.5:22".parse().unwrap(), &ledger), "10.0.0.5:22".parse().unwrap());
    }

    #[test]
    fn a_relay_is_opened_within_the_range() {
        let places = Ground::places(&[ip("127.0.0.1")], &[ip("127.0.0.1")], &[ip("127.0.0.1")]);
        let ground = Ground { ports: 49500..=49600, ..ground(places) };
        let (socket, told) = ground.open(AddressFamily::IPV4, false).unwrap();
        assert_eq!(socket.local_addr().unwrap(), told);
        assert!((49500..=49600).contains(&told.port()));
        assert_eq!(ground.open(AddressFamily::IPV4, true).unwrap().1.port() % 2, 0);
        let error = ground.open(AddressFamily::IPV6, false).unwrap_err();
        assert_eq!(error, SocketAllocateError::AddressFamilyNotSupported);
        let full = Ground { ports: told.port()..=told.port(), ..ground };
        assert_eq!(full.open(AddressFamily::IPV4, false).unwrap_err(), SocketAllocateError::InsufficientCapacity);
    }
}
