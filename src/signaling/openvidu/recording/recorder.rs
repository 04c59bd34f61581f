//! Starts and stops recordings, and waits until they run and until they are ready.

use super::super::ids;
use super::super::session::actor::{Handle, now};
use super::super::wire::recording::{Mode, Properties};
use super::kept::{Kept, Shelf};
use super::pack::pack;
use crate::model::{Layout, Recording, RecordingId, RecordingKind, RecordingState, RecordingWish, RoomId};
use crate::recordings::Recordings;
use crate::room::{Command, Reply, RoomError, RoomHandle, Rooms};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// A recording runs within this, or fails.
const START_LIMIT: Duration = Duration::from_secs(15);
/// A recording is complete within this.
const STOP_LIMIT: Duration = Duration::from_secs(40);
/// How often is looked.
const LOOK: Duration = Duration::from_millis(100);
/// It stops by itself when nobody has been publishing for so long.
const EMPTY_LIMIT: Duration = Duration::from_secs(120);

/// Why it was not started.
#[derive(Debug)]
pub enum NotStarted {
    /// The session is recorded already, or may not be.
    Conflict,
    /// Nobody is there.
    Empty,
    /// In words.
    Failed(String),
}

/// Why it was not stopped.
#[derive(Debug)]
pub enum NotStopped {
    /// It does not run.
    NotFound,
    /// It is only starting.
    Starting,
    /// In words.
    Failed(String),
}

/// Those that run. Cheap to clone.
#[derive(Clone)]
pub struct Recorder {
    rooms: Rooms,
    shelf: Shelf,
    running: Arc<Mutex<HashMap<String, Kept>>>,
}

impl Recorder {
    /// With the store of files.
    pub fn new(rooms: Rooms, recordings: Recordings) -> Self {
        Self { rooms, shelf: Shelf(recordings), running: Arc::default() }
    }

    /// Starts one; returns when media is being written.
    pub async fn start(&self, session: &Handle, properties: Properties) -> Result<Kept, NotStarted> {
        let gone = || NotStarted::Failed("the session is gone".into());
        let name = session.with(|state| state.begin_recording()).await.ok_or_else(gone)??;
        let started = self.begin(session, &name, &properties).await;
        if started.is_err() {
            session.with(|state| state.recording_over(None, None)).await;
        }
        started
    }

    async fn begin(&self, session: &Handle, name: &str, properties: &Properties) -> Result<Kept, NotStarted> {
        let failed = |error: RoomError| NotStarted::Failed(error.to_string());
        let room = self.rooms.find(&RoomId::of_name(name)).map_err(failed)?;
        let reply =
            room.request(None, Command::StartRecording { wish: Some(wish(properties)) }).await.map_err(failed)?;
        let Reply::Recording(recording) = reply else { return Err(NotStarted::Failed("no recording was made".into())) };
        let id = self.free_name(name).await;
        let mut kept = Kept::begin(id, name, recording.id.clone(), properties, now());
        self.running().insert(kept.id.clone(), kept.clone());
        if let Err(words) = self.until(&recording.id, START_LIMIT, |state| state != RecordingState::Starting).await {
            self.running().remove(&kept.id);
            let _over = room.request(None, Command::StopRecording { recording: recording.id.clone() }).await;
            return Err(NotStarted::Failed(words));
        }
        kept.status = "started".into();
        self.keep(&kept).await;
        let told = kept.clone();
        session.with(move |state| state.recording_runs(&told)).await;
        tokio::spawn(self.clone().watch(session.clone(), room, kept.clone()));
        Ok(kept)
    }

    /// Stops one; returns when its files are complete.
    pub async fn stop(&self, id: &str, session: Option<Handle>) -> Result<Kept, NotStopped> {
        let kept = self.running().get(id).cloned().ok_or(NotStopped::NotFound)?;
        if kept.status == "starting" {
            return Err(NotStopped::Starting);
        }
        let room = self.rooms.find(&RoomId::of_name(&kept.session)).map_err(|e| NotStopped::Failed(e.to_string()))?;
        if let Some(session) = &session {
            session.with(|state| state.stopped_by_hand()).await;
        }
        let _over = room.request(None, Command::StopRecording { recording: kept.of.clone() }).await;
        let deadline = Instant::now() + STOP_LIMIT;
        while self.running().contains_key(id) && Instant::now() < deadline {
            tokio::time::sleep(LOOK).await;
        }
        self.get(id).await.filter(|kept| !kept.is_running()).ok_or_else(|| NotStopped::Failed("it does not end".into()))
    }

    /// Until it is over, whoever ended it; then its session and the application are told.
    async fn watch(self, session: Handle, room: RoomHandle, mut kept: Kept) {
        let mut streams = Vec::new();
        let recording = loop {
            if let Some(fresh) = session.with(|state| state.recordable()).await {
                streams = fresh.into_iter().fold(streams, |mut all: Vec<super::kept::KeptStream>, stream| {
                    if all.iter().all(|known| known.stream != stream.stream) {
                        all.push(stream);
                    }
                    all
                });
            }
            match self.look(&kept.of).await {
                Some(recording) if recording.state.is_over() => break Some(recording),
                None => break None,
                Some(_) if room.is_gone() => tokio::time::sleep(LOOK).await,
                Some(_) => tokio::time::sleep(LOOK * 5).await,
            }
        };
        kept.streams = streams;
        if let Some(recording) = &recording {
            kept.finish(recording);
            kept.file = self.file(&kept, recording).await;
        } else {
            kept.status = "failed".into();
        }
        self.keep(&kept).await;
        let reason = recording.and_then(|recording| recording.reason);
        let told = kept.clone();
        session.with(move |state| state.recording_over(Some(&told), reason)).await;
        self.running().remove(&kept.id);
    }

    /// What its address names, and which file that is.
    async fn file(&self, kept: &Kept, recording: &Recording) -> Option<(String, String)> {
        if kept.individual {
            let packed = pack(&self.shelf, kept, recording).await;
            let packed =
                packed.inspect_err(|error| tracing::warn!(recording.id = %kept.of, %error, "the ZIP cannot be made"));
            return packed.ok().map(|file| (format!("{}.zip", kept.name), file));
        }
        let file = recording.files.first()?;
        let ending = file.name.rsplit('.').next().unwrap_or("mp4");
        Some((format!("{}.{ending}", kept.name), file.name.clone()))
    }

    async fn until(
        &self,
        id: &RecordingId,
        limit: Duration,
        done: impl Fn(RecordingState) -> bool,
    ) -> Result<(), String> {
        let deadline = Instant::now() + limit;
        while Instant::now() < deadline {
            match self.look(id).await {
                Some(recording) if recording.state == RecordingState::Failed => {
                    return Err(recording.detail.unwrap_or_else(|| "it failed".into()));
                }
                Some(recording) if done(recording.state) => return Ok(()),
                _ => tokio::time::sleep(LOOK).await,
            }
        }
        Err(format!("nothing could be recorded within {} s", limit.as_secs()))
    }

    async fn look(&self, id: &RecordingId) -> Option<Recording> {
        let id = id.clone();
        self.blocking(move |shelf| shelf.0.get(id.as_str())).await.flatten()
    }

    async fn keep(&self, kept: &Kept) {
        if let Some(known) = self.running().get_mut(&kept.id) {
            *known = kept.clone();
        }
        let written = kept.clone();
        let written = self.blocking(move |shelf| shelf.write(&written)).await;
        if let Some(Err(error)) = written {
            tracing::warn!(recording.id = %kept.of, %error, "what is known of a recording cannot be written");
        }
    }

    /// One, running or finished.
    pub async fn get(&self, id: &str) -> Option<Kept> {
        let running = self.running().get(id).cloned();
        let id = id.to_owned();
        match running {
            Some(kept) => Some(kept),
            None => self.blocking(move |shelf| shelf.get(&id)).await.flatten(),
        }
    }

    /// All.
    pub async fn list(&self) -> Vec<Kept> {
        let mut all: Vec<Kept> = self.running().values().cloned().collect();
        let stored = self.blocking(Shelf::list).await.unwrap_or_default();
        all.extend(stored.into_iter().filter(|kept| !kept.is_running()));
        all.dedup_by(|a, b| a.id == b.id);
        all
    }

    /// Removes one that is finished.
    pub async fn delete(&self, kept: &Kept) -> bool {
        let id = kept.of.clone();
        let deleted =
            self.blocking(move |shelf| shelf.0.delete(id.as_str()).and_then(|_| shelf.0.purge(id.as_str())).is_ok());
        deleted.await.unwrap_or(false)
    }

    /// Path of a finished one's file; `jpg` is its picture.
    pub async fn path(&self, kept: &Kept, name: &str) -> Option<std::path::PathBuf> {
        let poster = name == format!("{}.jpg", kept.id);
        let file = kept.file.as_ref().filter(|(known, _)| known == name).map(|(_, file)| file.clone());
        let file = match (file, poster) {
            (Some(file), _) => file,
            (None, true) => self.look(&kept.of).await?.thumbnails?.poster,
            (None, false) => return None,
        };
        Some(self.shelf.path(&kept.of, &file))
    }

    async fn free_name(&self, session: &str) -> String {
        let taken: Vec<String> = self.list().await.into_iter().map(|kept| kept.id).collect();
        ids::recording(session, |name| taken.iter().any(|known| known == name))
    }

    async fn blocking<T: Send + 'static>(&self, work: impl FnOnce(&Shelf) -> T + Send + 'static) -> Option<T> {
        let shelf = self.shelf.clone();
        tokio::task::spawn_blocking(move || work(&shelf)).await.ok()
    }

    /// Never held across an await.
    fn running(&self) -> MutexGuard<'_, HashMap<String, Kept>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the room is asked for.
fn wish(properties: &Properties) -> RecordingWish {
    let kind = match (properties.mode, properties.video) {
        (Mode::Individual, _) => RecordingKind::Individual,
        (_, true) => RecordingKind::Composed,
        (_, false) => RecordingKind::Audio,
    };
    let layout = match properties.layout {
        "PICTURE_IN_PICTURE" => "picture-in-picture",
        "HORIZONTAL_PRESENTATION" | "VERTICAL_PRESENTATION" => "speaker",
        "CUSTOM" if !properties.custom_layout.is_empty() => properties.custom_layout.as_str(),
        _ => "grid",
    };
    let stop_when_empty_ms = u64::try_from(EMPTY_LIMIT.as_millis()).ok();
    RecordingWish { kind, layout: Layout::Named(layout.to_owned()), stop_when_empty_ms, ..RecordingWish::default() }
}
