//! What browsers cannot play becomes H264 and Opus: one transcoder a track, while somebody uses it. Units of a line go to
//! `media::transcode` and come back as units.

use super::output::Unit;
use crate::media::{MediaError, transcode};
use crate::model::Kind;
use std::path::PathBuf;
use std::sync::Arc;
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
    /// Folder of templates that replace the built-in ones.
    pub templates: Option<PathBuf>,
}

/// A running transcoder. Dropping it ends it; that may block until its threads are out.
pub trait Transcoder: Send + Sync {
    /// The next unit, the first one a keyframe. Never blocks: one that cannot keep up loses units (counted).
    fn push(&self, unit: &Unit);
    /// The next picture is to be a keyframe.
    fn request_keyframe(&self);
    /// Why it does nothing any more.
    fn failure(&self) -> Option<String>;
}

/// Gets units of H264 (byte stream, whole access units, parameter sets before each keyframe) or packets of Opus, with the `pts`
/// of what went in. Called on a streaming thread: must not block.
pub type Done = Box<dyn Fn(Unit) + Send + Sync>;

struct Coder(transcode::Transcoder);

impl Transcoder for Coder {
    fn push(&self, unit: &Unit) {
        let mut frame = unit.buffer.clone();
        // Demuxers count from where they like: from here on, time is the pipeline's running time.
        let (buffer, before) = (frame.make_mut(), unit.buffer.pts().or(unit.buffer.dts()));
        let pts = u64::try_from(unit.pts).ok().map(gst::ClockTime::from_nseconds);
        let early = unit.buffer.dts().zip(before).and_then(|(dts, pts)| pts.checked_sub(dts));
        buffer.set_pts(pts);
        buffer.set_dts(early.and_then(|early| pts?.checked_sub(early)));
        if !self.0.push(frame) {
            metrics::counter!("media_transcoder_dropped_total").increment(1);
        }
    }
    fn request_keyframe(&self) {
        self.0.request_keyframe();
    }
    fn failure(&self) -> Option<String> {
        self.0.failure().map(str::to_owned)
    }
}

/// Starts one.
///
/// # Errors
/// `NotReady`: there is no decoder for it.
pub fn start(work: &Work, done: Done) -> Result<Box<dyn Transcoder>, MediaError> {
    let output = move |coded: transcode::Coded| {
        let Some(pts) = coded.at.and_then(|at| i64::try_from(at.nseconds()).ok()) else { return };
        let duration = coded.buffer.duration().and_then(|length| i64::try_from(length.nseconds()).ok());
        done(Unit { buffer: coded.buffer, pts, duration, keyframe: coded.keyframe });
    };
    let (name, templates) = (format!("{}-transcode", work.name), work.templates.as_deref());
    let coder = transcode::Transcoder::start(&name, &work.caps, work.keyframe_interval, templates, Arc::new(output))?;
    Ok(Box::new(Coder(coder)))
}
