//! What browsers cannot play becomes H264 and Opus: one transcoder a track, while somebody uses it. Units of a line go to
//! `media::transcode` and come back as units.

use super::output::Unit;
use crate::media::{MediaError, transcode};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What is to be transcoded.
#[derive(Clone, Debug)]
pub struct Work {
    /// For names of threads and pipelines.
    pub name: String,
    /// Of the units, parsed.
    pub caps: gst::Caps,
    /// Between the encoder's keyframes.
    pub keyframe_interval: Duration,
    /// Folder of templates that replace the built-in ones.
    pub templates: Option<PathBuf>,
}

/// A running transcoder. Dropping it ends it; that may block until its threads are out.
pub trait Transcoder: Send + Sync {
    /// The next unit. Never blocks: one that cannot keep up loses units (counted).
    fn push(&self, unit: &Unit);
    /// Its first units: those since the last keyframe, which are not shown, and the first that is.
    fn catch_up(&self, before: &[Unit], first: &Unit);
    /// The next picture is to be a keyframe.
    fn request_keyframe(&self);
    /// Why it does nothing any more.
    fn failure(&self) -> Option<String>;
}

/// Gets units of H264 (byte stream, whole access units, parameter sets before each keyframe) or packets of Opus, with the `pts`
/// of what went in. Called on a streaming thread: must not block.
pub type Done = Box<dyn Fn(Unit) + Send + Sync>;

/// Units that are kept, in bytes and number: with rarer keyframes a start waits for the next.
const KEPT_BYTES: usize = 8 << 20;
const KEPT_UNITS: usize = 600;

/// The units since the last keyframe, if they are not too many.
#[derive(Default)]
pub struct Kept {
    units: Vec<Unit>,
    bytes: usize,
}

impl Kept {
    /// Before a unit is used: a keyframe makes those before it needless.
    pub fn begin(&mut self, unit: &Unit) {
        if unit.keyframe {
            self.clear();
        }
    }
    /// After it was used.
    pub fn keep(&mut self, unit: &Unit) {
        if self.units.is_empty() && !unit.keyframe {
            return;
        }
        self.bytes += unit.buffer.size();
        self.units.push(unit.clone());
        if self.bytes > KEPT_BYTES || self.units.len() > KEPT_UNITS {
            self.clear();
        }
    }
    /// Forgets them.
    pub fn clear(&mut self) {
        (self.units, self.bytes) = (Vec::new(), 0);
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.units.is_empty()
    }
    /// The units, a keyframe first.
    pub fn units(&self) -> &[Unit] {
        &self.units
    }
}

struct Coder(transcode::Transcoder);

/// Demuxers count from where they like: here, time is the pipeline's running time.
fn timed(unit: &Unit) -> gst::Buffer {
    let mut frame = unit.buffer.clone();
    let before = frame.pts().or(frame.dts());
    let early = frame.dts().zip(before).and_then(|(dts, pts)| pts.checked_sub(dts));
    let pts = u64::try_from(unit.pts).ok().map(gst::ClockTime::from_nseconds);
    let buffer = frame.make_mut();
    buffer.set_pts(pts);
    buffer.set_dts(early.and_then(|early| pts?.checked_sub(early)));
    frame
}

impl Transcoder for Coder {
    fn catch_up(&self, before: &[Unit], first: &Unit) {
        let frames: Vec<gst::Buffer> = before.iter().map(timed).collect();
        let shown_from = before.iter().map(|unit| unit.pts + 1).max().unwrap_or(first.pts);
        let shown_from = u64::try_from(shown_from).ok().map(gst::ClockTime::from_nseconds);
        self.0.catch_up(&frames, shown_from);
        self.push(first);
    }
    fn push(&self, unit: &Unit) {
        if !self.0.push(timed(unit)) {
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
