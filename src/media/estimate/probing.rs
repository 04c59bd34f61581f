//! When to look upward, how far and how long. Pure.
//!
//! At the start, and whenever the sender uses less than the line may carry and something better waits for more: each 5 s,
//! later 14 s as long as nothing is found. Never into a queue. What carried a probe is probed
//! further at once. A sudden fall is looked into after 2 s, since it may have been a moment's trouble. A probe whose finding
//! over-use refutes soon after makes the next one wait twice as long.

use super::cluster::{Cluster, Verdict};
use super::{MAX, Micros, Probe, ProbeId};

/// The first two steps (above the start rate), and the step of all later ones (above the estimate).
const FIRST: f64 = 3.0;
const SECOND: f64 = 2.0;
const STEP: f64 = 2.5;
/// Above what is desired.
const BEYOND: f64 = 1.2;
const PAUSE: Micros = 5_000_000;
const LONGER: f64 = 1.5;
const LONGEST: Micros = 14_000_000;
const LONGEST_REFUTED: Micros = 60_000_000;
/// Between a probe that found something and the next.
const AT_ONCE: Micros = 150_000;
/// After a sudden fall.
const RECOVERY: Micros = 2_000_000;
/// Below this share of the rate before, a fall is sudden.
const SUDDEN: f64 = 0.66;
/// Steps down that follow each other like this are one fall.
const SAME_FALL: Micros = 1_000_000;
/// A finding is refuted within this time.
const TRIAL: Micros = 10_000_000;
/// Length: no more than would queue this long on a line that carries the estimate alone.
const QUEUED: f64 = 0.1;
const LENGTHS: (f64, f64) = (0.025, 0.1);
/// Bytes, at least and at most.
const BYTES: (f64, f64) = (4_800.0, 64_000.0);
/// A finding is one from this much upward.
const FOUND: f64 = 1.1;

/// What is known when it is asked whether to probe.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// Bits per second the line is believed to carry.
    pub estimate: f64,
    /// Bits per second that something better needs; zero: nothing is wanted.
    pub desired: f64,
    /// Bits per second that the sender sends.
    pub sent: f64,
    /// Whether that is less than the estimate.
    pub limited: bool,
    /// Whether no queue stands or grows and feedback comes.
    pub calm: bool,
}

/// Decides about probes; at most one is under way.
#[derive(Debug)]
pub struct Probing {
    cluster: Option<Cluster>,
    last: u32,
    /// Probes of the start still to come.
    starting: u8,
    next: Micros,
    pause: Micros,
    found: Option<Micros>,
    fall: Option<Fall>,
}

/// The estimate goes down, in one step or several.
#[derive(Clone, Copy, Debug)]
struct Fall {
    last: Micros,
    before: f64,
    refuted: bool,
}

impl Probing {
    /// None was sent.
    pub fn new() -> Self {
        Self { cluster: None, last: 0, starting: 2, next: 0, pause: PAUSE, found: None, fall: None }
    }

    /// The probe under way.
    pub fn cluster(&mut self) -> Option<&mut Cluster> {
        self.cluster.as_mut()
    }

    /// What to send now.
    pub fn tick(&mut self, now: Micros, view: &View) -> Option<Probe> {
        let wanted = view.desired > view.estimate && view.calm && (view.limited || self.starting > 0);
        if self.cluster.is_some() || !wanted || now < self.next {
            return None;
        }
        let step = [STEP, SECOND, FIRST][usize::from(self.starting)];
        let rate = (view.estimate * step).min((view.desired * BEYOND).max(view.estimate * FOUND));
        self.starting = self.starting.saturating_sub(1);
        Some(self.begin(now, rate.min(MAX), view))
    }

    fn begin(&mut self, now: Micros, rate: f64, view: &View) -> Probe {
        let length = (QUEUED / (rate / view.estimate.max(1.0) - 1.0).max(0.01)).clamp(LENGTHS.0, LENGTHS.1);
        // what is sent anyway goes beside the probe: the line should see both as the rate
        let beside = (rate - view.sent).max(rate * 0.6);
        let bytes = (beside * length / 8.0).clamp(BYTES.0, BYTES.1) as usize;
        self.last = self.last.wrapping_add(1);
        let id = ProbeId(self.last);
        self.cluster = Some(Cluster::new(id, rate, bytes, now));
        Probe { id, bits: beside as u64, bytes }
    }

    /// After feedback or later: a probe that is over, and the rate that follows from it, where one does.
    pub fn finish(&mut self, now: Micros, estimate: f64) -> Option<Option<f64>> {
        let verdict = self.cluster.as_ref()?.verdict(now)?;
        self.cluster = None;
        let rate = match verdict {
            Verdict::Carried(rate) | Verdict::Limit(rate) => rate,
            Verdict::Unknown => 0.0,
        };
        if matches!(verdict, Verdict::Carried(_)) && rate > estimate * FOUND {
            (self.found, self.next) = (Some(now), now + AT_ONCE);
            return Some(Some(rate));
        }
        self.starting = 0;
        self.next = now + self.pause;
        self.pause = ((self.pause as f64 * LONGER) as Micros).min(LONGEST.max(self.pause));
        let lower = matches!(verdict, Verdict::Limit(_)) && rate < estimate * 0.7;
        Some((rate > estimate || lower).then_some(rate))
    }

    /// The line lowered the estimate.
    pub fn on_lowered(&mut self, now: Micros, before: f64, after: f64) {
        self.starting = 0;
        let same = self.fall.take().filter(|fall| now - fall.last < SAME_FALL);
        let refuted = self.found.take().is_some_and(|found| now - found < TRIAL);
        let mut fall = same.unwrap_or(Fall { last: now, before, refuted: false });
        if refuted && !fall.refuted {
            self.pause = (self.pause * 2).min(LONGEST_REFUTED);
        }
        (fall.last, fall.refuted) = (now, fall.refuted || refuted);
        self.next = match fall.refuted {
            true => now + self.pause,
            false if after < fall.before * SUDDEN => {
                self.pause = PAUSE;
                now + RECOVERY
            }
            false => self.next.max(now + RECOVERY),
        };
        self.fall = Some(fall);
    }

    /// Time goes on: a finding that stood is trusted.
    pub fn settle(&mut self, now: Micros) {
        if self.found.is_some_and(|found| now - found >= TRIAL) {
            (self.found, self.pause) = (None, PAUSE);
        }
    }
}
