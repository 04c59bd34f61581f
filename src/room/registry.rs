//! Finds rooms and makes them.

use super::command::{Command, RoomError};
use super::event::Event;
use super::view::RoomView;
use crate::config;
use crate::media::Engine;
use crate::model::{EndReason, Grants, ParticipantId, Recording, RoomId};
use crate::recordings::Recordings;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

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
}

/// All rooms of this node. Cheap to clone.
#[derive(Clone)]
pub struct Rooms;

impl Rooms {
    /// A registry without rooms.
    pub fn new(_config: config::Rooms, _engine: Arc<dyn Engine>, _recordings: Recordings) -> Self {
        todo!()
    }
    /// Makes a room with a free integer name, or the wanted one (`Limit`/`ShuttingDown` on refusal; an existing room
    /// of the wanted name is returned).
    pub fn create(&self, _name: Option<RoomId>) -> Result<RoomHandle, RoomError> {
        todo!()
    }
    /// Finds a room.
    pub fn find(&self, _id: &RoomId) -> Result<RoomHandle, RoomError> {
        todo!()
    }
    /// Snapshots of all rooms.
    pub async fn list(&self) -> Vec<RoomView> {
        todo!()
    }
    /// Every event of every room, for the journal. Lagging readers skip events, and are told how many.
    pub fn journal(&self) -> tokio::sync::broadcast::Receiver<Event> {
        todo!()
    }
    /// Refuses newcomers, finishes recordings, closes all rooms, within the limit.
    pub async fn shutdown(&self, _limit: Duration) {
        todo!()
    }
}

/// A way to one room; may outlive it (then everything answers `RoomNotFound`). Cheap to clone.
#[derive(Clone)]
pub struct RoomHandle;

impl RoomHandle {
    /// The room's name.
    pub fn id(&self) -> &RoomId {
        todo!()
    }
    /// Joins, or resumes within the grace time: the same id again replaces the older event stream and keeps its peers.
    /// Live feeds are told by `FeedPublished` on the new stream.
    pub async fn join(&self, _who: Joining) -> Result<EventStream, RoomError> {
        todo!()
    }
    /// The participant's connection is lost: its grace time begins. `Leave` ends it at once instead.
    pub fn connection_lost(&self, _who: &ParticipantId) {
        todo!()
    }
    /// Asks for something in the name of a participant (`None`: the operator's API).
    pub async fn request(&self, _from: Option<&ParticipantId>, _command: Command) -> Result<Reply, RoomError> {
        todo!()
    }
    /// Snapshot.
    pub async fn view(&self) -> Result<RoomView, RoomError> {
        todo!()
    }
    /// Closes the room for a reason.
    pub async fn close(&self, _reason: EndReason) {
        todo!()
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
}
