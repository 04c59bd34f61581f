//! One feed in a form that players and other servers take: H264 pictures and AAC or Opus sound as whole units, on one line
//! of time.
//!
//! Decides order, time, where it begins and what becomes of gaps; leaves pictures that are not H264 to `rendition`, and
//! containers and protocols to who uses it. `worker` is its thread, `chain` a track's pipeline, `gate` waits for keyframes.

mod chain;
mod gate;
#[cfg(test)]
pub(in crate::media) mod testing;
#[cfg(test)]
mod tests;
mod worker;

use super::MediaError;
use super::feed::Feed;
use super::rendition::Renditions;
use crate::model::{EndReason, Kind};
pub(in crate::media) use chain::Chain;
pub(in crate::media) use gate::Gate;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use worker::Worker;

/// The sound that is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sound {
    /// AAC LC, 48 kHz stereo, raw frames with `codec_data`.
    Aac,
    /// Opus as it comes.
    Opus,
    /// None.
    None,
}

/// How H264 is laid out; parameter sets stand in band in both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Start codes (H.264 Annex B): MPEG-TS, RTP.
    ByteStream,
    /// Lengths, and `codec_data` in the caps: FLV, MP4.
    Avc,
}

/// What an outlet gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wants {
    /// Sound.
    pub sound: Sound,
    /// Pictures.
    pub framing: Framing,
}

/// What comes out of an outlet.
#[derive(Debug)]
pub enum Unit {
    /// How the units of this kind are from now on; before the first of them, and again when it changes.
    Caps(Kind, gst::Caps),
    /// A picture, or a piece of sound. Its time (`pts`; pictures have the same `dts`) counts in nanoseconds from the first
    /// unit, rises within its kind, and is the same line for both kinds. `DELTA_UNIT` tells what is no keyframe.
    Access(Kind, gst::Buffer),
    /// Nothing more comes: the last unit, once.
    Ended(EndReason),
}

/// Where units go. Called from several threads, one at a time; must not block, nor drop the outlet.
pub type UnitSink = Box<dyn FnMut(Unit) + Send>;

/// A running outlet; dropped, its threads end within 100 ms and the sink is not called any more (a call that is under way
/// is finished).
pub struct Outlet {
    shared: Arc<Shared>,
}

/// What the handle and the threads share.
pub(super) struct Shared {
    pub stopped: AtomicBool,
    /// Somebody who came later waits for a picture.
    pub wants_keyframe: AtomicBool,
    sink: Mutex<UnitSink>,
}

impl Shared {
    pub(super) fn give(&self, unit: Unit) {
        let mut sink = self.sink.lock();
        if !self.is_stopped() {
            sink(unit);
        }
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }
}

impl Outlet {
    /// Begins with the feed's next keyframe, which is asked for; a feed with sound alone begins at once, and sound whose
    /// pictures do not come within some seconds begins without. `NotReady`: the feed has no track. `Transient`: no thread.
    pub fn start(
        feed: Arc<Feed>,
        renditions: &Arc<Renditions>,
        wants: Wants,
        sink: UnitSink,
    ) -> Result<Self, MediaError> {
        feed.ready()?;
        let shared = Arc::new(Shared {
            stopped: AtomicBool::new(false),
            wants_keyframe: AtomicBool::new(false),
            sink: Mutex::new(sink),
        });
        let name = format!("outlet-{}", feed.id());
        let worker = Worker::new(feed, renditions.clone(), wants, shared.clone())?;
        std::thread::Builder::new()
            .name(name)
            .spawn(move || worker.run())
            .map_err(|error| MediaError::Transient(format!("no thread for an outlet: {error}")))?;
        Ok(Self { shared })
    }

    /// Asks whoever makes the pictures for a keyframe, within 50 ms; merged with others' wishes.
    pub fn request_keyframe(&self) {
        self.shared.wants_keyframe.store(true, Ordering::SeqCst);
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
    }
}
