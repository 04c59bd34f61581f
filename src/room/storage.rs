//! A room's way to the recordings on disk: one job after the other, off the async threads, so that a slow disk delays
//! neither the room nor the order of its manifests.

use crate::model::{Recording, RecordingWish, RoomId};
use crate::recordings::Recordings;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// A new recording with its folder, or what the store said.
/// The number is the one it was asked for with.
pub(super) type Created = (u64, Result<(Recording, PathBuf), String>);

/// How long a closing room waits for its last manifest.
const FINISH_LIMIT: Duration = Duration::from_secs(2);

enum Job {
    Create(u64, Box<RecordingWish>),
    Save(Box<Recording>),
}

pub(super) struct Storage {
    jobs: mpsc::UnboundedSender<Job>,
    worker: JoinHandle<()>,
}

impl Storage {
    /// Starts the task; new recordings come out of the receiver.
    pub fn start(store: Recordings, room: RoomId) -> (Self, mpsc::UnboundedReceiver<Created>) {
        let (jobs, todo) = mpsc::unbounded_channel();
        let (created, results) = mpsc::unbounded_channel();
        let worker = tokio::spawn(work(store, room, todo, created));
        (Self { jobs, worker }, results)
    }
    /// Asks for a new recording.
    pub fn create(&self, token: u64, wish: RecordingWish) {
        let _ended = self.jobs.send(Job::Create(token, Box::new(wish)));
    }
    /// Asks for a manifest to be written.
    pub fn save(&self, recording: Recording) {
        let _ended = self.jobs.send(Job::Save(Box::new(recording)));
    }
    /// Waits for what was asked, within bounds.
    pub async fn finish(self) {
        drop(self.jobs);
        if tokio::time::timeout(FINISH_LIMIT, self.worker).await.is_err() {
            tracing::warn!("the disk did not take the recording's manifest in time");
        }
    }
}

async fn work(
    store: Recordings,
    room: RoomId,
    mut jobs: mpsc::UnboundedReceiver<Job>,
    created: mpsc::UnboundedSender<Created>,
) {
    while let Some(job) = jobs.recv().await {
        let (store, room) = (store.clone(), room.clone());
        match job {
            Job::Create(token, wish) => {
                let made = tokio::task::spawn_blocking(move || create(&store, &room, &wish)).await;
                let _room_gone = created.send((token, made.unwrap_or_else(|error| Err(error.to_string()))));
            }
            Job::Save(recording) => {
                let saved = tokio::task::spawn_blocking(move || store.save(&recording)).await;
                if let Ok(Err(error)) = saved {
                    tracing::warn!(%error, "a recording's manifest was not written");
                }
            }
        }
    }
}

fn create(store: &Recordings, room: &RoomId, wish: &RecordingWish) -> Result<(Recording, PathBuf), String> {
    let recording = store.create(room, wish).map_err(|error| error.to_string())?;
    let folder = store.folder(&recording.id);
    Ok((recording, folder))
}
