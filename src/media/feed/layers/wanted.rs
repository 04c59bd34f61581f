//! Which layers the publisher is told to send. Pure: time comes in.
//!
//! What is used is asked for at once; what is not used any more is told to stop after a while.

use std::time::{Duration, Instant};

/// A viewer that leaves may come back.
const PATIENCE: Duration = Duration::from_secs(5);
/// A layer that was asked for comes within this, or the publisher's line does not carry it.
const COMING: Duration = Duration::from_secs(3);

/// A layer that was asked for and does not come is asked for again: the message may have been lost with a socket.
const REPEAT: Duration = Duration::from_secs(5);

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
    /// When the publisher heard of it last.
    said: Instant,
}

impl Wanted {
    /// Of a publisher that begins: it sends all it can.
    pub fn new(layers: usize, now: Instant) -> Self {
        Self { layers: vec![Told { sent: true, asked: None, used: now, said: now }; layers], now }
    }

    /// These are used now, and these come in; whether the publisher is to be told something new, or once more.
    pub fn look(&mut self, used: impl Fn(usize) -> bool, flows: impl Fn(usize) -> bool, now: Instant) -> bool {
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
            let woken = told.asked.is_some() && !flows(at) && now.saturating_duration_since(told.said) >= REPEAT;
            if sent != told.sent || (sent && used(at) && woken) {
                told.said = now;
                news = true;
            }
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
        assert!(!wanted.look(|_| true, |_| true, start));
        assert!(!wanted.look(|at| at == 0, |_| true, start + 4 * second), "not yet");
        assert!(wanted.look(|at| at == 0, |_| true, start + 5 * second));
        let sent = |wanted: &Wanted| [0, 1, 2].map(|at| wanted.is_sent(at));
        assert_eq!(sent(&wanted), [true, false, false]);
        assert!(!wanted.is_coming(2, start + 6 * second));
        assert!(wanted.look(|at| at == 2, |_| true, start + 6 * second), "at once");
        assert_eq!(sent(&wanted), [true, false, true]);
        assert!(wanted.is_coming(2, start + 8 * second) && !wanted.is_coming(2, start + 9 * second));
        assert!(wanted.look(|at| at == 2, |_| true, start + 10 * second));
        assert_eq!(sent(&wanted), [false, false, true]);
    }

    #[test]
    fn a_layer_that_does_not_come_is_asked_for_again() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let mut wanted = Wanted::new(2, start);
        let mut look =
            |used: bool, flows: bool, at| wanted.look(|layer| layer == 1 || used, |_| flows, start + at * second);
        assert!(look(false, true, 5), "it may rest");
        assert!(look(true, false, 6), "woken");
        assert!(!look(true, false, 10) && look(true, false, 11), "once more after five seconds");
        assert!(!look(true, true, 20), "it has come");
    }
}
