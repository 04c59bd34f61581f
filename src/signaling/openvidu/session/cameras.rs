//! Cameras: connections that the application adds and that no client holds. Each is an ingest of the room.
//!
//! Decides what the room is asked for and what others hear. Leaves to the room when the camera is opened and how often it is
//! tried: nothing here waits for it.

use super::super::ids;
use super::super::wire::frame::Refusal;
use super::super::wire::new_connection::{Kind, NewConnection};
use super::super::wire::new_session;
use super::happening::with;
use super::people::introduced;
use super::state::Effect;
use super::{Active, Connection, State, Stream, view};
use crate::model::{EndReason, FeedId, IngestWish, Sdp};
use crate::room::RoomError;
use serde_json::{Map, Value, json};

/// As clients know it, both the platform of the connection and the type of its pictures.
const IPCAM: &str = "IPCAM";
/// What a camera's pictures can be made for a viewer: in a session of another codec its viewers keep all that they take.
const MADE: [&str; 2] = ["VP8", "H264"];

impl State {
    /// A camera that the room is asked to open. `ip`: what its address resolves to. Returns its name; nobody hears of it
    /// before it is `opened`.
    pub fn add_camera(&mut self, new: NewConnection, ip: Option<String>) -> Option<String> {
        let Kind::Camera { uri, on_demand, cache, .. } = &new.kind else { return None };
        let id = std::iter::repeat_with(|| ids::camera(uri)).find(|id| self.find(id).is_none())?;
        let wish = IngestWish {
            name: ids::ingest(&id),
            uri: uri.clone(),
            on_demand: *on_demand,
            lazy: *on_demand,
            latency_ms: *cache,
            ..IngestWish::default()
        };
        self.add(id.clone(), None, new);
        let now = self.now;
        if let Some(connection) = self.connections.iter_mut().find(|connection| connection.id == id) {
            connection.active = Some(joined(now, ip));
        }
        self.effects.push(Effect::Open(id.clone(), Box::new(wish)));
        Some(id)
    }

    /// The room has taken it, or has not: then it never was.
    pub(super) fn opened(&mut self, id: &str, result: Result<FeedId, RoomError>) {
        let Ok(feed) = result else { return self.connections.retain(|connection| connection.id != id) };
        let stream = stream(id, self.now, feed);
        if let Some(active) = self.active_mut(id) {
            active.publisher = Some(stream.clone());
        }
        let Some(camera) = self.find(id).cloned() else { return };
        self.active = true;
        let all = self.clients(None);
        self.notify(&all, "participantJoined", &introduced(&camera));
        self.tell("participantJoined", view::participant(&camera));
        self.notify(&all, "participantPublished", &json!({ "id": id, "streams": [view::stream(&stream)] }));
        self.tell("webrtcConnectionCreated", self.outbound(id, &stream));
        if self.records_by_itself() {
            self.effects.push(Effect::Record);
        }
        self.stays_recorded();
        self.record_stream(feed);
    }

    /// The camera that this feed is.
    pub(super) fn camera_of(&self, feed: FeedId) -> Option<&str> {
        let is = |connection: &&Connection| connection.stream().is_some_and(|stream| stream.feed == Some(feed));
        self.connections.iter().filter(|connection| connection.is_camera()).find(is).map(|c| c.id.as_str())
    }

    /// Its ingest is over: the operator removed it, or the source came to its end.
    pub(super) fn camera_ended(&mut self, id: &str, reason: EndReason) {
        match reason {
            // The end of the session follows.
            EndReason::RoomClosed | EndReason::Shutdown => {}
            EndReason::Requested | EndReason::Kicked => self.evict(id, "forceDisconnectByServer", None),
            _ => {
                self.depart(id, "disconnect");
                self.end_if_empty();
            }
        }
    }

    /// Who has left goes: a client out of the room, a camera's ingest is removed.
    pub(super) fn let_go(&mut self, id: &str, camera: bool) {
        let effect = if camera { Effect::Shut(ids::ingest(id)) } else { Effect::Dismiss(id.to_owned()) };
        self.effects.push(effect);
    }

    pub(super) fn is_camera(&self, id: &str) -> bool {
        self.find(id).is_some_and(Connection::is_camera)
    }

    /// A viewer's offer for this stream, cut down to the session's codec unless a camera cannot be made that.
    pub(super) fn offer_for(&self, stream: &str, sdp: &str) -> Result<Sdp, Refusal> {
        let forced = new_session::codec(self.properties.forced_codec);
        let camera = ids::owner(stream).is_some_and(|owner| self.is_camera(owner));
        match forced.is_some_and(|codec| camera && !MADE.contains(&codec)) {
            true => Ok(Sdp::new(sdp)),
            false => self.offer(sdp),
        }
    }

    /// Fields of `webrtcConnection…` events of this publisher.
    pub(super) fn outbound(&self, owner: &str, stream: &Stream) -> Value {
        let camera = self.find(owner).filter(|connection| connection.is_camera());
        let more = camera.map_or_else(Map::new, |connection| settings(&connection.new.kind));
        with(view::outbound(owner, stream), Value::Object(more))
    }
}

/// What was asked for, as the application spells it; all `null` of a client.
pub(super) fn settings(kind: &Kind) -> Map<String, Value> {
    let (uri, adapt, on_demand, cache) = match kind {
        Kind::Camera { uri, adapt, on_demand, cache } => (json!(uri), json!(adapt), json!(on_demand), json!(cache)),
        Kind::WebRtc { .. } => (Value::Null, Value::Null, Value::Null, Value::Null),
    };
    let fields = [
        ("rtspUri", uri),
        ("adaptativeBitrate", adapt),
        ("onlyPlayWithSubscribers", on_demand),
        ("networkCache", cache),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn joined(now: i64, ip: Option<String>) -> Active {
    Active {
        at: now,
        ip,
        platform: IPCAM.into(),
        client_data: String::new(),
        // Nobody is told it, and nobody can guess it: a camera is not resumed.
        rpc: ids::rpc(),
        publisher: None,
        subscribers: Vec::new(),
        publishing: None,
        subscribing: Vec::new(),
    }
}

/// Sound and pictures, whatever it will turn out to have.
fn stream(id: &str, now: i64, feed: FeedId) -> Stream {
    Stream {
        id: ids::stream(Some(IPCAM), id),
        created_at: now,
        audio: true,
        video: true,
        audio_active: true,
        video_active: true,
        type_of_video: Some(IPCAM.into()),
        frame_rate: None,
        dimensions: None,
        filter: Map::new(),
        feed: Some(feed),
        loopback: false,
        told: true,
    }
}
