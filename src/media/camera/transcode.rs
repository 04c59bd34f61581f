//! What browsers cannot play becomes H264 and Opus: one transcoder a track, while somebody uses it.

use super::output::Unit;
use crate::media::MediaError;
use crate::model::Kind;
use std::time::Duration;

/// What is to be transcoded.
#[derive(Clone, Debug)]
pub struct Work {
    /// For names of threads and pipelines.
    pub name: String,
    /// To H264 or to Opus.
    pub kind: Kind,
    /// Of the units, parsed.
    pub caps: gst::Caps,
    /// Between the encoder's keyframes.
    pub keyframe_interval: Duration,
}

/// A running transcoder. Dropping it ends it; that may block until its threads are out.
pub trait Transcoder: Send + Sync {
    /// The next unit, the first one a keyframe. Never blocks: one that cannot keep up loses units (counted).
    fn push(&self, unit: &Unit);
    /// The next picture is to be a keyframe.
    fn request_keyframe(&self);
}

/// Gets units of H264 (byte stream, whole access units, parameter sets before each keyframe) or packets of Opus, with the `pts`
/// of what went in. Called on a streaming thread: must not block.
pub type Done = Box<dyn Fn(Unit) + Send + Sync>;

/// Starts one.
///
/// # Errors
/// `NotReady`: there is no decoder for it.
pub fn start(work: &Work, _done: Done) -> Result<Box<dyn Transcoder>, MediaError> {
    let encoding = work.caps.structure(0).map_or("nothing", |s| s.name().as_str());
    Err(MediaError::NotReady(format!("no transcoder for {encoding}")))
}
