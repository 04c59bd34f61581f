//! How long a socket is kept: by its client's own pings, and for a while after its connection has left or was evicted.
//! Pure: the time is given. What is done at the end is the socket's.

use std::time::Duration;
use tokio::time::Instant;

/// Until a client says how often it pings.
const UNTOLD: Duration = Duration::from_secs(20);
/// Pings that may be missed.
const MISSED: u32 = 3;
/// Bounds of what a client may say, in milliseconds.
const INTERVALS: (f64, f64) = (1_000.0, 60_000.0);
/// A client that has left, or was told to go, closes its socket within this.
const CLOSE_LIMIT: Duration = Duration::from_secs(10);

/// One socket's.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    heard: Instant,
    limit: Duration,
    going: Option<Instant>,
}

impl Patience {
    /// Of a socket that was just opened.
    pub fn new(now: Instant) -> Self {
        Self { heard: now, limit: UNTOLD, going: None }
    }

    /// It pinged; `interval`: how often it will, in milliseconds.
    pub fn pinged(&mut self, now: Instant, interval: Option<f64>) {
        self.heard = now;
        if let Some(interval) = interval.filter(|told| told.is_finite()) {
            self.limit = Duration::from_millis(interval.clamp(INTERVALS.0, INTERVALS.1) as u64) * MISSED;
        }
    }

    /// Its connection has left.
    pub fn dismissed(&mut self, now: Instant) {
        self.going = Some(now);
    }

    /// It speaks for a connection, again.
    pub fn stays(&mut self) {
        self.going = None;
    }

    /// When to close it, and the reason to give.
    pub fn end(&self) -> (Instant, &'static str) {
        let silent = (self.heard + self.limit, "Close for not receive ping from client");
        let going = self.going.map(|since| (since + CLOSE_LIMIT, "bye"));
        going.into_iter().chain([silent]).min_by_key(|(at, _)| *at).unwrap_or(silent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(patience: &Patience, since: Instant) -> u64 {
        patience.end().0.duration_since(since).as_secs()
    }

    #[test]
    fn three_pings_may_be_missed() {
        let start = Instant::now();
        let mut patience = Patience::new(start);
        assert_eq!(seconds(&patience, start), 20, "before it says how often");
        patience.pinged(start, Some(5000.0));
        assert_eq!(seconds(&patience, start), 15);
        let later = start + Duration::from_secs(5);
        patience.pinged(later, None);
        assert_eq!((seconds(&patience, later), patience.end().1), (15, "Close for not receive ping from client"));
        for (told, kept) in [(0.0, 3), (-1.0, 3), (1e12, 180), (f64::NAN, 180)] {
            patience.pinged(start, Some(told));
            assert_eq!(seconds(&patience, start), kept, "{told}");
        }
    }

    #[test]
    fn who_has_left_has_ten_seconds_to_close() {
        let start = Instant::now();
        let mut patience = Patience::new(start);
        patience.dismissed(start);
        assert_eq!((seconds(&patience, start), patience.end().1), (10, "bye"));
        patience.stays();
        assert_eq!(seconds(&patience, start), 20);
    }
}
