//! A subscription: what it gets, since when, what was found out about it. Plain data; time comes in.
//!
//! Remembers which renditions could not be made for a while, and what was switched when and why.

use super::candidates::{Bar, Candidate, Taste, Way, candidates, kilo};
use super::facts::Facts;
use super::history::History;
use super::reason::{LineFacts, reason, why_not};
use super::seat::{Seat, Verdict, needs};
use super::words;
use crate::media::egress::LineReport;
use crate::model::{Codec, Explanation, FeedId, Kind, PeerId, RenditionOption, Switch, ViewLimits, Why};
use jiff::Timestamp;
use std::time::{Duration, Instant};

/// An instant on both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// For spans.
    pub at: Instant,
    /// For people.
    pub wall: Timestamp,
}

impl Moment {
    /// This one.
    pub fn now() -> Self {
        Self { at: Instant::now(), wall: Timestamp::now() }
    }
}

/// What is told when another rendition was chosen, the first one too.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Name of the former one; `None`: it is the first.
    pub from: Option<String>,
    /// What led to it.
    pub cause: Why,
    /// Name of the new one.
    pub to: String,
    /// Why nothing better.
    pub why: Why,
    /// The same in words.
    pub words: String,
}

/// A subscription.
pub struct View {
    peer: PeerId,
    feed: FeedId,
    decoders: Vec<Codec>,
    own_pictures: bool,
    /// All that it takes of the feed.
    only: Option<Kind>,
    limits: ViewLimits,
    /// The limits are others than at the last choice.
    changed: bool,
    report: LineReport,
    line: LineFacts,
    sound: u64,
    speaking: bool,
    candidates: Vec<Candidate>,
    given: Option<Way>,
    /// The name of that.
    name: String,
    since: Timestamp,
    /// Renditions that could not be made, until when they are not tried again.
    bars: Vec<(Way, Instant, Bar)>,
    second: Option<Instant>,
    history: History,
}

impl View {
    /// One that gets nothing yet.
    pub fn new(
        (peer, feed): (PeerId, FeedId),
        (decoders, own_pictures, only): (Vec<Codec>, bool, Option<Kind>),
        limits: ViewLimits,
        now: Moment,
    ) -> Self {
        Self {
            peer,
            feed,
            decoders,
            own_pictures,
            only,
            limits,
            changed: false,
            report: LineReport::default(),
            line: LineFacts::default(),
            sound: 0,
            speaking: false,
            candidates: Vec::new(),
            given: None,
            name: String::new(),
            since: now.wall,
            bars: Vec::new(),
            second: None,
            history: History::default(),
        }
    }

    /// Wants something else at most; whether that is news.
    pub fn limit(&mut self, limits: ViewLimits) -> bool {
        let news = self.limits != limits;
        self.changed |= news;
        self.limits = limits;
        news
    }

    /// What it wants at most.
    pub fn limits(&self) -> ViewLimits {
        self.limits
    }

    /// What it gets; `None`: nothing was chosen yet.
    pub fn given(&self) -> Option<&Candidate> {
        self.position().and_then(|n| self.candidates.get(n))
    }

    /// One of those that it could get, by its place.
    pub fn candidate(&self, n: usize) -> Option<&Candidate> {
        self.candidates.get(n)
    }

    /// Whether it gets this.
    pub fn gets(&self, way: &Way) -> bool {
        self.given.as_ref() == Some(way)
    }

    /// Whether nothing was chosen for it yet.
    pub fn is_new(&self) -> bool {
        self.given.is_none()
    }

    /// Whether nothing is to be sent.
    #[cfg(test)]
    pub fn is_paused(&self) -> bool {
        self.limits.paused
    }

    /// This rendition cannot be had for so long.
    pub fn bar(&mut self, way: Way, until: Instant, bar: Bar) {
        self.bars.retain(|(known, ..)| *known != way);
        self.bars.push((way, until, bar));
    }

    fn position(&self) -> Option<usize> {
        let given = self.given.as_ref()?;
        match given.has_pictures() {
            true => self.candidates.iter().position(|candidate| candidate.way == *given),
            // Sound or nothing: the last one always is.
            false => self.candidates.len().checked_sub(1),
        }
    }

    /// How things are just now: works out what it could get.
    pub fn look(&mut self, facts: &Facts, report: LineReport, speaking: bool, now: Moment) {
        let part = self.only.map(|kind| facts.only(kind));
        let facts = part.as_ref().unwrap_or(facts);
        // Who speaks comes first with its pictures.
        let speaking = speaking && self.only != Some(Kind::Audio);
        (self.report, self.speaking, self.sound) = (report, speaking, facts.sound.unwrap_or(0));
        self.bars.retain(|(_, until, _)| now.at < *until);
        let taste = Taste {
            limits: self.limits,
            decoders: &self.decoders,
            own_pictures: self.own_pictures,
            using: self.given.as_ref(),
        };
        self.candidates = candidates(facts, &taste);
        for candidate in self.candidates.iter_mut().filter(|candidate| candidate.bar.is_none()) {
            let bar = self.bars.iter().find(|(way, ..)| *way == candidate.way);
            candidate.bar = bar.map(|(_, _, bar)| bar.clone());
        }
    }

    /// As its line sees it; after `look`.
    pub fn seat(&self) -> Seat<'_> {
        Seat {
            report: &self.report,
            candidates: &self.candidates,
            current: self.position(),
            sound: if self.limits.paused { 0 } else { self.sound },
            pinned: self.limits.pinned,
            speaking: self.speaking,
            changed: self.changed,
            new: self.given.is_none(),
        }
    }

    /// What its line decided; the change, if it is one.
    pub fn take(&mut self, verdict: &Verdict, line: LineFacts, now: Moment) -> Option<Change> {
        (self.line, self.changed) = (line, false);
        let to = self.candidates.get(verdict.to)?.clone();
        if self.given.as_ref() == Some(&to.way) {
            return None;
        }
        let bar = self.given().and_then(|candidate| candidate.bar.as_ref()).map(|bar| bar.words.clone());
        let from = self.given.replace(to.way).map(|_| std::mem::take(&mut self.name));
        (self.name, self.since) = (to.rendition.name.clone(), now.wall);
        let (why, words) = reason(&self.line, self.sound, &self.candidates, verdict.to);
        if let Some(from) = from.clone() {
            let candidate = self.candidates.get(verdict.to)?;
            let words = match (bar, verdict.cause) {
                (Some(bar), _) => bar,
                // Downwards the reason why nothing better is the reason of the switch.
                (None, cause) if cause == why => words.clone(),
                (None, Why::OwnLimit) => words::OTHER_LIMITS.to_owned(),
                (None, _) => words::carried(line.budget, candidate, needs(self.sound, to.bits)),
            };
            let (at, to, why) = (now.wall, to.rendition.name.clone(), verdict.cause);
            self.history.switched(Switch { at, from, to, why, words });
        }
        Some(Change { from, cause: verdict.cause, to: to.rendition.name, why, words })
    }

    /// Keeps a sample each second.
    pub fn sample(&mut self, now: Moment) {
        if self.second.is_some_and(|last| now.at.saturating_duration_since(last) < Duration::from_millis(950)) {
            return;
        }
        self.second = Some(now.at);
        self.history.second(now.wall, self.report.estimate.map(kilo), kilo(self.report.sent), &self.name);
    }

    /// All about it; `None`: nothing was chosen yet.
    pub fn explain(&self) -> Option<Explanation> {
        let given = self.position()?;
        let (why, words) = reason(&self.line, self.sound, &self.candidates, given);
        let option = |(n, candidate): (usize, &Candidate)| RenditionOption {
            rendition: candidate.rendition.clone(),
            why_not: why_not(&self.line, self.sound, &self.candidates, n, given),
        };
        Some(Explanation {
            peer: self.peer,
            feed: self.feed,
            gets: self.candidates.get(given)?.rendition.clone(),
            since: self.since,
            why,
            words,
            estimate_kbps: self.report.estimate.map(kilo),
            sent_kbps: kilo(self.report.sent),
            limits: self.limits,
            decoders: self.decoders.clone(),
            options: self.candidates.iter().enumerate().map(option).collect(),
            switches: self.history.switches(),
            samples: self.history.samples(),
        })
    }
}
