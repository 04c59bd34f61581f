//! What was sent and lost over the last second. Pure: time comes in.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);
/// What feedback said is of no use later.
const STALE: Duration = Duration::from_secs(3);
/// Looks at the counters that a second has at most.
const LOOKS: usize = 16;

/// Rates of two counters.
#[derive(Debug, Default)]
pub struct Rates(VecDeque<(Instant, [u64; 2])>);

impl Rates {
    /// The counters stand so now, in bytes. Returns bits per second over the last second.
    pub fn look(&mut self, now: Instant, counters: [u64; 2]) -> [u64; 2] {
        self.0.push_back((now, counters));
        while self.0.len() > LOOKS || self.0.get(1).is_some_and(|(at, _)| now.saturating_duration_since(*at) >= SECOND)
        {
            self.0.pop_front();
        }
        let Some((since, before)) = self.0.front() else { return [0; 2] };
        // What began just now is no rate yet: as if it had been so for half a second.
        let seconds = now.saturating_duration_since(*since).as_secs_f64().max(0.5);
        [0, 1].map(|n| ((counters[n] - before[n]) as f64 * 8.0 / seconds) as u64)
    }
}

/// How much was lost.
#[derive(Debug, Default)]
pub struct Losses {
    since: Option<Instant>,
    all: usize,
    lost: usize,
    told: Option<(Instant, f64)>,
}

impl Losses {
    /// Feedback told of so many packets.
    pub fn count(&mut self, now: Instant, all: usize, lost: usize) {
        let since = *self.since.get_or_insert(now);
        (self.all, self.lost) = (self.all + all, self.lost + lost);
        if now.saturating_duration_since(since) >= SECOND && self.all > 0 {
            self.told = Some((now, self.lost as f64 / self.all as f64));
            (self.since, self.all, self.lost) = (Some(now), 0, 0);
        }
    }

    /// Fraction lost over the last second that is complete; `None`: nothing is known of late.
    pub fn fraction(&self, now: Instant) -> Option<f64> {
        self.told.filter(|(at, _)| now.saturating_duration_since(*at) < STALE).map(|(_, fraction)| fraction)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_follow_the_last_second() {
        let (mut rates, start) = (Rates::default(), Instant::now());
        let at = |tick: u32| start + Duration::from_millis(100) * tick;
        let steady: Vec<_> = (0..20).map(|n| rates.look(at(n), [u64::from(n) * 1000, 0])).collect();
        assert_eq!(steady[19], [80_000, 0]);
        assert_eq!(rates.look(at(40), [19_000, 0]), [0, 0], "nothing was sent since");
    }

    #[test]
    fn losses_are_told_each_second_and_forgotten() {
        let (mut losses, start) = (Losses::default(), Instant::now());
        assert_eq!(losses.fraction(start), None);
        for n in 0..=10 {
            losses.count(start + Duration::from_millis(100) * n, 10, 1);
        }
        assert_eq!(losses.fraction(start + SECOND), Some(0.1));
        assert_eq!(losses.fraction(start + SECOND + STALE), None);
    }
}
