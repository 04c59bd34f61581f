//! Mixes that are feeds: watched and broadcast like any other, ended when nobody uses them.

use super::Inner;
use crate::media::egress::Show;
use crate::media::feed::Feed;
use crate::media::mix::{Mix, MixEvent, MixSpec, Others, Target};
use crate::media::{MediaError, MediaEvent, MediaSink};
use crate::model::{EndReason, FeedId, Film, Layout, PeerId, RecordingId};
use parking_lot::{Condvar, Mutex};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::*};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::MissedTickBehavior;

/// One that nobody uses for so long ends.
const LINGER: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(500);

/// What ends a live mix.
enum Ending {
    /// Asked for.
    Close(EndReason),
    /// Its thread has ended, and why in words.
    Over(EndReason, Option<String>),
}

struct Entry {
    mix: RecordingId,
    feed: FeedId,
    others: Arc<Others>,
    endings: UnboundedSender<Ending>,
}

/// The live mixes by the peers that stand for them.
#[derive(Default)]
pub struct LiveMixes {
    all: Mutex<HashMap<PeerId, Entry>>,
    fewer: Condvar,
    /// Sounds without one member's, in all mixes.
    others: Arc<AtomicUsize>,
}

impl LiveMixes {
    /// Unknown peers are ignored.
    pub fn close(&self, peer: PeerId, reason: EndReason) {
        if let Some(entry) = self.all.lock().get(&peer) {
            let _ = entry.endings.send(Ending::Close(reason));
        }
    }

    /// Whether this feed is the mix of this name.
    pub fn is_own(&self, mix: &RecordingId, feed: FeedId) -> bool {
        self.all.lock().values().any(|entry| entry.mix == *mix && entry.feed == feed)
    }

    /// A live mix's sound without this member's: for viewers of the mix who are in it. `None`: `mix` is no live mix, `own` is
    /// not in it, or there are too many (logged); the mix's own sound serves then.
    pub fn without(&self, mix: FeedId, own: FeedId) -> Option<Show> {
        let others = self.all.lock().values().find(|entry| entry.feed == mix).map(|entry| entry.others.clone());
        others?.without(own)
    }

    /// Waits until all have ended.
    pub fn wait_until(&self, end: Instant) {
        let mut all = self.all.lock();
        while !all.is_empty() && !self.fewer.wait_until(&mut all, end).timed_out() {}
    }

    fn remove(&self, peer: PeerId) {
        self.all.lock().remove(&peer);
        self.fewer.notify_all();
    }
}

/// One live mix and who is told of it.
struct Live {
    inner: Arc<Inner>,
    peer: PeerId,
    mix: RecordingId,
    feed: Arc<Feed>,
    others: Arc<Others>,
    events: MediaSink,
}

impl Inner {
    /// `feed` begins; its members come by `mix_feed`.
    pub fn live_mix(
        self: &Arc<Self>,
        peer: PeerId,
        (mix, feed): (RecordingId, FeedId),
        layout: Layout,
        title: String,
        events: &MediaSink,
    ) {
        let taken = self.feeds.get(feed).is_some() || self.live_mixes.all.lock().contains_key(&peer);
        if taken || self.stopping.load(SeqCst) {
            let detail = format!("{feed} or {peer} exists already, or the service is stopping");
            let _ = events.send(MediaEvent::PeerEnded { peer, reason: EndReason::EngineError, detail });
            return;
        }
        let (endings, inbox) = unbounded_channel();
        let (pool, templates) = (self.context.pool.clone(), self.mixers.templates.clone());
        let others = Others::new(pool, templates, self.live_mixes.others.clone());
        let entry = Entry { mix: mix.clone(), feed, others: others.clone(), endings: endings.clone() };
        self.live_mixes.all.lock().insert(peer, entry);
        let feed = self.make_feed(feed, events);
        let live = Live { inner: self.clone(), peer, mix, feed, others, events: events.clone() };
        let begun = live.begin(layout, title, &endings);
        if let Err(error) = &begun {
            let _ = endings.send(Ending::Over(EndReason::EngineError, Some(error.to_string())));
        }
        tokio::spawn(live.run(inbox, begun.is_ok()));
    }
}

impl Live {
    fn begin(&self, layout: Layout, title: String, endings: &UnboundedSender<Ending>) -> Result<(), MediaError> {
        let (inner, mix, endings) = (Arc::downgrade(&self.inner), self.mix.clone(), endings.clone());
        let on_event = move |event| {
            let MixEvent::Ended(reason, report) = event else { return };
            if let Some(inner) = inner.upgrade() {
                inner.mixers.remove(&mix);
            }
            let _ = endings.send(Ending::Over(reason, report.detail));
        };
        let spec = MixSpec {
            recording: self.mix.clone(),
            target: Target::Feed(self.feed.clone(), self.others.clone()),
            layout: Some(layout),
            film: Film::default(),
            title,
            templates: self.inner.mixers.templates.clone(),
            events: Box::new(on_event),
        };
        self.inner.mixers.add(&self.mix, || Mix::start(spec))
    }

    /// `begun`: the mix of this name is ours, not another's.
    async fn run(self, mut inbox: UnboundedReceiver<Ending>, begun: bool) {
        let ending = tokio::select! {
            ending = inbox.recv() => ending.unwrap_or(Ending::Close(EndReason::Shutdown)),
            () = self.unused() => Ending::Over(EndReason::Unused, Some("nobody has used it for 10 s".into())),
        };
        let reason = match &ending {
            Ending::Close(reason) | Ending::Over(reason, _) => *reason,
        };
        if begun {
            self.inner.mixers.stop(&self.mix, reason);
        }
        self.inner.end_feed(self.feed.id());
        self.inner.peers.tell_subscribers(self.feed.id());
        self.inner.live_mixes.remove(self.peer);
        if let Ending::Over(reason, detail) = ending {
            let detail = detail.unwrap_or_default();
            tracing::info!(peer.id = %self.peer, %reason, detail, "live mix ended");
            let _ = self.events.send(MediaEvent::PeerEnded { peer: self.peer, reason, detail });
        }
    }

    /// Returns when nobody has used it for a while.
    async fn unused(&self) {
        let mut used = tokio::time::Instant::now();
        let mut ticks = tokio::time::interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while used.elapsed() < LINGER {
            ticks.tick().await;
            // A member who only listens takes nothing of the mix's own feed.
            if self.feed.users() + self.others.users() > 0 {
                used = tokio::time::Instant::now();
            }
        }
    }
}

#[cfg(test)]
#[path = "live_mixes/tests.rs"]
mod tests;
