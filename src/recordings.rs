//! Finished and running recordings on disk: a folder each, `manifest.json` beside the files.
//!
//! Decides where files lie and what may be served from there; leaves writing the media to `media::branch`.

use crate::model::{Recording, RecordingId, RoomId};
use std::path::PathBuf;

/// Why the store refused.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Less free space than configured.
    #[error(
        "only {free} bytes are free under {dir}; {need} are needed: free some space or lower recording.min_free_bytes"
    )]
    NoSpace {
        /// Where.
        dir: PathBuf,
        /// Bytes free.
        free: u64,
        /// Bytes asked for.
        need: u64,
    },
    /// The disk said no.
    #[error("cannot write under {dir}: {source}")]
    Io {
        /// Where.
        dir: PathBuf,
        /// What it said.
        source: std::io::Error,
    },
}

/// The recordings on disk.
#[derive(Clone, Debug)]
pub struct Recordings {
    #[allow(dead_code)]
    dir: PathBuf,
    #[allow(dead_code)]
    min_free: u64,
}

impl Recordings {
    /// Opens the store, makes its folder, and marks recordings that a crash left unfinished (`Failed`, kept) .
    pub fn open(_dir: PathBuf, _min_free: u64) -> Result<Self, StoreError> {
        todo!()
    }
    /// A new recording of a room: checks space and permissions, makes its folder, writes its manifest.
    pub fn create(&self, _room: &RoomId) -> Result<Recording, StoreError> {
        todo!()
    }
    /// Folder of a recording.
    pub fn folder(&self, _id: &RecordingId) -> PathBuf {
        todo!()
    }
    /// Writes the manifest (atomically: a new file renamed over the old).
    pub fn save(&self, _recording: &Recording) -> Result<(), StoreError> {
        todo!()
    }
    /// All recordings, newest first.
    pub fn list(&self) -> Vec<Recording> {
        todo!()
    }
    /// One recording.
    pub fn get(&self, _id: &str) -> Option<Recording> {
        todo!()
    }
    /// Path of a file, only if the recording's manifest names it.
    pub fn file(&self, _id: &str, _name: &str) -> Option<PathBuf> {
        todo!()
    }
    /// Removes a recording that is over.
    pub fn delete(&self, _id: &str) -> Result<bool, StoreError> {
        todo!()
    }
}
