//! One subscription as it is served: carries out what was decided for it, and sees whether it comes about.

use super::candidates::{Bar, Candidate, Way};
use super::reason::LineFacts;
use super::seat::Verdict;
use super::survey::rung;
use super::view::{Change, Moment, View};
use super::words;
use super::works::{Watcher, Works};
use crate::media::egress::{LineReport, Show};
use crate::media::feed::Feed;
use crate::media::{MediaEvent, MediaSink};
use crate::model::{FeedId, Kind, PeerId, RenditionKind, Why};
use parking_lot::Mutex;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// A rendition's first picture must come within this.
const COMES: Duration = Duration::from_secs(3);
/// What was refused is asked for again after this; the same for what failed.
const AGAIN: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(30));
/// Between two looks whether the viewer is in the mix that it watches.
const OWN_VOICE: Duration = Duration::from_secs(1);

/// A mix's sound without one member's.
pub type WithoutOwn = Box<dyn Fn(FeedId, FeedId) -> Option<Show> + Send + Sync>;

/// A rendition that was begun.
struct Begun {
    feed: Arc<Feed>,
    at: Instant,
    /// Its first picture was sent.
    came: bool,
}

/// A subscription being served.
pub struct Watching {
    /// Which.
    pub peer: PeerId,
    /// What it watches.
    pub feed: Arc<Feed>,
    /// What is told of it.
    pub view: Arc<Mutex<View>>,
    /// The viewer's own feed.
    own: Option<FeedId>,
    downlink: Weak<dyn Watcher>,
    events: MediaSink,
    /// It was sent the feed as it comes before the first choice.
    early: bool,
    begun: Option<Begun>,
    /// Whether it hears nothing.
    silent: bool,
    /// When the sound without its own voice was asked for last; `Err`: it hears it.
    others: Result<Option<Instant>, ()>,
    desire: u64,
    kind: Option<RenditionKind>,
}

impl Watching {
    /// One that gets its feed as it comes, or (not `early`) nothing yet.
    pub fn new(
        view: Arc<Mutex<View>>,
        (peer, feed, own): (PeerId, Arc<Feed>, Option<FeedId>),
        (downlink, early): (Weak<dyn Watcher>, bool),
        events: MediaSink,
    ) -> Self {
        let (begun, silent, others, desire, kind) = (None, !early, Ok(None), 0, None);
        Self { peer, feed, view, own, downlink, events, early, begun, silent, others, desire, kind }
    }

    /// How its line does.
    pub fn report(&self) -> LineReport {
        self.downlink.upgrade().map(|downlink| downlink.report()).unwrap_or_default()
    }

    /// Whether what was begun has come; what has not, or is over, is given up for a while. `flowing`: the publisher sends pictures.
    pub fn look_after(&mut self, report: &LineReport, view: &mut View, flowing: bool, now: Moment) {
        let Some(begun) = &mut self.begun else { return };
        begun.came |= report.showing == Some(begun.feed.id());
        if !flowing && !begun.came {
            begun.at = now.at;
        }
        let late = !begun.came && flowing && now.at.saturating_duration_since(begun.at) >= COMES;
        let over = begun.feed.ready().is_err() && begun.came;
        if !late && !over {
            return;
        }
        self.begun = None;
        let Some(Candidate { way, rendition, .. }) = view.given().cloned() else { return };
        let detail = if late { "no picture came within 3 s" } else { "it has ended" };
        let why = if matches!(way, Way::Layer(_)) { Why::Source } else { Why::Budget };
        tracing::warn!(peer.id = %self.peer, rendition = rendition.name, reason = detail, "rendition given up");
        view.bar(way, now.at + AGAIN.1, Bar { why, words: words::failed(&rendition.name, detail) });
    }

    /// Carries out what was decided; when that cannot be, the view is told and nothing changes.
    pub fn take(
        &mut self,
        view: &mut View,
        verdict: &Verdict,
        line: LineFacts,
        works: &dyn Works,
        now: Moment,
    ) -> Option<Change> {
        self.probe(verdict.desire);
        let candidate = view.candidate(verdict.to)?;
        if view.gets(&candidate.way) {
            return view.take(verdict, line, now);
        }
        let candidate = candidate.clone();
        match self.source(&candidate, works) {
            Ok(source) => self.show(&candidate, view.is_new(), source, now.at),
            Err(bar) => {
                tracing::info!(peer.id = %self.peer, rendition = candidate.rendition.name, reason = bar.words, "refused");
                view.bar(candidate.way, now.at + AGAIN.0, bar);
                return None;
            }
        }
        let change = view.take(verdict, line, now)?;
        self.tell(&change, candidate.rendition.kind);
        Some(change)
    }

    fn probe(&mut self, desire: u64) {
        if desire != self.desire {
            self.desire = desire;
            self.downlink.upgrade().iter().for_each(|downlink| downlink.desire(desire));
        }
    }

    /// Where its pictures come from.
    fn source(&self, candidate: &Candidate, works: &dyn Works) -> Result<Option<Show>, Bar> {
        let name = &candidate.rendition.name;
        let gone = || Bar { why: Why::Source, words: words::failed(name, "it is not there any more") };
        match &candidate.way {
            Way::Sound | Way::Nothing => Ok(None),
            Way::Source => Ok(Some(Show { feed: self.feed.clone(), keep: None })),
            Way::Layer(id) => {
                let layer = self.feed.layers().into_iter().find(|layer| layer.feed.id() == *id).ok_or_else(gone)?;
                Ok(Some(Show { feed: layer.feed, keep: None }))
            }
            Way::Made(codec, name, _) => {
                let rung = rung(&self.feed, works, name, *codec, candidate.bits).ok_or_else(gone)?;
                works.make(&self.feed, *codec, &rung).map(Some)
            }
        }
    }

    fn show(&mut self, candidate: &Candidate, first: bool, source: Option<Show>, now: Instant) {
        let Some(downlink) = self.downlink.upgrade() else { return };
        let made = source.as_ref().filter(|_| candidate.way != Way::Source);
        self.begun = made.map(|show| Begun { feed: show.feed.clone(), at: now, came: false });
        // That one it gets already.
        if !(first && self.early && candidate.way == Way::Source) {
            downlink.show(Kind::Video, source);
        }
        let silent = candidate.way == Way::Nothing;
        if silent != self.silent {
            self.silent = silent;
            self.others = Ok(None);
            downlink.show(Kind::Audio, (!silent).then(|| Show { feed: self.feed.clone(), keep: None }));
        }
    }

    /// Who watches a mix that it is in hears the others alone.
    pub fn spare_own_voice(&mut self, without: &WithoutOwn, now: Instant) {
        let (Some(own), false, Ok(asked)) = (self.own, self.silent, self.others) else { return };
        if asked.is_some_and(|asked| now.saturating_duration_since(asked) < OWN_VOICE) {
            return;
        }
        self.others = Ok(Some(now));
        if let (Some(show), Some(downlink)) = (without(self.feed.id(), own), self.downlink.upgrade()) {
            downlink.show(Kind::Audio, Some(show));
            self.others = Err(());
        }
    }

    fn tell(&mut self, change: &Change, kind: RenditionKind) {
        let Change { from, cause, to, why, words } = change;
        if let Some(from) = from {
            metrics::counter!("media_rendition_switches_total", "reason" => cause.as_str()).increment(1);
            tracing::info!(peer.id = %self.peer, from, to, reason = cause.as_str(), words, "another rendition");
        }
        self.count(Some(kind));
        let (rendition, why, words) = (to.clone(), *why, words.clone());
        let _ = self.events.send(MediaEvent::Showing { peer: self.peer, rendition, why, words });
    }

    fn count(&mut self, kind: Option<RenditionKind>) {
        let gauge = |kind: RenditionKind| metrics::gauge!("media_viewers", "rendition" => label(kind));
        self.kind.into_iter().for_each(|kind| gauge(kind).decrement(1.0));
        kind.into_iter().for_each(|kind| gauge(kind).increment(1.0));
        self.kind = kind;
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.count(None);
    }
}

fn label(kind: RenditionKind) -> &'static str {
    match kind {
        RenditionKind::Source => "source",
        RenditionKind::Layer => "layer",
        RenditionKind::Transcode => "transcode",
        RenditionKind::Sound => "sound",
        RenditionKind::Nothing => "nothing",
    }
}
