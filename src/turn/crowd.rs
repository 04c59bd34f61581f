//! How many connections without a relay there are, in all and from one address. Those with one are `ledger`'s to count.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

/// Counts them. Cheap to clone.
#[derive(Clone)]
pub(super) struct Crowd(Arc<Inner>);

struct Inner {
    max: usize,
    max_per_address: usize,
    seats: Mutex<(usize, HashMap<IpAddr, usize>)>,
}

impl Crowd {
    /// With the most at once, in all and from one address (of IPv6: from one network of 64 bits).
    pub(super) fn new(max: usize, max_per_address: usize) -> Self {
        Self(Arc::new(Inner { max, max_per_address, seats: Mutex::default() }))
    }

    /// A place for one more, given back when it is dropped; `None` when all are taken.
    pub(super) fn take(&self, ip: IpAddr) -> Option<Seat> {
        let ip = household(ip);
        self.count(ip).then(|| Seat { crowd: self.clone(), ip, is_held: true })
    }

    fn count(&self, ip: IpAddr) -> bool {
        let mut seats = self.0.seats.lock();
        let of_address = seats.1.get(&ip).copied().unwrap_or(0);
        if seats.0 >= self.0.max || of_address >= self.0.max_per_address {
            return false;
        }
        seats.0 += 1;
        seats.1.insert(ip, of_address + 1);
        true
    }
}

/// Who has a network of IPv6 has all its addresses.
pub(super) fn household(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(v6) => Ipv6Addr::from(u128::from(v6) >> 64 << 64).into(),
    }
}

/// One connection's place, while it has no relay.
pub(super) struct Seat {
    crowd: Crowd,
    ip: IpAddr,
    is_held: bool,
}

impl Seat {
    /// Its client has a relay now: another stranger may come.
    pub(super) fn give_back(&mut self) {
        if !std::mem::take(&mut self.is_held) {
            return;
        }
        let mut seats = self.crowd.0.seats.lock();
        seats.0 = seats.0.saturating_sub(1);
        match seats.1.get(&self.ip).copied().unwrap_or(0) {
            0 | 1 => drop(seats.1.remove(&self.ip)),
            more => drop(seats.1.insert(self.ip, more - 1)),
        }
    }

    /// Its relay is over. False if there is no place.
    pub(super) fn take_again(&mut self) -> bool {
        self.is_held = self.is_held || self.crowd.count(self.ip);
        self.is_held
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.give_back();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_cannot_take_all_places() {
        let crowd = Crowd::new(3, 2);
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let first = crowd.take(ip("2001:db8::1")).unwrap();
        let _second = crowd.take(ip("2001:db8::2")).unwrap();
        assert!(crowd.take(ip("2001:db8::3")).is_none(), "one network");
        let _third = crowd.take(ip("192.0.2.1")).unwrap();
        assert!(crowd.take(ip("192.0.2.2")).is_none(), "all");
        drop(first);
        assert!(crowd.take(ip("2001:db8::3")).is_some());
    }

    #[test]
    fn who_has_a_relay_takes_no_place() {
        let crowd = Crowd::new(1, 1);
        let ip = "192.0.2.1".parse::<IpAddr>().unwrap();
        let mut first = crowd.take(ip).unwrap();
        first.give_back();
        let second = crowd.take(ip).unwrap();
        assert!(!first.take_again(), "a stranger is there");
        drop(second);
        assert!(first.take_again() && first.take_again());
        assert!(crowd.take(ip).is_none());
        drop(first);
        assert!(crowd.take(ip).is_some());
    }
}
