//! A session: a room with what this dialect knows besides: connections with their tokens and roles, streams by name.
//!
//! `state` is plain data, (state, input) → effects; `actor` carries them out. Who is in the room, what is published and
//! watched, is the room's to say; here is only what it does not know.

pub mod actor;
pub mod agent;
mod autostop;
mod cameras;
mod change;
mod close;
mod filter;
mod foreign;
mod happening;
mod leave;
mod limits;
mod links;
mod media;
mod message;
mod offered;
mod people;
pub mod recorded;
pub mod state;
mod taping;
#[cfg(test)]
mod tests;
pub mod view;

pub use happening::Happening;

use super::bandwidth::Bandwidths;
use super::wire::new_connection::{Kind, NewConnection, Role};
use super::wire::new_session::NewSession;
use crate::model::{FeedId, ParticipantId, PeerId};
use serde_json::{Map, Value};

/// Milliseconds since 1970.
pub type Millis = i64;

/// What is and was.
pub struct State {
    id: String,
    created_at: Millis,
    properties: NewSession,
    /// In the order in which they were made.
    connections: Vec<Connection>,
    /// Participants of other dialects that publish.
    foreign: Vec<foreign::Foreign>,
    /// Somebody has joined once.
    active: bool,
    over: bool,
    recorded: recorded::Recorded,
    stopped_by_hand: bool,
    rules: recorded::Rules,
    /// The recording stops by itself then.
    autostop_at: Option<Millis>,
    /// Everybody was evicted for this reason; its recording is waited for.
    ending: Option<&'static str>,
    bandwidths: Bandwidths,
    now: Millis,
    effects: Vec<state::Effect>,
    filters: filter::Filters,
}

/// A connection, pending or active.
#[derive(Clone, Debug)]
struct Connection {
    id: String,
    /// Value of its token; `None` of a camera.
    token: Option<String>,
    created_at: Millis,
    new: NewConnection,
    active: Option<Active>,
}

/// One that has joined.
#[derive(Clone, Debug)]
struct Active {
    at: Millis,
    ip: Option<String>,
    platform: String,
    client_data: String,
    /// Resumes it.
    rpc: String,
    publisher: Option<Stream>,
    subscribers: Vec<Subscribed>,
    /// Requests whose answer the room brings.
    publishing: Option<Pending>,
    subscribing: Vec<(FeedId, Pending)>,
}

/// A request that waits, and what for.
#[derive(Clone, Debug)]
struct Pending {
    request: Value,
    /// It mends a connection rather than making one.
    mends: bool,
}

/// What a connection publishes.
#[derive(Clone, Debug)]
struct Stream {
    id: String,
    created_at: Millis,
    audio: bool,
    video: bool,
    audio_active: bool,
    video_active: bool,
    type_of_video: Option<String>,
    frame_rate: Option<f64>,
    /// JSON as text, as it came.
    dimensions: Option<String>,
    filter: Map<String, Value>,
    /// What carries it; `None` while it is made, or broken.
    feed: Option<FeedId>,
    /// Its publisher wants to see it come back.
    loopback: bool,
    /// Others know of it.
    told: bool,
}

/// What a connection watches.
#[derive(Clone, Debug)]
struct Subscribed {
    stream: String,
    /// Connection that publishes it.
    owner: String,
    feed: FeedId,
    /// What carried it when it was last answered.
    peer: Option<PeerId>,
    at: Millis,
    told: bool,
}

impl Connection {
    fn role(&self) -> Role {
        match self.new.kind {
            Kind::WebRtc { role, .. } => role,
            Kind::Camera { .. } => Role::Publisher,
        }
    }

    fn is_camera(&self) -> bool {
        matches!(self.new.kind, Kind::Camera { .. })
    }

    fn stream(&self) -> Option<&Stream> {
        self.active.as_ref()?.publisher.as_ref()
    }

    /// What its page said, then what the application said, each if there is any.
    fn metadata(&self) -> String {
        let client = self.active.as_ref().map_or("", |active| active.client_data.as_str());
        match (client, self.new.data.as_str()) {
            ("", server) => server.to_owned(),
            (client, "") => client.to_owned(),
            (client, server) => format!("{client}%/%{server}"),
        }
    }
}

/// The participant that a connection is in its room.
pub fn participant(connection: &str) -> ParticipantId {
    ParticipantId::new(format!("OPENVIDU:{connection}"))
}

/// The connection behind a participant, `None` if another dialect's.
pub fn connection_of(participant: &ParticipantId) -> Option<&str> {
    participant.as_str().strip_prefix("OPENVIDU:")
}
