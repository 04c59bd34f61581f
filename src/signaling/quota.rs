//! What one address may have at once and make in a minute, so that nobody takes the service from the others.

use super::client::ClientAddress;
use crate::config;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Addresses remembered by the rate; more, and those that are quiet are forgotten.
const MAX_ADDRESSES: usize = 10_000;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Signaling sockets.
    Socket,
    /// Rooms, and lines of calls.
    Room,
}

/// The address has or does too much.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("limit reached: {0} of one address")]
pub struct OverQuota(String);

impl OverQuota {
    /// Which limit it is, in words.
    pub fn limit(&self) -> String {
        format!("{} of one address", self.0)
    }
}

/// The figures of all addresses. Cheap to clone.
#[derive(Clone)]
pub struct Quotas(Arc<Inner>);

struct Inner {
    max: [(Kind, usize); 2],
    held: Mutex<HashMap<(IpAddr, Kind), usize>>,
    made: DefaultKeyedRateLimiter<IpAddr>,
    per_minute: u32,
    logins: DefaultKeyedRateLimiter<IpAddr>,
}

impl Quotas {
    /// With these limits.
    pub fn new(limits: &config::Guests) -> Self {
        let per_minute = NonZeroU32::new(limits.max_made_per_minute).unwrap_or(NonZeroU32::MIN);
        // All sockets of an address may say who they are at once, as they do when the service was away.
        let sockets = NonZeroU32::new(u32::try_from(limits.max_sockets).unwrap_or(u32::MAX)).unwrap_or(NonZeroU32::MIN);
        Self(Arc::new(Inner {
            max: [(Kind::Socket, limits.max_sockets), (Kind::Room, limits.max_rooms)],
            held: Mutex::default(),
            made: RateLimiter::keyed(Quota::per_minute(per_minute)),
            per_minute: per_minute.get(),
            logins: RateLimiter::keyed(Quota::per_minute(per_minute.max(sockets))),
        }))
    }

    /// One more, until what is returned is dropped.
    pub fn hold(&self, address: ClientAddress, kind: Kind) -> Result<Held, OverQuota> {
        let max = self.0.max.iter().find(|(known, _)| *known == kind).map_or(usize::MAX, |(_, max)| *max);
        let key = (address.household(), kind);
        let mut held = self.held();
        let count = held.entry(key).or_default();
        if *count >= max {
            return Err(OverQuota(format!("{max} {}", kind.words())));
        }
        *count += 1;
        Ok(Held { quotas: self.clone(), key })
    }

    /// The address makes something.
    pub fn made(&self, address: ClientAddress) -> Result<(), OverQuota> {
        let limit = || OverQuota(format!("{} rooms, lines and rings a minute", self.0.per_minute));
        if is_over(&self.0.made, address) { Err(limit()) } else { Ok(()) }
    }

    /// A socket of the address says for the first time whose it is, which all others are told.
    pub fn logged_in(&self, address: ClientAddress) -> Result<(), OverQuota> {
        if is_over(&self.0.logins, address) { Err(OverQuota("logins a minute".into())) } else { Ok(()) }
    }

    /// Never held across an await.
    fn held(&self) -> MutexGuard<'_, HashMap<(IpAddr, Kind), usize>> {
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_over(rate: &DefaultKeyedRateLimiter<IpAddr>, address: ClientAddress) -> bool {
    if rate.len() > MAX_ADDRESSES {
        rate.retain_recent();
    }
    rate.check_key(&address.household()).is_err()
}

impl Kind {
    fn words(self) -> &'static str {
        match self {
            Self::Socket => "signaling sockets at once",
            Self::Room => "rooms and lines at once",
        }
    }
}

/// Counts as one until it is dropped.
pub struct Held {
    quotas: Quotas,
    key: (IpAddr, Kind),
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut held = self.quotas.held();
        if let Some(count) = held.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quotas() -> Quotas {
        Quotas::new(&config::Guests { max_sockets: 2, max_made_per_minute: 3, ..config::Guests::default() })
    }

    fn address(last: u8) -> ClientAddress {
        ClientAddress([192, 0, 2, last].into())
    }

    #[test]
    fn each_address_has_its_own_and_gives_it_back() {
        let quotas = quotas();
        let both = [quotas.hold(address(1), Kind::Socket).unwrap(), quotas.hold(address(1), Kind::Socket).unwrap()];
        let words = quotas.hold(address(1), Kind::Socket).err().unwrap().to_string();
        assert_eq!(words, "limit reached: 2 signaling sockets at once of one address");
        assert!(quotas.hold(address(2), Kind::Socket).is_ok() && quotas.hold(address(1), Kind::Room).is_ok());
        drop(both);
        assert!(quotas.held().is_empty());
    }

    #[test]
    fn what_is_made_in_a_minute_is_counted() {
        let quotas = quotas();
        assert!((0..3).all(|_| quotas.made(address(1)).is_ok()));
        assert!(quotas.made(address(1)).is_err());
        assert!(quotas.made(address(2)).is_ok());
    }

    #[test]
    fn logins_are_counted_apart() {
        let quotas = quotas();
        assert!((0..3).all(|_| quotas.logged_in(address(1)).is_ok() && quotas.made(address(1)).is_ok()));
        assert!(quotas.logged_in(address(1)).is_err() && quotas.logged_in(address(2)).is_ok());
    }
}
