//! Finished and running recordings: a folder each on disk, `manifest.json` beside the files, an index over all.
//!
//! Decides where files lie, what may be served from there, when they go and where copies go; leaves writing the media
//! to `media::branch`, and repairing it to a function it is given. The manifests are the truth; the index answers
//! questions and is made again from them when it is lost.

pub mod archive;
mod error;
mod housekeeping;
mod index;
mod manifest;
mod merge;
mod open;
mod repair;
mod retention;
mod upload;

pub use error::StoreError;
pub use index::Filter;
pub use open::Options;
pub use repair::{Repair, Repaired, Still};
pub use retention::Swept;
pub use upload::Pace;

use crate::config;
use crate::model::{Recording, RecordingId, RecordingWish, RoomId};
use index::Index;
use parking_lot::{Mutex, RwLock};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Told of each change that the store makes by itself.
pub type OnChange = Arc<dyn Fn(&Recording) + Send + Sync>;

/// The recordings on disk. Cheap to clone; all clones are the same store. Its calls read and write the disk.
#[derive(Clone)]
pub struct Recordings {
    inner: Arc<Inner>,
}

struct Inner {
    dir: PathBuf,
    settings: config::Recording,
    index: Index,
    /// Held while a recording is read, changed and written, so that no change is lost.
    writing: Mutex<()>,
    repair: Repair,
    still: Still,
    /// Cut off by a crash and not repaired yet.
    unrepaired: Mutex<Vec<RecordingId>>,
    uploads: upload::Uploads,
    on_change: RwLock<Option<OnChange>>,
}

impl std::fmt::Debug for Recordings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recordings").field("dir", &self.inner.dir).finish_non_exhaustive()
    }
}

impl Recordings {
    /// A new recording of a room: checks space, quota and permissions, makes its folder, writes its manifest. When space
    /// is short, what is in the bin goes first.
    pub fn create(&self, room: &RoomId, wish: &RecordingWish) -> Result<Recording, StoreError> {
        self.make_room()?;
        let started_at = jiff::Timestamp::now();
        let id = self.make_folder(room, started_at).map_err(|source| self.io(source))?;
        let recording = Recording::new(id, room.clone(), wish.clone(), started_at);
        self.save(&recording)?;
        Ok(recording)
    }

    /// Folder of all recordings.
    pub fn dir(&self) -> &Path {
        &self.inner.dir
    }

    /// Folder of a recording.
    pub fn folder(&self, id: &RecordingId) -> PathBuf {
        self.inner.dir.join(id.as_str())
    }

    /// Writes what the room knows of a recording: manifest and index. What others wrote into it (uploads, thumbnails,
    /// the bin, the repair) stays.
    pub fn save(&self, recording: &Recording) -> Result<(), StoreError> {
        let _alone = self.inner.writing.lock();
        let mut merged = recording.clone();
        if let Some(stored) = self.get(recording.id.as_str()) {
            merge::keep_what_others_wrote(&mut merged, &stored);
        }
        self.write(&merged)
    }

    /// Changes a recording as it is stored, and returns the new one; `None` if there is no such recording.
    /// The closure runs under the store's lock: it must not call the store.
    pub fn update(
        &self,
        id: &RecordingId,
        change: impl FnOnce(&mut Recording),
    ) -> Result<Option<Recording>, StoreError> {
        let _alone = self.inner.writing.lock();
        let Some(mut recording) = self.get(id.as_str()) else { return Ok(None) };
        change(&mut recording);
        recording.id = id.clone();
        self.write(&recording)?;
        Ok(Some(recording))
    }

    /// All recordings that are not in the bin, newest first.
    pub fn list(&self) -> Vec<Recording> {
        self.find(&Filter::default())
    }

    /// The recordings asked for, newest first.
    pub fn find(&self, filter: &Filter) -> Vec<Recording> {
        let found = self.inner.index.find(filter);
        let found = found.inspect_err(|error| tracing::warn!(%error, "the recordings cannot be listed"));
        found.unwrap_or_default().into_iter().map(|recording| self.with_uploads(recording)).collect()
    }

    /// How many there are of those asked for, whatever the filter's limit.
    pub fn count(&self, filter: &Filter) -> u64 {
        let counted = self.inner.index.count(filter);
        counted.inspect_err(|error| tracing::warn!(%error, "the recordings cannot be counted")).unwrap_or_default()
    }

    /// One recording, in the bin or not (`deleted_at` tells).
    pub fn get(&self, id: &str) -> Option<Recording> {
        let found = if manifest::is_id(id) { self.inner.index.get(id) } else { Ok(None) };
        let found = found.inspect_err(|error| tracing::warn!(recording.id = id, %error, "a recording cannot be read"));
        found.ok().flatten().map(|recording| self.with_uploads(recording))
    }

    /// Path of a file, only if the recording's manifest names it, as media, poster or sprite. Of one in the bin only the
    /// pictures: who looks for what to restore sees it.
    pub fn file(&self, id: &str, name: &str) -> Option<PathBuf> {
        let recording = self.get(id)?;
        let pictures = recording.thumbnails.iter().flat_map(|t| [&t.poster, &t.sprite]);
        let media = recording.files.iter().filter(|_| recording.deleted_at.is_none()).map(|f| &f.name);
        let mut names = media.chain(pictures);
        let named = names.any(|n| n == name) && manifest::is_file_name(name);
        named.then(|| self.folder(&recording.id).join(name))
    }

    /// A picture of one of its media files, from about this place and this wide: JPEG. The error is for people.
    pub fn still(&self, id: &str, name: &str, at: Duration, width: u32) -> Result<Vec<u8>, String> {
        let path = self.file(id, name).ok_or("there is no such file")?;
        (self.inner.still)(&path, at, width)
    }

    /// Whom to tell of changes that the store makes by itself: repair, uploads, bin, purge (then `get` has none any
    /// more). Called after the change, by the thread that made it; it must not take long.
    pub fn on_change(&self, told: OnChange) {
        *self.inner.on_change.write() = Some(told);
    }

    fn changed(&self, recording: &Recording) {
        let told = self.inner.on_change.read().clone();
        if let Some(told) = told {
            told(recording);
        }
    }

    /// Manifest, index, queue, in this order: a crash in between is made good at the next start. Under the lock.
    fn write(&self, recording: &Recording) -> Result<(), StoreError> {
        let folder = self.folder(&recording.id);
        manifest::write(&folder, recording).map_err(|source| self.io(source))?;
        self.index_one(recording, manifest::stamp(&folder).unwrap_or_default())
    }

    fn index_one(&self, recording: &Recording, stamp: (i64, i64)) -> Result<(), StoreError> {
        let before = self.inner.index.get(recording.id.as_str())?;
        self.inner.index.put(recording, stamp)?;
        let news = before.is_none_or(|before| merge::differs_beyond_uploads(&before, recording));
        self.enqueue(recording, news)
    }

    /// Makes a folder that did not exist; two recordings of a room in one second differ in the random part.
    fn make_folder(&self, room: &RoomId, at: jiff::Timestamp) -> io::Result<RecordingId> {
        for _ in 0..16 {
            let id = manifest::make_id(room, at);
            match fs::create_dir(self.folder(&id)) {
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => continue,
                other => return other.map(|()| id),
            }
        }
        Err(io::Error::new(io::ErrorKind::AlreadyExists, "no unused recording id was found"))
    }

    fn io(&self, source: io::Error) -> StoreError {
        StoreError::Io { dir: self.inner.dir.clone(), source }
    }
}

#[cfg(test)]
mod tests;
