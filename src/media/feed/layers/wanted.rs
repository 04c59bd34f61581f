//! Which layers the publisher is told to send. Pure: time comes in.
//!
//! What is used is asked for at once; what is not used any more is told to stop after a while.

use std::time::{Duration, Instant};

/// A viewer that leaves may come back.
const PATIENCE: Duration = Duration::from_secs(5);
/// A layer that was asked for comes within this, or the publisher's line does not carry it.
const COMING: Duration = Duration::from_secs(3);

/// What the publisher was told.
#[derive(Debug)]
pub struct Wanted {
    layers: Vec<Told>,
    /// The last look.
    now: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Told {
    sent: bool,
    /// When it was woken last.
    asked: Option<Instant>,
    used: Instant,
}

impl Wanted {
    /// Of a publisher that begins: it sends all it can.
    pub fn new(layers: usize, now: Instant) -> Self {
        Self { layers: vec![Told { sent: true, asked: None, used: now }; layers], now }
    }

    /// These are used now; whether the publisher is to be told something new.
    pub fn look(&mut self, used: impl Fn(usize) -> bool, now: Instant) -> bool {
        let mut news = false;
        // Whoever looks took the time before it waited for the lock.
        self.now = self.now.max(now);
        let now = self.now;
        for (at, told) in self.layers.iter_mut().enumerate() {
            if used(at) {
                told.used = now;
            }
            let sent = now.saturating_duration_since(told.used) < PATIENCE;
            if sent && !told.sent {
                told.asked = Some(now);
            }
            news |= sent != told.sent;
            told.sent = sent;
        }
        news
    }

    /// Whether it is told to send this one.
    pub fn is_sent(&self, layer: usize) -> bool {
        self.layers.get(layer).is_some_and(|told| told.sent)
    }

    /// Whether this one was asked for so short a time ago that it may be on its way.
    pub fn is_coming(&self, layer: usize, now: Instant) -> bool {
        let told = self.layers.get(layer).filter(|told| told.sent);
        told.and_then(|told| told.asked).is_some_and(|asked| now.saturating_duration_since(asked) < COMING)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn up_at_once_and_down_after_a_while() {
        let start = Instant::now();
        let mut wanted = Wanted::new(3, start);
        let second = Duration::from_secs(1);
        assert!(!wanted.look(|_| true, start));
        assert!(!wanted.look(|at| at == 0, start + 4 * second), "not yet");
        assert!(wanted.look(|at| at == 0, start + 5 * second));
        let sent = |wanted: &Wanted| [0, 1, 2].map(|at| wanted.is_sent(at));
        assert_eq!(sent(&wanted), [true, false, false]);
        assert!(!wanted.is_coming(2, start + 6 * second));
        assert!(wanted.look(|at| at == 2, start + 6 * second), "at once");
        assert_eq!(sent(&wanted), [true, false, true]);
        assert!(wanted.is_coming(2, start + 8 * second) && !wanted.is_coming(2, start + 9 * second));
        assert!(wanted.look(|at| at == 2, start + 10 * second));
        assert_eq!(sent(&wanted), [false, false, true]);
    }
}
