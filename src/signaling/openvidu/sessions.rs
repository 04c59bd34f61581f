//! The sessions by their names. Each is a task; its handle is its mailbox.

use super::bandwidth::Bandwidths;
use super::events::Events;
use super::ids;
use super::recording::Recorder;
use super::session::State;
use super::session::actor::{Actor, Handle};
use super::wire::new_session::NewSession;
use crate::config;
use crate::model::RoomId;
use crate::room::Rooms;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Sessions at once: more are refused, so that nobody can fill the memory with those that nobody joins.
const MAX_SESSIONS: usize = 10_000;

/// A session of the same name that is closing is waited for so long.
const CLOSING_LIMIT: Duration = Duration::from_secs(15);

/// All of them. Cheap to clone.
#[derive(Clone)]
pub struct Sessions(Arc<Inner>);

struct Inner {
    rooms: Rooms,
    events: Events,
    recorder: Recorder,
    /// A session that nobody has joined is dropped after this; `None`: never.
    unused: Option<Duration>,
    bandwidths: Bandwidths,
    settings: Arc<config::OpenVidu>,
    all: Mutex<HashMap<String, Handle>>,
}

/// Why none was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotMade {
    /// The name is in use.
    Taken,
    /// There are too many.
    Full,
}

impl Sessions {
    /// None yet.
    pub fn new(rooms: Rooms, events: Events, recorder: Recorder, settings: Arc<config::OpenVidu>) -> Self {
        let (unused, bandwidths) = (settings.unused(), Bandwidths::of(&settings));
        let all = Mutex::default();
        Self(Arc::new(Inner { rooms, events, recorder, unused, bandwidths, settings, all }))
    }

    /// One more; a session of this name that is closing is waited for.
    pub async fn create(&self, properties: NewSession) -> Result<Handle, NotMade> {
        let id = properties.custom_id.clone().unwrap_or_else(ids::session);
        let _still_there = tokio::time::timeout(CLOSING_LIMIT, self.closed(&id)).await;
        let mut all = self.all();
        if all.contains_key(&id) {
            return Err(NotMade::Taken);
        }
        if all.len() >= MAX_SESSIONS {
            return Err(NotMade::Full);
        }
        let handle = self.start(&id, properties);
        all.insert(id, handle.clone());
        Ok(handle)
    }

    fn start(&self, id: &str, properties: NewSession) -> Handle {
        let (inner, room) = (&self.0, RoomId::of_name(id));
        let state = State::new(id.to_owned(), properties, super::session::actor::now());
        let mut state = state.within(inner.bandwidths);
        state.set_rules(inner.recorder.rules());
        state.allow_filters(inner.settings.clone());
        let (actor, handle) = Actor::new(
            state,
            (inner.rooms.clone(), room),
            (inner.events.clone(), inner.recorder.clone()),
            inner.unused,
        );
        let (sessions, name) = (self.clone(), id.to_owned());
        tokio::spawn(async move {
            actor.run().await;
            sessions.all().remove(&name);
        });
        handle
    }

    /// By its name; one that is closing is not found.
    pub fn find(&self, id: &str) -> Option<Handle> {
        self.all().get(id).filter(|session| !session.is_closing()).cloned()
    }

    /// When no session of this name is closing.
    async fn closed(&self, id: &str) {
        loop {
            let closing = self.all().get(id).filter(|session| session.is_closing()).cloned();
            let Some(session) = closing else { return };
            session.ended().await;
            // Its task is about to take it out.
            tokio::task::yield_now().await;
        }
    }

    /// All, in the order of their names.
    pub fn list(&self) -> Vec<Handle> {
        let mut all: Vec<_> = self
            .all()
            .iter()
            .filter(|(_, handle)| !handle.is_closing())
            .map(|(id, handle)| (id.clone(), handle.clone()))
            .collect();
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        all.into_iter().map(|(_, handle)| handle).collect()
    }

    /// Closes all, and waits for their end.
    pub async fn end(&self, reason: &'static str) {
        let all: Vec<Handle> = self.all().values().cloned().collect();
        for session in &all {
            let _ended_already = session.with(move |state| state.close(reason)).await;
        }
        for session in &all {
            session.ended().await;
        }
    }

    /// Never held across an await.
    fn all(&self) -> MutexGuard<'_, HashMap<String, Handle>> {
        self.0.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
