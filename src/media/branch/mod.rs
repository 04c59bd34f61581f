//! Branches: pipelines of their own that take a feed's packets somewhere. A failing branch ends alone.

use super::feed::{SourceTrack, TapItem};
use super::{BranchReport, MediaError};
use crate::model::{EndReason, FeedId, RecordingId};
use std::path::PathBuf;
use std::sync::mpsc::Receiver;

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
    /// Path without extension.
    pub stem: PathBuf,
    /// The recording ends with `DiskFull` when less is free, in bytes.
    pub min_free_bytes: u64,
    /// Asks the feed for a keyframe.
    pub request_keyframe: Box<dyn Fn() + Send + Sync>,
    /// Told of its life.
    pub events: Box<dyn Fn(RecorderEvent) + Send + Sync>,
}

/// A recorder's life.
#[derive(Clone, Debug, PartialEq)]
pub enum RecorderEvent {
    /// The first sample was written.
    Started(BranchReport),
    /// The file is complete or given up; always the last event, exactly once.
    Ended(EndReason, BranchReport),
}

/// A running recorder. Dropped without `stop` it is stopped off-thread and logged as a bug.
pub struct Recorder {
    _todo: (),
}

impl Recorder {
    /// Makes the pipeline and starts writing at the next keyframe: all or nothing.
    pub fn start(_spec: RecorderSpec) -> Result<Self, MediaError> {
        todo!()
    }
    /// Finishes the file; returns at once, `Ended` comes within 5 s.
    pub fn stop(self, _reason: EndReason) {
        todo!()
    }
    /// Its live graph in DOT.
    pub fn graph(&self) -> String {
        todo!()
    }
}
