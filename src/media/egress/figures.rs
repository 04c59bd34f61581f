//! What is known of a subscriber on both sides: counted by its sending thread and by its RTCP, read by anybody.

use crate::media::feed::Feed;
use crate::model::FeedId;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// The figures.
#[derive(Debug, Default)]
pub struct Figures {
    pub packets: AtomicU64,
    pub bytes: AtomicU64,
    pub pictures: AtomicU64,
    pub retransmitted: AtomicU64,
    /// Of 256.
    pub fraction_lost: AtomicU64,
    /// Microseconds plus one; 0 while unknown.
    pub round_trip_us: AtomicU64,
    /// Bits per second over the last second: all, and without retransmissions and probes.
    pub sent_rate: AtomicU64,
    pub media_rate: AtomicU64,
    /// What the next better rendition needs, bits per second; 0: nothing more is wanted.
    pub desired: AtomicU64,
    /// What waits here, in microseconds at the pace it is sent.
    pub queued_us: AtomicU64,
    pub last_rtcp: Mutex<Option<Instant>>,
    /// The pictures' sources.
    pub pictures_of: Mutex<PicturesOf>,
}

impl Figures {
    /// `None` while unknown.
    pub fn round_trip(&self) -> Option<Duration> {
        self.round_trip_us.load(Relaxed).checked_sub(1).map(Duration::from_micros)
    }
}

/// Whose pictures a subscriber gets.
#[derive(Debug, Default)]
pub struct PicturesOf {
    showing: Option<(FeedId, Weak<Feed>)>,
    waiting: Option<(FeedId, Weak<Feed>)>,
}

impl PicturesOf {
    /// They are to be this feed's (`None`: nobody's).
    pub fn choose(&mut self, feed: Option<&Arc<Feed>>) {
        self.waiting = feed.map(|feed| (feed.id(), Arc::downgrade(feed)));
        if feed.is_none() {
            self.showing = None;
        }
    }

    /// They are this feed's now (`None`: nobody's). Another choice may wait already.
    pub fn shown(&mut self, feed: Option<&Arc<Feed>>) {
        self.showing = feed.map(|feed| (feed.id(), Arc::downgrade(feed)));
        if let Some((showing, _)) = &self.showing {
            self.waiting.take_if(|(id, _)| id == showing);
        }
    }

    /// Whose they are.
    pub fn showing(&self) -> Option<FeedId> {
        self.showing.as_ref().map(|(id, _)| *id)
    }

    /// Whose they will be.
    pub fn waiting(&self) -> Option<FeedId> {
        self.waiting.as_ref().map(|(id, _)| *id)
    }

    /// Who can repair them: the feed in use, or the awaited one.
    pub fn feed(&self) -> Option<Arc<Feed>> {
        let showing = self.showing.as_ref().map(|(_, feed)| feed);
        showing.or(self.waiting.as_ref().map(|(_, feed)| feed))?.upgrade()
    }
}
