//! Finds rooms and makes them; a handle is a room's mailbox.

use super::actor::{Actor, Envelope, MAILBOX, now};
use super::budget::Mixes;
use super::command::{Command, RoomError};
use super::event::{Audience, Event, EventKind};
use super::state::State;
use super::storage::Storage;
use super::view::RoomView;
use crate::config;
use crate::media::Engine;
use crate::model::{
    Broadcast, EndReason, FeedId, Grants, Ingest, ParticipantId, PeerId, Recording, RoomId, ViewLimits,
};
use crate::recordings::Recordings;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tokio::sync::{broadcast, mpsc, oneshot};
use tracing::Instrument;

/// Events that the journal may lag behind.
const JOURNAL: usize = 4096;
/// Rooms made by the server have up to 9 digits: exact in every client's number type.
const ROOM_NUMBERS: u32 = 1_000_000_000;

/// Events for one participant's connection, or for the journal. Bounded for participants: a connection that does not
/// read loses its place, never the room's time.
pub type EventStream = mpsc::Receiver<Event>;

/// What a command answers at once; what takes longer comes as an event.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// Accepted.
    Done,
    /// The recording that was started or stopped.
    Recording(Box<Recording>),
    /// The source that was added.
    Ingest(Box<Ingest>),
    /// The peer that is being made.
    Peer(PeerId),
    /// The feed that was looked for.
    Feed(FeedId),
    /// The broadcast that was started.
    Broadcast(Box<Broadcast>),
    /// A subscription's limits from now on.
    Limits(ViewLimits),
}

/// All rooms of this node. Cheap to clone.
#[derive(Clone)]
pub struct Rooms(Arc<Inner>);

struct Inner {
    config: config::Rooms,
    engine: Arc<dyn Engine>,
    recordings: Recordings,
    rooms: Mutex<HashMap<RoomId, RoomHandle>>,
    journal: broadcast::Sender<Event>,
    closing: AtomicBool,
    mixes: OnceLock<Mixes>,
}

impl Rooms {
    /// A registry without rooms.
    pub fn new(config: config::Rooms, engine: Arc<dyn Engine>, recordings: Recordings) -> Self {
        let (journal, _) = broadcast::channel(JOURNAL);
        let (rooms, closing) = (Mutex::default(), AtomicBool::new(false));
        let mixes = OnceLock::new();
        Self(Arc::new(Inner { config, engine, recordings, rooms, journal, closing, mixes }))
    }

    /// What mixes may take; without it they may take all. The first call counts.
    pub fn allow_mixes(&self, mixes: Mixes) {
        let _first_counts = self.0.mixes.set(mixes);
    }

    pub(super) fn mixes(&self) -> Option<&Mixes> {
        self.0.mixes.get()
    }

    /// Makes a room with a free integer name, or the wanted one (`Limit`/`ShuttingDown` on refusal; an existing room
    /// of the wanted name is returned). Needs a tokio runtime.
    pub fn create(&self, name: Option<RoomId>) -> Result<RoomHandle, RoomError> {
        let mut rooms = self.rooms();
        if let Some(existing) = name.as_ref().and_then(|name| rooms.get(name)) {
            return Ok(existing.clone());
        }
        if self.0.closing.load(Ordering::SeqCst) {
            return Err(RoomError::ShuttingDown);
        }
        if rooms.len() >= self.0.config.max_rooms {
            return Err(RoomError::Limit(format!("{} rooms", self.0.config.max_rooms)));
        }
        let id = match name {
            Some(name) => name,
            None => free_number(&rooms)?,
        };
        let handle = self.start(id.clone());
        rooms.insert(id, handle.clone());
        Ok(handle)
    }

    /// Finds a room.
    pub fn find(&self, id: &RoomId) -> Result<RoomHandle, RoomError> {
        self.rooms().get(id).cloned().ok_or(RoomError::RoomNotFound)
    }

    /// Snapshots of all rooms.
    pub async fn list(&self) -> Vec<RoomView> {
        let views = futures::future::join_all(self.handles().iter().map(RoomHandle::view)).await;
        let mut views: Vec<_> = views.into_iter().flatten().collect();
        views.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        views
    }

    /// Every event of every room, for the journal. Lagging readers skip events, and are told how many.
    pub fn journal(&self) -> broadcast::Receiver<Event> {
        self.0.journal.subscribe()
    }

    /// Tells the journal, and by it the outside, of a recording that changed without its room: repaired, uploaded, deleted.
    pub fn announce(&self, recording: Recording) {
        let (room, to) = (recording.room.clone(), Audience::Journal);
        let kind = EventKind::RecordingChanged { recording: Box::new(recording) };
        let _nobody_listens = self.0.journal.send(Event { room, to, kind });
    }

    /// Refuses newcomers, finishes recordings, closes all rooms, within the limit.
    pub async fn shutdown(&self, limit: Duration) {
        self.0.closing.store(true, Ordering::SeqCst);
        let rooms = self.handles();
        let all = futures::future::join_all(rooms.iter().map(|room| room.close(EndReason::Shutdown)));
        if tokio::time::timeout(limit, all).await.is_err() {
            tracing::warn!(rooms = self.rooms().len(), "rooms did not close in time");
        }
    }

    fn start(&self, id: RoomId) -> RoomHandle {
        let (sender, mailbox) = mpsc::channel(MAILBOX);
        let (storage, created) = Storage::start(self.0.recordings.clone(), id.clone());
        let state = State::new(id.clone(), self.0.config.clone(), now());
        let (actor, media) = Actor::new(state, self.0.engine.clone(), storage, self.0.journal.clone());
        let (registry, span) = (self.clone(), tracing::info_span!("room", room.id = %id));
        let made = Event { room: id.clone(), to: Audience::Journal, kind: EventKind::RoomCreated };
        let _nobody_listens = self.0.journal.send(made);
        let handle = RoomHandle { id: id.clone(), mailbox: sender };
        tokio::spawn(async move {
            actor.run(mailbox, media, created).instrument(span).await;
            registry.rooms().remove(&id);
        });
        handle
    }

    fn handles(&self) -> Vec<RoomHandle> {
        self.rooms().values().cloned().collect()
    }
    /// Never held across an await; a panic elsewhere leaves the map whole.
    fn rooms(&self) -> MutexGuard<'_, HashMap<RoomId, RoomHandle>> {
        self.0.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn free_number(rooms: &HashMap<RoomId, RoomHandle>) -> Result<RoomId, RoomError> {
    loop {
        let mut bytes = [0; 4];
        aws_lc_rs::rand::fill(&mut bytes).map_err(|_| RoomError::Internal("no random numbers".into()))?;
        let number = u32::from_le_bytes(bytes) % ROOM_NUMBERS;
        let id = RoomId::new(number.to_string());
        if number != 0 && !rooms.contains_key(&id) {
            return Ok(id);
        }
    }
}

/// A way to one room; may outlive it (then everything answers `RoomNotFound`). Cheap to clone.
#[derive(Clone)]
pub struct RoomHandle {
    id: RoomId,
    mailbox: mpsc::Sender<Envelope>,
}

impl RoomHandle {
    /// The room's name.
    pub fn id(&self) -> &RoomId {
        &self.id
    }
    /// Whether the room is closed.
    pub fn is_gone(&self) -> bool {
        self.mailbox.is_closed()
    }
    /// Waits until it is.
    pub async fn ended(&self) {
        self.mailbox.closed().await;
    }
    /// Joins, or resumes within the grace time: the same id again replaces the older event stream and keeps its peers.
    /// Live feeds are told by `FeedPublished` on the new stream.
    pub async fn join(&self, who: Joining) -> Result<EventStream, RoomError> {
        self.call(|answer| Envelope::Join(who, answer)).await?
    }
    /// The participant's connection is lost: its grace time begins. `Leave` ends it at once instead. Drop the event
    /// stream first: while the participant's newest stream is held somewhere, the call is taken for an older
    /// connection's and ignored.
    pub fn connection_lost(&self, who: &ParticipantId) {
        // With a full mailbox the room finds the dropped stream itself, a second later.
        let _full = self.mailbox.try_send(Envelope::ConnectionLost(who.clone()));
    }
    /// Asks for something in the name of a participant (`None`: the operator's API).
    pub async fn request(&self, from: Option<&ParticipantId>, command: Command) -> Result<Reply, RoomError> {
        self.call(|answer| Envelope::Request(from.cloned(), command, answer)).await?
    }
    /// What everybody in the room hears from now on, for one who is no participant and keeps nothing alive. The stream ends
    /// with the room, or when it is not read.
    pub async fn watch(&self) -> Result<EventStream, RoomError> {
        self.call(Envelope::Watch).await
    }
    /// Snapshot.
    pub async fn view(&self) -> Result<RoomView, RoomError> {
        self.call(Envelope::View).await
    }
    /// Closes the room for a reason; returns when it is gone, its recording complete.
    pub async fn close(&self, reason: EndReason) {
        let _closing_already = self.request(None, Command::Close { reason }).await;
        self.ended().await;
    }

    async fn call<T>(&self, envelope: impl FnOnce(oneshot::Sender<T>) -> Envelope) -> Result<T, RoomError> {
        let (sender, answer) = oneshot::channel();
        self.mailbox.send(envelope(sender)).await.map_err(|_| RoomError::RoomNotFound)?;
        answer.await.map_err(|_| RoomError::RoomNotFound)
    }
}

/// Who joins.
#[derive(Clone, Debug, PartialEq)]
pub struct Joining {
    /// Identity in the room.
    pub id: ParticipantId,
    /// Name for people.
    pub name: String,
    /// The dialect's name, e.g. `device`.
    pub dialect: &'static str,
    /// What it may do.
    pub grants: Grants,
    /// A device: when its publishing peer fails (not: is unpublished), it is out of the room and can be invited again.
    pub leaves_with_its_feed: bool,
    /// Refuse with `Occupied` while one of this id is here and its connection alive; else it is taken over.
    pub unique: bool,
}
