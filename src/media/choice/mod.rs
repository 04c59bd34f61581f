//! Which rendition of a feed each viewer gets, and why.
//!
//! The core is pure: `facts` of a feed become `candidates` for a viewer, `line` decides when and `share` how much of a client's
//! line each of its subscriptions gets, `reason` and `words` say why, `view` keeps what a subscription was given. Around
//! it, `keeper` is the one thread, `survey` reads feeds, `watching` carries out. Leaves how packets are switched to `egress`,
//! what a line carries to its estimator, and how renditions are made to `rendition`.

mod budget;
mod candidates;
mod facts;
mod held;
mod history;
mod keeper;
mod line;
mod reason;
mod seat;
mod share;
mod signs;
mod survey;
mod view;
mod watching;
mod words;
mod works;

pub use watching::WithoutOwn;
pub use works::{Watcher, Works};

use super::MediaSink;
use super::feed::Feed;
use crate::media::Viewer;
use crate::model::{Codec, Explanation, Kind, LineId, PeerId, ViewLimits};
use keeper::Keeper;
use parking_lot::{Condvar, Mutex};
use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;
use view::{Moment, View};
use watching::Watching;

/// What all viewers get.
pub struct Choices {
    shared: Arc<Shared>,
}

/// A subscriber that is served from now on.
pub struct Joining {
    /// The subscription.
    pub peer: PeerId,
    /// Who watches.
    pub viewer: Viewer,
    /// What it watches.
    pub feed: Arc<Feed>,
    /// It is being sent as it comes; else nothing is, before the first choice.
    pub begun: bool,
    /// All that it takes of the feed; `None`: sound and pictures.
    pub only: Option<Kind>,
    /// Its way out.
    pub downlink: Weak<dyn Watcher>,
    /// Codecs of pictures that it takes.
    pub decoders: Vec<Codec>,
    /// It takes the feed's own pictures, their profile as well.
    pub own_pictures: bool,
    /// Its room.
    pub events: MediaSink,
}

/// A subscription whose renditions are chosen; dropped, they are not any more.
pub struct Chosen {
    shared: Arc<Shared>,
    peer: PeerId,
}

#[derive(Default)]
struct Inbox {
    joining: Vec<(LineId, Watching)>,
    leaving: Vec<PeerId>,
    /// Of peers that watch nothing yet, or nothing just now.
    limits: HashMap<PeerId, ViewLimits>,
    /// Something is to be looked at before the next tick.
    hurry: bool,
    closed: bool,
}

type News = (Vec<(LineId, Watching)>, Vec<PeerId>);

/// What callers and the thread share.
#[derive(Default)]
struct Shared {
    inbox: Mutex<Inbox>,
    wake: Condvar,
    views: Mutex<HashMap<PeerId, Arc<Mutex<View>>>>,
}

impl Shared {
    /// What is new, after a tick at most, or for good when there is nobody; `None`: it is over.
    fn wait(&self, tick: Duration, nobody: bool) -> Option<News> {
        let mut inbox = self.inbox.lock();
        if nobody {
            self.wake.wait_while(&mut inbox, |inbox| !inbox.closed && inbox.joining.is_empty());
        } else {
            self.wake.wait_while_for(&mut inbox, |inbox| !inbox.closed && !inbox.hurry, tick);
        }
        inbox.hurry = false;
        let news = (std::mem::take(&mut inbox.joining), std::mem::take(&mut inbox.leaving));
        (!inbox.closed).then_some(news)
    }

    fn hurry(&self, change: impl FnOnce(&mut Inbox)) {
        let mut inbox = self.inbox.lock();
        change(&mut inbox);
        inbox.hurry = true;
        drop(inbox);
        self.wake.notify_one();
    }
}

impl Choices {
    /// Starts the thread `choice`, which ends by itself when this is dropped. `without`: a mix's sound without one member's.
    pub fn start(works: Box<dyn Works>, without: WithoutOwn) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let keeper = Keeper::new(shared.clone(), works, without);
        std::thread::Builder::new().name("choice".into()).spawn(move || keeper.run())?;
        Ok(Self { shared })
    }

    /// Chooses for this subscriber until the answer is dropped. Never waits.
    pub fn add(&self, joining: Joining) -> Chosen {
        let Joining { peer, viewer, feed, begun, only, downlink, decoders, own_pictures, events } = joining;
        let mut views = self.shared.views.lock();
        self.shared.hurry(|inbox| {
            let limits = inbox.limits.remove(&peer).unwrap_or_default();
            let view = View::new((peer, feed.id()), (decoders, own_pictures, only), limits, Moment::now());
            let view = Arc::new(Mutex::new(view));
            views.insert(peer, view.clone());
            let watching = Watching::new(view, (peer, feed, viewer.own), (downlink, begun), events);
            inbox.joining.push((viewer.line, watching));
        });
        Chosen { shared: self.shared.clone(), peer }
    }

    /// What a subscription wants at most; kept for one that is not connected yet, until `forget`.
    pub fn limit(&self, peer: PeerId, limits: ViewLimits) {
        let views = self.shared.views.lock();
        let view = views.get(&peer).cloned();
        if view.is_none() {
            self.shared.inbox.lock().limits.insert(peer, limits);
        }
        drop(views);
        if view.is_some_and(|view| view.lock().limit(limits)) {
            self.shared.hurry(|_| {});
        }
    }

    /// The peer is gone.
    pub fn forget(&self, peer: PeerId) {
        self.shared.inbox.lock().limits.remove(&peer);
    }

    /// What a subscription gets and why; `None`: it is unknown, or not connected yet.
    pub fn explain(&self, peer: PeerId) -> Option<Explanation> {
        let view = self.shared.views.lock().get(&peer).cloned()?;
        let view = view.lock();
        view.explain()
    }
}

impl Drop for Choices {
    fn drop(&mut self) {
        self.shared.hurry(|inbox| inbox.closed = true);
    }
}

impl Drop for Chosen {
    fn drop(&mut self) {
        let view = self.shared.views.lock().remove(&self.peer);
        let limits = view.map(|view| view.lock().limits()).filter(|limits| *limits != ViewLimits::default());
        self.shared.hurry(|inbox| {
            inbox.leaving.push(self.peer);
            // Of the viewer, not of what it watches: they hold for what it watches next, until `forget`.
            inbox.limits.extend(limits.map(|limits| (self.peer, limits)));
        });
    }
}

#[cfg(test)]
mod keeper_test;
#[cfg(test)]
mod world_test;
