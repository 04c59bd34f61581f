//! What one connection may ask of the others in a while: bytes that wait for a page, and offers that cost work. Pure: the
//! time is given.
//!
//! A negotiation takes some 20 kB. What is passed on waits in memory until the other page has read it, so it is bounded
//! here, where it comes from.

use std::time::{Duration, Instant};

/// Bytes at once.
const MOST: f64 = 512.0 * 1024.0;
/// Bytes a second.
const RATE: f64 = 16.0 * 1024.0;

/// A bucket that fills up again.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    left: f64,
    at: Instant,
}

/// Too much for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many messages at once: wait a second and try again")]
pub struct Spent;

impl Budget {
    /// Full.
    pub fn new(now: Instant) -> Self {
        Self { left: MOST, at: now }
    }

    /// Takes so many bytes, or nothing.
    pub fn spend(&mut self, now: Instant, bytes: usize) -> Result<(), Spent> {
        let passed = now.saturating_duration_since(self.at).min(Duration::from_secs(3600));
        self.left = (self.left + passed.as_secs_f64() * RATE).min(MOST);
        self.at = now;
        let bytes = bytes as f64;
        if bytes > self.left {
            return Err(Spent);
        }
        self.left -= bytes;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_spent_and_fills_up_again() {
        let start = Instant::now();
        let mut budget = Budget::new(start);
        assert_eq!(budget.spend(start, 512 * 1024), Ok(()));
        assert_eq!(budget.spend(start, 1), Err(Spent));
        assert_eq!(budget.spend(start + Duration::from_secs(1), 16 * 1024), Ok(()));
        assert_eq!(budget.spend(start + Duration::from_secs(1), 1), Err(Spent));
        let later = start + Duration::from_secs(3600);
        assert_eq!(budget.spend(later, 512 * 1024 + 1), Err(Spent), "never more than at the start");
        assert_eq!(budget.spend(later, 512 * 1024), Ok(()));
    }
}
