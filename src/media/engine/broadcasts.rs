//! The broadcasts by their ids; one ends with its feed.

use super::Inner;
use crate::media::broadcast::{Broadcast, BroadcastSpec};
use crate::media::{MediaEvent, MediaSink};
use crate::model::{BroadcastId, BroadcastState, BroadcastStatus, BroadcastWish, EndReason, FeedId};
use jiff::Timestamp;
use parking_lot::{Condvar, Mutex};
use std::collections::HashMap;
use std::time::Instant;

#[derive(Default)]
pub struct Broadcasts {
    all: Mutex<HashMap<BroadcastId, (FeedId, Broadcast)>>,
    fewer: Condvar,
}

impl Broadcasts {
    fn stop_where(&self, wanted: impl Fn(BroadcastId, FeedId) -> bool, reason: EndReason) {
        let all = self.all.lock();
        let stopping = all.iter().filter(|(id, (feed, _))| wanted(**id, *feed));
        stopping.for_each(|(_, (_, broadcast))| broadcast.stop(reason));
    }

    pub fn stop(&self, broadcast: BroadcastId, reason: EndReason) {
        self.stop_where(|id, _| id == broadcast, reason);
    }
    pub fn stop_feed(&self, ended: FeedId, reason: EndReason) {
        self.stop_where(|_, feed| feed == ended, reason);
    }
    pub fn stop_all(&self, reason: EndReason) {
        self.stop_where(|_, _| true, reason);
    }

    pub fn status(&self, broadcast: BroadcastId) -> Option<BroadcastStatus> {
        self.all.lock().get(&broadcast).map(|(_, broadcast)| broadcast.status())
    }

    /// Waits until all have ended.
    pub fn wait_until(&self, end: Instant) {
        let mut all = self.all.lock();
        while !all.is_empty() && !self.fewer.wait_until(&mut all, end).timed_out() {}
    }

    fn remove(&self, broadcast: BroadcastId) {
        let _ended = self.all.lock().remove(&broadcast);
        self.fewer.notify_all();
    }
}

impl Inner {
    pub fn broadcast(
        self: &std::sync::Arc<Self>,
        id: BroadcastId,
        feed: FeedId,
        wish: BroadcastWish,
        events: &MediaSink,
    ) {
        let Some(source) = self.feeds.get(feed) else {
            return refuse(id, EndReason::FeedEnded, "the feed does not exist", events);
        };
        if self.broadcasts.all.lock().contains_key(&id) {
            return tracing::warn!(broadcast.id = %id, "this broadcast runs already");
        }
        let (inner, sink) = (std::sync::Arc::downgrade(self), events.clone());
        let on_change = move |status: BroadcastStatus| {
            let over = status.state == BroadcastState::Ended;
            let _ = sink.send(MediaEvent::BroadcastChanged { broadcast: id, status: Box::new(status) });
            if let (true, Some(inner)) = (over, inner.upgrade()) {
                inner.broadcasts.remove(id);
            }
        };
        let broadcast = Broadcast::start(BroadcastSpec {
            id,
            wish,
            feed: source,
            renditions: self.renditions.clone(),
            reach: self.reach.clone(),
            on_change: Box::new(on_change),
        });
        let mut all = self.broadcasts.all.lock();
        all.insert(id, (feed, broadcast));
        // One that cannot be read is over already, and so may be one whose feed ended meanwhile.
        if all.get(&id).is_some_and(|(_, broadcast)| broadcast.status().state == BroadcastState::Ended) {
            all.remove(&id);
        } else if self.feeds.get(feed).is_none() {
            all.iter().filter(|(known, _)| **known == id).for_each(|(_, (_, b))| b.stop(EndReason::FeedEnded));
        }
    }
}

fn refuse(broadcast: BroadcastId, reason: EndReason, why: &str, events: &MediaSink) {
    let status = BroadcastStatus {
        state: BroadcastState::Ended,
        since: Timestamp::now(),
        trouble: Some(why.into()),
        reason: Some(reason),
        ..BroadcastStatus::default()
    };
    let _ = events.send(MediaEvent::BroadcastChanged { broadcast, status: Box::new(status) });
}
