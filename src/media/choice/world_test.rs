//! A scripted world for the tests of the choice: a client's line with a capacity, estimators that behave as ours do, a
//! virtual clock.

use super::candidates::{Bar, Way};
use super::facts::{Facts, Picture, Step};
use super::line::Line;
use super::reason::LineFacts;
use super::seat::{Seat, Verdict};
use super::view::{Moment, View};
use crate::media::egress::LineReport;
use crate::model::{Codec, Explanation, FeedId, PeerId, ViewLimits};
use jiff::Timestamp;
use std::time::{Duration, Instant};

pub const TICK: Duration = Duration::from_millis(100);

/// 720p at so many kbit/s with 40 of sound, and the ladder.
pub fn feed(kilo: u64) -> Facts {
    let step = |name: &str, height, kilo: u64| Step {
        name: name.into(),
        height: Some(height),
        framerate: None,
        bits: kilo * 1000,
        runs: Vec::new(),
    };
    let picture =
        Picture { codec: Some(Codec::Vp8), size: Some((1280, 720)), framerate: Some(30.0), bits: kilo * 1000 };
    Facts {
        sound: Some(40_000),
        picture: Some(picture),
        layers: Vec::new(),
        ladder: vec![step("720p", 720, 1200), step("360p", 360, 400), step("180p", 180, 120)],
    }
}

pub struct Viewer {
    pub view: View,
    pub facts: Facts,
    pub speaking: bool,
    estimate: Option<u64>,
    desire: u64,
    pub switches: usize,
}

pub struct World {
    pub viewers: Vec<Viewer>,
    /// Kilobits per second.
    pub capacity: u64,
    /// Whether the viewers give feedback.
    pub feedback: bool,
    /// Lost whatever is sent.
    pub loss: f64,
    line: Line,
    start: Instant,
    pub ticks: u32,
}

impl World {
    pub fn new(capacity: u64) -> Self {
        let (viewers, feedback, loss) = (Vec::new(), true, 0.0);
        Self { viewers, capacity, feedback, loss, line: Line::default(), start: Instant::now(), ticks: 0 }
    }

    pub fn moment(&self) -> Moment {
        let wall = Timestamp::UNIX_EPOCH + TICK * self.ticks;
        Moment { at: self.start + TICK * self.ticks, wall }
    }

    pub fn join(&mut self, facts: Facts) -> usize {
        self.join_with(facts, vec![Codec::Vp8, Codec::H264])
    }

    pub fn join_with(&mut self, facts: Facts, decoders: Vec<Codec>) -> usize {
        let id = self.viewers.len() as u64 + 1;
        let view = View::new((PeerId(id), FeedId(id)), (decoders, true, None), ViewLimits::default(), self.moment());
        self.viewers.push(Viewer { view, facts, speaking: false, estimate: None, desire: 0, switches: 0 });
        self.viewers.len() - 1
    }

    pub fn bar(&mut self, n: usize, way: Way, seconds: u64, bar: Bar) {
        let until = self.moment().at + Duration::from_secs(seconds);
        self.viewers[n].view.bar(way, until, bar);
    }

    /// What one sends when nothing holds it.
    fn wants(viewer: &Viewer) -> u64 {
        let paused = viewer.view.is_paused();
        let sound = if paused { 0 } else { viewer.facts.sound.unwrap_or(0) };
        match viewer.view.given() {
            Some(candidate) => sound + candidate.bits,
            None => 0,
        }
    }

    fn reports(&mut self) -> Vec<LineReport> {
        let capacity = self.capacity * 1000;
        let all: u64 = self.viewers.iter().map(Self::wants).sum();
        let over = all > capacity;
        let (feedback, loss) = (self.feedback, self.loss);
        let report = |viewer: &mut Viewer| {
            let wants = Self::wants(viewer);
            let sent = if over { wants * capacity / all } else { wants };
            let room = capacity.saturating_sub(all - wants);
            let estimate = viewer.estimate.get_or_insert(300_000);
            *estimate = match over {
                true => (*estimate).min(sent * 9 / 10),
                // What is sent is carried; more shows by probing alone.
                false if viewer.desire > *estimate => (*estimate * 108 / 100).min(room),
                false => (*estimate).max((sent * 5 / 4).min(room)).min(room),
            };
            let estimate = *estimate;
            LineReport {
                estimate: feedback.then_some(estimate),
                limited_by_application: !over && sent * 3 < estimate * 2,
                sent,
                media: sent,
                loss: if over { 1.0 - capacity as f64 / all as f64 } else { 0.0 } + loss,
                queued: if over { Duration::from_millis(200) } else { Duration::ZERO },
                ..LineReport::default()
            }
        };
        self.viewers.iter_mut().map(report).collect()
    }

    pub fn tick(&mut self) {
        let reports = self.reports();
        self.ticks += 1;
        let now = self.moment();
        for (viewer, report) in self.viewers.iter_mut().zip(&reports) {
            viewer.view.look(&viewer.facts, *report, viewer.speaking, now);
        }
        let seats: Vec<Seat> = self.viewers.iter().map(|viewer| viewer.view.seat()).collect();
        let verdicts: Vec<Verdict> = self.line.decide(now.at, &seats);
        let loss = reports.iter().map(|report| report.loss).fold(0.0, f64::max);
        let feeds = self.viewers.len();
        let line = LineFacts { budget: self.line.budget(), measured: self.feedback, loss, feeds };
        for (viewer, verdict) in self.viewers.iter_mut().zip(&verdicts) {
            viewer.desire = verdict.desire;
            let change = viewer.view.take(verdict, line, now);
            viewer.switches += usize::from(change.is_some_and(|change| change.from.is_some()));
            viewer.view.sample(now);
        }
    }

    pub fn run(&mut self, seconds: f64) {
        (0..(seconds * 10.0) as u32).for_each(|_| self.tick());
    }

    /// How many seconds until this one gets that; fails after `most`.
    pub fn until(&mut self, n: usize, name: &str, most: f64) -> f64 {
        let from = self.ticks;
        while self.gets(n) != name {
            self.tick();
            let seconds = f64::from(self.ticks - from) / 10.0;
            assert!(seconds <= most, "{name} did not come: {:?}", self.explain(n));
        }
        f64::from(self.ticks - from) / 10.0
    }

    pub fn gets(&self, n: usize) -> String {
        self.viewers[n].view.given().map(|candidate| candidate.rendition.name.clone()).unwrap_or_default()
    }

    pub fn all(&self) -> Vec<String> {
        (0..self.viewers.len()).map(|n| self.gets(n)).collect()
    }

    pub fn explain(&self, n: usize) -> Explanation {
        self.viewers[n].view.explain().unwrap()
    }

    pub fn limit(&mut self, n: usize, limits: ViewLimits) {
        self.viewers[n].view.limit(limits);
    }
}
