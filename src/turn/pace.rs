//! How often a household is served before anybody there has proved anything.
//!
//! Addresses may be invented, so none is remembered: each falls into one of a fixed number of slots, by a hash that strangers
//! cannot foresee. Two that share a slot share its rate.

use super::crowd::household;
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;

/// A rate for each household.
pub(super) struct Pace {
    slots: RandomState,
    rates: DefaultKeyedRateLimiter<u16>,
    all: Option<DefaultDirectRateLimiter>,
}

impl Pace {
    /// `burst` at once and then `per_second`.
    pub(super) fn new(per_second: u32, burst: u32) -> Self {
        let quota = Quota::per_second(some(per_second)).allow_burst(some(burst));
        Self { slots: RandomState::new(), rates: RateLimiter::keyed(quota), all: None }
    }

    /// And all households together no more than `per_second`.
    pub(super) fn in_all(self, per_second: u32) -> Self {
        Self { all: Some(RateLimiter::direct(Quota::per_second(some(per_second)))), ..self }
    }

    /// Whether once more is not too often.
    pub(super) fn allows(&self, ip: IpAddr) -> bool {
        let slot = self.slots.hash_one(household(ip)) as u16;
        self.rates.check_key(&slot).is_ok() && self.all.as_ref().is_none_or(|all| all.check().is_ok())
    }
}

fn some(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn a_household_has_its_own_rate() {
        let pace = Pace::new(1, 5);
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let passed = (0..20_u16).filter(|n| pace.allows(ip(&format!("2001:db8::{n}")))).count();
        assert!((5..=6).contains(&passed), "{passed} of one network");
        let others = (0..100).filter(|n| pace.allows(Ipv4Addr::from([192, 0, 2, *n]).into())).count();
        assert!(others >= 98, "{others}");
    }

    #[test]
    fn many_households_together_have_theirs() {
        let pace = Pace::new(10, 10).in_all(20);
        let passed = (0..100).filter(|n| pace.allows(Ipv4Addr::from([192, 0, 2, *n]).into())).count();
        assert!((20..=25).contains(&passed), "{passed}");
    }

    #[test]
    fn invented_addresses_cost_a_bounded_memory() {
        let pace = Pace::new(1, 1);
        let passed = (0..200_000_u32).filter(|n| pace.allows(Ipv4Addr::from(*n).into())).count();
        assert!(passed > 0 && pace.rates.len() <= 1 << 16);
    }
}
