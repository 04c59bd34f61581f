//! Copies of finished recordings elsewhere: a queue in the index, a task per destination.
//!
//! Decides what is uploaded and when a copy counts: after all its bytes were read back from there and have the SHA-256 of
//! the file here. Every store can do that, and no store's own word is needed: an ETag is a hash with some, not with
//! others; a checksum sent along is compared by some, ignored by others. It costs a download of each file.

mod backoff;
mod destination;
mod folder;
mod queue;
mod reader;
mod transfer;
mod trouble;
mod worker;

pub use backoff::Pace;

use super::{Recordings, StoreError, manifest};
use crate::config;
use crate::model::{Recording, Upload};
use destination::Destination;
use rusqlite::Connection;
use std::sync::Arc;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What the store knows of its destinations.
pub(super) struct Uploads {
    destinations: Vec<Arc<Destination>>,
    delete_local: bool,
    pace: Pace,
    /// One for each destination: there is something to do.
    wake: Vec<Notify>,
}

impl Uploads {
    /// Checks the destinations' settings; reaches out to none.
    pub fn new(storage: &config::Storage, pace: Pace) -> Result<Self, StoreError> {
        let open = |(name, settings)| {
            Destination::open(name, settings).map(Arc::new).map_err(|cause| StoreError::Destination { name, cause })
        };
        let destinations: Vec<_> = storage.destinations().map(open).collect::<Result<_, _>>()?;
        let wake = destinations.iter().map(|_| Notify::new()).collect();
        Ok(Self { destinations, delete_local: storage.delete_local, pace, wake })
    }

    fn wake(&self) {
        self.wake.iter().for_each(Notify::notify_one);
    }
}

impl Recordings {
    /// Starts a task for each destination. They end when `closing` is cancelled; what is half sent goes on at the next
    /// start.
    pub fn start_uploads(&self, closing: &CancellationToken) -> Vec<JoinHandle<()>> {
        let tasks = 0..self.inner.uploads.destinations.len();
        tasks.map(|index| tokio::spawn(worker::Worker::new(self, index).run(closing.clone()))).collect()
    }

    /// All copies of a recording's files, the manifest's and pictures' included, each with the file's name.
    pub fn uploads(&self, id: &str) -> Result<Vec<(String, Upload)>, StoreError> {
        self.inner.index.with(|db| queue::of_recording(db, id))
    }

    /// Tries at once what failed or waits for its next attempt, of one recording or of all.
    pub fn retry_uploads(&self, id: Option<&str>) -> Result<(), StoreError> {
        self.requeue_failed(id)?;
        self.inner.uploads.wake();
        Ok(())
    }

    pub(super) fn requeue_failed(&self, id: Option<&str>) -> Result<(), StoreError> {
        self.inner.index.with(|db| queue::requeue(db, id))
    }

    /// Queues the files of a recording that is over and not in the bin; its manifest again if there is `news` in it.
    pub(super) fn enqueue(&self, recording: &Recording, news: bool) -> Result<(), StoreError> {
        if self.inner.uploads.destinations.is_empty() || !recording.state.is_over() || recording.deleted_at.is_some() {
            return Ok(());
        }
        let names = names_of(recording);
        self.inner.index.with(|db| {
            let change = db.transaction()?;
            for destination in &self.inner.uploads.destinations {
                let url = |name: &str| destination.url(recording.id.as_str(), name);
                names
                    .iter()
                    .try_for_each(|n| queue::add(&change, recording.id.as_str(), n, destination.name, &url(n)))?;
            }
            if news {
                queue::add_again(&change, recording.id.as_str(), manifest::MANIFEST)?;
            }
            change.commit()
        })?;
        self.inner.uploads.wake();
        Ok(())
    }

    /// What a manifest tells of copies, for an index that does not know.
    pub(super) fn import_uploads(&self, recording: &Recording) -> Result<(), StoreError> {
        let all = recording.files.iter().flat_map(|f| f.uploads.iter().map(|u| (f.name.as_str(), u)));
        self.inner.index.with(|db| {
            let change = db.transaction()?;
            all.clone().try_for_each(|(file, upload)| queue::import(&change, recording.id.as_str(), file, upload))?;
            change.commit()
        })
    }

    /// Forgets the uploads of a recording that is gone; those under way are called off.
    pub(super) fn forget_uploads(&self, id: &str) -> Result<(), StoreError> {
        self.inner.index.with(|db| {
            let change = db.transaction()?;
            queue::forget(&change, id)?;
            change.commit()
        })?;
        self.inner.uploads.wake();
        Ok(())
    }

    /// Whether a recording may go here: all destinations have all of it.
    pub(super) fn is_verified(&self, recording: &Recording) -> Result<bool, StoreError> {
        let names = names_of(recording);
        let done = |db: &Connection, destination: &Destination| -> rusqlite::Result<bool> {
            names.iter().try_fold(true, |all, name| {
                Ok(all && queue::is_done(db, recording.id.as_str(), name, destination.name)?)
            })
        };
        self.inner.index.with(|db| {
            let destinations = &self.inner.uploads.destinations;
            destinations.iter().try_fold(true, |all, destination| Ok(all && done(db, destination)?))
        })
    }

    /// Fills in where copies are. What the queue does not know stays as the manifest tells it.
    pub(super) fn with_uploads(&self, mut recording: Recording) -> Recording {
        let known = self.uploads(recording.id.as_str());
        let known = known.inspect_err(|error| tracing::warn!(%error, "the uploads cannot be read")).unwrap_or_default();
        for (name, upload) in known {
            let Some(file) = recording.files.iter_mut().find(|f| f.name == name) else { continue };
            match file.uploads.iter_mut().find(|u| u.destination == upload.destination) {
                Some(stored) => *stored = upload,
                None => file.uploads.push(upload),
            }
        }
        recording
    }
}

/// What is uploaded of a recording: files with something in them, pictures, the manifest.
fn names_of(recording: &Recording) -> Vec<String> {
    let files = recording.files.iter().filter(|f| f.state.is_over() && f.bytes > 0).map(|f| f.name.clone());
    let pictures = recording.thumbnails.iter().flat_map(|t| [t.poster.clone(), t.sprite.clone()]);
    let names = files.chain(pictures).filter(|name| manifest::is_file_name(name));
    names.chain([manifest::MANIFEST.to_owned()]).collect()
}
