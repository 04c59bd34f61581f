//! What one relay may carry: a bucket that fills with time and empties with packets. Pure.

use std::time::Duration;
use turn_types::Instant;

/// A whole second's worth may go at once, and never less than this: a keyframe comes in one piece.
const LEAST_BURST: f64 = 64_000.0;

/// One direction of one relay.
#[derive(Debug)]
pub(super) struct Bucket {
    /// Bytes per second; 0: no limit.
    rate: f64,
    level: f64,
    at: Instant,
}

impl Bucket {
    /// Full. `bitrate` in bits per second; 0: no limit.
    pub(super) fn new(bitrate: u64, now: Instant) -> Self {
        let rate = bitrate as f64 / 8.0;
        Self { rate, level: rate.max(LEAST_BURST), at: now }
    }

    /// Takes a packet's bytes out, or says that they are not there.
    pub(super) fn take(&mut self, bytes: usize, now: Instant) -> bool {
        if self.rate == 0.0 {
            return true;
        }
        let passed = now.checked_duration_since(self.at).unwrap_or(Duration::ZERO);
        (self.level, self.at) =
            ((self.level + passed.as_secs_f64() * self.rate).min(self.rate.max(LEAST_BURST)), self.at.max(now));
        let enough = self.level >= bytes as f64;
        if enough {
            self.level -= bytes as f64;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(millis)
    }

    #[test]
    fn in_the_long_run_the_rate_passes() {
        let mut bucket = Bucket::new(8_000_000, at(0));
        let passed: usize = (0..20_000).filter(|ms| bucket.take(1500, at(*ms))).count() * 1500;
        // 20 s at 1 MB/s and the burst of the first.
        assert!((20_900_000..=21_100_000).contains(&passed), "{passed}");
    }

    #[test]
    fn a_slow_relay_passes_a_keyframe_and_0_is_no_limit() {
        let mut slow = Bucket::new(8, at(0));
        assert_eq!((0..100).filter(|_| slow.take(1000, at(0))).count(), 64);
        let mut free = Bucket::new(0, at(0));
        assert!((0..1_000_000).all(|_| free.take(1500, at(0))));
    }
}
