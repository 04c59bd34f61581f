//! Which packets of a track are missing, and when to ask for them again (RFC 4585 NACK). Pure: time comes in.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Packets may overtake each other for so long, or by so many, before one is asked for.
const PATIENCE: Duration = Duration::from_millis(10);
const OVERTAKEN: u64 = 3;
/// Between two requests for the same packet.
const REPEAT: Duration = Duration::from_millis(50);
const TRIES: u8 = 10;
/// After this nobody can use it any more.
const GIVE_UP: Duration = Duration::from_secs(1);
/// More missing than this is no loss but an outage.
const MOST: usize = 300;

#[derive(Debug)]
struct Missing {
    since: Instant,
    asked: Option<Instant>,
    tries: u8,
}

/// The missing packets of one track.
#[derive(Debug, Default)]
pub struct Losses {
    missing: BTreeMap<u64, Missing>,
    highest: u64,
}

/// What is to be done.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// Ask for these, ascending.
    pub ask: Vec<u64>,
    /// Some were given up: pictures are broken until the next keyframe.
    pub given_up: bool,
}

impl Losses {
    /// A packet with this extended number came, in order, late or recovered.
    pub fn arrived(&mut self, sequence: u64, now: Instant) {
        if self.highest != 0 && sequence > self.highest + 1 {
            let first = (self.highest + 1).max(sequence.saturating_sub(MOST as u64 + 1));
            let new = (first..sequence).map(|n| (n, Missing { since: now, asked: None, tries: 0 }));
            self.missing.extend(new);
        }
        self.highest = self.highest.max(sequence);
        self.missing.remove(&sequence);
    }

    /// The source changed: nothing of the former one comes any more.
    pub fn clear(&mut self) {
        self.missing.clear();
        self.highest = 0;
    }

    /// Whether nothing is missing.
    pub fn is_empty(&self) -> bool {
        self.missing.is_empty()
    }

    /// What to ask for now.
    pub fn due(&mut self, now: Instant) -> Due {
        let before = self.missing.len();
        if before > MOST {
            self.missing.clear();
        }
        let age = |since| now.saturating_duration_since(since);
        self.missing.retain(|_, m| age(m.since) < GIVE_UP && m.tries < TRIES);
        let highest = self.highest;
        let mut ask = Vec::new();
        for (sequence, missing) in &mut self.missing {
            let overtaken = highest - sequence >= OVERTAKEN || age(missing.since) >= PATIENCE;
            if overtaken && missing.asked.is_none_or(|asked| age(asked) >= REPEAT) {
                missing.asked = Some(now);
                missing.tries += 1;
                ask.push(*sequence);
            }
        }
        Due { ask, given_up: self.missing.len() < before }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overtaking_is_not_loss() {
        let (mut losses, now) = (Losses::default(), Instant::now());
        [10, 12].iter().for_each(|n| losses.arrived(*n, now));
        assert_eq!(losses.due(now), Due::default());
        losses.arrived(11, now);
        assert!(losses.is_empty());
    }

    #[test]
    fn asks_repeats_and_gives_up() {
        let (mut losses, start) = (Losses::default(), Instant::now());
        [10, 12, 13, 15].iter().for_each(|n| losses.arrived(*n, start));
        assert_eq!(losses.due(start).ask, [11], "14 is only one behind");
        assert_eq!(losses.due(start + PATIENCE).ask, [14]);
        assert_eq!(losses.due(start + REPEAT).ask, [11]);
        losses.arrived(11, start + REPEAT);
        let end = losses.due(start + GIVE_UP);
        assert_eq!(end, Due { ask: vec![], given_up: true });
        assert!(losses.is_empty());
    }

    #[test]
    fn an_outage_is_bounded() {
        let (mut losses, now) = (Losses::default(), Instant::now());
        losses.arrived(1, now);
        losses.arrived(1_000_000, now);
        assert!(losses.due(now).ask.len() <= MOST);
    }
}
