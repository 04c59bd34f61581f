//! The feeds by their ids; a feed ends with its publisher.

use super::Inner;
use crate::media::feed::Feed;
use crate::media::peer::Input;
use crate::media::{MediaEvent, MediaSink};
use crate::model::{EndReason, FeedId};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

#[derive(Default)]
pub struct Feeds {
    all: Mutex<HashMap<FeedId, Arc<Feed>>>,
}

impl Feeds {
    pub fn get(&self, id: FeedId) -> Option<Arc<Feed>> {
        self.all.lock().get(&id).cloned()
    }
}

impl Inner {
    /// A feed that tells `events` when its media has started, and who speaks.
    pub fn make_feed(&self, id: FeedId, events: &MediaSink) -> Arc<Feed> {
        let (live, voice, peers) = (events.clone(), events.clone(), Arc::downgrade(&self.peers));
        let on_live = Box::new(move |tracks| {
            let _ = live.send(MediaEvent::FeedLive { feed: id, tracks });
            peers.upgrade().iter().for_each(|peers| peers.tell_facing(id, || Input::FeedLive));
        });
        let feed = Feed::new(id, self.context.pool.clone(), self.keyframe_interval, on_live);
        feed.set_on_voice(Box::new(move |speaking| {
            let _ = voice.send(MediaEvent::Voice { feed: id, speaking });
        }));
        self.feeds.all.lock().insert(id, feed.clone());
        // Somebody may have been told to face it already.
        self.peers.tell_facing(id, || Input::Face(Some(feed.clone())));
        metrics::gauge!("media_feeds").increment(1.0);
        feed
    }

    /// Its files are finished; its subscribers are told by the caller.
    pub fn end_feed(&self, id: FeedId) {
        let feed = self.feeds.all.lock().remove(&id);
        if let Some(feed) = feed {
            metrics::gauge!("media_feeds").decrement(1.0);
            self.recorders.stop_feed(id, EndReason::FeedEnded);
            self.broadcasts.stop_feed(id, EndReason::FeedEnded);
            feed.close();
        }
    }
}
