//! For how long something has been so. Pure: time comes in.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A sign that counts only when it lasts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Held(Option<Instant>);

impl Held {
    /// Whether it is so now, and has been for so long.
    pub fn lasts(&mut self, is: bool, now: Instant, long: Duration) -> bool {
        if !is {
            self.0 = None;
            return false;
        }
        now.saturating_duration_since(*self.0.get_or_insert(now)) >= long
    }

    /// It begins anew.
    pub fn reset(&mut self) {
        self.0 = None;
    }
}

/// The least value over a span of time.
#[derive(Debug)]
pub struct Least {
    span: Duration,
    values: VecDeque<(Instant, u64)>,
}

impl Least {
    /// Over so long.
    pub fn over(span: Duration) -> Self {
        Self { span, values: VecDeque::new() }
    }

    /// One more value; the least of the span, once it is covered.
    pub fn with(&mut self, value: u64, now: Instant) -> Option<u64> {
        self.values.push_back((now, value));
        let old = |at: Instant| now.saturating_duration_since(at) >= self.span;
        // The newest one that is old enough stays: it covers the span's beginning.
        while self.values.get(1).is_some_and(|(at, _)| old(*at)) {
            self.values.pop_front();
        }
        let covered = self.values.front().is_some_and(|(at, _)| old(*at));
        self.values.iter().map(|(_, value)| *value).min().filter(|_| covered)
    }

    /// It begins anew.
    pub fn reset(&mut self) {
        self.values.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_counts_when_it_lasts() {
        let (mut held, start) = (Held::default(), Instant::now());
        let at = |ms: u64| start + Duration::from_millis(ms);
        let long = Duration::from_millis(200);
        assert!(!held.lasts(true, at(0), long));
        assert!(held.lasts(true, at(200), long));
        assert!(!held.lasts(false, at(300), long));
        assert!(!held.lasts(true, at(400), long));
    }

    #[test]
    fn the_least_needs_its_span() {
        let (mut least, start) = (Least::over(Duration::from_secs(2)), Instant::now());
        let mut at = |ms: u64, value| least.with(value, start + Duration::from_millis(ms));
        assert_eq!([at(0, 5), at(1000, 3), at(1900, 9)], [None; 3]);
        assert_eq!(at(2000, 8), Some(3));
        assert_eq!(at(3000, 8), Some(3));
        assert_eq!(at(4000, 8), Some(8));
    }
}
