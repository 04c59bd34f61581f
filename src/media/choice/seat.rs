//! A subscription as its line sees it: what it could get, what it gets, what it would need. Pure.

use super::candidates::Candidate;
use super::share::Claim;
use crate::media::egress::LineReport;
use crate::model::Why;

/// Better ones must fit with so much to spare…
pub const SPARE: f64 = 1.15;
/// …and a little more than that is probed for.
const PROBE: f64 = 1.05;

/// A subscription of a line.
#[derive(Clone, Copy, Debug)]
pub struct Seat<'a> {
    /// How it is being served.
    pub report: &'a LineReport,
    /// What it could get, best first; never empty.
    pub candidates: &'a [Candidate],
    /// Which of them it gets; `None`: nothing yet, or what it got is not among them any more.
    pub current: Option<usize>,
    /// Bits per second of its sound.
    pub sound: u64,
    /// The viewer put it first.
    pub pinned: bool,
    /// Somebody speaks in it.
    pub speaking: bool,
    /// The viewer asks for something else than before.
    pub changed: bool,
    /// Whether it has got nothing yet.
    pub new: bool,
}

/// What a subscription gets from now on.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// Which candidate.
    pub to: usize,
    /// What led to it, if it is another than before.
    pub cause: Why,
    /// What to probe its line for, bits per second; 0: for nothing.
    pub desire: u64,
}

/// Bits per second of its line that a better rendition with so much of sound and pictures is given for.
pub fn needs(sound: u64, bits: u64) -> u64 {
    sound + (bits as f64 * SPARE) as u64
}

impl Seat<'_> {
    /// What keeps it from going on with what it gets; `None`: nothing.
    pub fn forced(&self) -> Option<Why> {
        let current = self.current.and_then(|current| self.candidates.get(current));
        match current {
            None if self.new => Some(Why::Starting),
            None => Some(Why::Source),
            Some(_) if self.changed => Some(Why::OwnLimit),
            Some(candidate) => candidate.bar.as_ref().map(|bar| bar.why),
        }
    }

    /// The candidate that may always be had.
    pub fn last(&self) -> usize {
        self.candidates.len().saturating_sub(1)
    }

    /// The cheapest pictures that may be had; the last one when there are none.
    pub fn smallest(&self) -> usize {
        self.claim(false, 1.0).smallest()
    }

    /// With so much to spare for what is better than what it gets.
    pub fn claim(&self, first: bool, spare: f64) -> Claim {
        let current = self.current.unwrap_or(0);
        let cost = |(n, candidate): (usize, &Candidate)| {
            let spare = if n < current { spare } else { 1.0 };
            candidate.bar.is_none().then_some((candidate.bits as f64 * spare) as u64)
        };
        Claim { first, sound: self.sound, options: self.candidates.iter().enumerate().map(cost).collect() }
    }

    /// Bits per second that go to it when all that is given is sent.
    pub fn uses(&self) -> u64 {
        let current = self.current.and_then(|current| self.candidates.get(current));
        self.sound + current.map_or(0, |candidate| candidate.bits)
    }

    /// What the next one better than this needs, bits per second, and a little more; 0: there is none.
    pub fn desire(&self, to: usize) -> u64 {
        let better = self.candidates.iter().take(to).rev().find(|candidate| candidate.bar.is_none());
        better.map_or(0, |better| (needs(self.sound, better.bits) as f64 * PROBE) as u64)
    }
}

/// What each gets as it is.
pub fn current(seats: &[Seat]) -> Vec<usize> {
    seats.iter().map(|seat| seat.current.unwrap_or(0)).collect()
}
