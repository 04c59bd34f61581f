//! Opening the store: folders and index are brought to agree, and what a crash left is prepared for repair.

use super::index::Index;
use super::repair::{self, Repair, Still};
use super::upload::{Pace, Uploads};
use super::{Filter, Inner, Recordings, StoreError, manifest};
use crate::config;
use crate::model::Recording;
use parking_lot::{Mutex, RwLock};
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Folders on their way out have this before their name.
pub(super) const PURGED: &str = ".purged-";

/// What a store is opened with.
#[derive(Clone)]
pub struct Options {
    /// The folder of all recordings.
    pub dir: PathBuf,
    /// Space, retention and the bin. Its `dir` is not used.
    pub settings: config::Recording,
    /// Where copies go.
    pub storage: config::Storage,
    /// Makes a file playable that a crash cut off.
    pub repair: Repair,
    /// Makes a picture of a file.
    pub still: Still,
    /// How uploads are cut and repeated.
    pub pace: Pace,
}

impl Options {
    /// A plain store: nothing is uploaded or removed by itself, and what a crash left counts as broken.
    pub fn plain(dir: PathBuf, min_free_bytes: u64) -> Self {
        let settings = config::Recording { min_free_bytes, ..config::Recording::default() };
        let repair: Repair = Arc::new(|_| Err("this store repairs nothing".into()));
        let still: Still = Arc::new(|_, _, _| Err("this store makes no pictures".into()));
        Self { dir, settings, storage: config::Storage::default(), repair, still, pace: Pace::default() }
    }
}

impl Recordings {
    /// Opens a plain store: see [`Options::plain`]. What the service opens is [`Recordings::open_with`].
    pub fn open(dir: PathBuf, min_free_bytes: u64) -> Result<Self, StoreError> {
        Self::open_with(Options::plain(dir, min_free_bytes))
    }

    /// Opens the store and makes its folder. Recordings that a crash cut off are `finishing` until
    /// [`Recordings::repair_all`] has seen to them.
    pub fn open_with(options: Options) -> Result<Self, StoreError> {
        let Options { dir, settings, storage, repair, still, pace } = options;
        fs::create_dir_all(&dir).map_err(|source| StoreError::Io { dir: dir.clone(), source })?;
        let (index, uploads) = (Index::open(&dir)?, Uploads::new(&storage, pace)?);
        let inner = Inner {
            dir,
            settings,
            index,
            uploads,
            repair,
            still,
            writing: Mutex::default(),
            unrepaired: Mutex::default(),
            on_change: RwLock::default(),
        };
        let store = Self { inner: Arc::new(inner) };
        store.remove_purged();
        store.agree()?;
        store.take_stock()?;
        Ok(store)
    }

    /// Removals that were cut off go on.
    fn remove_purged(&self) {
        for entry in fs::read_dir(&self.inner.dir).into_iter().flatten().flatten() {
            if entry.file_name().to_str().is_some_and(|name| name.starts_with(PURGED)) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }

    /// Reads manifests that the index does not know as they are, and forgets those whose folder is gone.
    fn agree(&self) -> Result<(), StoreError> {
        let mut known = self.inner.index.stamps()?;
        let mut read = 0;
        for entry in fs::read_dir(&self.inner.dir).map_err(|source| self.io(source))?.flatten() {
            read += usize::from(self.agree_on(&entry.path(), &mut known)?);
        }
        for id in known.keys() {
            tracing::warn!(recording.id = id, "the folder of a recording is gone");
            self.inner.index.remove(id)?;
            self.forget_uploads(id)?;
        }
        if read > 0 {
            tracing::info!(recordings = read, "manifests were read into the index");
        }
        Ok(())
    }

    fn agree_on(&self, folder: &Path, known: &mut HashMap<String, (i64, i64)>) -> Result<bool, StoreError> {
        let Some(stamp) = manifest::stamp(folder) else { return Ok(false) };
        manifest::sweep(folder);
        let indexed = folder.file_name().and_then(|name| name.to_str()).and_then(|name| known.remove(name));
        if indexed == Some(stamp) {
            return Ok(false);
        }
        // What the index knows of an unreadable manifest stays.
        let Some(recording) = manifest::read(folder) else { return Ok(false) };
        self.import_uploads(&recording)?;
        self.index_one(&recording, stamp)?;
        Ok(true)
    }

    /// Finds what a crash cut off, and what is to be uploaded (a destination may be new).
    fn take_stock(&self) -> Result<(), StoreError> {
        self.requeue_failed(None)?;
        for recording in self.find(&Filter { deleted: true, ..Filter::default() }) {
            if recording.state.is_over() {
                self.enqueue(&recording, false)?;
            } else {
                self.prepare_repair(recording)?;
            }
        }
        Ok(())
    }

    fn prepare_repair(&self, mut recording: Recording) -> Result<(), StoreError> {
        tracing::warn!(recording.id = %recording.id, "a recording was cut off by the end of the service");
        let folder = self.folder(&recording.id);
        repair::prepare(&mut recording, &folder);
        self.inner.unrepaired.lock().push(recording.id.clone());
        let _alone = self.inner.writing.lock();
        self.write(&recording)
    }
}
