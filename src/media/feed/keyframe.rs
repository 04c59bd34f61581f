//! When to ask the publisher for a keyframe: at once when quiet, else merged into one per interval, repeated until one
//! came. Pure: time comes in.

use std::time::{Duration, Instant};

/// The limiter of one feed's video track.
#[derive(Debug)]
pub struct Limiter {
    interval: Duration,
    wanted: bool,
    last: Option<Instant>,
    sent: u64,
}

impl Limiter {
    /// `interval`: least time between two requests.
    pub fn new(interval: Duration) -> Self {
        Self { interval, wanted: false, last: None, sent: 0 }
    }

    /// Least time between two requests.
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// Somebody wants a keyframe; whether to ask for it now.
    pub fn request(&mut self, now: Instant) -> bool {
        self.wanted = true;
        self.due(now)
    }

    /// Whether to ask (again) now.
    pub fn due(&mut self, now: Instant) -> bool {
        let due = self.wanted && self.last.is_none_or(|last| now.saturating_duration_since(last) >= self.interval);
        if due {
            self.last = Some(now);
            self.sent += 1;
        }
        due
    }

    /// Whether somebody still waits for one.
    pub fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// A keyframe came: all who waited have it.
    pub fn arrived(&mut self) {
        self.wanted = false;
    }

    /// Requests sent so far.
    pub fn sent(&self) -> u64 {
        self.sent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_millis(300);

    #[test]
    fn ten_at_once_make_one_request_and_a_lost_one_is_repeated() {
        let (mut limiter, start) = (Limiter::new(INTERVAL), Instant::now());
        let asked = (0..10).filter(|n| limiter.request(start + Duration::from_millis(*n))).count();
        assert_eq!(asked, 1);
        assert!(!limiter.due(start + Duration::from_millis(299)));
        assert!(limiter.due(start + INTERVAL), "no keyframe came: once more");
        limiter.arrived();
        assert!(!limiter.due(start + 3 * INTERVAL));
        assert_eq!(limiter.sent(), 2);
    }

    #[test]
    fn who_comes_after_the_keyframe_waits_for_the_interval() {
        let (mut limiter, start) = (Limiter::new(INTERVAL), Instant::now());
        assert!(limiter.request(start));
        limiter.arrived();
        assert!(!limiter.request(start + Duration::from_millis(100)));
        assert!(limiter.due(start + INTERVAL));
    }
}
