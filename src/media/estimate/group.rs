//! Packets that travelled together, and how long each such group took. Pure.
//!
//! draft-ietf-rmcat-gcc-02 5.2: packets sent within 5 ms are a group; so are packets that arrive within 5 ms of each other
//! although they were sent further apart (something on the way held them and let them go at once). The delay of
//! a group is that of its last packet: by two unrelated clocks, so only its changes mean something.

use super::Micros;

const BURST: Micros = 5_000;
/// Nothing that belongs together takes longer.
const LONGEST: Micros = 100_000;
/// No queue is this long: a clock was set, or the receiver slept.
const JUMP: Micros = 3_000_000;

/// A finished group.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Group {
    /// When its last packet was sent.
    pub sent: Micros,
    /// Arrival by the receiver's clock less `sent`.
    pub delay: Micros,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    first_sent: Micros,
    last_sent: Micros,
    first_arrival: Micros,
    last_arrival: Micros,
}

/// Puts packets into groups.
#[derive(Debug, Default)]
pub struct Groups {
    open: Option<Open>,
}

/// What a packet led to.
#[derive(Debug, PartialEq)]
pub enum Step {
    /// The group goes on, or the packet came too late for its own.
    Open,
    /// A new group began; this one is finished.
    Finished(Group),
    /// The clocks no longer go together: what was learnt of delays is void.
    Void,
}

impl Groups {
    /// A packet, in the order in which they were sent.
    pub fn add(&mut self, sent: Micros, arrival: Micros) -> Step {
        let Some(open) = &mut self.open else { return self.begin(sent, arrival, Step::Open) };
        if ((arrival - open.last_arrival) - (sent - open.last_sent)).abs() > JUMP {
            return self.begin(sent, arrival, Step::Void);
        }
        if sent < open.first_sent {
            return Step::Open;
        }
        if !open.takes(sent, arrival) {
            let group = Group { sent: open.last_sent, delay: open.last_arrival - open.last_sent };
            return self.begin(sent, arrival, Step::Finished(group));
        }
        open.last_sent = open.last_sent.max(sent);
        open.last_arrival = open.last_arrival.max(arrival);
        Step::Open
    }

    /// What is open is given up.
    pub fn restart(&mut self) {
        self.open = None;
    }

    fn begin(&mut self, sent: Micros, arrival: Micros, step: Step) -> Step {
        let (first_sent, last_sent, first_arrival, last_arrival) = (sent, sent, arrival, arrival);
        self.open = Some(Open { first_sent, last_sent, first_arrival, last_arrival });
        step
    }
}

impl Open {
    fn takes(&self, sent: Micros, arrival: Micros) -> bool {
        let (gap, sent_gap) = (arrival - self.last_arrival, sent - self.last_sent);
        let held = (0..=BURST).contains(&gap) && gap < sent_gap && arrival - self.first_arrival < LONGEST;
        sent - self.first_sent <= BURST || held
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_one_group() {
        let mut groups = Groups::default();
        for (sent, arrival) in [(0, 100_000), (1000, 104_000), (2000, 108_000)] {
            assert_eq!(groups.add(sent, arrival), Step::Open);
        }
        assert_eq!(groups.add(50_000, 150_000), Step::Finished(Group { sent: 2000, delay: 106_000 }));
    }

    #[test]
    fn what_was_held_together_is_one_group() {
        let mut groups = Groups::default();
        assert_eq!(groups.add(0, 100_000), Step::Open);
        assert_eq!(groups.add(20_000, 101_000), Step::Open);
        assert_eq!(groups.add(40_000, 102_000), Step::Open);
        assert!(matches!(groups.add(60_000, 160_000), Step::Finished(_)));
    }

    #[test]
    fn a_clock_that_jumps_voids_all() {
        let mut groups = Groups::default();
        groups.add(0, 100_000);
        assert_eq!(groups.add(20_000, -5_000_000_000), Step::Void);
        assert_eq!(groups.add(10_000, -5_000_010_000), Step::Open, "late ones count for nothing");
    }
}
