//! What reaches the disk, and when: one thread syncs the files of all recorders every few seconds.
//!
//! Decides when, and whether the disk is still fit to be written to; a disk that hangs holds this thread and nobody else. The thread ends with the last file.

use super::worker::End;
use crate::model::EndReason;
use parking_lot::Mutex;
use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Weak};
use std::thread::Thread;
use std::time::{Duration, Instant};

const INTERVAL: Duration = Duration::from_secs(3);
const SLOW: Duration = Duration::from_secs(1);

/// The files to sync.
#[derive(Default)]
pub struct Disk {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    files: Vec<Weak<File>>,
    thread: Option<Thread>,
}

/// A file is synced as long as this lives.
pub(in crate::media) struct Synced {
    file: Option<Arc<File>>,
    disk: Arc<Disk>,
}

impl Disk {
    /// Syncs a file from now on. One that cannot be opened is told of by who writes it.
    pub(in crate::media) fn keep(self: &Arc<Self>, path: &Path) -> Synced {
        let file = File::options().write(true).open(path).ok().map(Arc::new);
        let mut state = self.state.lock();
        state.files.extend(file.as_ref().map(Arc::downgrade));
        if state.thread.is_none() && !state.files.is_empty() {
            let disk = Arc::clone(self);
            let spawned = std::thread::Builder::new().name("rec-sync".into()).spawn(move || disk.run());
            match spawned {
                Ok(handle) => state.thread = Some(handle.thread().clone()),
                Err(error) => tracing::error!(%error, "no thread to sync recordings: the system does it when it likes"),
            }
        }
        drop(state);
        Synced { file, disk: Arc::clone(self) }
    }

    fn run(&self) {
        let mut due = Instant::now() + INTERVAL;
        while let Some(files) = self.files() {
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                files.iter().filter_map(Weak::upgrade).for_each(|file| sync(&file));
                due = Instant::now() + INTERVAL;
            } else {
                std::thread::park_timeout(left);
            }
        }
    }

    /// `None`: no file is left, and the thread is to end.
    fn files(&self) -> Option<Vec<Weak<File>>> {
        let mut state = self.state.lock();
        state.files.retain(|file| file.strong_count() > 0);
        if state.files.is_empty() {
            state.thread = None;
            return None;
        }
        Some(state.files.clone())
    }
}

/// Whether the file is still there, and so many bytes are free; else why the recording ends.
pub(super) fn check(path: &Path, min_free_bytes: u64) -> Result<(), End> {
    if let Err(error) = std::fs::metadata(path) {
        return Err((EndReason::StorageFailed, Some(format!("the recording's file is gone: {error}"))));
    }
    match fs4::available_space(path.parent().unwrap_or(path)) {
        Ok(free) if free < min_free_bytes => {
            let words = format!("only {free} bytes are free, {} are to stay free", min_free_bytes);
            Err((EndReason::DiskFull, Some(words)))
        }
        Ok(_) => Ok(()),
        Err(error) => Err((EndReason::StorageFailed, Some(format!("the recording's folder is gone: {error}")))),
    }
}

fn sync(file: &File) {
    let begun = Instant::now();
    if let Err(error) = file.sync_data() {
        tracing::debug!(%error, "a recording is not synced");
    }
    let took = begun.elapsed();
    metrics::histogram!("media_recording_sync_seconds").record(took.as_secs_f64());
    if took > SLOW {
        tracing::warn!(took_ms = took.as_millis(), "the recordings' disk is slow");
    }
}

impl Drop for Synced {
    fn drop(&mut self) {
        self.file = None;
        if let Some(thread) = &self.disk.state.lock().thread {
            thread.unpark();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thread_ends_with_the_last_file_and_comes_back() {
        let disk = Arc::new(Disk::default());
        let file = tempfile::NamedTempFile::new().unwrap();
        for _ in 0..2 {
            let synced = [disk.keep(file.path()), disk.keep(file.path())];
            assert!(disk.state.lock().thread.is_some());
            drop(synced);
            let deadline = Instant::now() + Duration::from_secs(2);
            while disk.state.lock().thread.is_some() {
                assert!(Instant::now() < deadline, "the thread outlives its files");
                std::thread::yield_now();
            }
        }
        drop(disk.keep(Path::new("/nonexistent/file")));
        assert!(disk.state.lock().thread.is_none());
    }
}
