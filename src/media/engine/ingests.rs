//! The sources by their ids, and their tasks.

use super::Inner;
use crate::config::Ingests as Settings;
use crate::media::camera::{self, Board, Input, Job};
use crate::media::{MediaEvent, MediaSink};
use crate::model::{EndReason, FeedId, IngestStatus, IngestWish, PeerId};
use parking_lot::{Condvar, Mutex};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::*;
use std::time::Instant;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

pub struct Ingests {
    settings: Settings,
    all: Mutex<HashMap<PeerId, Entry>>,
    fewer: Condvar,
}

struct Entry {
    feed: FeedId,
    mailbox: UnboundedSender<Input>,
    board: Arc<Board>,
}

/// A source's ways to the outside.
struct Place {
    mailbox: UnboundedSender<Input>,
    inbox: UnboundedReceiver<Input>,
    board: Arc<Board>,
}

impl Ingests {
    pub fn new(settings: Settings) -> Self {
        Self { settings, all: Mutex::default(), fewer: Condvar::new() }
    }

    /// A place for a new source; `None` when the id is taken.
    fn add(&self, id: PeerId, feed: FeedId, wish: &IngestWish, events: &MediaSink) -> Option<Place> {
        let mut all = self.all.lock();
        if all.contains_key(&id) {
            return None;
        }
        let (mailbox, inbox) = unbounded_channel();
        let board = Arc::new(Board::new(id, wish, events.clone()));
        all.insert(id, Entry { feed, mailbox: mailbox.clone(), board: board.clone() });
        Some(Place { mailbox, inbox, board })
    }

    fn remove(&self, id: PeerId) {
        let _entry = self.all.lock().remove(&id);
        self.fewer.notify_all();
    }

    /// Unknown ones are ignored: requests and endings cross.
    pub fn tell(&self, id: PeerId, input: Input) {
        if let Some(entry) = self.all.lock().get(&id) {
            let _ = entry.mailbox.send(input);
        }
    }

    pub fn tell_all(&self, input: impl Fn() -> Input) {
        self.all.lock().values().for_each(|entry| drop(entry.mailbox.send(input())));
    }

    pub fn status(&self, id: PeerId) -> Option<IngestStatus> {
        self.all.lock().get(&id).map(|entry| entry.board.status())
    }

    /// A source's feed, and its graph when it is open.
    pub fn graph(&self, id: PeerId) -> Option<(FeedId, String)> {
        let all = self.all.lock();
        let entry = all.get(&id)?;
        Some((entry.feed, entry.board.graph()?))
    }

    /// Waits for all to be gone; returns how many are not.
    pub fn wait_until(&self, end: Instant) -> usize {
        let mut all = self.all.lock();
        while !all.is_empty() && !self.fewer.wait_until(&mut all, end).timed_out() {}
        all.len()
    }
}

impl Inner {
    /// Opens a source; its feed is there at once, live with the first media.
    pub fn ingest(self: &Arc<Self>, id: PeerId, feed: FeedId, wish: IngestWish, events: &MediaSink) {
        let place = if self.stopping.load(SeqCst) { None } else { self.ingests.add(id, feed, &wish, events) };
        let Some(Place { mailbox, inbox, board }) = place else {
            let detail = "this source exists already, or the service is stopping".into();
            let _ = events.send(MediaEvent::PeerEnded { peer: id, reason: EndReason::EngineError, detail });
            return;
        };
        let (settings, reach) = (self.ingests.settings.clone(), self.reach.clone());
        let (name, feed) = (format!("ingest-{}", id.0), self.make_feed(feed, events));
        let job = Job { name, feed: feed.clone(), wish, reach, settings, board, mailbox, inbox };
        let (inner, events) = (self.clone(), events.clone());
        tokio::spawn(async move {
            let ending = camera::run(job).await;
            inner.end_feed(feed.id());
            inner.peers.tell_subscribers(feed.id());
            inner.ingests.remove(id);
            if let Some((reason, detail)) = ending {
                let _ = events.send(MediaEvent::PeerEnded { peer: id, reason, detail });
            }
        });
    }
}
