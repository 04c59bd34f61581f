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

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND_LONG: Micros = 1_000_000;

    fn view(estimate: f64) -> View {
        View { estimate, desired: 1e6, sent: 1e5, limited: true, calm: true }
    }

    /// Sends the probe at 5 ms a packet and answers it as a line of this rate would.
    fn answer(probing: &mut Probing, now: Micros, line: f64, estimate: f64) -> Option<Option<f64>> {
        let cluster = probing.cluster()?;
        let gap = (9.6e9 / cluster.asked) as Micros;
        let slowed = gap.max((9.6e9 / line) as Micros);
        for n in 0..100 {
            cluster.on_sent(n, 1200);
            if cluster.spans(n) {
                cluster.on_arrived(now + n as Micros * gap, n as Micros * slowed, 1200);
            }
        }
        cluster.told(u64::MAX);
        probing.finish(now, estimate)
    }

    /// Seconds between the probes that a line answers like this, over five minutes.
    fn pauses(line: f64, estimate: f64) -> Vec<i64> {
        let (mut probing, mut at) = (Probing::new(), Vec::new());
        for tenth in 0..3000 {
            let now = tenth * SECOND_LONG / 10;
            if probing.tick(now, &view(estimate)).is_some() {
                at.push(now);
                answer(&mut probing, now, line, estimate);
            }
        }
        at.windows(2).map(|pair| (pair[1] - pair[0]) / SECOND_LONG).collect()
    }

    #[test]
    fn what_finds_nothing_is_tried_less_often() {
        let pauses = pauses(3e5, 3e5);
        assert_eq!(pauses[..5], [5, 7, 11, 14, 14]);
        assert!(pauses[5..].iter().all(|pause| *pause == 14), "{pauses:?}");
    }

    #[test]
    fn what_carried_is_looked_beyond_at_once() {
        let mut probing = Probing::new();
        let first = probing.tick(0, &view(3e5)).unwrap();
        assert!(first.bits < 900_000 && (4_800..10_000).contains(&first.bytes), "{first:?}");
        let found = answer(&mut probing, 0, 1e9, 3e5).flatten().unwrap();
        assert!((8e5..1e6).contains(&found), "{found}");
        assert!(probing.tick(AT_ONCE - 1, &view(found)).is_none());
        assert!(probing.tick(AT_ONCE, &view(found)).is_some());
    }

    #[test]
    fn nothing_is_probed_for_nothing_into_a_queue_or_while_all_is_used() {
        for idle in [View { desired: 2e5, ..view(3e5) }, View { calm: false, ..view(3e5) }] {
            assert!(Probing::new().tick(0, &idle).is_none());
        }
        let mut probing = Probing::new();
        probing.on_lowered(0, 4e5, 3e5);
        assert!(probing.tick(60 * SECOND_LONG, &View { limited: false, ..view(3e5) }).is_none());
        assert!(probing.tick(60 * SECOND_LONG, &view(3e5)).is_some());
    }

    #[test]
    fn a_finding_that_is_refuted_makes_it_wait() {
        let mut probing = Probing::new();
        probing.tick(0, &view(3e5)).unwrap();
        assert!(answer(&mut probing, 0, 1e9, 3e5).flatten().is_some());
        probing.on_lowered(SECOND_LONG, 9e5, 3e5);
        probing.on_lowered(SECOND_LONG + 200_000, 3e5, 2.9e5);
        assert!(probing.tick(11 * SECOND_LONG, &view(2.9e5)).is_none());
        assert!(probing.tick(12 * SECOND_LONG, &view(2.9e5)).is_some());
    }

    #[test]
    fn a_sudden_fall_is_looked_into() {
        let mut probing = Probing::new();
        probing.on_lowered(0, 1e6, 3e5);
        assert!(probing.tick(RECOVERY - 1, &view(3e5)).is_none());
        assert!(probing.tick(RECOVERY, &view(3e5)).is_some());
    }
}
