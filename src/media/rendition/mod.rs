//! Renditions: a feed's pictures encoded once more, for all who cannot take them as they come. What comes out is a feed of
//! its own, so that all that takes feeds takes renditions.
//!
//! Decides that one rendition serves all its users, is built for the first and freed 5 s after the last, ends with its feed,
//! and is not begun when the computing power set aside for all of them is used up. `ladder` says which there may be,
//! `hardware` which encoder makes them, `price` what they cost; `worker` is a rendition's thread, `encoder` its pipeline,
//! `picture` which pictures it gets, `sound` carries the sound along, `clock` keeps all in sync.

mod clock;
mod encoder;
mod hardware;
mod ladder;
mod measure;
mod picture;
mod price;
mod reserve;
mod shared;
mod sound;
#[cfg(test)]
mod tests;
mod worker;

pub use hardware::{CANDIDATES, Candidate, Verdict, verdict};
pub use ladder::{Rung, check as check_ladder};
pub use measure::{Measured, Measurement, measure};
pub use reserve::{Effort, Reserved};
pub use shared::User;

use super::MediaError;
use super::egress::Pool;
use super::feed::Feed;
use crate::model::{Codec, Content, FeedId, Kind, Transcodes};
use hardware::Encoders;
use ladder::Ladder;
use parking_lot::Mutex;
use price::{Model, Work};
use shared::{Key, Rendition, pictures};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;
use worker::Worker;

/// Least time between two keyframes that are asked for.
const KEYFRAMES: Duration = Duration::from_millis(300);
/// What a source is taken for of which nothing is known yet.
const UNKNOWN: ((u32, u32), f64) = ((1280, 720), 30.0);

/// Why there is no rendition.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refused {
    /// Too little computing power is left.
    #[error("it needs {needs:.2} cores, and of those for transcodes {free:.2} are free")]
    Budget {
        /// Cores that it would take.
        needs: f64,
        /// Cores that are left.
        free: f64,
    },
    /// It cannot be made.
    #[error(transparent)]
    Failed(#[from] MediaError),
}

/// All renditions.
pub struct Renditions {
    pool: Arc<Pool>,
    encoders: Encoders,
    ladder: Ladder,
    /// Cores.
    budget: f64,
    model: Model,
    all: Mutex<HashMap<Key, Arc<Rendition>>>,
    /// What others take of the same budget.
    reserved: Mutex<Vec<Weak<Reserved>>>,
}

impl Renditions {
    /// None yet. `templates`: folder of templates that replace the built-in ones; `cpu_percent`: share of all cores that they
    /// may take. `Fatal`: the ladder is broken; says where.
    pub fn new(pool: Arc<Pool>, templates: Option<PathBuf>, cpu_percent: u32) -> Result<Arc<Self>, MediaError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let made = Arc::new(Self {
            pool,
            ladder: Ladder::read(templates.clone())?,
            encoders: Encoders::new(templates),
            budget: cores as f64 * f64::from(cpu_percent) / 100.0,
            model: Model::default(),
            all: Mutex::default(),
            reserved: Mutex::default(),
        });
        made.try_encoders();
        Ok(made)
    }

    /// Finds out what encodes, before the first viewer would have to wait for it: hardware that hangs takes seconds.
    fn try_encoders(self: &Arc<Self>) {
        let made = Arc::downgrade(self);
        let work = move || {
            for codec in [Codec::Vp8, Codec::H264] {
                let _known_from_now_on = made.upgrade().map(|made| made.encoders.choose(codec, false));
            }
        };
        if let Err(error) = std::thread::Builder::new().name("try-encoders".into()).spawn(work) {
            tracing::warn!(%error, "no thread to try encoders: the first rendition does");
        }
    }

    /// The folder of templates.
    pub fn templates(&self) -> Option<&Path> {
        self.encoders.templates()
    }

    /// How many run.
    pub fn count(&self) -> usize {
        self.all.lock().len()
    }

    /// The rungs for what is filmed, best first.
    pub fn ladder(&self, content: Content) -> Arc<[Rung]> {
        self.ladder.rungs(content)
    }

    /// The feed's pictures by this rung, VP8 or H264, without sound; made if there are none yet. `Budget`: there are none and
    /// too little computing power is left. `Failed`: `NotReady` the feed is over or has no pictures; others: cannot be made.
    pub fn make(self: &Arc<Self>, feed: &Arc<Feed>, codec: Codec, rung: &Rung) -> Result<User, Refused> {
        if !matches!(codec, Codec::Vp8 | Codec::H264) {
            return Err(
                MediaError::Fatal(format!("renditions are made in VP8 and H264, not in {}", codec.as_str())).into()
            );
        }
        if !feed.tracks().iter().any(|track| track.codec.kind() == Kind::Video) {
            return Err(MediaError::NotReady("the feed has no pictures".into()).into());
        }
        self.user(feed, Key { feed: feed.id(), codec, rung: rung.clone(), sound: false }, true)
    }

    /// The feed in H264, pictures as they come, with its own sound: for what sends feeds elsewhere. Somebody has asked for
    /// that by name, so the budget does not refuse it, but it counts. `NotReady`: the feed is over. `Transient`, `Fatal`: it
    /// cannot be made.
    pub fn h264(self: &Arc<Self>, feed: &Arc<Feed>) -> Result<User, MediaError> {
        feed.ready()?;
        let key = Key { feed: feed.id(), codec: Codec::H264, rung: Rung::as_it_comes(), sound: true };
        self.user(feed, key, false).map_err(|refused| match refused {
            Refused::Failed(error) => error,
            Refused::Budget { .. } => MediaError::Transient(refused.to_string()),
        })
    }

    /// Cores that this would take more; 0 when it runs already.
    pub fn price(&self, feed: &Arc<Feed>, codec: Codec, rung: &Rung) -> f64 {
        if self.runs(feed, codec, rung) { 0.0 } else { self.model.cores(&work(feed, codec, rung).0) }
    }

    /// Whether this one runs already.
    pub fn runs(&self, feed: &Feed, codec: Codec, rung: &Rung) -> bool {
        let key = Key { feed: feed.id(), codec, rung: rung.clone(), sound: false };
        self.all.lock().get(&key).is_some_and(|known| known.feed.ready().is_ok())
    }

    /// All that run, and the budget they run in.
    pub fn transcodes(&self) -> Transcodes {
        let mut running: Vec<_> = self.all.lock().values().map(|rendition| rendition.transcode()).collect();
        running.sort_by_key(|transcode| (transcode.since, transcode.feed.0));
        let used_cores = running.iter().map(|transcode| transcode.cores).sum::<f64>() + self.reserved_cores();
        Transcodes { budget_cores: self.budget, used_cores, running }
    }

    fn user(self: &Arc<Self>, feed: &Arc<Feed>, key: Key, limited: bool) -> Result<User, Refused> {
        let mut all = self.all.lock();
        if let Some(known) = all.get(&key).filter(|known| known.feed.ready().is_ok()) {
            return Ok(known.user());
        }
        let (work, _) = work(feed, key.codec, &key.rung);
        let needs = self.model.cores(&work);
        if limited {
            self.fits(needs, all.values().map(|known| known.cores()).sum())?;
        }
        let made = Feed::new(FeedId::next(), self.pool.clone(), KEYFRAMES, Box::new(|_| {}));
        made.set_content(feed.content());
        let encoder = self.encoders.likely(key.codec);
        let rendition = Rendition::new(key.clone(), made, needs, work.fitted, encoder);
        let user = rendition.user();
        self.start(feed, &rendition)?;
        all.insert(key, rendition);
        Ok(user)
    }

    /// Its thread.
    fn start(self: &Arc<Self>, feed: &Arc<Feed>, rendition: &Arc<Rendition>) -> Result<(), MediaError> {
        let (worker, renditions) = (Worker::new(feed, rendition.clone()), self.clone());
        let rendition = rendition.clone();
        let run = move || {
            worker.run(&renditions);
            renditions.forget(&rendition);
        };
        let thread = std::thread::Builder::new().name(format!("rend-{}", feed.id())).spawn(run);
        thread.map_err(|error| MediaError::Transient(format!("no thread for a rendition: {error}")))?;
        metrics::gauge!("media_renditions").increment(1.0);
        Ok(())
    }

    /// Whether nobody wants it any more; then it is not given to anybody again.
    fn free(&self, rendition: &Arc<Rendition>) -> bool {
        let mut all = self.all.lock();
        let unused = rendition.is_unused();
        if unused {
            all.retain(|_, known| !Arc::ptr_eq(known, rendition));
        }
        unused
    }

    /// It has ended.
    fn forget(&self, rendition: &Arc<Rendition>) {
        self.all.lock().retain(|_, known| !Arc::ptr_eq(known, rendition));
        metrics::gauge!("media_renditions").decrement(1.0);
        self.tell();
    }

    /// What a rendition of this source was seen to cost.
    fn account(&self, source: &Arc<Feed>, rendition: &Rendition, cores: f64) {
        // A source that sends nothing just now costs nothing just now: what was reckoned stays kept for it.
        if let (work, true) = work(source, rendition.key.codec, &rendition.key.rung) {
            rendition.measured(cores);
            self.model.learn(&work, cores);
        }
        self.tell();
    }

    fn tell(&self) {
        let cores: f64 =
            self.all.lock().values().map(|rendition| rendition.cores()).sum::<f64>() + self.reserved_cores();
        metrics::gauge!("media_transcode_cores").set(cores);
    }
}

/// What is to be done, and whether the source is known well enough to tell.
fn work(feed: &Feed, to: Codec, rung: &Rung) -> (Work, bool) {
    let source = pictures(feed);
    let from = source.as_ref().map_or(Codec::Vp8, |track| track.codec);
    let size = source.as_ref().and_then(|track| track.width.zip(track.height));
    let rate = source.map(|track| f64::from(track.framerate)).filter(|rate| *rate >= 1.0);
    let known = size.is_some() && rate.is_some();
    let (size, rate) = (size.unwrap_or(UNKNOWN.0), rate.unwrap_or(UNKNOWN.1));
    let fitted_rate = rung.framerate.map_or(rate, |most| rate.min(f64::from(most)));
    (Work { from, size, rate, to, fitted: picture::fit(size, rung.height), fitted_rate }, known)
}
