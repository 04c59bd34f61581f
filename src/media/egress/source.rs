//! Where a subscriber's sound or picture is taken from: the source in use, the next one whose keyframe is awaited, and
//! those before, whose packets may be asked for again. Counts at the feeds who uses them.

use super::Show;
use super::stream::Origin;
use crate::media::feed::{Feed, clock};
use crate::media::rtp::{History, Item};
use crate::model::{Codec, FeedId};
use parking_lot::{Mutex, RwLock};
use std::any::Any;
use std::collections::VecDeque;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Weak};

/// Former sources that NACKs may still ask for.
const FORMER: usize = 4;

/// Which feeds one subscriber uses: a feed counts it once, whatever it takes.
pub struct Ledger {
    /// Its worker.
    worker: usize,
    uses: Mutex<Vec<(FeedId, usize)>>,
}

impl Ledger {
    /// For a subscriber of this worker.
    pub fn new(worker: usize) -> Arc<Self> {
        Arc::new(Self { worker, uses: Mutex::default() })
    }

    fn enter(&self, feed: &Feed) {
        let mut uses = self.uses.lock();
        match uses.iter_mut().find(|(known, _)| *known == feed.id()) {
            Some((_, count)) => *count += 1,
            None => {
                uses.push((feed.id(), 1));
                feed.audience[self.worker].fetch_add(1, Relaxed);
            }
        }
    }

    fn leave(&self, feed: &Feed) {
        let mut uses = self.uses.lock();
        let Some(at) = uses.iter().position(|(known, _)| *known == feed.id()) else { return };
        uses[at].1 -= 1;
        if uses[at].1 == 0 {
            uses.swap_remove(at);
            feed.audience[self.worker].fetch_sub(1, Relaxed);
        }
    }
}

/// A source of a subscriber; the feed counts it as a user as long as it lives.
pub struct Shown {
    /// Which of the subscriber's choices for this kind it is.
    pub serial: u32,
    /// The feed.
    pub feed: Arc<Feed>,
    ledger: Arc<Ledger>,
    pictures: bool,
    _keep: Option<Box<dyn Any + Send>>,
}

impl Shown {
    /// Counted from now on. `pictures`: not the sound.
    pub fn new(show: Show, serial: u32, pictures: bool, ledger: &Arc<Ledger>) -> Self {
        ledger.enter(&show.feed);
        show.feed.watchers.fetch_add(usize::from(pictures), Relaxed);
        Self { serial, feed: show.feed, ledger: Arc::clone(ledger), pictures, _keep: show.keep }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.ledger.leave(&self.feed);
        self.feed.watchers.fetch_sub(usize::from(self.pictures), Relaxed);
    }
}

/// The sources of one kind.
#[derive(Default)]
pub struct Sources {
    current: Option<Shown>,
    next: Option<Shown>,
    former: VecDeque<(u32, Weak<Feed>)>,
}

impl Sources {
    /// The source in use.
    pub fn current(&self) -> Option<&Shown> {
        self.current.as_ref()
    }

    /// The source whose beginning is awaited.
    pub fn next(&self) -> Option<&Shown> {
        self.next.as_ref()
    }

    /// Another source, or none. `false`: it is in use already, or awaited.
    pub fn choose(&mut self, shown: Option<Shown>) -> bool {
        let Some(mut shown) = shown else {
            self.next = None;
            self.retire();
            return false;
        };
        let is = |known: &&mut Shown| known.feed.id() == shown.feed.id();
        if let Some(current) = self.current.as_mut().filter(is) {
            shown.serial = current.serial;
            *current = shown;
            self.next = None;
            return false;
        }
        if let Some(next) = self.next.as_mut().filter(is) {
            shown.serial = next.serial;
            *next = shown;
            return false;
        }
        self.next = Some(shown);
        true
    }

    /// The awaited source has begun.
    pub fn promote(&mut self) {
        let next = self.next.take();
        self.retire();
        self.current = next;
    }

    fn retire(&mut self) {
        let Some(current) = self.current.take() else { return };
        if self.former.len() == FORMER {
            self.former.pop_front();
        }
        self.former.push_back((current.serial, Arc::downgrade(&current.feed)));
    }

    /// Which choice a batch of this feed belongs to, and whether its beginning is awaited.
    pub fn role(&self, feed: FeedId) -> Option<(u32, bool)> {
        let is = |shown: &&Shown| shown.feed.id() == feed;
        let current = self.current.as_ref().filter(is).map(|shown| (shown.serial, false));
        current.or_else(|| self.next.as_ref().filter(is).map(|shown| (shown.serial, true)))
    }

    /// The feed of a choice, former ones too.
    fn feed(&self, serial: u32) -> Option<Arc<Feed>> {
        let known = [&self.current, &self.next].into_iter().flatten().find(|shown| shown.serial == serial);
        let former = || self.former.iter().find(|(known, _)| *known == serial)?.1.upgrade();
        known.map(|shown| Arc::clone(&shown.feed)).or_else(former)
    }

    /// What to add to timestamps of the next source to get those of the present one, by both publishers' clocks.
    pub fn line(&self, from: Codec, to: Codec) -> Option<u32> {
        let now = clock::ntp_now();
        let (current, next) = (self.current.as_ref()?, self.next.as_ref()?);
        Some(current.feed.rtp_at(from, now)?.wrapping_sub(next.feed.rtp_at(to, now)?))
    }

    /// The feeds that packets are wanted of.
    pub fn feeds(&self) -> impl Iterator<Item = FeedId> {
        [&self.current, &self.next].into_iter().flatten().map(|shown| shown.feed.id())
    }
}

/// The history looked into last: one answer asks it for many packets.
#[derive(Default)]
pub struct Histories {
    of: Option<(u32, Codec)>,
    found: Option<Arc<RwLock<History>>>,
}

impl Histories {
    /// A source's packet, if it is still known.
    pub fn find(&mut self, sources: &Sources, origin: &Origin, sequence: u64) -> Option<Arc<Item>> {
        let of = Some((origin.show, origin.codec));
        if self.of != of {
            self.of = of;
            self.found = sources.feed(origin.show).and_then(|feed| feed.history(origin.codec));
        }
        self.found.as_ref()?.read().get(sequence).cloned()
    }
}
