//! Renditions: a feed's pictures encoded once more, for all who cannot take them as they come. What comes out is a feed of
//! its own (H264 and the feed's own sound), so that all that takes feeds takes renditions.
//!
//! Decides that one rendition serves all its users, is built for the first and freed 5 s after the last, and ends with its
//! feed. `worker` is its thread, `sound` carries the sound along, `clock` keeps both in sync.

mod clock;
mod encoder;
mod sound;
mod worker;

use super::MediaError;
use super::egress::Pool;
use super::feed::Feed;
use crate::model::FeedId;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use worker::Worker;

/// It is kept so long for another user.
const LINGER: Duration = Duration::from_secs(5);
/// Least time between two keyframes that are asked for.
const KEYFRAMES: Duration = Duration::from_millis(500);

/// How pictures are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Width and height in pixels, even, with borders where the aspect asks for them; `None`: as they come.
    pub size: Option<(u32, u32)>,
    /// Bits per second.
    pub bitrate: u32,
    /// From keyframe to keyframe at most, at 30 pictures per second.
    pub keyframe_interval: Duration,
}

/// As they come, 2.5 Mbit/s, a keyframe each 2 s.
impl Default for Shape {
    fn default() -> Self {
        Self { size: None, bitrate: 2_500_000, keyframe_interval: Duration::from_secs(2) }
    }
}

type Key = (FeedId, Shape);

/// All renditions.
pub struct Renditions {
    pool: Arc<Pool>,
    templates: Option<PathBuf>,
    all: Mutex<HashMap<Key, Arc<Rendition>>>,
}

/// One of them.
struct Rendition {
    feed: Arc<Feed>,
    users: Mutex<Users>,
}

struct Users {
    count: usize,
    /// When the last one left.
    left: Instant,
}

/// Somebody who uses a rendition; dropped, he does not any more.
pub struct User(Arc<Rendition>);

impl User {
    /// The rendition: H264 (constrained baseline, no B-frames) and the feed's own Opus.
    pub fn feed(&self) -> &Arc<Feed> {
        &self.0.feed
    }
}

impl Drop for User {
    fn drop(&mut self) {
        let mut users = self.0.users.lock();
        users.count -= 1;
        users.left = Instant::now();
    }
}

impl Rendition {
    fn user(self: &Arc<Self>) -> User {
        self.users.lock().count += 1;
        User(self.clone())
    }

    fn is_unused(&self) -> bool {
        let users = self.users.lock();
        users.count == 0 && users.left.elapsed() >= LINGER
    }
}

impl Renditions {
    /// None yet. `templates`: folder of templates that replace the built-in ones.
    pub fn new(pool: Arc<Pool>, templates: Option<PathBuf>) -> Arc<Self> {
        Arc::new(Self { pool, templates, all: Mutex::default() })
    }

    /// The folder of templates.
    pub fn templates(&self) -> Option<&Path> {
        self.templates.as_deref()
    }

    /// How many run.
    pub fn count(&self) -> usize {
        self.all.lock().len()
    }

    /// The rendition of this feed in this shape, made if there is none. `NotReady`: the feed is over. `Transient`, `Fatal`: it
    /// cannot be made.
    pub fn h264(self: &Arc<Self>, feed: &Arc<Feed>, shape: Shape) -> Result<User, MediaError> {
        feed.ready()?;
        let key = (feed.id(), shape);
        let mut all = self.all.lock();
        if let Some(known) = all.get(&key) {
            return Ok(known.user());
        }
        let made = Feed::new(FeedId::next(), self.pool.clone(), KEYFRAMES, Box::new(|_| {}));
        let users = Mutex::new(Users { count: 0, left: Instant::now() });
        let rendition = Arc::new(Rendition { feed: made, users });
        let user = rendition.user();
        let worker = Worker::new(feed, rendition.clone(), shape, self.templates.clone());
        let renditions = self.clone();
        std::thread::Builder::new()
            .name(format!("rend-{}", feed.id()))
            .spawn(move || {
                worker.run(|rendition| renditions.free(key, rendition));
                renditions.forget(key);
            })
            .map_err(|error| MediaError::Transient(format!("no thread for a rendition: {error}")))?;
        metrics::gauge!("media_renditions").increment(1.0);
        all.insert(key, rendition);
        Ok(user)
    }

    /// Whether nobody wants it any more; then it is not given to anybody again.
    fn free(&self, key: Key, rendition: &Rendition) -> bool {
        let mut all = self.all.lock();
        rendition.is_unused() && all.remove(&key).is_some()
    }

    /// It has ended.
    fn forget(&self, key: Key) {
        // Another of the same key may have been made since this one was freed: then that one's own end forgets it.
        self.all.lock().retain(|known, rendition| *known != key || rendition.feed.ready().is_ok());
        metrics::gauge!("media_renditions").decrement(1.0);
    }
}
