//! Which packets of a stream were sent, and how often one may be sent again. Pure.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Sent packets remembered: a second of 8 Mbit/s.
pub const REMEMBERED: u64 = 1024;
/// Retransmissions of one packet at most.
pub const TRIES: u8 = 6;
/// Least time between two of them.
pub const PAUSE: Duration = Duration::from_millis(20);
/// Retransmitted packets whose tries are counted; the budget limits the rest.
const RETRIED: usize = 256;

/// Which of the last packets were sent: a bit for each, by number modulo its length.
#[derive(Debug)]
pub struct Sent([u64; REMEMBERED as usize / 64]);

impl Default for Sent {
    fn default() -> Self {
        Self([0; REMEMBERED as usize / 64])
    }
}

impl Sent {
    /// These numbers have not been sent.
    pub fn clear(&mut self, from: u64, to: u64) {
        for unsent in from.max(to.saturating_sub(REMEMBERED))..=to {
            let (word, bit) = slot(unsent);
            self.0[word] &= !bit;
        }
    }

    /// Notes a packet as sent; `false` when it was, or is too old to know.
    pub fn mark(&mut self, sequence: u64, highest: u64) -> bool {
        if sequence + REMEMBERED <= highest {
            return false;
        }
        let (word, bit) = slot(sequence);
        let new = self.0[word] & bit == 0;
        self.0[word] |= bit;
        new
    }

    /// Whether it was noted.
    pub fn is_marked(&self, sequence: u64, highest: u64) -> bool {
        let (word, bit) = slot(sequence);
        sequence <= highest && sequence + REMEMBERED > highest && self.0[word] & bit != 0
    }
}

fn slot(sequence: u64) -> (usize, u64) {
    ((sequence % REMEMBERED) as usize / 64, 1 << (sequence % 64))
}

#[derive(Clone, Copy, Debug)]
struct Retry {
    sequence: u64,
    last: Instant,
    tries: u8,
}

/// What was sent again.
#[derive(Debug, Default)]
pub struct Retries(VecDeque<Retry>);

impl Retries {
    /// Whether this one may be sent again now; counts the try.
    pub fn may(&mut self, sequence: u64, round_trip: Duration, now: Instant) -> bool {
        let pause = PAUSE.max(round_trip);
        if let Some(known) = self.0.iter_mut().find(|retry| retry.sequence == sequence) {
            let may = known.tries < TRIES && now.saturating_duration_since(known.last) >= pause;
            if may {
                (known.last, known.tries) = (now, known.tries + 1);
            }
            return may;
        }
        if self.0.len() == RETRIED {
            self.0.pop_front();
        }
        self.0.push_back(Retry { sequence, last: now, tries: 1 });
        true
    }
}
