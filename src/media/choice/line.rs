//! What the subscriptions of one client get of its line, so that nothing flaps. Pure: time comes in.
//!
//! Decides when a change is due: down soon after the line proves too weak (`signs`), and at once to what fits; up when it has
//! held for more than the better one needs, later each time an upward step had to be taken back; at once when the viewer
//! asks for something else. Leaves who gets how much to `share`, what there is to `candidates`.

use super::budget::{Blind, carried};
use super::held::Least;
use super::seat::{SPARE, Seat, Verdict, current};
use super::share::{Claim, share};
use super::signs::{Signs, Watch};
use crate::media::egress::LineReport;
use crate::model::Why;
use std::time::{Duration, Instant};

/// The line must hold for so long before a better rendition is given.
const HOLD: Duration = Duration::from_secs(2);
/// From a step down to the next one up; doubles to the most.
const WAIT: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(60));
/// Probing begins so long before the wait is over: a probe takes its time, and its result is to hold.
const PROBE_BEFORE: Duration = Duration::from_secs(3);
/// A step up that is taken back within this was a mistake.
const TAKEN_BACK: Duration = Duration::from_secs(10);
/// A line that loses or queues is given this part of what goes to it…
const FORCED: f64 = 0.8;
/// …and so much time between two such steps, which are guesses.
const BETWEEN: Duration = Duration::from_secs(3);
/// An estimator's first figures are guesses.
const NEW: Duration = Duration::from_secs(1);
/// A page's subscriptions arrive together, within this of the first figures.
const ARRIVING: Duration = Duration::from_secs(3);
/// What a line carried is believed for so long while nothing shows it again.
const PROVEN: Duration = Duration::from_secs(60);
/// Between two changes of who speaks.
const REORDER: Duration = Duration::from_secs(3);

/// A line.
#[derive(Debug)]
pub struct Line {
    blind: Blind,
    watch: Watch,
    /// Since when its estimators have figures.
    measured: Option<Instant>,
    budget: Option<u64>,
    least: Least,
    down: Option<Instant>,
    up: Option<Instant>,
    wait: Duration,
    proven: Option<(u64, Instant)>,
    /// Number of the seat that spoke last, and since when.
    speaker: Option<(usize, Instant)>,
}

impl Default for Line {
    fn default() -> Self {
        Self {
            blind: Blind::default(),
            watch: Watch::default(),
            measured: None,
            budget: None,
            least: Least::over(HOLD),
            down: None,
            up: None,
            wait: WAIT.0,
            proven: None,
            speaker: None,
        }
    }
}

impl Line {
    /// What it carries, bits per second, as looked at last; `None`: nobody knows.
    pub fn budget(&self) -> Option<u64> {
        self.budget
    }

    /// A seat has gone: those after it have other numbers.
    pub fn left(&mut self, seat: usize) {
        self.speaker = self.speaker.filter(|(n, _)| *n != seat).map(|(n, at)| (n - usize::from(n > seat), at));
    }

    /// What each seat gets from now on; called ten times a second or so, seats in order of subscription.
    pub fn decide(&mut self, now: Instant, seats: &[Seat]) -> Vec<Verdict> {
        let reordered = self.look_who_speaks(now, seats);
        let order = self.order(seats);
        let young = self.measure(now, seats);
        let signs = self.watch.look(now, seats, self.budget, (young, self.measured.is_some()));
        let forced = seats.iter().any(|seat| seat.forced().is_some());
        let (gets, other) = if forced || reordered {
            (self.rearranged(seats, &order, (reordered, young, signs.too_weak()), now), Why::Turn)
        } else if self.is_due(now, signs) {
            (self.lowered(seats, &order, signs), Why::Line)
        } else {
            (self.raised(now, seats, &order).unwrap_or_else(|| current(seats)), Why::Line)
        };
        self.note(now, seats, &gets, other == Why::Line);
        let probed = self.probed(now, seats, &order, &gets);
        let verdict = |(n, to): (usize, usize)| Verdict {
            to,
            cause: seats[n].forced().unwrap_or(other),
            desire: if probed == Some(n) { seats[n].desire(to) } else { 0 },
        };
        gets.into_iter().enumerate().map(verdict).collect()
    }

    /// Loss and queues are acted upon now and then: nothing says what would help.
    fn is_due(&self, now: Instant, signs: Signs) -> bool {
        let guessed = self.down.is_some_and(|down| now.saturating_duration_since(down) < BETWEEN);
        signs.weak || (signs.forced && !guessed)
    }

    /// Who came last by voice; whether that has changed who comes first.
    fn look_who_speaks(&mut self, now: Instant, seats: &[Seat]) -> bool {
        let silent = self.speaker.is_none_or(|(n, _)| !seats.get(n).is_some_and(|seat| seat.speaking));
        let settled = self.speaker.is_none_or(|(_, since)| now.saturating_duration_since(since) >= REORDER);
        let other = seats.iter().position(|seat| seat.speaking).filter(|_| silent && settled);
        if let Some(n) = other {
            self.speaker = Some((n, now));
        }
        other.is_some() && seats.len() > 1
    }

    fn is_first(&self, n: usize, seat: &Seat) -> bool {
        seat.pinned || self.speaker.is_some_and(|(speaker, _)| speaker == n)
    }

    fn order(&self, seats: &[Seat]) -> Vec<usize> {
        let mut order: Vec<usize> = (0..seats.len()).collect();
        order.sort_by_key(|n| (!seats[*n].pinned, !self.is_first(*n, &seats[*n])));
        order
    }

    /// Shares out by precedence; the answer is by seats again.
    fn share(&self, budget: u64, seats: &[Seat], order: &[usize], spare: f64) -> Vec<usize> {
        let claims: Vec<Claim> = order.iter().map(|n| seats[*n].claim(self.is_first(*n, &seats[*n]), spare)).collect();
        let mut gets = vec![0; seats.len()];
        order.iter().zip(share(budget, &claims)).for_each(|(n, choice)| gets[*n] = choice);
        gets
    }

    /// What it carries; whether that is still a guess.
    fn measure(&mut self, now: Instant, seats: &[Seat]) -> bool {
        let reports: Vec<&LineReport> = seats.iter().map(|seat| seat.report).collect();
        let known = carried(&reports);
        if known.is_some() {
            self.measured.get_or_insert(now);
        }
        let loss = reports.iter().map(|report| report.loss).fold(0.0, f64::max);
        let uses = seats.iter().map(Seat::uses).sum();
        self.budget = known.or_else(|| self.blind.look(loss, uses, now));
        self.measured.is_some_and(|first| now.saturating_duration_since(first) < NEW)
    }

    /// To whatever fits, at once; nobody goes up, and the smallest pictures are given up last.
    fn lowered(&self, seats: &[Seat], order: &[usize], signs: Signs) -> Vec<usize> {
        let budget = self.budget.unwrap_or(u64::MAX);
        let budget = if signs.weak { budget } else { budget.min((signs.uses as f64 * FORCED) as u64) };
        let lower = |(seat, to): (&Seat, usize)| {
            let (current, smallest) = (seat.current.unwrap_or(0), seat.smallest());
            let given_up = signs.no_picture && current >= smallest;
            let lowest = if given_up { seat.last() } else { smallest.max(current) };
            to.max(current).min(lowest)
        };
        seats.iter().zip(self.share(budget, seats, order, 1.0)).map(lower).collect()
    }

    /// What has been carried with some to spare for a while; `None`: it is too early, or nothing better is.
    fn raised(&mut self, now: Instant, seats: &[Seat], order: &[usize]) -> Option<Vec<usize>> {
        let held = self.least.with(self.budget.unwrap_or(u64::MAX), now)?;
        if self.down.is_some_and(|down| now.saturating_duration_since(down) < self.wait) {
            return None;
        }
        let gets = self.share(held, seats, order, SPARE);
        let better = gets.iter().zip(seats).any(|(to, seat)| seat.current.is_some_and(|current| *to < current));
        better.then_some(gets)
    }

    /// Something else is asked for: at once, by what the line was seen to carry.
    fn rearranged(
        &self,
        seats: &[Seat],
        order: &[usize],
        (reordered, young, weak): (bool, bool, bool),
        now: Instant,
    ) -> Vec<usize> {
        let fresh = self.proven.filter(|(_, at)| !weak && now.saturating_duration_since(*at) < PROVEN);
        let budget = self.budget.map_or(u64::MAX, |budget| budget.max(fresh.map_or(0, |(bits, _)| bits)));
        // A new line's first figures are guesses, below what it carries as likely as not.
        let unknown = seats.iter().all(|seat| seat.new) && (young || self.measured.is_none());
        let budget = if unknown || (!weak && self.arrives(seats, now)) { u64::MAX } else { budget };
        let choose = |(seat, to): (&Seat, usize)| match seat.forced() {
            // How much an idle line carries is not known; the smallest pictures are a fair try.
            Some(_) if to == seat.last() && !weak && seat.report.limited_by_application => seat.smallest(),
            None if !reordered => to.max(seat.current.unwrap_or(0)),
            _ => to,
        };
        seats.iter().zip(self.share(budget, seats, order, 1.0)).map(choose).collect()
    }

    /// More come while the first figures grow, which say what has been sent so far rather than what the line carries: to begin
    /// with a smaller rendition would keep newcomers waiting for its encoder.
    fn arrives(&self, seats: &[Seat], now: Instant) -> bool {
        let early = self.measured.is_none_or(|first| now.saturating_duration_since(first) < ARRIVING);
        // The first of a page is judged by what it carries itself.
        let joined = seats.iter().any(|seat| seat.new) && seats.iter().any(|seat| !seat.new);
        early && self.down.is_none() && joined
    }

    /// Remembers what was done. `by_line`: because of what the line carries.
    fn note(&mut self, now: Instant, seats: &[Seat], gets: &[usize], by_line: bool) {
        let elapsed = |at: Instant| now.saturating_duration_since(at);
        if self.up.is_some_and(|up| elapsed(up) >= TAKEN_BACK) {
            (self.up, self.wait) = (None, WAIT.0);
        }
        let changes = || gets.iter().zip(seats).filter_map(|(to, seat)| Some((*to, seat.current?)));
        let (raised, lowered) = (changes().any(|(to, from)| to < from), changes().any(|(to, from)| to > from));
        if raised && by_line {
            self.up = Some(now);
        } else if lowered && by_line {
            if self.up.take().is_some() {
                self.wait = (self.wait * 2).min(WAIT.1);
            }
            self.down = Some(now);
            self.proven = None;
        }
        if raised || lowered {
            self.least.reset();
            self.watch.reset();
        }
        let known = self.budget.filter(|_| self.measured.is_some_and(|first| elapsed(first) >= NEW));
        let former = self.proven.filter(|(_, at)| elapsed(*at) < PROVEN);
        self.proven =
            known.filter(|bits| former.is_none_or(|(most, _)| most <= *bits)).map(|bits| (bits, now)).or(former);
    }

    /// The one seat whose line is probed for more: the first that may have better pictures.
    fn probed(&self, now: Instant, seats: &[Seat], order: &[usize], gets: &[usize]) -> Option<usize> {
        let rest = self.wait.saturating_sub(PROBE_BEFORE);
        if self.down.is_some_and(|down| now.saturating_duration_since(down) < rest) {
            return None;
        }
        order.iter().copied().find(|n| seats[*n].desire(gets[*n]) > 0)
    }
}

#[cfg(test)]
#[path = "line_test.rs"]
mod tests;
