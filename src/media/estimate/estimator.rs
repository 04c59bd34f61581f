//! The estimator: hands each report from part to part and holds what they share.

use super::control::{Control, Line};
use super::group::{Groups, Step};
use super::history::{History, News, Sent};
use super::limited::Limited;
use super::loss::{Loss, Lossy};
use super::probing::{Probing, View};
use super::queue::Queue;
use super::rate::Rate;
use super::trend::{Trend, Usage};
use super::{MAX, MIN, Micros, Probe, ProbeId, Received};
use std::time::{Duration, Instant};

/// What the first feedback makes it.
const START: f64 = 300_000.0;
/// Received clocks stay within these, so that differences can be taken.
const CLOCK: Micros = 1 << 60;
/// What arrives is counted over this time, what is sent over the other.
const ACKNOWLEDGED: Micros = 500_000;
/// Likewise while packets wait: then all that arrives came through a full line, and a longer look back would count
/// the time before.
const FULL: Micros = 200_000;
const FULL_WAIT: Micros = 15_000;
const SENT: Micros = 1_000_000;
/// Nothing grows, nothing is probed while they wait longer than this.
const STANDING: Micros = 40_000;
/// Feedback that was away so long tells nothing about the delay before it.
const AWAY: Micros = 1_000_000;
/// Feedback away for longer takes the estimate down, step by step.
const SILENT: Micros = 3_000_000;
const SILENT_STEP: (Micros, f64) = (1_000_000, 0.8);

/// The estimate of one subscriber's line.
#[derive(Debug)]
pub struct Estimator {
    began: Instant,
    history: History,
    groups: Groups,
    trend: Trend,
    queue: Queue,
    sent: Rate,
    acknowledged: Rate,
    full: Rate,
    limited: Limited,
    control: Control,
    loss: Loss,
    probing: Probing,
    desired: f64,
    trip: Micros,
    /// The highest packet that feedback told of.
    told: u64,
    last_sent: Micros,
    last_feedback: Option<Micros>,
    silent_since: Micros,
    remb: Option<f64>,
}

impl Estimator {
    /// Knows nothing yet; `now` is its epoch.
    pub fn new(now: Instant) -> Self {
        Self {
            began: now,
            history: History::default(),
            groups: Groups::default(),
            trend: Trend::new(),
            queue: Queue::default(),
            sent: Rate::over(SENT),
            acknowledged: Rate::over(ACKNOWLEDGED),
            full: Rate::over(FULL),
            limited: Limited::default(),
            control: Control::new(START),
            loss: Loss::default(),
            probing: Probing::new(),
            desired: 0.0,
            trip: 100_000,
            told: 0,
            last_sent: 0,
            last_feedback: None,
            silent_since: 0,
            remb: None,
        }
    }

    /// A packet goes out: its transport-wide number (each one more than the last), its size on the wire, and the
    /// probe that it is part of.
    pub fn on_sent(&mut self, sequence: u16, bytes: usize, at: Instant, probe: Option<ProbeId>) {
        let at = self.micros(at);
        self.last_sent = at;
        let number = self.history.push(sequence, at, u32::try_from(bytes).unwrap_or(u32::MAX), probe.is_some());
        match probe {
            None => self.sent.add(at, bytes as u64),
            Some(id) => {
                if let Some(cluster) = self.probing.cluster().filter(|cluster| cluster.id == id) {
                    cluster.on_sent(number, bytes);
                }
            }
        }
    }

    /// Transport-wide feedback, its packets in the order of their numbers.
    pub fn on_feedback(&mut self, now: Instant, packets: &[Received]) {
        let now = self.micros(now);
        if self.last_feedback.is_none_or(|last| now - last > AWAY) {
            self.delays_anew();
            self.loss.restart();
        }
        (self.last_feedback, self.silent_since) = (Some(now), now);
        for packet in packets {
            self.tell(packet);
        }
        self.sent.pass(now);
        self.limited.update(self.sent.bits(), self.rate());
        self.finish_probe(now);
        self.adjust(now);
    }

    /// What the receiver itself believes (REMB), from clients without transport-wide feedback.
    pub fn on_remb(&mut self, now: Instant, bits: u64) {
        self.remb = Some((bits as f64).clamp(MIN, MAX));
        let now = self.micros(now);
        self.sent.pass(now);
        self.limited.update(self.sent.bits(), self.rate());
    }

    /// The share of packets lost (0 to 1) that a receiver report tells; counts only without transport-wide feedback.
    pub fn on_loss(&mut self, share: f64) {
        if let (None, Some(remb)) = (self.last_feedback, self.remb) {
            let line = Lossy { rate: remb, acknowledged: 0.0, trip: self.trip };
            self.loss.judge(share.clamp(0.0, 1.0), &line);
        }
    }

    /// The round trip, where it is measured.
    pub fn on_round_trip(&mut self, trip: Duration) {
        self.trip = Micros::try_from(trip.as_micros()).unwrap_or(Micros::MAX).clamp(1_000, 2_000_000);
    }

    /// Bits per second that the next better rendition needs, with what the others take; zero: nothing more is wanted.
    pub fn set_desired(&mut self, bits: u64) {
        self.desired = bits as f64;
    }

    /// Time goes on; to be called each 5 to 25 ms. A probe that comes back is to be sent now.
    pub fn tick(&mut self, now: Instant) -> Option<Probe> {
        let now = self.micros(now);
        let last = self.last_feedback?;
        self.sent.pass(now);
        self.finish_probe(now);
        self.probing.settle(now);
        self.while_silent(now, last);
        let view = View {
            estimate: self.rate(),
            desired: self.desired,
            sent: self.sent.bits().unwrap_or_default(),
            limited: self.limited.is_limited(),
            calm: now - last < AWAY && self.is_calm(),
        };
        self.probing.tick(now, &view)
    }

    /// Bits per second that the line carries; `None` before the first feedback.
    pub fn estimate(&self) -> Option<u64> {
        (self.last_feedback.is_some() || self.remb.is_some()).then(|| self.rate() as u64)
    }

    /// Whether less is sent than the line is believed to carry.
    pub fn is_limited_by_application(&self) -> bool {
        self.limited.is_limited()
    }

    fn rate(&self) -> f64 {
        let rate = match (self.last_feedback, self.remb) {
            (None, Some(remb)) => remb,
            _ => self.control.rate(),
        };
        self.loss.bound().map_or(rate, |bound| bound.min(rate)).max(MIN)
    }

    fn micros(&self, at: Instant) -> Micros {
        Micros::try_from(at.saturating_duration_since(self.began).as_micros()).unwrap_or(CLOCK).min(CLOCK)
    }

    fn tell(&mut self, packet: &Received) {
        let Some((number, news)) = self.history.tell(packet.sequence, packet.arrival.is_some()) else { return };
        if number > self.told + 1 {
            // feedback was lost: nobody knows what arrived meanwhile
            self.rates_anew();
        }
        self.told = self.told.max(number);
        if let Some(cluster) = self.probing.cluster() {
            cluster.told(number);
        }
        let arrival = packet.arrival.unwrap_or_default().clamp(-CLOCK, CLOCK);
        match news {
            News::Lost => self.loss.lost(),
            News::Arrived(sent) => self.arrived(number, &sent, arrival, false),
            News::Late(sent) => self.arrived(number, &sent, arrival, true),
        }
    }

    fn arrived(&mut self, number: u64, sent: &Sent, arrival: Micros, late: bool) {
        self.loss.arrived(late);
        if !sent.probe {
            self.acknowledged.add(arrival, sent.bytes.into());
            self.full.add(arrival, sent.bytes.into());
        }
        match self.probing.cluster().filter(|cluster| cluster.spans(number)) {
            Some(cluster) => cluster.on_arrived(sent.at, arrival, sent.bytes),
            None => self.delay(sent.at, arrival),
        }
    }

    fn delay(&mut self, sent: Micros, arrival: Micros) {
        match self.groups.add(sent, arrival) {
            Step::Open => {}
            Step::Finished(group) => {
                self.trend.add(group);
                self.queue.add(group);
            }
            Step::Void => {
                self.trend.restart();
                self.queue.restart();
                self.rates_anew();
            }
        }
    }

    /// A probe fills the queue itself, and after a silence the line may be another: neither is a trend.
    fn delays_anew(&mut self) {
        self.groups.restart();
        self.trend.restart();
    }

    fn rates_anew(&mut self) {
        self.acknowledged.restart();
        self.full.restart();
    }

    fn finish_probe(&mut self, now: Micros) {
        let Some(found) = self.probing.finish(now, self.rate()) else { return };
        self.delays_anew();
        if let Some(rate) = found {
            self.control.set(rate);
            self.loss.lift(rate);
        }
    }

    fn is_calm(&self) -> bool {
        !self.loss.is_high() && self.trend.usage() != Usage::Over && self.queue.wait() < STANDING
    }

    fn adjust(&mut self, now: Micros) {
        let (before, wait) = (self.rate(), self.queue.wait());
        let usage = match self.trend.usage() {
            Usage::Over if wait < self.queue.doubt() => Usage::Normal,
            Usage::Normal if self.queue.stands(now) => Usage::Over,
            usage => usage,
        };
        let may_grow = !self.limited.is_limited() && wait < STANDING && self.trend.usage() == Usage::Normal;
        let free = wait < self.queue.doubt() && self.loss.is_low();
        let acknowledged = self.acknowledged.bits();
        let full = self.full.bits().filter(|_| usage == Usage::Over && wait >= FULL_WAIT);
        let line = Line { usage, acknowledged: larger(acknowledged, full), may_grow, free, trip: self.trip };
        let lowered = self.control.update(now, &line);
        let acknowledged = acknowledged.unwrap_or_default();
        let lost = self.loss.update(now, &Lossy { rate: self.control.rate(), acknowledged, trip: self.trip });
        if lowered || lost {
            self.probing.on_lowered(now, before, self.rate());
        }
    }

    /// Whoever tells nothing of what is sent gets less and less of it.
    fn while_silent(&mut self, now: Micros, last: Micros) {
        let sending = now - self.last_sent < AWAY;
        if sending && now - last > SILENT && now - self.silent_since > SILENT_STEP.0 {
            self.silent_since = now;
            self.control.set(self.control.rate() * SILENT_STEP.1);
        }
    }
}

fn larger(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    one.into_iter().chain(other).reduce(f64::max)
}
