//! What WHIP and WHEP share: one offer by `POST` makes a participant of a room, whose session is an HTTP resource.
//!
//! Decides how sessions are found, changed by `PATCH`, ended by `DELETE`, and what their HTTP looks like. Leaves to the
//! dialects who may open one, and what an offer means to the room. `member` is a session's task, `fragment` reads and
//! writes SDP fragments, `http` headers and refusals, `handlers` the routes of a session.

pub mod fragment;
pub mod handlers;
pub mod http;
pub mod member;
mod problem;

pub use problem::{Problem, status};

use super::Shared;
use crate::model::{ParticipantId, RoomId, Sdp, ViewChange};
use crate::room::registry::Joining;
use crate::room::{Command, EventKind, RoomError, RoomHandle, Side};
use axum::extract::FromRef;
use axum::http::StatusCode;
use member::{Ask, Member};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tracing::Instrument;

/// Requests that may wait for a session.
const ASKS: usize = 8;
/// The room answers within its own limit (10 s); this is the backstop.
const ANSWER_LIMIT: Duration = Duration::from_secs(20);

/// Where a session is found, below a dialect's name.
pub fn location(dialect: &str, room: &RoomId, id: &str) -> String {
    format!("/{dialect}/{room}/sessions/{id}")
}

/// A dialect's words, toward the room and back.
pub trait Dialect: Send + Sync + 'static {
    /// Its name, as the API shows it.
    const NAME: &'static str;
    /// Whose candidates its clients trickle.
    const SIDE: Side;
    /// What the room is to know before its offer.
    fn introduced(&self) -> Option<Command> {
        None
    }
    /// What a client's offer asks of the room.
    fn offered(&self, offer: Sdp) -> Command;
    /// What an event means to this participant's session.
    fn heard(&self, me: &ParticipantId, event: EventKind) -> Heard;
    /// What a wish for less asks of the room; `None`: its clients watch nothing.
    fn limited(&self, _change: ViewChange) -> Option<Command> {
        None
    }
    /// The HTTP status of a refusal.
    fn status(error: &RoomError) -> StatusCode;
}

/// What an event means to a session.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// The answer to its offer.
    Answered(Sdp),
    /// Its offer was refused.
    Refused(RoomError),
    /// Its media is over, in words: the session ends.
    Over(String),
    /// The room has removed it, in words.
    Removed(String),
    /// No concern of its.
    Nothing,
}

/// What both dialects hear alike: who is put out of the room, or whose room closes.
pub fn removed(me: &ParticipantId, event: &EventKind) -> Heard {
    match event {
        EventKind::ParticipantLeft { participant, reason } if participant == me => {
            Heard::Removed(format!("it is out of the room: {reason}"))
        }
        EventKind::RoomClosed { reason } => Heard::Removed(format!("the room was closed: {reason}")),
        _ => Heard::Nothing,
    }
}

/// The state of a dialect's routes. Cheap to clone.
#[derive(Clone)]
pub struct Endpoint {
    /// What every dialect works with.
    pub shared: Shared,
    /// The sessions that run.
    pub sessions: Sessions,
}

impl FromRef<Endpoint> for Shared {
    fn from_ref(endpoint: &Endpoint) -> Self {
        endpoint.shared.clone()
    }
}

/// The sessions of a dialect by their ids. Cheap to clone.
#[derive(Clone, Default)]
pub struct Sessions(Arc<Mutex<HashMap<String, Entry>>>);

struct Entry {
    room: RoomId,
    asks: mpsc::Sender<Ask>,
}

/// A session that has just been opened.
pub struct Opened {
    /// Its secret name.
    pub id: String,
    /// Names its ICE generation (RFC 9725 4.3.1).
    pub tag: String,
    /// For the client.
    pub answer: Sdp,
}

impl Sessions {
    /// Joins the room and carries the offer there. Whoever refuses it, nothing is left behind.
    pub async fn open<D: Dialect>(
        &self,
        room: RoomHandle,
        who: Joining,
        dialect: D,
        offer: Sdp,
    ) -> Result<Opened, Problem> {
        let refused = |error: RoomError| Problem::of::<D>(&error);
        let (id, tag) = (member::random::<24>().map_err(refused)?, member::random::<8>().map_err(refused)?);
        let (room_id, me) = (room.id().clone(), who.id.clone());
        let events = room.join(who).await.map_err(refused)?;
        let (sender, asks) = mpsc::channel(ASKS);
        let (reply, answered) = oneshot::channel();
        self.entries().insert(id.clone(), Entry { room: room_id.clone(), asks: sender });
        let span = tracing::info_span!("connection", dialect = D::NAME, room.id = %room_id, participant.id = %me);
        let member = Member::new(room, me, events, dialect, tag.clone());
        let guard = Forget { sessions: self.clone(), id: id.clone() };
        let task = async move {
            member.run(offer, reply, asks).await;
            drop(guard);
        };
        tokio::spawn(task.instrument(span));
        let answer = tokio::time::timeout(ANSWER_LIMIT, answered).await;
        let silence = || RoomError::Internal("the room did not answer in time".into());
        let answer = answer.map_err(|_| refused(silence()))?.map_err(|_| refused(RoomError::RoomNotFound))?;
        Ok(Opened { id, tag, answer: answer.map_err(refused)? })
    }

    /// The way to a session of this room.
    fn find(&self, room: &str, id: &str) -> Option<mpsc::Sender<Ask>> {
        let entries = self.entries();
        entries.get(id).filter(|entry| entry.room.as_str() == room).map(|entry| entry.asks.clone())
    }

    /// Never held across an await; a panic elsewhere leaves the map whole.
    fn entries(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A session is forgotten with its task, however that ends.
struct Forget {
    sessions: Sessions,
    id: String,
}

impl Drop for Forget {
    fn drop(&mut self) {
        self.sessions.entries().remove(&self.id);
    }
}
