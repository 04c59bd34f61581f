//! The part of a pipeline that is the source itself, by scheme.
//!
//! A head adds its elements to the site's pipeline and gives the site every pad that appears, from within `pad-added`: RTP, or
//! elementary streams as demuxers give them. It sets URIs and secrets as properties.

use super::attach::Attach;
use super::plan::Plan;
use super::trouble::Trouble;
use super::{file, http, pattern, rtsp, streams};
use crate::media::pipeline::Pipeline;
use crate::model::IngestReason;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Where a head is built.
pub struct Site<'a> {
    /// Plays already: `add` starts what is added.
    pub pipeline: &'a Pipeline,
    /// Takes pads; to be moved into callbacks.
    pub attach: Arc<Attach>,
}

/// A head that runs.
#[derive(Default)]
pub struct Head {
    /// Ends with the attempt: tasks, timers. Dropped before the pipeline goes to NULL, off the streaming threads.
    pub keep: Option<Box<dyn Send + Sync>>,
    /// Its end of stream is the end of the source, not a lost connection.
    pub finite: Arc<AtomicBool>,
    /// Others come to it when they like: it is not given up before its first media.
    pub patient: bool,
}

/// Builds the head of a source.
///
/// # Errors
/// Why it cannot be opened; what was added so far goes with the pipeline.
pub fn build(plan: &Plan, site: &Site) -> Result<Head, Trouble> {
    match plan.url.scheme() {
        "rtsp" | "rtsps" => rtsp::build(plan, site),
        "test" => pattern::build(plan, site),
        "rtmp" => streams::rtmp(plan, site),
        "srt" => streams::srt(plan, site),
        "udp" => streams::udp(plan, site),
        "http" | "https" => http::build(plan, site),
        "file" => file::build(plan, site),
        other => Err(Trouble::new(IngestReason::Unsupported, format!("{other}:// cannot be opened"))),
    }
}

/// Whether its units come faster than they are to be shown, and wait for their time: files, streams over HTTP.
pub fn is_paced(plan: &Plan) -> bool {
    matches!(plan.url.scheme(), "file" | "http" | "https")
}

/// An element; what is missing is a fault of the installation.
pub fn element(factory: &str) -> Result<gst::Element, Trouble> {
    gst::ElementFactory::make(factory)
        .build()
        .map_err(|_| Trouble::new(IngestReason::Failed, format!("{factory} is not installed: see `millrace doctor`")))
}
