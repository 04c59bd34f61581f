//! Sessions, connections and streams as JSON: for REST every key is there, for the socket only what is known.

use super::super::wire::ice;
use super::super::wire::new_connection::Kind;
use super::cameras;
use super::happening::with;
use super::media::or_null;
use super::{Connection, State, Stream, Subscribed, agent};
use serde_json::{Map, Value, json};

impl State {
    /// The session as REST shows it. `url`: what tokens begin with, `wss://host[:port]`.
    pub fn view(&self, url: &str, pending: bool) -> Value {
        let properties = &self.properties;
        let mut recording = properties.recording.to_json();
        recording.entry("name").or_insert_with(|| "".into());
        json!({
            "id": self.id, "object": "session", "sessionId": self.id, "createdAt": self.created_at,
            "recording": self.recorded.is_on(), "broadcasting": false,
            "mediaMode": properties.media_mode, "recordingMode": properties.recording_mode,
            "defaultRecordingProperties": recording,
            "customSessionId": properties.custom_id.as_deref().unwrap_or_default(),
            "forcedVideoCodec": properties.forced_codec, "allowTranscoding": properties.allow_transcoding,
            "connections": self.connections_view(url, pending),
        })
    }

    /// Its connections.
    pub fn connections_view(&self, url: &str, pending: bool) -> Value {
        let shown = self.participants().filter(|connection| pending || connection.active.is_some());
        let content: Vec<Value> = shown.map(|connection| self.connection(connection, url)).collect();
        json!({ "numberOfElements": content.len(), "content": content })
    }

    /// One of them.
    pub fn connection_view(&self, id: &str, url: &str) -> Option<Value> {
        self.find(id).filter(|_| !agent::is(id)).map(|connection| self.connection(connection, url))
    }

    fn connection(&self, connection: &Connection, url: &str) -> Value {
        let active = connection.active.as_ref();
        let token = connection.token.as_ref().map(|token| format!("{url}?sessionId={}&token={token}", self.id));
        let mut view = json!({
            "id": connection.id, "object": "connection", "connectionId": connection.id, "sessionId": self.id,
            "type": if connection.is_camera() { "IPCAM" } else { "WEBRTC" },
            "status": if active.is_some() { "active" } else { "pending" },
            "createdAt": connection.created_at, "activeAt": active.map(|active| active.at),
            "location": active.map(|_| "unknown"), "ip": active.and_then(|active| active.ip.clone()),
            "platform": active.map(|active| active.platform.clone()), "token": token,
            "serverData": connection.new.data, "record": connection.new.record,
            "clientData": active.filter(|_| !connection.is_camera()).map(|active| active.client_data.clone()),
            "publishers": active.map(|_| connection.stream().into_iter().map(|stream| published(connection, stream)).collect::<Vec<_>>()),
            "subscribers": active.map(|active| active.subscribers.iter().map(subscriber).collect::<Vec<_>>()),
        });
        if let Value::Object(fields) = &mut view {
            fields.extend(of_kind(connection));
        }
        view
    }
}

/// What only one kind of connection has; the other's are `null`.
fn of_kind(connection: &Connection) -> Map<String, Value> {
    let fields = match &connection.new.kind {
        Kind::WebRtc { role, options, ice } => json!({
            "role": role.as_str(), "kurentoOptions": options, "customIceServers": ice::list(ice),
        }),
        Kind::Camera { .. } => json!({ "role": null, "kurentoOptions": null, "customIceServers": [] }),
    };
    match with(fields, Value::Object(cameras::settings(&connection.new.kind))) {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// A camera's address beside its stream, the rest among its options.
fn published(connection: &Connection, stream: &Stream) -> Value {
    let mut shown = publisher(stream);
    if connection.is_camera() {
        for (name, value) in cameras::settings(&connection.new.kind) {
            let at = if name == "rtspUri" { &mut shown } else { &mut shown["mediaOptions"] };
            at[name] = value;
        }
    }
    shown
}

fn publisher(stream: &Stream) -> Value {
    let mut options = json!({ "hasAudio": stream.audio, "hasVideo": stream.video, "filter": stream.filter });
    if stream.audio {
        options["audioActive"] = stream.audio_active.into();
    }
    if stream.video {
        options["videoActive"] = stream.video_active.into();
        options["typeOfVideo"] = or_null(stream.type_of_video.as_deref());
        options["frameRate"] = frame_rate(stream);
        options["videoDimensions"] = or_null(stream.dimensions.as_deref());
    }
    json!({ "createdAt": stream.created_at, "streamId": stream.id, "mediaOptions": options })
}

fn subscriber(watched: &Subscribed) -> Value {
    json!({ "createdAt": watched.at, "streamId": watched.stream, "publisher": watched.owner })
}

/// A stream as clients are told of it.
pub(super) fn stream(stream: &Stream) -> Value {
    let mut told = json!({
        "id": stream.id, "createdAt": stream.created_at, "hasAudio": stream.audio, "hasVideo": stream.video, "filter": stream.filter,
    });
    if stream.audio {
        told["audioActive"] = stream.audio_active.into();
    }
    if stream.video {
        told["videoActive"] = stream.video_active.into();
        told["typeOfVideo"] = or_null(stream.type_of_video.as_deref());
    }
    let known = [("frameRate", frame_rate(stream)), ("videoDimensions", or_null(stream.dimensions.as_deref()))];
    for (name, value) in known.into_iter().filter(|(_, value)| !value.is_null()) {
        told[name] = value;
    }
    told
}

/// Fields of `participantJoined` and `participantLeft` events.
pub(super) fn participant(connection: &Connection) -> Value {
    let active = connection.active.as_ref();
    json!({
        "participantId": connection.id, "connectionId": connection.id, "location": "unknown",
        "ip": active.and_then(|active| active.ip.clone()), "platform": active.map(|active| active.platform.clone()),
        "clientData": active.filter(|_| !connection.is_camera()).map(|active| active.client_data.clone()),
        "serverData": connection.new.data,
    })
}

/// Fields of `webrtcConnection…` events of a publisher.
pub(super) fn outbound(owner: &str, stream: &Stream) -> Value {
    let mut fields = of_stream(stream);
    fields.extend([("connection".into(), "OUTBOUND".into()), ("streamId".into(), stream.id.clone().into())]);
    fields.extend([("participantId".into(), owner.into()), ("connectionId".into(), owner.into())]);
    Value::Object(fields)
}

/// Fields of the same events of a viewer.
pub(super) fn inbound(viewer: &str, watched: &Subscribed, of: Option<&Stream>) -> Value {
    let mut fields = of.map(of_stream).unwrap_or_default();
    fields.extend([("connection".into(), "INBOUND".into()), ("streamId".into(), watched.stream.clone().into())]);
    fields.extend([("participantId".into(), viewer.into()), ("connectionId".into(), viewer.into())]);
    fields.insert("receivingFrom".into(), watched.owner.clone().into());
    Value::Object(fields)
}

fn of_stream(stream: &Stream) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("audioEnabled".into(), stream.audio.into());
    fields.insert("videoEnabled".into(), stream.video.into());
    if stream.video {
        fields.insert("videoSource".into(), or_null(stream.type_of_video.as_deref()));
        fields.insert("videoFramerate".into(), frame_rate(stream));
        fields.insert("videoDimensions".into(), or_null(stream.dimensions.as_deref()));
    }
    fields
}

/// A whole number as one: clients with types read an integer.
fn frame_rate(stream: &Stream) -> Value {
    match stream.frame_rate {
        Some(rate) if rate.fract() == 0.0 => json!(rate as i64),
        rate => json!(rate),
    }
}
