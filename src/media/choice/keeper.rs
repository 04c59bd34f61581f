//! The thread that looks at all lines ten times a second, and sleeps while nobody watches.

use super::Shared;
use super::line::Line;
use super::reason::LineFacts;
use super::seat::{Seat, Verdict};
use super::survey::Survey;
use super::view::{Moment, View};
use super::watching::{Watching, WithoutOwn};
use super::works::Works;
use crate::media::egress::LineReport;
use crate::model::{FeedId, LineId, PeerId};
use parking_lot::MutexGuard;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Between two looks.
const TICK: Duration = Duration::from_millis(100);
/// Between two looks at least, however often viewers change their minds.
const LEAST: Duration = Duration::from_millis(20);

/// A client's line and its subscriptions, in their order.
#[derive(Default)]
struct Client {
    line: Line,
    watching: Vec<Watching>,
}

/// What the thread works on.
pub struct Keeper {
    shared: Arc<Shared>,
    works: Box<dyn Works>,
    without: WithoutOwn,
    clients: HashMap<LineId, Client>,
    surveys: HashMap<FeedId, Survey>,
}

impl Keeper {
    /// Nobody yet.
    pub fn new(shared: Arc<Shared>, works: Box<dyn Works>, without: WithoutOwn) -> Self {
        Self { shared, works, without, clients: HashMap::new(), surveys: HashMap::new() }
    }

    /// Until the end.
    pub fn run(mut self) {
        while let Some((joining, leaving)) = self.shared.wait(TICK, self.clients.is_empty()) {
            for (line, watching) in joining {
                self.clients.entry(line).or_default().watching.push(watching);
            }
            leaving.into_iter().for_each(|peer| self.leave(peer));
            self.tick(Moment::now());
            std::thread::sleep(LEAST);
        }
    }

    fn leave(&mut self, peer: PeerId) {
        for client in self.clients.values_mut() {
            if let Some(n) = client.watching.iter().position(|watching| watching.peer == peer) {
                client.watching.remove(n);
                client.line.left(n);
            }
        }
        self.clients.retain(|_, client| !client.watching.is_empty());
        let watched = |feed: &FeedId| self.clients.values().flat_map(|c| &c.watching).any(|w| w.feed.id() == *feed);
        self.surveys.retain(|feed, _| watched(feed));
    }

    fn tick(&mut self, now: Moment) {
        let mut facts = HashMap::new();
        for watching in self.clients.values().flat_map(|client| &client.watching) {
            let survey = self.surveys.entry(watching.feed.id()).or_default();
            facts.entry(watching.feed.id()).or_insert_with(|| {
                let known = survey.look(&watching.feed, &*self.works, now.at);
                (known, survey.flowing, watching.feed.is_speaking())
            });
        }
        for client in self.clients.values_mut() {
            let mut reports = Vec::with_capacity(client.watching.len());
            for watching in &mut client.watching {
                let Some((facts, flowing, speaking)) = facts.get(&watching.feed.id()) else { continue };
                let report = watching.report();
                let view = watching.view.clone();
                let mut view = view.lock();
                watching.look_after(&report, &mut view, *flowing, now);
                view.look(facts, report, *speaking, now);
                watching.spare_own_voice(&self.without, now.at);
                reports.push(report);
            }
            client.decide(&reports, &*self.works, now);
        }
    }
}

impl Client {
    fn decide(&mut self, reports: &[LineReport], works: &dyn Works, now: Moment) {
        let views: Vec<_> = self.watching.iter().map(|watching| watching.view.clone()).collect();
        let mut views: Vec<MutexGuard<View>> = views.iter().map(|view| view.lock()).collect();
        let seats: Vec<Seat> = views.iter().map(|view| view.seat()).collect();
        let verdicts: Vec<Verdict> = self.line.decide(now.at, &seats);
        let line = LineFacts {
            budget: self.line.budget(),
            measured: reports.iter().any(|report| report.estimate.is_some()),
            loss: reports.iter().map(|report| report.loss).fold(0.0, f64::max),
            feeds: reports.len(),
        };
        for ((watching, view), verdict) in self.watching.iter_mut().zip(&mut views).zip(&verdicts) {
            watching.take(view, verdict, line, works, now);
            view.sample(now);
        }
    }
}
