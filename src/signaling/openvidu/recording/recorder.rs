//! Starts recordings, and knows those that run.
//!
//! Decides when one runs: an individual one when each stream that is to be in it is being written, a composed one when its
//! film is. What cannot be started in time fails, in words for the application.

use super::super::ids;
use super::super::session::actor::{Handle, now};
use super::super::session::recorded::Rules;
use super::super::wire::recording::Properties;
use super::kept::{Kept, KeptStream};
use super::news::News;
use super::shelf::Shelf;
use super::wish;
use crate::config;
use crate::model::{FeedId, Recording, RecordingState, RecordingWish, RoomId};
use crate::recordings::Recordings;
use crate::room::{Command, Reply, RoomHandle, Rooms, Unmixable};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;

/// Every stream is being written within this, or the recording fails.
const START_LIMIT: Duration = Duration::from_secs(10);

/// Why it was not started.
#[derive(Debug)]
pub enum NotStarted {
    /// The session is recorded already, or may not be.
    Conflict,
    /// Nobody is there.
    Empty,
    /// What was asked for is wrong, in words.
    Wrong(String),
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
    /// Its session knows nothing of it.
    NotRecorded,
    /// In words.
    Failed(String),
}

/// One that is not over.
pub(super) struct Running {
    pub kept: Kept,
    /// Closed when it is over.
    pub over: watch::Receiver<()>,
}

/// Those that run, and the shelf of all. Cheap to clone.
#[derive(Clone)]
pub struct Recorder {
    pub(super) rooms: Rooms,
    pub(super) shelf: Shelf,
    running: Arc<Mutex<HashMap<String, Running>>>,
    settings: Arc<config::OpenVidu>,
}

impl Recorder {
    /// With the store of files. Needs a tokio runtime: what a service that died left is settled behind.
    pub fn new(rooms: Rooms, recordings: Recordings, settings: Arc<config::OpenVidu>) -> Self {
        let recorder = Self { rooms, shelf: Shelf::new(recordings), running: Arc::default(), settings };
        if recorder.settings.recording {
            tokio::spawn(recorder.clone().settle());
        }
        recorder
    }

    /// What sessions are to know of the settings.
    pub fn rules(&self) -> Rules {
        Rules { told: self.settings.recording_notification, autostop: self.settings.recording_autostop }
    }

    /// Starts one; returns when media is being written.
    pub async fn start(&self, session: &Handle, properties: Properties) -> Result<Kept, NotStarted> {
        let gone = || NotStarted::Failed("the session is gone".into());
        let wanted = properties.only();
        let (name, feeds) = session.with(move |state| state.claim_recording(wanted)).await.ok_or_else(gone)??;
        let started = self.begin(session, &name, &properties, feeds).await;
        if started.is_err() {
            session.with(|state| state.recording_over(None)).await;
        }
        started
    }

    async fn begin(
        &self,
        session: &Handle,
        name: &str,
        properties: &Properties,
        feeds: Vec<FeedId>,
    ) -> Result<Kept, NotStarted> {
        let failed = |words: String| NotStarted::Failed(words);
        let room = self.rooms.find(&RoomId::of_name(name)).map_err(|error| failed(error.to_string()))?;
        let wish = wish::of(&self.settings, properties, feeds).await?;
        self.check(&room, &wish).await?;
        let mut news = News::of(&self.rooms, &self.shelf);
        let (id, created_at) = (self.free_name(name).await, now());
        let recording = ask(&room, wish).await.map_err(failed)?;
        let kept = Kept::begin(id, name, recording.id.clone(), properties, created_at);
        let (over, ended) = watch::channel(());
        self.running().insert(kept.id.clone(), Running { kept: kept.clone(), over: ended });
        let kept = self.with_its_streams(session, &room, kept).await;
        self.keep(&kept).await;
        match timeout(START_LIMIT, self.runs(session, &kept, &mut news)).await {
            Ok(Ok(())) => {}
            Err(_late) if properties.ignore_failed && kept.individual => {}
            Ok(Err(words)) => return Err(self.give_up(session, &room, kept, news, words).await),
            Err(_late) => {
                let words = format!("not every stream was being written within {} s", START_LIMIT.as_secs());
                return Err(self.give_up(session, &room, kept, news, words).await);
            }
        }
        let kept = self.turn(&kept.id, "started").await.unwrap_or(kept);
        let told = kept.clone();
        session.with(move |state| state.recording_runs(&told)).await;
        tokio::spawn(self.clone().watch(session.clone(), room, kept.clone(), news, over));
        Ok(kept)
    }

    async fn check(&self, room: &RoomHandle, wish: &RecordingWish) -> Result<(), NotStarted> {
        let view = room.view().await.map_err(|error| NotStarted::Failed(error.to_string()))?;
        self.rooms.check_recording(&view, wish).await.map_err(|why| match why {
            Unmixable::Wish(words) => NotStarted::Wrong(words),
            Unmixable::Capacity(words) => NotStarted::Failed(words),
        })
    }

    /// The session says what is in it from now on; what came since it was asked is recorded too.
    async fn with_its_streams(&self, session: &Handle, room: &RoomHandle, kept: Kept) -> Kept {
        let made = kept.clone();
        let Some(kept) = session.with(move |state| state.recording_made(made)).await else { return kept };
        for feed in kept.streams.iter().map(|stream| stream.feed) {
            let recording = kept.of.clone();
            let _ended_meanwhile = room.request(None, Command::RecordFeed { recording, feed }).await;
        }
        kept
    }

    /// Until media is being written of all that is there; the error is in words.
    async fn runs(&self, session: &Handle, kept: &Kept, news: &mut News) -> Result<(), String> {
        let mut recording = self.shelf.look(&kept.of).await;
        loop {
            let Some(now) = recording else { return Err("the recording was removed".into()) };
            if now.state.is_over() {
                return Err(now.detail.unwrap_or_else(|| "it ended at once".into()));
            }
            let writes = |feed: &FeedId| now.files.iter().any(|file| file.feed == Some(*feed));
            let waiting = match kept.individual {
                true => !session.with(|state| state.recorded_feeds()).await.unwrap_or_default().iter().all(writes),
                false => now.state == RecordingState::Starting,
            };
            if !waiting {
                return Ok(());
            }
            recording = news.next(&kept.of).await;
        }
    }

    /// A stream that a running individual one has from now on.
    pub async fn add(&self, id: &str, stream: KeptStream) {
        let kept = self.running().get_mut(id).map(|running| {
            running.kept.take_up(stream);
            running.kept.clone()
        });
        if let Some(kept) = kept {
            self.shelf.keep(&kept).await;
        }
    }

    /// One, running or finished.
    pub async fn get(&self, id: &str) -> Option<Kept> {
        let running = self.running().get(id).map(|running| running.kept.clone());
        match running {
            Some(kept) => Some(kept),
            None => self.shelf.get(id).await,
        }
    }

    /// All.
    pub async fn list(&self) -> Vec<Kept> {
        let mut all = self.shelf.list().await;
        let running = self.running();
        for kept in &mut all {
            if let Some(running) = running.get(&kept.id) {
                kept.clone_from(&running.kept);
            }
        }
        let fresh = running.values().filter(|running| all.iter().all(|kept| kept.id != running.kept.id));
        let fresh: Vec<Kept> = fresh.map(|running| running.kept.clone()).collect();
        all.into_iter().chain(fresh).collect()
    }

    /// Remembers it, and tells who asks meanwhile.
    pub(super) async fn keep(&self, kept: &Kept) {
        if let Some(running) = self.running().get_mut(&kept.id) {
            running.kept = kept.clone();
        }
        self.shelf.keep(kept).await;
    }

    /// A running one in another status.
    pub(super) async fn turn(&self, id: &str, status: &str) -> Option<Kept> {
        let kept = self.running().get_mut(id).map(|running| {
            running.kept.status = status.into();
            running.kept.clone()
        })?;
        self.shelf.keep(&kept).await;
        Some(kept)
    }

    async fn free_name(&self, session: &str) -> String {
        let taken = self.shelf.names().await;
        let running = self.running();
        ids::recording(session, |name| taken.contains(name) || running.contains_key(name))
    }

    /// Never held across an await.
    pub(super) fn running(&self) -> MutexGuard<'_, HashMap<String, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn ask(room: &RoomHandle, wish: RecordingWish) -> Result<Recording, String> {
    match room.request(None, Command::StartRecording { wish: Some(wish) }).await {
        Ok(Reply::Recording(recording)) => Ok(*recording),
        Ok(_) => Err("no recording was made".into()),
        Err(error) => Err(error.to_string()),
    }
}
