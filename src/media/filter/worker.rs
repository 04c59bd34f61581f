//! A filter's thread: the publisher's packets, in order, to its pipeline.
//!
//! Decides when a filter is given up: its pipeline fails, nothing comes out, or it is too slow again and again.

use super::chain::{self, Output};
use super::times::Times;
use super::{Running, Tell, codes};
use crate::media::MediaError;
use crate::media::branch::{Ordered, Timed};
use crate::media::feed::{Feed, SourceTrack, Stage, TapItem};
use crate::media::outlet::{Chain, Gate};
use crate::media::rendition::{Effort, Renditions};
use crate::model::{Codec, FilterWish, Kind};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// Packets that may wait: some seconds of video.
const TAP_CAPACITY: usize = 4096;
/// Whether it is still wanted is looked at so often, when no packet comes.
const LOOK: Duration = Duration::from_millis(50);
/// Something must come out so long after something went in.
const PATIENCE: Duration = Duration::from_secs(8);
/// It is too slow when it was that so often within this.
const OVERLOADS: usize = 4;
const OVERLOAD_SPAN: Duration = Duration::from_secs(30);
/// What it made is carried so long after its removal, while the publisher's keyframe is waited for.
const FAREWELL: Duration = Duration::from_secs(3);
const ACCOUNT: Duration = Duration::from_secs(1);

/// Why its thread ended.
pub(super) enum Ended {
    /// The feed is over, or it was removed.
    Quietly,
    /// It failed: a word, and more of them.
    Failed(&'static str, String),
}

pub(super) struct Worker {
    feed: Weak<Feed>,
    running: Arc<Running>,
    renditions: Arc<Renditions>,
    tell: Tell,
    codec: Codec,
    /// `None`: it only looks.
    stage: Option<Arc<Stage>>,
    /// What it works on.
    source: Weak<Feed>,
    packets: Receiver<TapItem>,
    ordered: Ordered,
    chain: Option<Chain>,
    gate: Gate,
    times: Times,
    fresh: Arc<AtomicBool>,
    /// Since when something went in and nothing came out.
    waits: Option<Instant>,
    slow: VecDeque<Instant>,
    removed: Option<Instant>,
    accounted: Instant,
    effort: Effort,
}

impl Worker {
    /// Of this feed; takes the packets from now on.
    pub(super) fn new(
        feed: &Arc<Feed>,
        running: &Arc<Running>,
        (codec, renditions): (Codec, Arc<Renditions>),
        tell: Tell,
    ) -> Result<Self, MediaError> {
        let stage = match &*running.wish.lock() {
            FilterWish::Elements(_) => Some(feed.staged(running.kind)?),
            FilterWish::Codes => None,
        };
        let source = stage.as_ref().map_or(feed, |stage| stage.raw());
        let now = Instant::now();
        Ok(Self {
            feed: Arc::downgrade(feed),
            running: running.clone(),
            renditions,
            tell,
            codec,
            packets: source.tap(TAP_CAPACITY, Duration::ZERO),
            ordered: Ordered::new(of(codec, source.tracks())),
            source: Arc::downgrade(source),
            stage,
            chain: None,
            gate: Gate::new(now),
            times: Times::new(codec.clock_rate()),
            fresh: Arc::default(),
            waits: None,
            slow: VecDeque::new(),
            removed: None,
            accounted: now,
            effort: Effort::default(),
        })
    }

    /// Until the feed ends, it is removed, or it fails.
    pub(super) fn run(mut self) -> Ended {
        let ended = self.work();
        if let (Ended::Failed(..), Some(stage)) = (&ended, &self.stage)
            && !self.running.is_removed()
        {
            stage.give_back();
        }
        self.chain = None;
        ended
    }

    fn work(&mut self) -> Ended {
        loop {
            let now = Instant::now();
            match self.take() {
                Ok(true) => {}
                Ok(false) => return Ended::Quietly,
                Err(ended) => return ended,
            }
            if self.is_over(now) {
                return Ended::Quietly;
            }
            while let Some(timed) = self.ordered.pop(now) {
                if let Err(error) = self.on_packet(&timed, now) {
                    return Ended::Failed("start", error.to_string());
                }
            }
            if self.codec.kind() == Kind::Video && self.gate.asks(now) {
                self.source.upgrade().iter().for_each(|source| source.request_keyframe());
            }
            self.account(now);
            if let Some((reason, why)) = self.trouble(now) {
                return Ended::Failed(reason, why);
            }
        }
    }

    /// What has come, after waiting for it a little; `false`: the feed is over.
    fn take(&mut self) -> Result<bool, Ended> {
        let mut next = self.packets.recv_timeout(LOOK);
        loop {
            match next {
                Ok(TapItem::Ended) | Err(RecvTimeoutError::Disconnected) => return Ok(false),
                Err(RecvTimeoutError::Timeout) => return Ok(true),
                Ok(TapItem::TracksChanged(tracks)) => {
                    let tracks = of(self.codec, tracks);
                    if tracks.is_empty() {
                        return Err(Ended::Failed("codec", "the publisher sends another codec now".into()));
                    }
                    self.restart(Instant::now());
                    self.ordered.change(&tracks);
                }
                Ok(item) => self.ordered.take(&item),
            }
            next = self.packets.try_recv().map_err(|error| match error {
                TryRecvError::Empty => RecvTimeoutError::Timeout,
                TryRecvError::Disconnected => RecvTimeoutError::Disconnected,
            });
        }
    }

    /// It was removed, and what it made is not carried any more.
    fn is_over(&mut self, now: Instant) -> bool {
        if !self.running.is_removed() {
            return false;
        }
        let since = *self.removed.get_or_insert(now);
        let carried = self.stage.as_ref().is_some_and(|stage| stage.is_filtered());
        !carried || now.saturating_duration_since(since) > FAREWELL
    }

    fn on_packet(&mut self, timed: &Timed, now: Instant) -> Result<(), MediaError> {
        let packet = &timed.packet;
        if packet.codec != self.codec {
            return Ok(());
        }
        if !self.times.goes_on(packet.timestamp) {
            self.restart(now);
        }
        if self.codec.kind() == Kind::Video && !self.gate.lets(timed) {
            self.chain.iter_mut().for_each(Chain::lose);
            return Ok(());
        }
        if self.chain.is_none() {
            self.chain = self.start()?;
        }
        let at = self.times.at(packet.timestamp);
        if self.chain.as_mut().is_some_and(|chain| chain.push(timed, at)) {
            self.waits.get_or_insert(now);
        } else {
            self.slow.push_back(now);
            self.gate.freeze(packet.at);
        }
        Ok(())
    }

    /// Another clock, or other parameters: another pipeline.
    fn restart(&mut self, now: Instant) {
        self.chain = None;
        self.waits = None;
        self.times = Times::new(self.codec.clock_rate());
        self.gate.restart(now);
    }

    fn start(&self) -> Result<Option<Chain>, MediaError> {
        let tracks = self.source.upgrade().map(|source| of(self.codec, source.tracks())).unwrap_or_default();
        let Some(track) = tracks.first() else { return Ok(None) };
        let made = match &self.stage {
            // A removed one begins nothing anew.
            Some(_) if self.running.is_removed() => return Ok(None),
            Some(stage) => {
                let output = Output { feed: self.feed.clone(), stage: stage.clone(), fresh: self.fresh.clone() };
                chain::start(track, &self.running, &self.renditions, output)
            }
            None => codes::start(track, &self.running, &self.renditions, (self.fresh.clone(), self.tell.clone())),
        };
        made.map(Some)
    }

    fn trouble(&mut self, now: Instant) -> Option<(&'static str, String)> {
        if let Some(why) = self.chain.as_ref().and_then(|chain| chain.failure()) {
            return Some(("element", why.to_owned()));
        }
        if self.fresh.swap(false, Ordering::SeqCst) {
            self.waits = None;
        }
        if self.waits.is_some_and(|since| now.saturating_duration_since(since) > PATIENCE) {
            return Some(("silent", format!("nothing came out of it for {} s", PATIENCE.as_secs())));
        }
        self.slow.retain(|at| now.saturating_duration_since(*at) < OVERLOAD_SPAN);
        let layered = self.stage.is_some() && self.feed.upgrade().is_some_and(|feed| feed.best_layer().is_some());
        if layered {
            return Some(("layers", "the publisher sends several sizes at once now".into()));
        }
        (self.slow.len() >= OVERLOADS).then(|| ("overload", "it takes more computing time than there is".into()))
    }

    /// What it costs, once a second.
    fn account(&mut self, now: Instant) {
        self.effort.add(&self.running.reserved);
        if now.saturating_duration_since(self.accounted) >= ACCOUNT {
            self.accounted = now;
            self.running.reserved.account(now);
        }
    }
}

/// The track of this codec.
fn of(codec: Codec, mut tracks: Vec<SourceTrack>) -> Vec<SourceTrack> {
    tracks.retain(|track| track.codec == codec);
    tracks
}
