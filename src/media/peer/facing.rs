//! What a peer gets that was answered before it was known what: whom it faces, remembered until it is connected and the
//! feed has tracks, and its place among the viewers whose renditions are chosen. Until then it counts as one who waits for
//! the feed. Leaves the connection to `conversing` and `subscriber`.

use super::subscriber::decoders;
use crate::media::choice::{Choices, Chosen, Joining, Watcher};
use crate::media::egress::{Downlink, LineReport, Show};
use crate::media::feed::{Expected, Feed};
use crate::media::sdp::Receiving;
use crate::media::{MediaSink, Viewer};
use crate::model::{FeedId, Kind, PeerId};
use parking_lot::Mutex;
use std::sync::{Arc, Weak};

/// Such a peer's view.
pub struct Facing {
    peer: PeerId,
    viewer: Viewer,
    events: MediaSink,
    choices: Arc<Choices>,
    wanted: Option<Arc<Feed>>,
    /// While it is not shown.
    waits: Option<Expected>,
    /// From the connection on.
    way: Option<(Weak<Downlink>, Receiving)>,
    shown: Option<Shown>,
}

/// A feed that is being sent.
struct Shown {
    feed: FeedId,
    own_pictures: bool,
    seat: Arc<Seat>,
    _chosen: Chosen,
}

/// The downlink as the choice for one feed sees it. Once closed nothing that was chosen for that feed is shown, not even
/// what is being carried out just then.
struct Seat {
    downlink: Weak<Downlink>,
    open: Mutex<bool>,
}

impl Facing {
    /// Of a peer that faces nobody and is not connected.
    pub fn new(peer: PeerId, viewer: Viewer, events: MediaSink, choices: Arc<Choices>) -> Self {
        Self { peer, viewer, events, choices, wanted: None, waits: None, way: None, shown: None }
    }

    /// This feed from now on, as soon as it has tracks.
    pub fn face(&mut self, feed: Option<Arc<Feed>>) {
        self.waits = feed.as_ref().map(|feed| feed.expect());
        self.wanted = feed;
        self.look();
    }

    /// There is a way to the peer; the former one is over.
    pub fn connect(&mut self, downlink: &Arc<Downlink>, receiving: Receiving) {
        self.shown = None;
        self.way = Some((Arc::downgrade(downlink), receiving));
        self.look();
    }

    /// There is no way to the peer any more.
    pub fn disconnect(&mut self) {
        (self.shown, self.way) = (None, None);
    }

    /// The peer misses pictures.
    pub fn request_keyframe(&self) {
        self.wanted.iter().for_each(|feed| feed.request_keyframe());
    }

    /// Brings about what is wanted; again whenever the feed's tracks may be others.
    pub fn look(&mut self) {
        let Some((Some(downlink), receiving)) = self.way.as_ref().map(|(way, of)| (way.upgrade(), of)) else { return };
        let ready = self.wanted.as_ref().filter(|feed| feed.ready().is_ok());
        let wanted = ready.map(|feed| (feed.clone(), receiving.takes_pictures(&feed.tracks())));
        let is = |shown: &Shown| {
            wanted.as_ref().is_some_and(|(feed, own)| (shown.feed, shown.own_pictures) == (feed.id(), *own))
        };
        if self.shown.as_ref().is_some_and(is) {
            self.waits = None;
            return;
        }
        // Before the next takes its place.
        self.shown = None;
        match wanted {
            Some((feed, own_pictures)) => self.begin(&downlink, feed, own_pictures),
            None => [Kind::Audio, Kind::Video].into_iter().for_each(|kind| downlink.show(kind, None)),
        }
    }

    fn begin(&mut self, downlink: &Arc<Downlink>, feed: Arc<Feed>, own_pictures: bool) {
        let Some((_, receiving)) = &self.way else { return };
        downlink.show_all(&feed);
        if !own_pictures {
            // A rendition that it can decode comes with the first choice.
            downlink.show(Kind::Video, None);
        }
        let seat = Arc::new(Seat { downlink: Arc::downgrade(downlink), open: Mutex::new(true) });
        let watcher: Arc<dyn Watcher> = seat.clone();
        let chosen = self.choices.add(Joining {
            peer: self.peer,
            viewer: self.viewer,
            feed: feed.clone(),
            downlink: Arc::downgrade(&watcher),
            begun: true,
            only: None,
            decoders: decoders(&receiving.streams),
            own_pictures,
            events: self.events.clone(),
        });
        self.shown = Some(Shown { feed: feed.id(), own_pictures, seat, _chosen: chosen });
        self.waits = None;
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        let mut open = self.seat.open.lock();
        if let Some(downlink) = self.seat.downlink.upgrade() {
            downlink.desire(0);
        }
        *open = false;
    }
}

impl Watcher for Seat {
    fn report(&self) -> LineReport {
        self.way(|downlink| downlink.report()).unwrap_or_default()
    }

    fn show(&self, kind: Kind, source: Option<Show>) {
        self.way(|downlink| downlink.show(kind, source));
    }

    fn desire(&self, bits: u64) {
        self.way(|downlink| downlink.desire(bits));
    }
}

impl Seat {
    /// The downlink while the seat is open. It is let go before the seat can be closed: whoever ends a downlink waits for
    /// that, and must be the last to hold it.
    fn way<T>(&self, use_it: impl FnOnce(&Downlink) -> T) -> Option<T> {
        let open = self.open.lock();
        let downlink = self.downlink.upgrade().filter(|_| *open)?;
        let used = use_it(&downlink);
        drop(downlink);
        Some(used)
    }
}
