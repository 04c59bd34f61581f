//! A bottleneck with a queue, a receiver with a clock of its own, and a sender that follows the estimate, on virtual time.

use super::super::{Estimator, Probe, ProbeId, Received};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Numbers from a fixed seed (xorshift).
#[derive(Clone)]
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 11
    }

    /// From 0 to 1.
    pub fn share(&mut self) -> f64 {
        (self.next() % 1_000_000) as f64 / 1e6
    }
}

/// The way to the receiver.
pub struct Link {
    /// Bits per second from these times (s) on.
    pub rates: Vec<(f64, f64)>,
    /// Longest wait, ms; what would wait longer is dropped.
    pub queue: f64,
    /// One way, ms, and as much back.
    pub base: f64,
    /// Up to so many ms more, order kept.
    pub jitter: f64,
    /// Share lost by chance.
    pub loss: f64,
    /// Bits per second of another sender from these times (s) on.
    pub others: Vec<(f64, f64)>,
}

impl Link {
    pub fn of(bits: f64) -> Self {
        Self { rates: vec![(0.0, bits)], queue: 200.0, base: 20.0, jitter: 0.0, loss: 0.0, others: vec![(0.0, 0.0)] }
    }

    pub fn rate(&self, ms: u64) -> f64 {
        at(&self.rates, ms)
    }
}

fn at(steps: &[(f64, f64)], ms: u64) -> f64 {
    steps.iter().rev().find(|(from, _)| from * 1000.0 <= ms as f64).unwrap().1
}

/// What the sender sends.
pub enum Source {
    /// Frames at this rate, whatever the estimate.
    Fixed(f64),
    /// As much as the estimate allows.
    Greedy,
    /// The best of these rates (bit/s, best first) that the estimate carries; up with a tenth to spare.
    Ladder(Vec<f64>),
}

struct Packet {
    sequence: Option<u16>,
    bytes: usize,
    entered: f64,
}

/// One moment, each 10 ms.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    pub ms: u64,
    pub estimate: f64,
    pub source: f64,
    pub dropped: u64,
    /// Wait in the queue, ms.
    pub wait: f64,
}

pub struct World {
    pub estimator: Estimator,
    pub link: Link,
    pub source: Source,
    /// Frames a second.
    pub fps: u64,
    /// Each so many frames one is as large as six.
    pub keyframes: u64,
    /// Packets of a frame are spread over this share of the time between frames.
    pub spread: f64,
    /// What the sender says it desires; a ladder says it itself.
    pub desired: f64,
    /// Parts per million by which the receiver's clock is fast.
    pub drift: f64,
    /// No feedback gets through between these times, ms.
    pub mute: std::ops::Range<u64>,
    pub samples: Vec<Sample>,
    pub probes: Vec<u64>,
    pub switches: Vec<(u64, f64)>,
    began: Instant,
    ms: u64,
    sequence: u16,
    current: f64,
    /// Packets of frames and when they are due, ms.
    waiting: VecDeque<(f64, usize)>,
    queue: VecDeque<Packet>,
    free_at: f64,
    last_arrival: f64,
    arrived: VecDeque<(u16, f64)>,
    told: Option<u16>,
    feedback: VecDeque<(u64, Vec<Received>)>,
    probe: Option<(Probe, f64, u64)>,
    dropped: u64,
    others: f64,
    pub random: Random,
}

impl World {
    pub fn new(link: Link, source: Source) -> Self {
        let began = Instant::now();
        Self {
            estimator: Estimator::new(began),
            link,
            source,
            fps: 20,
            keyframes: u64::MAX,
            spread: 0.0,
            waiting: VecDeque::new(),
            desired: 0.0,
            drift: 0.0,
            mute: 0..0,
            samples: Vec::new(),
            probes: Vec::new(),
            switches: Vec::new(),
            began,
            ms: 0,
            sequence: 65_000,
            current: 0.0,
            queue: VecDeque::new(),
            free_at: 0.0,
            last_arrival: 0.0,
            arrived: VecDeque::new(),
            told: None,
            feedback: VecDeque::new(),
            probe: None,
            dropped: 0,
            others: 0.0,
            random: Random(0x9e37_79b9_7f4a_7c15),
        }
    }

    pub fn run(&mut self, seconds: f64) -> &mut Self {
        (0..(seconds * 1000.0) as u64).for_each(|_| self.millisecond());
        self
    }

    fn now(&self) -> Instant {
        self.began + Duration::from_millis(self.ms)
    }

    fn millisecond(&mut self) {
        self.ms += 1;
        self.drain();
        self.give_feedback();
        if self.ms.is_multiple_of(10) {
            self.choose();
            let began = self.estimator.tick(self.now());
            if let Some(probe) = began {
                self.probes.push(self.ms);
                self.probe = Some((probe, 0.0, 0));
            }
            self.sample();
        }
        self.send();
    }

    fn sample(&mut self) {
        let estimate = self.estimator.estimate().unwrap_or_default() as f64;
        let (source, wait) = (self.current, self.wait());
        self.samples.push(Sample { ms: self.ms, estimate, source, dropped: self.dropped, wait });
    }

    fn choose(&mut self) {
        let estimate = self.estimator.estimate().unwrap_or(300_000) as f64;
        let next = match &self.source {
            Source::Fixed(rate) => *rate,
            Source::Greedy => estimate,
            Source::Ladder(rungs) => {
                let fits = |rung: &f64| *rung * if *rung > self.current { 1.1 } else { 1.0 } <= estimate;
                let chosen = rungs.iter().position(fits).unwrap_or(rungs.len() - 1);
                self.desired = if chosen == 0 { 0.0 } else { rungs[chosen - 1] * 1.1 };
                rungs[chosen]
            }
        };
        if !matches!(self.source, Source::Greedy) && next != self.current {
            self.switches.push((self.ms, next));
        }
        self.current = next;
        self.estimator.set_desired(self.desired as u64);
    }

    fn send(&mut self) {
        let audio = 100;
        if self.ms.is_multiple_of(20) {
            self.packet(audio, None);
        }
        if self.ms.is_multiple_of(1000 / self.fps) {
            let bytes = ((self.current - 40_000.0) / 8.0 / self.fps as f64).max(100.0);
            // frames differ in size
            let frame = self.ms * self.fps / 1000;
            let keyframe = if frame % self.keyframes == self.keyframes - 1 { 6.0 } else { 1.0 };
            let mut left = (bytes * keyframe * (0.8 + 0.4 * self.random.share())) as usize;
            let gap = self.spread * 1000.0 / self.fps as f64 / (bytes / 1200.0).ceil();
            let mut due = self.waiting.back().map_or(self.ms as f64, |(due, _)| (due + gap).max(self.ms as f64));
            while left > 0 {
                let size = left.min(1200);
                self.waiting.push_back((due, size));
                (left, due) = (left - size, due + gap);
            }
        }
        while let Some((_, bytes)) = self.waiting.pop_front_if(|(due, _)| *due <= self.ms as f64) {
            self.packet(bytes, None);
        }
        self.send_probe();
        self.send_others();
    }

    fn send_probe(&mut self) {
        let Some((probe, mut due, mut sent)) = self.probe.take() else { return };
        due += probe.bits as f64 / 8000.0;
        while due >= sent as f64 && sent < probe.bytes as u64 {
            self.packet(1200, Some(probe.id));
            sent += 1200;
        }
        if sent < probe.bytes as u64 {
            self.probe = Some((probe, due, sent));
        }
    }

    fn send_others(&mut self) {
        self.others += at(&self.link.others, self.ms) / 8000.0;
        while self.others >= 1200.0 {
            self.others -= 1200.0;
            self.enter(None, 1200);
        }
    }

    fn packet(&mut self, bytes: usize, probe: Option<ProbeId>) {
        self.sequence = self.sequence.wrapping_add(1);
        self.estimator.on_sent(self.sequence, bytes, self.now(), probe);
        if self.random.share() >= self.link.loss {
            self.enter(Some(self.sequence), bytes);
        }
    }

    fn enter(&mut self, sequence: Option<u16>, bytes: usize) {
        if self.wait() > self.link.queue {
            self.dropped += u64::from(sequence.is_some());
        } else {
            self.queue.push_back(Packet { sequence, bytes, entered: self.ms as f64 });
        }
    }

    /// What one more packet would wait, ms.
    pub fn wait(&self) -> f64 {
        let bytes: usize = self.queue.iter().map(|packet| packet.bytes).sum();
        bytes as f64 * 8000.0 / self.link.rate(self.ms)
    }

    fn drain(&mut self) {
        let (now, rate) = (self.ms as f64, self.link.rate(self.ms));
        while let Some(packet) = self.queue.front() {
            let done = self.free_at.max(packet.entered) + packet.bytes as f64 * 8000.0 / rate;
            if done > now {
                return;
            }
            self.free_at = done;
            let arrival = done + self.link.base + self.link.jitter * self.random.share();
            self.last_arrival = self.last_arrival.max(arrival);
            if let Some(Packet { sequence: Some(sequence), .. }) = self.queue.pop_front() {
                self.arrived.push_back((sequence, self.last_arrival));
            }
        }
    }

    fn give_feedback(&mut self) {
        let now = self.ms;
        if now.is_multiple_of(60) {
            let packets = self.feedback_now();
            if !packets.is_empty() && !self.mute.contains(&now) {
                self.feedback.push_back((now + self.link.base as u64, packets));
            }
        }
        while self.feedback.front().is_some_and(|(due, _)| *due <= now) {
            let (_, packets) = self.feedback.pop_front().unwrap();
            self.estimator.on_round_trip(Duration::from_millis(2 * self.link.base as u64));
            self.estimator.on_feedback(self.now(), &packets);
        }
    }

    /// All from the last one told of to the last one that arrived.
    fn feedback_now(&mut self) -> Vec<Received> {
        let mut packets = Vec::new();
        while let Some((sequence, arrival)) = self.arrived.front().copied().filter(|(_, at)| *at <= self.ms as f64) {
            self.arrived.pop_front();
            let mut next = self.told.map_or(sequence, |told| told.wrapping_add(1));
            while next != sequence {
                packets.push(Received { sequence: next, arrival: None });
                next = next.wrapping_add(1);
            }
            let clock = 9_876_543_210.0 + arrival * 1000.0 * (1.0 + self.drift / 1e6);
            // a client's clock has steps of 250 µs
            packets.push(Received { sequence, arrival: Some((clock / 250.0) as i64 * 250) });
            self.told = Some(sequence);
        }
        packets
    }

    /// The samples between these times, s.
    pub fn between(&self, from: f64, to: f64) -> &[Sample] {
        let index = |seconds: f64| ((seconds * 100.0) as usize).min(self.samples.len());
        &self.samples[index(from)..index(to)]
    }

    /// Mean estimate between these times, bit/s.
    pub fn mean(&self, from: f64, to: f64) -> f64 {
        let samples = self.between(from, to);
        samples.iter().map(|sample| sample.estimate).sum::<f64>() / samples.len() as f64
    }

    /// Seconds from `from` until this holds.
    pub fn until(&self, from: f64, holds: impl Fn(&Sample) -> bool) -> Option<f64> {
        self.between(from, f64::MAX).iter().find(|sample| holds(sample)).map(|found| found.ms as f64 / 1000.0 - from)
    }

    /// The longest time for which the estimate was above `times` the link's rate, s.
    pub fn longest_above(&self, times: f64) -> f64 {
        let (mut longest, mut run) = (0, 0);
        for sample in &self.samples {
            run = if sample.estimate > times * self.link.rate(sample.ms) { run + 1 } else { 0 };
            longest = longest.max(run);
        }
        longest as f64 / 100.0
    }

    /// A line a second, for the eye of who looks into a failure.
    pub fn story(&self) -> String {
        let line = |s: &Sample| {
            let (at, estimate, source) = (s.ms / 1000, s.estimate / 1000.0, s.source / 1000.0);
            format!("{at:4} s: estimate {estimate:6.0} source {source:6.0} wait {:4.0} dropped {}\n", s.wait, s.dropped)
        };
        let lines: String = self.samples.iter().filter(|sample| sample.ms % 1000 == 0).map(line).collect();
        format!("{lines}probes {:?}\nswitches {:?}", self.probes, self.switches)
    }
}
