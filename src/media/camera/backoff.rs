//! How long to wait before the next attempt.

use crate::config::Ingests;
use crate::model::IngestReason;
use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use std::time::Duration;

/// With somebody watching, an attempt that may succeed at any time is not put off longer than this: the source's own
/// pictures are to be back within two seconds of its return.
const WATCHED: Duration = Duration::from_millis(700);

/// The waits of one outage.
pub struct Backoff {
    settings: Ingests,
    quick: ExponentialBackoff,
    slow: ExponentialBackoff,
}

impl Backoff {
    /// Begins anew.
    pub fn new(settings: &Ingests) -> Self {
        let slowest = settings.retry_max.max(8 * settings.retry_slow);
        let (quick, slow) = (
            build(settings.retry_min, settings.retry_max.max(settings.retry_min)),
            build(settings.retry_slow, slowest),
        );
        Self { settings: settings.clone(), quick, slow }
    }

    /// The next wait; `watched`: somebody uses the feed.
    pub fn next(&mut self, reason: IngestReason, watched: bool) -> Duration {
        if !reason.may_pass_soon() {
            return self.slow.next().unwrap_or(self.settings.retry_slow);
        }
        let wait = self.quick.next().unwrap_or(self.settings.retry_max);
        if watched { wait.min(WATCHED.max(self.settings.retry_min)) } else { wait }
    }
}

fn build(first: Duration, longest: Duration) -> ExponentialBackoff {
    let builder = ExponentialBuilder::default().with_min_delay(first).with_max_delay(longest);
    builder.with_jitter().without_max_times().build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_longest_and_slow_reasons_wait_longer() {
        let settings = Ingests::default();
        let mut backoff = Backoff::new(&settings);
        let waits: Vec<Duration> = (0..12).map(|_| backoff.next(IngestReason::Unreachable, false)).collect();
        assert!(waits[0] >= settings.retry_min && waits[0] <= 2 * settings.retry_min, "{waits:?}");
        assert!(
            waits[11] >= settings.retry_max && waits[11] < 2 * settings.retry_max + settings.retry_min,
            "{waits:?}"
        );
        assert!(backoff.next(IngestReason::Closed, true) <= WATCHED);
        assert!(backoff.next(IngestReason::Credentials, true) >= settings.retry_slow);
        assert!(Backoff::new(&settings).next(IngestReason::NotFound, false) >= settings.retry_slow);
    }
}
