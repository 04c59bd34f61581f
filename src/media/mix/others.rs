//! The sound of a live mix without one of its members, for each member who listens to it: nobody hears himself.
//!
//! Decides that such a sound is a feed of its own, made for its first user, shared by all who are the same member, freed 5 s
//! after the last; and how many there may be. Leaves the sums to `mixer`, which knows each voice anyway, and the encoding to
//! `encoder`. Its RTP counts from the same start as the mix's, so that it is in step with the mix's pictures.

use super::encoder::Encoder;
use super::on_air::Start;
use crate::media::MediaError;
use crate::media::egress::{Pool, Show};
use crate::media::feed::Feed;
use crate::model::FeedId;
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// At once, in all mixes that share a count; whoever comes then hears the whole mix.
pub const MOST: usize = 32;
/// It is kept so long for another user.
const LINGER: Duration = Duration::from_secs(5);
/// Blocks that may wait for an encoder; beyond, they are left out.
const MOST_WAITING: u64 = 100;

/// All such sounds of one mix.
pub struct Others {
    pool: Arc<Pool>,
    templates: Option<PathBuf>,
    count: Arc<AtomicUsize>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Set while the mix runs.
    start: Option<Start>,
    members: HashSet<FeedId>,
    made: HashMap<FeedId, Sound>,
    /// Somebody was turned away, and it was said.
    full: bool,
}

/// One of them.
struct Sound {
    feed: Arc<Feed>,
    encoder: Encoder,
    users: Arc<Mutex<Users>>,
    _place: Place,
}

struct Users {
    count: usize,
    /// When the last one left.
    left: Instant,
}

/// Somebody who listens; dropped, he does not any more.
struct User(Arc<Mutex<Users>>);

impl Drop for User {
    fn drop(&mut self) {
        let mut users = self.0.lock();
        users.count -= 1;
        users.left = Instant::now();
    }
}

impl Sound {
    fn show(&self) -> Show {
        self.users.lock().count += 1;
        Show { feed: self.feed.clone(), keep: Some(Box::new(User(self.users.clone()))) }
    }

    fn is_unused(&self, linger: Duration) -> bool {
        let users = self.users.lock();
        users.count == 0 && users.left.elapsed() >= linger
    }
}

impl Drop for Sound {
    fn drop(&mut self) {
        self.feed.close();
    }
}

/// One of the `MOST`.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(count: &Arc<AtomicUsize>) -> Option<Self> {
        let more = |taken| (taken < MOST).then_some(taken + 1);
        count.fetch_update(Relaxed, Relaxed, more).ok().map(|_| Self(count.clone()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

impl Others {
    /// None yet. `templates`: folder of templates that replace the built-in ones; `count`: how many there are, in all mixes that
    /// share it.
    pub fn new(pool: Arc<Pool>, templates: Option<PathBuf>, count: Arc<AtomicUsize>) -> Arc<Self> {
        Arc::new(Self { pool, templates, count, state: Mutex::default() })
    }

    /// The mix's sound without this member's. `None`: he is not in it, it does not run, there are too many, or it cannot be made
    /// (the last two are logged). The whole mix is what he gets then.
    pub fn without(&self, own: FeedId) -> Option<Show> {
        let start = {
            let state = self.state.lock();
            if let Some(known) = state.made.get(&own) {
                return Some(known.show());
            }
            state.start.filter(|_| state.members.contains(&own))?
        };
        // Not under the lock: the mix's thread must not wait for a pipeline to be built.
        let sound = self.make(own, start)?;
        let mut state = self.state.lock();
        state.start?;
        state.made.entry(own).or_insert(sound).show().into()
    }

    fn make(&self, own: FeedId, start: Start) -> Option<Sound> {
        let place = Place::take(&self.count).or_else(|| {
            drop(self.take_out(|sound| sound.is_unused(Duration::ZERO)));
            Place::take(&self.count)
        });
        let told = std::mem::replace(&mut self.state.lock().full, place.is_none());
        let Some(place) = place else {
            if !told {
                tracing::warn!(feed.id = %own, most = MOST, "too many listen to mixes that they are in: they hear themselves");
            }
            return None;
        };
        match self.encode(start, place) {
            Ok(sound) => Some(sound),
            Err(error) => {
                tracing::warn!(feed.id = %own, %error, "a member of a mix hears himself");
                None
            }
        }
    }

    fn encode(&self, start: Start, place: Place) -> Result<Sound, MediaError> {
        let feed = Feed::new(FeedId::next(), self.pool.clone(), Duration::from_secs(1), Box::new(|_| {}));
        let encoder = Encoder::start_sound(&feed, start, self.templates.as_deref())?;
        let users = Arc::new(Mutex::new(Users { count: 0, left: Instant::now() }));
        Ok(Sound { feed, encoder, users, _place: place })
    }

    /// How many listen.
    pub fn users(&self) -> usize {
        self.state.lock().made.values().map(|sound| sound.users.lock().count).sum()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.state.lock().made.len()
    }

    /// The mix runs from here on.
    pub fn begin(&self, start: Start) {
        self.state.lock().start = Some(start);
    }

    /// The mix has ended.
    pub fn end(&self) {
        self.state.lock().start = None;
        drop(self.take_out(|_| true));
    }

    /// A member comes.
    pub fn join(&self, feed: FeedId) {
        self.state.lock().members.insert(feed);
    }

    /// A member leaves; who listens as this member goes on.
    pub fn leave(&self, feed: FeedId) {
        self.state.lock().members.remove(&feed);
    }

    /// Which members' voices are left out somewhere. Frees what nobody uses, and what has failed.
    pub fn wanted(&self) -> Vec<FeedId> {
        drop(self.take_out(|sound| match sound.encoder.poll() {
            Ok(()) => sound.is_unused(LINGER),
            Err((_, why)) => {
                tracing::error!(why, "a member's sound of a mix has failed");
                true
            }
        }));
        self.state.lock().made.keys().copied().collect()
    }

    /// A block of sound without this member's, at its place in the mix in nanoseconds.
    pub fn push(&self, own: FeedId, sound: Vec<u8>, at: u64, length: u64) {
        let state = self.state.lock();
        let known = state.made.get(&own).filter(|known| known.encoder.waiting() < MOST_WAITING);
        if let Some(known) = known {
            known.encoder.push_sound(sound, at, length);
        }
    }

    /// To be dropped without the lock: a pipeline takes a while to end.
    fn take_out(&self, which: impl Fn(&Sound) -> bool) -> Vec<Sound> {
        self.state.lock().made.extract_if(|_, sound| which(sound)).map(|(_, sound)| sound).collect()
    }
}

#[cfg(test)]
#[path = "others/tests.rs"]
mod tests;
