//! Filters: a publisher's pictures or sound, changed before anybody gets them.
//!
//! Decides which filters run and that each ends alone: without it the feed goes on as it came. `check` makes elements of what
//! a stranger asked for and `allowed` says what may be set of them; `worker` is a filter's thread, `chain` its pipeline, `codes`
//! the one that only looks, `times` carries RTP times through. Where packets change sides is `feed/stage`'s affair. Which
//! elements there may be at all is decided before.

mod allowed;
mod chain;
mod check;
mod codes;
#[cfg(test)]
mod tests;
mod times;
mod worker;

use super::MediaError;
use super::feed::Feed;
use super::rendition::{Refused, Renditions, Reserved};
use crate::model::{CodeSeen, Codec, FeedId, FilterChange, FilterElement, FilterRefused, FilterWish, Kind};
use gst::glib;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use worker::{Ended, Worker};

/// What a filter has to say by itself.
pub enum Told {
    /// It failed, and why; the feed goes on without it.
    Failed(String),
    /// It saw a bar code.
    Code(CodeSeen),
}

/// Takes it; called from threads of the filter: must not block.
pub type Tell = Arc<dyn Fn(Told) + Send + Sync>;

type Outcome = Result<Option<String>, FilterRefused>;

/// All filters, one a feed at most.
pub struct Filters {
    renditions: Arc<Renditions>,
    all: Mutex<HashMap<FeedId, Arc<Running>>>,
}

/// One of them.
struct Running {
    wish: Mutex<FilterWish>,
    kind: Kind,
    /// Of the pipeline that runs just now.
    elements: Mutex<Vec<glib::WeakRef<gst::Element>>>,
    removed: AtomicBool,
    reserved: Arc<Reserved>,
}

impl Filters {
    /// None yet; they share the computing power that is set aside for renditions.
    pub fn new(renditions: Arc<Renditions>) -> Arc<Self> {
        Arc::new(Self { renditions, all: Mutex::default() })
    }

    /// What was asked for; the names of the elements that run now come back. May take as long as loading a plugin.
    pub fn change(self: &Arc<Self>, feed: &Arc<Feed>, change: FilterChange, tell: Tell) -> Outcome {
        match change {
            FilterChange::Apply(wish) => self.apply(feed, wish, tell),
            FilterChange::Set { property, value } => self.set(feed.id(), &property, &value),
            FilterChange::Remove => self.remove(feed),
        }
    }

    /// The names of the elements that this feed's filter is made of.
    pub fn of(&self, feed: FeedId) -> Option<String> {
        self.all.lock().get(&feed).map(|running| running.wish.lock().to_string())
    }

    fn apply(self: &Arc<Self>, feed: &Arc<Feed>, wish: FilterWish, tell: Tell) -> Outcome {
        let mut all = self.all.lock();
        if all.contains_key(&feed.id()) {
            return Err(FilterRefused::NotPossible("the feed has a filter already".into()));
        }
        let kind = kind_of(&wish)?;
        let codec = codec_of(feed, kind, &wish)?;
        let reserved = self.renditions.reserve(feed, (kind == Kind::Video).then_some(codec)).map_err(no_capacity)?;
        let running = Arc::new(Running {
            wish: Mutex::new(wish),
            kind,
            elements: Mutex::default(),
            removed: AtomicBool::new(false),
            reserved,
        });
        let worker =
            Worker::new(feed, &running, (codec, self.renditions.clone()), tell.clone()).map_err(not_possible)?;
        self.start(feed.id(), &running, worker, tell)?;
        let names = running.wish.lock().to_string();
        all.insert(feed.id(), running);
        Ok(Some(names))
    }

    /// Its thread.
    fn start(
        self: &Arc<Self>,
        feed: FeedId,
        running: &Arc<Running>,
        worker: Worker,
        tell: Tell,
    ) -> Result<(), FilterRefused> {
        let (filters, running) = (self.clone(), running.clone());
        let run = move || {
            let ended = worker.run();
            filters.all.lock().retain(|_, known| !Arc::ptr_eq(known, &running));
            metrics::gauge!("media_filters").decrement(1.0);
            if let Ended::Failed(reason, why) = ended {
                metrics::counter!("media_filter_failures_total", "reason" => reason).increment(1);
                tracing::warn!(feed.id = %feed, filter = %running.wish.lock(), reason, why, "a filter failed");
                tell(Told::Failed(why));
            }
        };
        let thread = std::thread::Builder::new().name(format!("filt-{feed}")).spawn(run);
        thread.map_err(|error| FilterRefused::NotPossible(format!("no thread for a filter: {error}")))?;
        metrics::gauge!("media_filters").increment(1.0);
        Ok(())
    }

    fn set(&self, feed: FeedId, property: &str, value: &str) -> Outcome {
        let running = self.all.lock().get(&feed).cloned().ok_or_else(none)?;
        running.set(property, value)?;
        Ok(Some(running.wish.lock().to_string()))
    }

    fn remove(&self, feed: &Feed) -> Outcome {
        let running = self.all.lock().remove(&feed.id()).ok_or_else(none)?;
        running.removed.store(true, Ordering::SeqCst);
        if let (FilterWish::Elements(_), Ok(stage)) = (&*running.wish.lock(), feed.staged(running.kind)) {
            stage.give_back();
        }
        Ok(None)
    }
}

impl Running {
    fn is_removed(&self) -> bool {
        self.removed.load(Ordering::SeqCst)
    }

    /// On the first element that has the property: on one of our own, to see whether it can be, then on the one that runs, if
    /// one does. The next pipeline begins with it.
    fn set(&self, property: &str, value: &str) -> Result<(), FilterRefused> {
        let mut wish = self.wish.lock();
        let FilterWish::Elements(elements) = &mut *wish else {
            return Err(FilterRefused::NotAllowed("a filter that looks for bar codes has no properties".into()));
        };
        let mut last = Ok(());
        for (at, element) in elements.iter_mut().enumerate() {
            match self.set_one(at, element, property, value) {
                Ok(()) => return Ok(()),
                Err(refused) => last = Err(refused),
            }
        }
        last
    }

    fn set_one(&self, at: usize, wish: &mut FilterElement, property: &str, value: &str) -> Result<(), FilterRefused> {
        let mut changed = wish.clone();
        changed.settings.retain(|(name, _)| name != property);
        changed.settings.push((property.to_owned(), value.to_owned()));
        check::make(&changed)?;
        let running = self.elements.lock().get(at).and_then(glib::WeakRef::upgrade);
        if let Some(element) = running {
            check::set(&element, &wish.name, property, value)?;
        }
        *wish = changed;
        Ok(())
    }
}

/// What it works on; all is made once, to see that it can be.
fn kind_of(wish: &FilterWish) -> Result<Kind, FilterRefused> {
    super::start().map_err(not_possible)?;
    let FilterWish::Elements(elements) = wish else { return Ok(Kind::Video) };
    let kinds = elements.iter().map(|element| check::make(element).map(|(_, kind)| kind));
    let kinds = kinds.collect::<Result<Vec<_>, _>>()?;
    match kinds.first() {
        Some(first) if kinds.iter().all(|kind| kind == first) => Ok(*first),
        Some(_) => Err(FilterRefused::NotAllowed("a filter is of pictures or of sound, not of both".into())),
        None => Err(FilterRefused::NotAllowed("a filter has at least one element".into())),
    }
}

/// The codec of what is to be filtered: what is made has the same.
fn codec_of(feed: &Feed, kind: Kind, wish: &FilterWish) -> Result<Codec, FilterRefused> {
    let codec = feed.tracks().iter().map(|track| track.codec).find(|codec| codec.kind() == kind);
    let codec = codec.ok_or_else(|| FilterRefused::NotPossible(format!("the feed has no {}", kind.as_str())))?;
    let encodes = matches!(codec, Codec::Vp8 | Codec::H264 | Codec::Opus) || *wish == FilterWish::Codes;
    match encodes {
        true => Ok(codec),
        false => Err(FilterRefused::NotPossible(format!(
            "filters are made of VP8, H264 and Opus, not of {}",
            codec.as_str()
        ))),
    }
}

fn none() -> FilterRefused {
    FilterRefused::NotPossible("the feed has no filter".into())
}

fn not_possible(error: MediaError) -> FilterRefused {
    FilterRefused::NotPossible(error.to_string())
}

fn no_capacity(refused: Refused) -> FilterRefused {
    FilterRefused::NoCapacity(refused.to_string())
}
