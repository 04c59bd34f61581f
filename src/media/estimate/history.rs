//! What was sent, by transport-wide sequence number, until it is too old to be told of. Pure.
//!
//! Bounded in time and in number. A packet is told of as arrived once, however often feedback repeats it.

use super::Micros;
use std::collections::VecDeque;

/// Feedback that comes later than this says nothing about now.
const KEPT: Micros = 4_000_000;
/// Four seconds at 20 Mbit/s; far below a roll-over.
const MOST: usize = 8192;
/// Numbers that may be left out; a larger step is a new beginning.
const STEP: u16 = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Nothing,
    Lost,
    Arrived,
}

/// A packet on its way.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    /// When, by our clock.
    pub at: Micros,
    /// Its size.
    pub bytes: u32,
    /// Whether it was sent to probe.
    pub probe: bool,
    told: Told,
}

/// What feedback said for the first time.
#[derive(Debug)]
pub enum News {
    /// It has not arrived so far.
    Lost,
    /// It arrived.
    Arrived(Sent),
    /// It arrived after all.
    Late(Sent),
}

/// The packets, oldest first, without gaps.
#[derive(Debug, Default)]
pub struct History {
    packets: VecDeque<Sent>,
    /// Number of the oldest, roll-overs counted.
    first: u64,
}

impl History {
    /// A packet goes out. Returns its number, roll-overs counted.
    pub fn push(&mut self, sequence: u16, at: Micros, bytes: u32, probe: bool) -> u64 {
        let next = self.first + self.packets.len() as u64;
        match sequence.wrapping_sub(next as u16) {
            0 => {}
            step @ 1..=STEP if !self.packets.is_empty() => {
                let unknown = Sent { at, bytes: 0, probe: false, told: Told::Arrived };
                self.packets.extend(std::iter::repeat_n(unknown, step.into()));
            }
            _ => {
                self.packets.clear();
                self.first = (next & !0xffff) + 0x2_0000 + u64::from(sequence);
            }
        }
        self.packets.push_back(Sent { at, bytes, probe, told: Told::Nothing });
        self.forget(at);
        self.first + self.packets.len() as u64 - 1
    }

    fn forget(&mut self, now: Micros) {
        while self.packets.len() > MOST || self.packets.front().is_some_and(|sent| sent.at < now - KEPT) {
            self.packets.pop_front();
            self.first += 1;
        }
    }

    /// Feedback about a packet: its number and what is new; `None`: it is not known, or nothing new is said.
    pub fn tell(&mut self, sequence: u16, arrived: bool) -> Option<(u64, News)> {
        let offset = sequence.wrapping_sub(self.first as u16);
        let sent = self.packets.get_mut(usize::from(offset))?;
        let news = match (sent.told, arrived) {
            (Told::Nothing, true) => News::Arrived(*sent),
            (Told::Lost, true) => News::Late(*sent),
            (Told::Nothing, false) => News::Lost,
            _ => return None,
        };
        sent.told = if arrived { Told::Arrived } else { Told::Lost };
        Some((self.first + u64::from(offset), news))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_on_over_a_roll_over() {
        let mut history = History::default();
        let numbers: Vec<u64> = (65_530..65_542u32).map(|n| history.push(n as u16, 0, 100, false)).collect();
        assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{numbers:?}");
        assert!(matches!(history.tell(2, true), Some((number, News::Arrived(_))) if number == numbers[8]));
    }

    #[test]
    fn each_packet_arrives_once() {
        let mut history = History::default();
        history.push(7, 0, 100, false);
        history.push(9, 0, 100, false);
        assert!(matches!(history.tell(7, false), Some((_, News::Lost))));
        assert!(history.tell(7, false).is_none());
        assert!(matches!(history.tell(7, true), Some((_, News::Late(_)))));
        assert!(history.tell(7, true).is_none() && history.tell(7, false).is_none());
        assert!(history.tell(8, true).is_none() && history.tell(10, true).is_none() && history.tell(6, true).is_none());
    }

    #[test]
    fn it_stays_bounded() {
        let mut history = History::default();
        for n in 0..100_000u32 {
            history.push(n as u16, 0, 100, false);
        }
        assert_eq!(history.packets.len(), MOST);
        history.push(100_000u32 as u16, KEPT + 1, 100, false);
        assert_eq!(history.packets.len(), 1);
        history.push(5, KEPT + 1, 100, false);
        assert_eq!(history.packets.len(), 1, "a jump begins anew");
    }
}
