//! One attempt to bring one file to one destination: sent, or sent on from where it stopped, and compared.

use super::destination::Destination;
use super::queue::{Job, UnderWay};
use super::reader::{Reader, hex};
use super::trouble::Trouble;
use crate::model::RecordingId;
use crate::recordings::{Recordings, StoreError, manifest};
use aws_lc_rs::digest::{Context, SHA256};
use object_store::path::Path;
use rusqlite::Connection;
use std::sync::Arc;

/// An upload in parts that came no farther for so many attempts is begun anew.
const MOST_FAILURES: u32 = 5;

/// What is there now, verified.
pub(super) struct Sent {
    /// Bytes.
    pub size: u64,
    /// SHA-256 in hex.
    pub sha256: String,
}

pub(super) struct Transfer {
    store: Recordings,
    destination: Arc<Destination>,
    job: Job,
    key: Path,
}

impl Transfer {
    /// Sends and compares.
    pub async fn run(store: Recordings, destination: Arc<Destination>, job: Job) -> Result<Sent, Trouble> {
        let elsewhere = || Trouble::Hopeless("it was meant for another address than the settings have now".into());
        let key = destination.key(&job.url).ok_or_else(elsewhere)?;
        let transfer = Self { store, destination, job, key };
        let reader = transfer.open().await?;
        let size = reader.size;
        let sha256 = transfer.send(reader).await?;
        transfer.compare(size, &sha256).await?;
        Ok(Sent { size, sha256 })
    }

    /// The file; or the manifest as it is now, with what is known of the copies of the files.
    async fn open(&self) -> Result<Reader, Trouble> {
        let id = RecordingId::new(&self.job.recording);
        if self.job.file != manifest::MANIFEST {
            return Reader::open(&self.store.folder(&id).join(&self.job.file)).await;
        }
        let recording = self.off_thread(move |store| Ok(store.get(id.as_str()))).await?.ok_or(Trouble::Withdrawn)?;
        let text = serde_json::to_vec_pretty(&recording).map_err(|e| Trouble::Hopeless(e.to_string()))?;
        Ok(Reader::of_bytes(text.into()))
    }

    /// Returns the SHA-256 of what was sent.
    async fn send(&self, mut reader: Reader) -> Result<String, Trouble> {
        let part_bytes = self.store.inner.uploads.pace.part_bytes(reader.size);
        // A manifest may change between two attempts, so it is never sent in parts.
        if reader.size > part_bytes && self.job.file != manifest::MANIFEST {
            return self.send_in_parts(reader, part_bytes).await;
        }
        self.call_off().await?;
        let data = reader.next(reader.size).await?;
        self.destination.put(&self.key, data).await?;
        Ok(reader.sha256())
    }

    async fn send_in_parts(&self, reader: Reader, part_bytes: u64) -> Result<String, Trouble> {
        match &self.job.under_way {
            Some(known) if known.size == reader.size => {
                let result = self.send_parts(reader, known.clone()).await;
                self.unless_forgotten(result).await
            }
            _ => {
                self.call_off().await?;
                let under_way = self.begin(reader.size, part_bytes).await?;
                self.send_parts(reader, under_way).await
            }
        }
    }

    async fn begin(&self, size: u64, part_bytes: u64) -> Result<UnderWay, Trouble> {
        let id = self.destination.begin(&self.key).await?;
        let under_way = UnderWay { id, size, part_bytes, parts: Vec::new() };
        let (job, begun) = (self.job.clone(), under_way.clone());
        if !self.note(move |db| job.begun(db, &begun)).await? {
            self.destination.abort(&self.key, &under_way.id).await?;
            return Err(Trouble::Withdrawn);
        }
        Ok(under_way)
    }

    /// Reads all, for the hash; sends what is not there yet.
    async fn send_parts(&self, mut reader: Reader, mut under_way: UnderWay) -> Result<String, Trouble> {
        let UnderWay { size, part_bytes, .. } = under_way;
        for number in 0..size.div_ceil(part_bytes) {
            let offset = number * part_bytes;
            let data = reader.next(part_bytes.min(size - offset)).await?;
            let (number, sent) = (number as usize, offset + data.len() as u64);
            if number < under_way.parts.len() {
                continue;
            }
            let part = self.destination.part(&self.key, &under_way.id, number, offset, data).await?;
            under_way.parts.push(part.clone());
            let job = self.job.clone();
            if !self.note(move |db| job.part_sent(db, number, &part, sent)).await? {
                return Err(Trouble::Withdrawn);
            }
        }
        self.destination.complete(&self.key, &under_way.id, under_way.parts).await?;
        self.forget_parts().await?;
        Ok(reader.sha256())
    }

    /// The destination may have cleaned up what lay there half sent. Some say so, some only refuse, some have other
    /// words, so nothing is gone on with for ever.
    async fn unless_forgotten(&self, result: Result<String, Trouble>) -> Result<String, Trouble> {
        let stuck = self.job.failures >= MOST_FAILURES;
        match result {
            Err(trouble) if (stuck || trouble.is_final()) && self.is_reachable().await => {
                // The parts are lost, or it was completed and only we do not know; then it is sent once more.
                let _as_good = self.call_off().await;
                self.forget_parts().await?;
                Err(Trouble::Transient(format!("begun anew: {}", trouble.words())))
            }
            other => other,
        }
    }

    /// Whether the destination answers us at all.
    async fn is_reachable(&self) -> bool {
        matches!(self.destination.size(&self.key).await, Ok(_) | Err(Trouble::Missing(_)))
    }

    /// Ends an upload in parts that is not gone on with.
    async fn call_off(&self) -> Result<(), Trouble> {
        let Some(under_way) = &self.job.under_way else { return Ok(()) };
        self.destination.abort(&self.key, &under_way.id).await?;
        self.forget_parts().await
    }

    async fn forget_parts(&self) -> Result<(), Trouble> {
        let job = self.job.clone();
        self.note(move |db| job.forget_parts(db)).await
    }

    /// Reads back all that is there.
    async fn compare(&self, size: u64, sha256: &str) -> Result<(), Trouble> {
        let there = self.destination.size(&self.key).await?;
        if there != size {
            return Err(Trouble::Transient(format!("the copy has {there} bytes, the file {size}: it is sent again")));
        }
        let (step, mut hash, mut at) = (self.store.inner.uploads.pace.part_bytes(size), Context::new(&SHA256), 0);
        while at < size {
            let end = size.min(at + step);
            hash.update(&self.destination.read(&self.key, at..end).await?);
            at = end;
        }
        if hex(hash) != sha256 {
            return Err(Trouble::Transient("the copy differs from the file (SHA-256): it is sent again".into()));
        }
        Ok(())
    }

    async fn note<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Trouble> {
        self.off_thread(move |store| store.inner.index.with(change)).await
    }

    async fn off_thread<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Recordings) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Trouble> {
        let store = self.store.clone();
        let asked = tokio::task::spawn_blocking(move || ask(&store)).await;
        let asked = asked.map_err(|e| Trouble::Transient(e.to_string()))?;
        asked.map_err(|e| Trouble::Transient(e.to_string()))
    }
}
