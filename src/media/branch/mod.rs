//! Branches: pipelines of their own that take a feed's packets somewhere. A failing branch ends alone.
//!
//! The recorder: `worker` is its thread and decides when to begin (`gate`), what to drop and why to end; `track` puts
//! packets in order (`reorder`) and gives them their time (`timeline`, corrected by `align`); `writing` places them, `mux`
//! is the pipeline that writes the file (`away`: without pictures for a while), `disk` has it synced, `facts` measures.

mod align;
mod away;
mod disk;
mod facts;
mod finish;
mod gate;
mod mux;
mod ordered;
mod reorder;
mod timeline;
mod track;
mod voice;
mod worker;
mod writing;

#[cfg(test)]
pub(in crate::media) mod testing;
#[cfg(test)]
mod tests;

pub use disk::Disk;

use super::feed::{SourceTrack, TapItem};
use super::{BranchReport, MediaError};
use crate::model::{Codec, EndReason, FeedId, Kind, RecordingId};
use gst::prelude::*;
pub(in crate::media) use ordered::{Ordered, Timed};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, OnceLock};
use std::thread::Thread;
use worker::Worker;

/// What a recorder branch needs.
pub struct RecorderSpec {
    /// The recording.
    pub recording: RecordingId,
    /// The feed.
    pub feed: FeedId,
    /// Its tracks.
    pub tracks: Vec<SourceTrack>,
    /// Its packets.
    pub packets: Receiver<TapItem>,
    /// Sound or pictures alone; the other kind is as if it were not there.
    pub only: Option<Kind>,
    /// Path without extension.
    pub stem: PathBuf,
    /// The recording ends with `DiskFull` when less is free, in bytes.
    pub min_free_bytes: u64,
    /// Folder of templates that replace the built-in ones.
    pub templates: Option<PathBuf>,
    /// Nothing is written until `Recorder::pause(false)`.
    pub paused: bool,
    /// Has the file synced.
    pub disk: Arc<Disk>,
    /// Asks the feed for a keyframe.
    pub request_keyframe: Box<dyn Fn() + Send + Sync>,
    /// Told of its life.
    pub events: Box<dyn Fn(RecorderEvent) + Send + Sync>,
}

/// Whether a track of this codec goes into the file.
fn is_wanted(only: Option<Kind>, codec: Codec) -> bool {
    only.is_none_or(|only| only == codec.kind())
}

/// A recorder's life.
#[derive(Clone, Debug, PartialEq)]
pub enum RecorderEvent {
    /// The first sample was written.
    Started(BranchReport),
    /// The file is complete or given up; always the last event, exactly once.
    Ended(EndReason, BranchReport),
}

/// What the handle and the thread share.
#[derive(Default)]
struct Control {
    stop: OnceLock<EndReason>,
    ended: OnceLock<()>,
    paused: AtomicBool,
    thread: OnceLock<Thread>,
    pipeline: OnceLock<gst::glib::WeakRef<gst::Pipeline>>,
}

impl Control {
    fn wake(&self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }
}

/// A running recorder. Dropped without `stop` it is stopped off-thread and logged as a bug.
pub struct Recorder {
    control: Arc<Control>,
    name: String,
}

impl Recorder {
    /// Makes the pipeline and starts writing at the next keyframe: all or nothing.
    pub fn start(spec: RecorderSpec) -> Result<Self, MediaError> {
        let name = format!("rec-{}", spec.feed);
        let control = Arc::new(Control { paused: spec.paused.into(), ..Control::default() });
        let worker = Worker::new(spec, control.clone())?;
        let running = std::thread::Builder::new()
            .name(name.clone())
            .spawn(move || worker.run())
            .map_err(|error| MediaError::Transient(format!("no thread for a recorder: {error}")))?;
        let _ = control.thread.set(running.thread().clone());
        Ok(Self { control, name })
    }

    /// Finishes the file; returns at once, `Ended` comes within 5 s.
    pub fn stop(self, reason: EndReason) {
        let _ = self.control.stop.set(reason);
        self.control.wake();
    }

    /// Stops writing, or goes on at the next keyframe; the file stays open, and the pause takes no time in it.
    pub fn pause(&self, paused: bool) {
        self.control.paused.store(paused, Ordering::SeqCst);
        self.control.wake();
    }

    /// Its live graph in DOT; empty before the first sample.
    pub fn graph(&self) -> String {
        let pipeline = self.control.pipeline.get().and_then(|weak| weak.upgrade());
        pipeline.map_or_else(String::new, |p| p.debug_to_dot_data(gst::DebugGraphDetails::all()).to_string())
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let unasked = self.control.stop.set(EndReason::EngineError).is_ok();
        self.control.wake();
        if unasked && self.control.ended.get().is_none() {
            tracing::error!(branch.id = %self.name, "bug: a recorder was dropped without being stopped");
        }
    }
}
