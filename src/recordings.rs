//! Finished and running recordings on disk: a folder each, `manifest.json` beside the files.
//!
//! Decides where files lie and what may be served from there; leaves writing the media to `media::branch`.
//! The manifest on disk is the only copy: every question is answered by reading it.

mod crash;

use crate::model::{Recording, RecordingId, RecordingState, RecordingWish, RoomId};
use rand::Rng;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const MANIFEST: &str = "manifest.json";

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
    dir: PathBuf,
    min_free: u64,
}

impl Recordings {
    /// Opens the store, makes its folder, and marks recordings that a crash left unfinished (`Failed`, kept) .
    pub fn open(dir: PathBuf, min_free: u64) -> Result<Self, StoreError> {
        fs::create_dir_all(&dir).map_err(|source| StoreError::Io { dir: dir.clone(), source })?;
        let store = Self { dir, min_free };
        for mut recording in store.list() {
            if is_running(recording.state) {
                let folder = store.folder(&recording.id);
                crash::settle(&mut recording, &folder);
                store.save(&recording)?;
                tracing::warn!(recording.id = %recording.id, "a recording was cut off by the end of the service");
            }
        }
        Ok(store)
    }

    /// A new recording of a room: checks space and permissions, makes its folder, writes its manifest.
    pub fn create(&self, room: &RoomId, wish: &RecordingWish) -> Result<Recording, StoreError> {
        let free = fs4::available_space(&self.dir).map_err(|source| self.io(source))?;
        if free < self.min_free {
            return Err(StoreError::NoSpace { dir: self.dir.clone(), free, need: self.min_free });
        }
        let started_at = jiff::Timestamp::now();
        let id = self.make_folder(room, started_at).map_err(|source| self.io(source))?;
        let recording = Recording::new(id, room.clone(), wish.clone(), started_at);
        self.save(&recording)?;
        Ok(recording)
    }

    /// Folder of a recording.
    pub fn folder(&self, id: &RecordingId) -> PathBuf {
        self.dir.join(id.as_str())
    }

    /// Writes the manifest (atomically: a new file renamed over the old).
    pub fn save(&self, recording: &Recording) -> Result<(), StoreError> {
        write_manifest(&self.folder(&recording.id), recording).map_err(|source| self.io(source))
    }

    /// All recordings, newest first.
    pub fn list(&self) -> Vec<Recording> {
        let entries = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let mut all: Vec<_> = entries.filter_map(|e| self.get(e.file_name().to_str()?)).collect();
        all.sort_by(|a, b| (b.started_at, &b.id).cmp(&(a.started_at, &a.id)));
        all
    }

    /// One recording.
    pub fn get(&self, id: &str) -> Option<Recording> {
        if !is_id(id) {
            return None;
        }
        let text = fs::read(self.dir.join(id).join(MANIFEST)).ok()?;
        let recording: Recording = serde_json::from_slice(&text)
            .inspect_err(|error| tracing::warn!(recording.id = id, %error, "unreadable manifest"))
            .ok()?;
        (recording.id.as_str() == id).then_some(recording)
    }

    /// Path of a file, only if the recording's manifest names it.
    pub fn file(&self, id: &str, name: &str) -> Option<PathBuf> {
        let recording = self.get(id)?;
        let named = recording.files.iter().any(|f| f.name == name) && is_file_name(name);
        named.then(|| self.folder(&recording.id).join(name))
    }

    /// Removes a recording that is over.
    pub fn delete(&self, id: &str) -> Result<bool, StoreError> {
        match self.get(id) {
            Some(recording) if !is_running(recording.state) => {
                fs::remove_dir_all(self.folder(&recording.id)).map_err(|source| self.io(source))?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Makes a folder that did not exist; two recordings of a room in one second differ in the random part.
    fn make_folder(&self, room: &RoomId, at: jiff::Timestamp) -> io::Result<RecordingId> {
        for _ in 0..16 {
            let id = make_id(room, at);
            match fs::create_dir(self.folder(&id)) {
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => continue,
                other => return other.map(|()| id),
            }
        }
        Err(io::Error::new(io::ErrorKind::AlreadyExists, "no unused recording id was found"))
    }

    fn io(&self, source: io::Error) -> StoreError {
        StoreError::Io { dir: self.dir.clone(), source }
    }
}

fn is_running(state: RecordingState) -> bool {
    !state.is_over()
}

/// `20261121-040203-<room>-<4 random>`, so that a folder's listing sorts by time and tells the room.
fn make_id(room: &RoomId, at: jiff::Timestamp) -> RecordingId {
    const ALPHABET: &[u8] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut rng = rand::rng();
    let random: String = (0..4).map(|_| char::from(ALPHABET[rng.random_range(0..ALPHABET.len())])).collect();
    let room: String = room.as_str().chars().filter(|c| is_id_char(*c)).take(64).collect();
    RecordingId::new(format!("{}-{room}-{random}", at.strftime("%Y%m%d-%H%M%S")))
}

fn is_id_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

fn is_id(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.chars().all(is_id_char)
}

fn is_file_name(text: &str) -> bool {
    text != MANIFEST && !text.starts_with('.') && text.chars().all(|c| is_id_char(c) || c == '.')
}

/// Two writers of one manifest do not mix: each has a temporary file of its own.
fn write_manifest(folder: &Path, recording: &Recording) -> io::Result<()> {
    let temporary = folder.join(format!(".{MANIFEST}.{:08x}", rand::rng().random::<u32>()));
    let result = write_synced(&temporary, &serde_json::to_vec_pretty(recording)?)
        .and_then(|()| fs::rename(&temporary, folder.join(MANIFEST)))
        .and_then(|()| fs::File::open(folder)?.sync_all());
    if result.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    result
}

fn write_synced(path: &Path, data: &[u8]) -> io::Result<()> {
    let mut file = fs::File::create(path)?;
    file.write_all(data)?;
    file.sync_all()
}

#[cfg(test)]
mod tests;
