//! How many connections there are, in all and from one address.

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
        let ip = line(ip);
        let mut seats = self.0.seats.lock();
        let of_address = seats.1.get(&ip).copied().unwrap_or(0);
        if seats.0 >= self.0.max || of_address >= self.0.max_per_address {
            return None;
        }
        seats.0 += 1;
        seats.1.insert(ip, of_address + 1);
        Some(Seat(self.clone(), ip))
    }
}

/// Who has a network of IPv6 has all its addresses.
fn line(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(v6) => Ipv6Addr::from(u128::from(v6) >> 64 << 64).into(),
    }
}

/// One connection's place.
pub(super) struct Seat(Crowd, IpAddr);

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.0.0.seats.lock();
        seats.0 = seats.0.saturating_sub(1);
        match seats.1.get(&self.1).copied().unwrap_or(0) {
            0 | 1 => drop(seats.1.remove(&self.1)),
            more => drop(seats.1.insert(self.1, more - 1)),
        }
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
}
