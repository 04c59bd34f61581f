//! The task of one destination: takes files out of the queue one after the other and notes what became of them.

use super::destination::Destination;
use super::queue::{self, Job};
use super::transfer::{Sent, Transfer};
use super::trouble::Trouble;
use crate::model::RecordingId;
use crate::recordings::{Recordings, StoreError, manifest};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Without anything due, the queue is looked at this often.
const IDLE: Duration = Duration::from_secs(60);
/// A queue that cannot be read or written: the disk may come back.
const AFTER_ERROR: Duration = Duration::from_secs(5);

pub(super) struct Worker {
    store: Recordings,
    index: usize,
    destination: Arc<Destination>,
}

impl Worker {
    pub fn new(store: &Recordings, index: usize) -> Self {
        Self { store: store.clone(), index, destination: Arc::clone(&store.inner.uploads.destinations[index]) }
    }

    /// Works until cancelled. An attempt that is cut off is gone on with at the next start.
    pub async fn run(self, closing: CancellationToken) {
        let work = async {
            self.logged(self.off_thread(|worker| worker.store.remove_all_copied()).await);
            loop {
                let wait = match self.turn().await {
                    Ok(wait) => wait,
                    Err(error) => {
                        self.logged::<()>(Err(error));
                        AFTER_ERROR
                    }
                };
                let woken = self.store.inner.uploads.wake[self.index].notified();
                let _timeout_or_woken = tokio::time::timeout(wait, woken).await;
            }
        };
        let _ends_only_by_being_cancelled = closing.run_until_cancelled(work).await;
    }

    /// All that is due; returns how long nothing is.
    async fn turn(&self) -> Result<Duration, StoreError> {
        self.call_off_abandoned().await?;
        let name = self.destination.name;
        while let Some(job) = self.off_thread(move |w| w.store.inner.index.with(|db| queue::claim(db, name))).await? {
            self.told(&job).await?;
            let sent = Transfer::run(self.store.clone(), Arc::clone(&self.destination), job.clone()).await;
            self.settle(job, sent).await?;
            self.call_off_abandoned().await?;
        }
        let next = self.off_thread(move |w| w.store.inner.index.with(|db| queue::next_at(db, name))).await?;
        let left = next.map_or(IDLE, |at| Duration::from_millis((at - queue::now_ms()).max(0).unsigned_abs()));
        Ok(left.min(IDLE))
    }

    async fn settle(&self, job: Job, sent: Result<Sent, Trouble>) -> Result<(), StoreError> {
        let result = if sent.is_ok() { "done" } else { "failed" };
        metrics::counter!("media_uploads_total", "kind" => self.destination.name, "reason" => result).increment(1);
        match sent {
            Ok(sent) => self.done(job, sent).await,
            Err(Trouble::Withdrawn) => Ok(()),
            Err(trouble) => self.failed(job, trouble).await,
        }
    }

    async fn done(&self, job: Job, sent: Sent) -> Result<(), StoreError> {
        tracing::info!(
            recording.id = job.recording,
            file = job.file,
            url = job.url,
            bytes = sent.size,
            "uploaded and verified"
        );
        let noted = job.clone();
        self.off_thread(move |worker| {
            let store = &worker.store;
            store.inner.index.with(|db| noted.done(db, sent.size, &sent.sha256))?;
            store.remove_copied(&noted.recording, &noted.file)?;
            if noted.file != manifest::MANIFEST {
                // The manifest tells of it too, should the index be lost.
                store.update(&RecordingId::new(&noted.recording), |_| ())?;
            }
            Ok(())
        })
        .await?;
        self.told(&job).await
    }

    async fn failed(&self, job: Job, trouble: Trouble) -> Result<(), StoreError> {
        let noted = job.clone();
        let words = trouble.words().to_owned();
        let failures = self
            .off_thread(move |worker| {
                let pace = worker.store.inner.uploads.pace;
                let wait = |failures: u32| match &trouble {
                    Trouble::Hopeless(_) | Trouble::Withdrawn => None,
                    Trouble::Refused(_) | Trouble::Missing(_) => Some(pace.wait_refused()),
                    Trouble::Transient(_) => Some(pace.wait(failures)),
                };
                worker.store.inner.index.with(|db| noted.failed(db, trouble.words(), wait))
            })
            .await?;
        // It goes on for hours with some: said once, and whenever it got further in between.
        if failures == 1 {
            tracing::warn!(
                recording.id = job.recording,
                file = job.file,
                url = job.url,
                reason = words,
                "an upload failed"
            );
        }
        self.told(&job).await
    }

    /// Those who listen are told of the recording as it is now.
    async fn told(&self, job: &Job) -> Result<(), StoreError> {
        let id = job.recording.clone();
        self.off_thread(move |worker| {
            worker.store.get(&id).iter().for_each(|recording| worker.store.changed(recording));
            Ok(())
        })
        .await
    }

    /// The destination is told to forget parts of recordings that are gone.
    async fn call_off_abandoned(&self) -> Result<(), StoreError> {
        let name = self.destination.name;
        for (url, id) in self.off_thread(move |w| w.store.inner.index.with(|db| queue::abandoned(db, name))).await? {
            let over = match self.destination.key(&url) {
                Some(key) => match self.destination.abort(&key, &id).await {
                    Ok(()) => true,
                    // Some refuse what they do not know; others are told when they can be reached again.
                    Err(_) => matches!(self.destination.size(&key).await, Ok(_) | Err(Trouble::Missing(_))),
                },
                None => true,
            };
            if over {
                self.off_thread(move |w| w.store.inner.index.with(|db| queue::called_off(db, &url, &id))).await?;
            }
        }
        Ok(())
    }

    async fn off_thread<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Self) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let worker = Self::new(&self.store, self.index);
        let asked = tokio::task::spawn_blocking(move || ask(&worker)).await;
        asked.unwrap_or_else(|e| Err(self.store.io(std::io::Error::other(e))))
    }

    fn logged<T>(&self, result: Result<T, StoreError>) {
        if let Err(error) = result {
            tracing::warn!(destination = self.destination.name, %error, "the queue of uploads cannot be used");
        }
    }
}

impl Recordings {
    /// Removes a local file if the settings say so and all destinations have it.
    fn remove_copied(&self, id: &str, name: &str) -> Result<(), StoreError> {
        let Some(recording) = self.get(id).filter(|_| self.inner.uploads.delete_local) else { return Ok(()) };
        let is_media = recording.files.iter().any(|f| f.name == name) && manifest::is_file_name(name);
        let destinations = &self.inner.uploads.destinations;
        let everywhere = self
            .inner
            .index
            .with(|db| destinations.iter().try_fold(true, |all, d| Ok(all && queue::is_done(db, id, name, d.name)?)))?;
        if !is_media || !everywhere {
            return Ok(());
        }
        match std::fs::remove_file(self.folder(&recording.id).join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(self.io(error)),
            _ => self.inner.index.with(|db| queue::local_removed(db, id, name)),
        }
    }

    /// The same for all, after a start: the service may have ended between the last copy and the removal, or the
    /// setting may be new.
    fn remove_all_copied(&self) -> Result<(), StoreError> {
        if !self.inner.uploads.delete_local {
            return Ok(());
        }
        for (id, name) in self.inner.index.with(|db| queue::not_removed(db))? {
            self.remove_copied(&id, &name)?;
            self.update(&RecordingId::new(&id), |_| ())?;
        }
        Ok(())
    }
}
