//! Which relays are open, whose, and how many there may be.

use metrics::gauge;
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;

/// Why there is no further relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// The server has all it may have (508).
    Server,
    /// The user has (486).
    User,
}

/// Counts them. Cheap to clone.
#[derive(Clone)]
pub(super) struct Ledger(Arc<Inner>);

struct Inner {
    max: usize,
    max_per_user: usize,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    total: usize,
    users: HashMap<String, usize>,
    relays: HashSet<SocketAddr>,
}

impl Ledger {
    /// With the most at once, in all and of one user.
    pub(super) fn new(max: usize, max_per_user: usize) -> Self {
        Self(Arc::new(Inner { max, max_per_user, open: Mutex::default() }))
    }

    /// A place for one more, given back when it is dropped.
    pub(super) fn take(&self, user: &str) -> Result<Held, Full> {
        let mut open = self.0.open.lock();
        if open.total >= self.0.max {
            return Err(Full::Server);
        }
        let of_user = open.users.entry(user.to_owned()).or_default();
        if *of_user >= self.0.max_per_user {
            return Err(Full::User);
        }
        *of_user += 1;
        open.total += 1;
        gauge!("media_turn_allocations").set(open.total as f64);
        Ok(Held { ledger: self.clone(), user: user.to_owned(), relay: None })
    }

    /// Whether a relay is open at this address, as clients are told it.
    pub(super) fn is_relay(&self, address: SocketAddr) -> bool {
        self.0.open.lock().relays.contains(&address)
    }
}

/// One relay's place.
pub(super) struct Held {
    ledger: Ledger,
    user: String,
    relay: Option<SocketAddr>,
}

impl Held {
    /// Where the relay is, as clients are told it.
    pub(super) fn opened(&mut self, at: SocketAddr) {
        self.relay = Some(at);
        self.ledger.0.open.lock().relays.insert(at);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut open = self.ledger.0.open.lock();
        open.total = open.total.saturating_sub(1);
        if let Some(relay) = self.relay {
            open.relays.remove(&relay);
        }
        let left = open.users.get(&self.user).map_or(0, |count| count.saturating_sub(1));
        match left {
            0 => drop(open.users.remove(&self.user)),
            left => drop(open.users.insert(self.user.clone(), left)),
        }
        gauge!("media_turn_allocations").set(open.total as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_and_given_back() {
        let ledger = Ledger::new(3, 2);
        let mut first = ledger.take("a").ok().unwrap();
        let second = ledger.take("a").ok().unwrap();
        assert_eq!(ledger.take("a").err(), Some(Full::User));
        let third = ledger.take("b").ok().unwrap();
        assert_eq!(ledger.take("c").err(), Some(Full::Server));
        let at = "192.0.2.1:50000".parse().unwrap();
        first.opened(at);
        assert!(ledger.is_relay(at));
        drop((first, second, third));
        assert!(!ledger.is_relay(at) && ledger.0.open.lock().users.is_empty());
        assert!(ledger.take("a").is_ok());
    }
}
