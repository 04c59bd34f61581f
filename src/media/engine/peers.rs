//! The peers by their ids, and their tasks.

use super::Inner;
use super::graph::Direction;
use crate::media::feed::Feed;
use crate::media::peer::subscriber::Opening;
use crate::media::peer::{self, Ending, Input, Leg, Peer};
use crate::media::{MediaError, MediaEvent, MediaSink, Viewer};
use crate::model::{Content, EndReason, FeedId, PeerId, Sdp, ViewLimits};
use parking_lot::{Condvar, Mutex};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::*;
use std::time::Instant;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

#[derive(Default)]
pub struct Peers {
    all: Mutex<HashMap<PeerId, Entry>>,
    fewer: Condvar,
}

struct Entry {
    mailbox: UnboundedSender<Input>,
    current: Arc<Mutex<Option<Arc<Leg>>>>,
    link: Direction,
}

impl Peers {
    /// A new peer; `None` when the id is taken.
    pub fn add(&self, id: PeerId, link: Direction, events: &MediaSink) -> Option<Peer> {
        let mut all = self.all.lock();
        if all.contains_key(&id) {
            return None;
        }
        let (mailbox, inbox) = unbounded_channel();
        let current = Arc::new(Mutex::new(None));
        all.insert(id, Entry { mailbox: mailbox.clone(), current: current.clone(), link });
        metrics::gauge!("media_peers", "kind" => link.kind()).increment(1.0);
        Some(Peer { id, events: events.clone(), mailbox, inbox, current })
    }

    fn remove(&self, id: PeerId) {
        if let Some(entry) = self.all.lock().remove(&id) {
            metrics::gauge!("media_peers", "kind" => entry.link.kind()).decrement(1.0);
        }
        self.fewer.notify_all();
    }

    /// Unknown peers are ignored: requests and endings cross.
    pub fn tell(&self, id: PeerId, input: Input) {
        if let Some(entry) = self.all.lock().get(&id) {
            let _ = entry.mailbox.send(input);
        }
    }

    pub fn tell_all(&self, input: impl Fn() -> Input) {
        self.all.lock().values().for_each(|entry| drop(entry.mailbox.send(input())));
    }

    /// The feed is over.
    pub fn tell_subscribers(&self, feed: FeedId) {
        let all = self.all.lock();
        let subscribers = all.values().filter(|entry| entry.link.gets() == Some(feed));
        subscribers.for_each(|entry| drop(entry.mailbox.send(Input::FeedEnded)));
    }

    /// Those who get this feed, or will.
    pub fn tell_facing(&self, feed: FeedId, input: impl Fn() -> Input) {
        let all = self.all.lock();
        let facing = all.values().filter(|entry| entry.link.gets() == Some(feed));
        facing.for_each(|entry| drop(entry.mailbox.send(input())));
    }

    /// Notes whom a conversing peer faces; `false`: there is no such peer.
    fn face(&self, id: PeerId, feed: Option<FeedId>) -> bool {
        match self.all.lock().get_mut(&id).map(|entry| &mut entry.link) {
            Some(Direction::Both(_, faced)) => {
                *faced = feed;
                true
            }
            _ => false,
        }
    }

    /// The leg in use; the outer `None` when there is no such peer.
    pub fn leg(&self, id: PeerId) -> Option<Option<Arc<Leg>>> {
        self.all.lock().get(&id).map(|entry| entry.current.lock().clone())
    }

    /// Which feed it serves, and how.
    pub fn link(&self, id: PeerId) -> Option<Direction> {
        self.all.lock().get(&id).map(|entry| entry.link)
    }

    /// Waits for all to be gone; returns how many are not.
    pub fn wait_until(&self, end: Instant) -> usize {
        let mut all = self.all.lock();
        while !all.is_empty() {
            if self.fewer.wait_until(&mut all, end).timed_out() {
                break;
            }
        }
        all.len()
    }
}

impl Inner {
    pub fn publish(self: &Arc<Self>, id: PeerId, (feed, content): (FeedId, Content), offer: Sdp, events: &MediaSink) {
        let Some(peer) = self.new_publisher(id, Direction::Into(feed), events) else { return };
        let feed = self.make_feed(feed, events);
        feed.set_content(content);
        let inner = self.clone();
        tokio::spawn(async move {
            let ending = peer::publisher::run(inner.context.clone(), peer, feed.clone(), offer).await;
            inner.published(&feed, id, ending);
        });
    }

    /// A new peer that publishes; refused when there cannot be one.
    pub fn new_publisher(&self, id: PeerId, link: Direction, events: &MediaSink) -> Option<Peer> {
        let peer = if self.stopping.load(SeqCst) { None } else { self.peers.add(id, link, events) };
        if peer.is_none() {
            let error = MediaError::NotReady("this peer exists already, or the service is stopping".into());
            let _ = events.send(MediaEvent::PublishRefused { peer: id, error });
        }
        peer
    }

    /// A publisher has ended, and its feed with it.
    pub fn published(&self, feed: &Feed, id: PeerId, ending: Ending) {
        self.end_feed(feed.id());
        self.peers.tell_subscribers(feed.id());
        self.ended(id, ending);
    }

    pub fn subscribe(self: &Arc<Self>, id: PeerId, (feed, viewer): (FeedId, Viewer), events: &MediaSink) {
        let found = self.feeds.get(feed).filter(|_| !self.stopping.load(SeqCst));
        let made = found.and_then(|found| self.peers.add(id, Direction::From(feed), events).map(|peer| (found, peer)));
        let Some((feed, peer)) = made else {
            let detail = format!("{feed} does not exist, or {id} does already");
            let _ = events.send(MediaEvent::PeerEnded { peer: id, reason: EndReason::FeedEnded, detail });
            return;
        };
        let inner = self.clone();
        tokio::spawn(async move {
            let ending = peer::subscriber::run(inner.context.clone(), peer, (feed, viewer), Opening::Ours).await;
            inner.ended(id, ending);
        });
    }

    /// By the client's offer; a further one of a running peer is that peer's.
    pub fn subscribe_with(
        self: &Arc<Self>,
        id: PeerId,
        (feed, viewer): (FeedId, Viewer),
        offer: Sdp,
        events: &MediaSink,
    ) {
        if self.peers.link(id) == Some(Direction::From(feed)) {
            return self.peers.tell(id, Input::Republish(offer));
        }
        let found = self.feeds.get(feed).filter(|_| !self.stopping.load(SeqCst));
        let made = found.and_then(|found| self.peers.add(id, Direction::From(feed), events).map(|peer| (found, peer)));
        let Some((feed, peer)) = made else {
            let error = MediaError::NotReady(format!("{feed} does not exist, or {id} does already"));
            let _ = events.send(MediaEvent::SubscribeRefused { peer: id, error });
            return;
        };
        let inner = self.clone();
        tokio::spawn(async move {
            let opening = Opening::Theirs(offer);
            let ending = peer::subscriber::run(inner.context.clone(), peer, (feed, viewer), opening).await;
            inner.ended(id, ending);
        });
    }

    /// A publisher that receives on the same peer connection.
    pub fn converse(
        self: &Arc<Self>,
        id: PeerId,
        (feed, viewer): (FeedId, Viewer),
        offer: Option<Sdp>,
        events: &MediaSink,
    ) {
        let Some(peer) = self.new_publisher(id, Direction::Both(feed, None), events) else { return };
        let feed = self.make_feed(feed, events);
        let inner = self.clone();
        tokio::spawn(async move {
            let ending = peer::conversing::run(inner.context.clone(), peer, (feed.clone(), viewer), offer).await;
            inner.published(&feed, id, ending);
        });
    }

    /// What a conversing peer gets: from now on, or once it is there.
    pub fn face(&self, id: PeerId, feed: Option<FeedId>) {
        if self.peers.face(id, feed) {
            self.peers.tell(id, Input::Face(feed.and_then(|feed| self.feeds.get(feed))));
        }
    }

    /// What a subscription wants at most; it need not be connected yet.
    pub fn limit(&self, id: PeerId, limits: ViewLimits) {
        if matches!(self.peers.link(id), Some(Direction::From(_) | Direction::Both(..))) {
            self.context.choices.limit(id, limits);
        }
    }

    pub fn ended(&self, id: PeerId, ending: Ending) {
        self.peers.remove(id);
        self.context.choices.forget(id);
        match ending {
            Some((reason, detail)) => {
                metrics::counter!("media_peers_ended_total", "reason" => reason.as_str()).increment(1);
                match reason.is_failure() {
                    true => tracing::warn!(peer.id = %id, %reason, detail, "peer ended"),
                    false => tracing::info!(peer.id = %id, %reason, detail, "peer ended"),
                }
            }
            None => tracing::debug!(peer.id = %id, "peer closed"),
        }
    }
}
