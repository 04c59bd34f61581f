//! Pure: how uploads are cut into parts, and how long to wait before the next attempt.

use rand::Rng;
use std::time::Duration;

/// Stores take at most so many parts.
const MOST_PARTS: u64 = 10_000;

/// How uploads are cut and repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Bytes in a part; S3 asks for at least 5 MiB. So much is held in memory for each destination.
    pub part_bytes: u64,
    /// Wait before the first repetition.
    pub first: Duration,
    /// Longest wait.
    pub most: Duration,
    /// Wait when a person has to do something first: credentials, a bucket that is not there.
    pub refused: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        let minutes = |n: u64| Duration::from_secs(60 * n);
        Self { part_bytes: 8 << 20, first: Duration::from_secs(1), most: minutes(5), refused: minutes(5) }
    }
}

impl Pace {
    /// Wait after so many attempts in a row that came no farther: twice as long each time, a random part of it (half to
    /// all), so that not all come back at once.
    pub(super) fn wait(&self, failures: u32) -> Duration {
        let doubled = self.first.saturating_mul(1 << failures.saturating_sub(1).min(20));
        jittered(doubled.min(self.most))
    }

    /// Wait after a refusal.
    pub(super) fn wait_refused(&self) -> Duration {
        jittered(self.refused)
    }

    /// Bytes in a part of a file of this size: larger for files so large that there would be too many parts.
    pub(super) fn part_bytes(&self, size: u64) -> u64 {
        const MIB: u64 = 1 << 20;
        let least = size.div_ceil(MOST_PARTS).div_ceil(MIB) * MIB;
        if size.div_ceil(self.part_bytes) > MOST_PARTS { least } else { self.part_bytes }
    }
}

fn jittered(wait: Duration) -> Duration {
    wait.mul_f64(rand::rng().random_range(0.5..=1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_five_minutes_and_never_overflow() {
        let pace = Pace::default();
        for (failures, most) in [(1, 1), (2, 2), (5, 16), (9, 256), (10, 300), (1000, 300), (u32::MAX, 300)] {
            let (wait, most) = (pace.wait(failures), Duration::from_secs(most));
            assert!(wait <= most && wait >= most / 2, "{failures}: {wait:?}");
        }
    }

    #[test]
    fn a_huge_file_has_larger_parts_instead_of_too_many() {
        let pace = Pace::default();
        assert_eq!(pace.part_bytes(1 << 30), 8 << 20);
        let huge: u64 = 1 << 40;
        assert!(huge.div_ceil(pace.part_bytes(huge)) <= MOST_PARTS);
    }
}
