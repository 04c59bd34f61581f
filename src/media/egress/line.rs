//! A subscriber's line as its feedback tells it: feeds the estimate from both sides, what was sent by the sending thread and
//! what arrived by the reader. Leaves what the line carries to the estimate, and what to do about it to `choice`.

use super::figures::Figures;
use super::rates::Losses;
use crate::media::estimate::{Estimator, Probe, ProbeId, Received};
use crate::media::rtcp::Arrivals;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// How long the first estimates may be too low, and what is paced for meanwhile at least, bits per second.
pub const START: Duration = Duration::from_secs(1);
const AT_FIRST: u64 = 1_600_000;

/// What an estimate must do.
pub trait Estimate: Send {
    /// A packet leaves.
    fn on_sent(&mut self, sequence: u16, bytes: usize, at: Instant, probe: Option<ProbeId>);
    /// The receiver tells what arrived.
    fn on_feedback(&mut self, now: Instant, packets: &[Received]);
    /// The receiver tells its own estimate, bits per second.
    fn on_remb(&mut self, now: Instant, bits: u64);
    /// The fraction lost that a receiver report tells.
    fn on_loss(&mut self, share: f64);
    /// From reports.
    fn on_round_trip(&mut self, trip: Duration);
    /// Bits per second that the next better rendition needs.
    fn set_desired(&mut self, bits: u64);
    /// Time has passed; whether to probe now.
    fn tick(&mut self, now: Instant) -> Option<Probe>;
    /// Bits per second; `None` before it is known.
    fn estimate(&self) -> Option<u64>;
    /// Held down by how little is sent.
    fn is_limited_by_application(&self) -> bool;
}

/// A packet that leaves: its transport-wide number, its bytes, its probe.
pub type Leaving = (u16, usize, Option<ProbeId>);

/// Shared by the sending thread and the reader, and by all subscriptions of a connection.
pub struct Line {
    id: u64,
    /// How many have something that waits for its time.
    waiting: AtomicUsize,
    state: Mutex<State>,
    /// Bits per second, 0 while unknown: read for each batch.
    estimate: AtomicU64,
    /// The same as the pacer is to see it.
    pace: AtomicU64,
    /// The first estimates are low, since little was sent: for so long they hold up nothing.
    start: Duration,
}

struct State {
    estimate: Box<dyn Estimate>,
    /// The last reference time, unwrapped, in 64 ms.
    reference: Option<i64>,
    losses: Losses,
    packets: Vec<Received>,
    /// When there was an estimate first.
    since: Option<Instant>,
    /// Who is served.
    served: Vec<Arc<Figures>>,
    /// The tick that was taken last, and the probe that it gave, if nobody has taken that yet.
    ticked: Option<Instant>,
    probe: Option<Probe>,
}

impl Line {
    /// Nothing was sent yet. For `start` from the first estimate on, nothing is paced below what most lines carry.
    pub fn new(estimate: Box<dyn Estimate>, start: Duration) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        let (losses, packets, served) = (Losses::default(), Vec::new(), Vec::new());
        let state =
            State { estimate, reference: None, losses, packets, since: None, served, ticked: None, probe: None };
        let (id, waiting) = (NUMBER.fetch_add(1, Relaxed), AtomicUsize::new(0));
        let (estimate, pace) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { id, waiting, state: Mutex::new(state), estimate, pace, start }
    }

    /// Its number.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// One more is served over it.
    pub fn join(&self, figures: &Arc<Figures>) {
        self.state.lock().served.push(Arc::clone(figures));
    }

    /// One is not served any more.
    pub fn leave(&self, figures: &Arc<Figures>) {
        self.state.lock().served.retain(|known| !Arc::ptr_eq(known, figures));
    }

    /// These packets leave now.
    pub fn sent(&self, at: Instant, leaving: &[Leaving]) {
        let mut state = self.state.lock();
        leaving.iter().for_each(|(sequence, bytes, probe)| state.estimate.on_sent(*sequence, *bytes, at, *probe));
    }

    /// Transport-wide feedback came.
    pub fn arrived(&self, now: Instant, arrivals: &Arrivals) {
        let mut state = self.state.lock();
        let State { estimate, reference, losses, packets, .. } = &mut *state;
        let base = unwrap(*reference, arrivals.reference);
        *reference = Some(base);
        packets.clear();
        packets.extend(arrivals.packets.iter().map(|(sequence, after)| {
            let arrival = after.map(|after| base * 64_000 + after);
            Received { sequence: *sequence, arrival }
        }));
        losses.count(now, packets.len(), arrivals.lost());
        estimate.on_feedback(now, packets);
        self.tell(&mut state, now);
    }

    /// The receiver's own estimate.
    pub fn remb(&self, now: Instant, bits: u64) {
        let mut state = self.state.lock();
        state.estimate.on_remb(now, bits);
        self.tell(&mut state, now);
    }

    /// The fraction lost, from a report.
    pub fn loss(&self, share: f64) {
        self.state.lock().estimate.on_loss(share);
    }

    /// From a report.
    pub fn round_trip(&self, trip: Duration) {
        self.state.lock().estimate.on_round_trip(trip);
    }

    /// Time has passed; whether to probe now. Who `can_probe` gets a probe, the first of those that come with this `now`.
    pub fn tick(&self, now: Instant, can_probe: bool) -> Option<Probe> {
        let mut state = self.state.lock();
        if state.ticked != Some(now) {
            let desired = desired(&state.served);
            state.ticked = Some(now);
            state.estimate.set_desired(desired);
            state.probe = state.estimate.tick(now);
            self.tell(&mut state, now);
        }
        if can_probe { state.probe.take() } else { None }
    }

    fn tell(&self, state: &mut State, now: Instant) {
        let Some(bits) = state.estimate.estimate().map(|bits| bits.max(1)) else { return };
        let starting = now.saturating_duration_since(*state.since.get_or_insert(now)) < self.start;
        self.estimate.store(bits, Relaxed);
        self.pace.store(if starting { bits.max(AT_FIRST) } else { bits }, Relaxed);
    }

    /// What a pacer goes by, bits per second; `None` while unknown. Those that have something waiting get equal parts.
    pub fn pace(&self) -> Option<u64> {
        let parts = self.waiting.load(Relaxed).max(1) as u64;
        Some(self.pace.load(Relaxed) / parts).filter(|bits| *bits > 0)
    }

    /// Bits per second; `None` while unknown.
    pub fn estimate(&self) -> Option<u64> {
        Some(self.estimate.load(Relaxed)).filter(|bits| *bits > 0)
    }

    /// Whether the estimate is held down by how little is sent, and the fraction lost lately, if feedback tells it.
    pub fn report(&self, now: Instant) -> (bool, Option<f64>) {
        let state = self.state.lock();
        (state.estimate.is_limited_by_application(), state.losses.fraction(now))
    }
}

/// What is wanted of a line, bits per second: the next better rendition of one, and what the others take.
fn desired(served: &[Arc<Figures>]) -> u64 {
    if served.iter().all(|figures| figures.desired.load(Relaxed) == 0) {
        return 0;
    }
    let wants = |figures: &Arc<Figures>| match figures.desired.load(Relaxed) {
        0 => figures.sent_rate.load(Relaxed),
        bits => bits,
    };
    served.iter().map(wants).sum()
}

/// Whether one of a line's subscribers has something that waits for its time; none once it is dropped.
pub struct Turn {
    line: Arc<Line>,
    waits: bool,
}

impl Turn {
    /// Nothing waits.
    pub fn new(line: &Arc<Line>) -> Self {
        Self { line: Arc::clone(line), waits: false }
    }

    /// Something waits now, or not.
    pub fn set(&mut self, waits: bool) {
        match (std::mem::replace(&mut self.waits, waits), waits) {
            (false, true) => self.line.waiting.fetch_add(1, Relaxed),
            (true, false) => self.line.waiting.fetch_sub(1, Relaxed),
            _ => return,
        };
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.set(false);
    }
}

/// The time nearest to the last one: 24 bits roll over each 12 days.
fn unwrap(last: Option<i64>, reference: u32) -> i64 {
    let Some(last) = last else { return i64::from(reference) };
    let step = (reference.wrapping_sub(last as u32) << 8) as i32 >> 8;
    last + i64::from(step)
}

impl Estimate for Estimator {
    fn on_sent(&mut self, sequence: u16, bytes: usize, at: Instant, probe: Option<ProbeId>) {
        self.on_sent(sequence, bytes, at, probe);
    }
    fn on_feedback(&mut self, now: Instant, packets: &[Received]) {
        self.on_feedback(now, packets);
    }
    fn on_remb(&mut self, now: Instant, bits: u64) {
        self.on_remb(now, bits);
    }
    fn on_loss(&mut self, share: f64) {
        self.on_loss(share);
    }
    fn on_round_trip(&mut self, trip: Duration) {
        self.on_round_trip(trip);
    }
    fn set_desired(&mut self, bits: u64) {
        self.set_desired(bits);
    }
    fn tick(&mut self, now: Instant) -> Option<Probe> {
        self.tick(now)
    }
    fn estimate(&self) -> Option<u64> {
        self.estimate()
    }
    fn is_limited_by_application(&self) -> bool {
        self.is_limited_by_application()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_wait_share_the_pace() {
        let line = Arc::new(Line::new(Box::new(Estimator::new(Instant::now())), Duration::ZERO));
        line.remb(Instant::now(), 1_200_000);
        let (mut one, mut other) = (Turn::new(&line), Turn::new(&line));
        assert_eq!(line.pace(), Some(1_200_000));
        one.set(true);
        assert_eq!(line.pace(), Some(1_200_000));
        other.set(true);
        other.set(true);
        assert_eq!(line.pace(), Some(600_000));
        one.set(false);
        drop(other);
        assert_eq!((line.pace(), line.waiting.load(Relaxed)), (Some(1_200_000), 0));
    }

    #[test]
    fn reference_times_roll_over_and_come_out_of_order() {
        assert_eq!(unwrap(None, 0xff_fffe), 0xff_fffe);
        assert_eq!(unwrap(Some(0xff_fffe), 1), 0x100_0001);
        assert_eq!(unwrap(Some(0x100_0001), 0xff_ffff), 0xff_ffff);
        assert_eq!(unwrap(Some(5), 9), 9);
    }
}
