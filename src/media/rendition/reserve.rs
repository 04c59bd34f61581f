//! What others take of the computing power set aside for transcodes: filters decode and encode as renditions do.

use super::price::{Meter, Share};
use super::{Refused, Renditions};
use crate::media::feed::Feed;
use crate::model::Codec;
use parking_lot::Mutex;
use std::sync::{Arc, Weak};
use std::time::Instant;

/// What the effects themselves take, as a share of decoding and encoding.
const EFFECT: f64 = 0.3;
/// Sound is small: so many cores.
const SOUND: f64 = 0.03;

/// Cores that are kept; dropped, they are free again.
pub struct Reserved {
    cores: Mutex<f64>,
    meter: Meter,
}

/// The thread's own share of the work; made and used in that thread.
#[derive(Default)]
pub struct Effort(Share);

impl Effort {
    /// Adds what this thread has spent since it was here last.
    pub fn add(&mut self, to: &Reserved) {
        self.0.add(&to.meter);
    }
}

impl Reserved {
    /// To be called about once a second: what is measured takes the place of what was reckoned.
    pub fn account(&self, now: Instant) {
        if let Some(measured) = self.meter.cores(now) {
            *self.cores.lock() = measured;
        }
    }

    /// As measured, or before that as reckoned.
    pub fn cores(&self) -> f64 {
        *self.cores.lock()
    }
}

impl Renditions {
    /// Room for a filter of this feed's pictures (`Some`, encoded in the same codec), or of its sound.
    pub fn reserve(&self, feed: &Feed, pictures: Option<Codec>) -> Result<Arc<Reserved>, Refused> {
        let reckon =
            |codec| self.model.cores(&super::work(feed, codec, &super::Rung::as_it_comes()).0) * (1.0 + EFFECT);
        let needs = pictures.map_or(SOUND, reckon);
        let all = self.all.lock();
        self.fits(needs, all.values().map(|known| known.cores()).sum())?;
        let kept = Arc::new(Reserved { cores: Mutex::new(needs), meter: Meter::default() });
        self.reserved.lock().push(Arc::downgrade(&kept));
        Ok(kept)
    }

    /// Cores that others keep.
    pub(super) fn reserved_cores(&self) -> f64 {
        let mut reserved = self.reserved.lock();
        reserved.retain(|kept| kept.strong_count() > 0);
        reserved.iter().filter_map(Weak::upgrade).map(|kept| kept.cores()).sum()
    }

    /// Whether there is room for so many cores beside those that renditions use.
    pub(super) fn fits(&self, needs: f64, used: f64) -> Result<(), Refused> {
        let free = (self.budget - used - self.reserved_cores()).max(0.0);
        if needs > free {
            metrics::counter!("media_rendition_refusals_total").increment(1);
            return Err(Refused::Budget { needs, free });
        }
        Ok(())
    }

    /// The template that encodes this codec, `NotReady` for one that none does. Software: a filter's pictures come one at a time.
    pub fn encoder(&self, codec: Codec) -> Result<crate::media::template::Template, crate::media::MediaError> {
        self.encoders.choose(codec, true)
    }
}
