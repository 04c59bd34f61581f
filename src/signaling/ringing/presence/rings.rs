//! Calls that ring: neither accepted nor declined yet. Bounded in number and time.

use super::{Name, RING_LIMIT, Refusal};
use std::collections::HashMap;
use std::time::Instant;

/// Who may ring one user at once.
const MAX_OF_ONE: usize = 16;
/// Users that may be rung at once.
const MAX_CALLEES: usize = 10_000;

struct Ring {
    caller: Name,
    since: Instant,
}

impl Ring {
    fn lasts(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) < RING_LIMIT
    }
}

/// By callee; of one callee the newest is last.
#[derive(Default)]
pub struct Rings(HashMap<Name, Vec<Ring>>);

impl Rings {
    /// Once more is once, from now on.
    pub fn add(&mut self, caller: &Name, callee: &Name, now: Instant) -> Result<(), Refusal> {
        if self.0.len() >= MAX_CALLEES {
            self.prune(now);
        }
        if self.0.len() >= MAX_CALLEES && !self.0.contains_key(callee) {
            return Err(Refusal::TooManyRings);
        }
        let rings = self.0.entry(callee.clone()).or_default();
        rings.retain(|ring| ring.lasts(now) && ring.caller != *caller);
        if rings.len() >= MAX_OF_ONE {
            return Err(Refusal::TooManyRings);
        }
        rings.push(Ring { caller: caller.clone(), since: now });
        Ok(())
    }

    /// Whether there was such a ring.
    pub fn remove(&mut self, caller: &str, callee: &str, now: Instant) -> bool {
        let Some(rings) = self.0.get_mut(callee) else { return false };
        let found = rings.iter().any(|ring| *ring.caller == *caller && ring.lasts(now));
        rings.retain(|ring| *ring.caller != *caller && ring.lasts(now));
        if rings.is_empty() {
            self.0.remove(callee);
        }
        found
    }

    /// All who ring this user, the newest last.
    pub fn take(&mut self, callee: &str, now: Instant) -> Vec<Name> {
        let rings = self.0.remove(callee).unwrap_or_default();
        rings.into_iter().filter(|ring| ring.lasts(now)).map(|ring| ring.caller).collect()
    }

    /// All rings to and from this user.
    pub fn forget(&mut self, name: &str) {
        self.0.remove(name);
        self.keep(|ring| *ring.caller != *name);
    }

    /// Those whose time is over.
    pub fn prune(&mut self, now: Instant) {
        self.keep(|ring| ring.lasts(now));
    }

    /// How many there are.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    fn keep(&mut self, keeps: impl Fn(&Ring) -> bool) {
        self.0.retain(|_, rings| {
            rings.retain(&keeps);
            !rings.is_empty()
        });
    }
}
