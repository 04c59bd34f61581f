//! A rendition as its users share it: who uses it, what it costs, what it is.

use super::ladder::Rung;
use super::price::Meter;
use crate::media::TrackStats;
use crate::media::feed::Feed;
use crate::model::{self, Codec, FeedId, Kind, RenditionKind, Transcode};
use jiff::Timestamp;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// It is kept so long for another user.
const LINGER: Duration = Duration::from_secs(5);

/// Who asks for the same shares one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub feed: FeedId,
    pub codec: Codec,
    pub rung: Rung,
    /// The feed's sound is carried along: branches want both in one feed, viewers get theirs from the source.
    pub sound: bool,
}

/// One of them.
pub(super) struct Rendition {
    pub key: Key,
    pub feed: Arc<Feed>,
    pub meter: Arc<Meter>,
    users: Mutex<Users>,
    cost: Mutex<Cost>,
    since: Timestamp,
    expected: (u32, u32),
}

struct Users {
    count: usize,
    /// When the last one left.
    left: Instant,
}

/// What it takes.
struct Cost {
    reckoned: f64,
    measured: Option<f64>,
    encoder: String,
}

/// Somebody who uses a rendition; dropped, he does not any more.
pub struct User(Arc<Rendition>);

impl User {
    /// The rendition: VP8, or H264 (constrained baseline, no B-frames). Its sound, if it has any, is the feed's own.
    pub fn feed(&self) -> &Arc<Feed> {
        &self.0.feed
    }

    /// What it is; size and rates as measured, or before that as expected.
    pub fn rendition(&self) -> model::Rendition {
        self.0.describe()
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
    /// Without users yet; `reckoned`: cores that it will take, `expected`: the size of its pictures.
    pub(super) fn new(key: Key, feed: Arc<Feed>, reckoned: f64, expected: (u32, u32), encoder: String) -> Arc<Self> {
        Arc::new(Self {
            key,
            feed,
            meter: Arc::default(),
            users: Mutex::new(Users { count: 0, left: Instant::now() }),
            cost: Mutex::new(Cost { reckoned, measured: None, encoder }),
            since: Timestamp::now(),
            expected,
        })
    }

    pub(super) fn user(self: &Arc<Self>) -> User {
        self.users.lock().count += 1;
        User(self.clone())
    }

    pub(super) fn is_unused(&self) -> bool {
        let users = self.users.lock();
        users.count == 0 && users.left.elapsed() >= LINGER
    }

    /// Cores: measured, or before that reckoned.
    pub(super) fn cores(&self) -> f64 {
        let cost = self.cost.lock();
        cost.measured.unwrap_or(cost.reckoned)
    }

    pub(super) fn measured(&self, cores: f64) {
        self.cost.lock().measured = Some(cores);
    }

    pub(super) fn encoded_by(&self, encoder: String) {
        self.cost.lock().encoder = encoder;
    }

    pub(super) fn describe(&self) -> model::Rendition {
        let running = pictures(&self.feed);
        let running = running.as_ref().filter(|stats| stats.bitrate > 0);
        let framerate = running.map(|stats| stats.framerate).or(self.key.rung.framerate.map(|rate| rate as f32));
        let bitrate = running.map_or(u64::from(self.key.rung.bitrate), |stats| stats.bitrate);
        model::Rendition {
            name: self.key.rung.name.clone(),
            kind: RenditionKind::Transcode,
            codec: Some(self.key.codec),
            width: running.and_then(|stats| stats.width).or(Some(self.expected.0)),
            height: running.and_then(|stats| stats.height).or(Some(self.expected.1)),
            framerate,
            kbps: u32::try_from(bitrate / 1000).unwrap_or(u32::MAX),
        }
    }

    pub(super) fn transcode(&self) -> Transcode {
        let (encoder, users) = (self.cost.lock().encoder.clone(), self.users.lock().count);
        let (feed, rendition, cores) = (self.key.feed, self.describe(), self.cores());
        Transcode { feed, rendition, encoder, cores, users, since: self.since }
    }
}

/// A feed's pictures as they are just now.
pub(super) fn pictures(feed: &Feed) -> Option<TrackStats> {
    feed.stats().tracks.into_iter().find(|track| track.codec.kind() == Kind::Video)
}
