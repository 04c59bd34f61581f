//! The sender/viewer dialect's messages: flat JSON with the exact names that its deployed pages send. Pure: text ↔ values.
//!
//! Descriptions and candidates keep the form they came in, beside what the media server needs of them: to the other page
//! they are passed on as they are.

use crate::model::{Candidate, RoomId, Sdp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The longest name of a room, in bytes.
const MAX_ROOM_NAME: usize = 256;
/// The longest piece of a client's text that comes back to it in an error.
const QUOTED: usize = 40;

/// The two sides of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Has the camera, and makes the offers.
    Sender,
    /// Watches.
    Viewer,
}

/// Which way the media of a room goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// From page to page; we pass the messages on.
    Pages,
    /// Through us: the server is the peer of each.
    Server,
}

/// What a client says.
#[derive(Clone, Debug, PartialEq)]
pub enum ClientMessage {
    /// `join`
    Join(Join),
    /// `offer`
    Offer(Description),
    /// `answer`
    Answer(Description),
    /// `ice-candidate`
    IceCandidate(IceCandidate),
    /// `ready`
    Ready,
}

/// Who wants to be what, and where.
#[derive(Clone, Debug, PartialEq)]
pub struct Join {
    /// As what.
    pub role: Role,
    /// The room as the client names it: a string or a number.
    pub room: Value,
    /// The room.
    pub id: RoomId,
    /// Which way its media is to go.
    pub via: Via,
}

/// An `RTCSessionDescriptionInit`.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// As it came.
    pub whole: Value,
    /// Its text.
    pub sdp: Sdp,
}

/// An `RTCIceCandidateInit`, or `null`.
#[derive(Clone, Debug, PartialEq)]
pub struct IceCandidate {
    /// As it came.
    pub whole: Value,
    /// What it says; `None` ends the candidates.
    pub candidate: Option<Candidate>,
}

/// What the server says, besides what it passes on.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum ServerMessage {
    /// In the room now.
    Joined {
        /// As what.
        role: Role,
        /// As the client named it.
        room: Value,
    },
    /// To the sender: make an offer.
    ViewerReady,
    /// To the viewer: an offer will come.
    SenderReady,
    /// To the viewer.
    SenderLeft,
    /// To the sender.
    ViewerLeft,
    /// The server's offer, or the sender's.
    Offer {
        /// An `RTCSessionDescriptionInit`.
        sdp: Value,
    },
    /// The server's answer, or the viewer's.
    Answer {
        /// An `RTCSessionDescriptionInit`.
        sdp: Value,
    },
    /// The other page's.
    IceCandidate {
        /// An `RTCIceCandidateInit`, or `null`.
        candidate: Value,
    },
    /// Something is wrong; the socket stays open.
    Error {
        /// Stable, for programs.
        reason: &'static str,
        /// For people.
        message: String,
    },
}

/// A message that was not understood; what is wrong, in words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Bad(String);

type Fields = Map<String, Value>;

/// Reads a text frame.
pub fn read(text: &str) -> Result<ClientMessage, Bad> {
    let value: Value =
        serde_json::from_str(text).map_err(|error| bad("the message", format!("is not JSON: {error}")))?;
    let Value::Object(fields) = value else { return Err(bad("the message", "must be a JSON object")) };
    match required_text(&fields, "type")? {
        "join" => join(&fields).map(ClientMessage::Join),
        "offer" => description(&fields, &["offer"]).map(ClientMessage::Offer),
        "answer" => description(&fields, &["answer", "pranswer"]).map(ClientMessage::Answer),
        "ice-candidate" => candidate(&fields).map(ClientMessage::IceCandidate),
        "ready" => Ok(ClientMessage::Ready),
        other => Err(bad("`type`", format!("`{}` is unknown", other.chars().take(QUOTED).collect::<String>()))),
    }
}

/// Why a frame that is no text, or too long, is not understood.
pub fn bad_frame(problem: &str) -> Bad {
    bad("the message", problem)
}

fn bad(what: &str, problem: impl AsRef<str>) -> Bad {
    Bad(format!("{what} {}", problem.as_ref()))
}

fn required_text<'a>(fields: &'a Fields, name: &str) -> Result<&'a str, Bad> {
    match fields.get(name) {
        Some(Value::String(text)) => Ok(text),
        None | Some(Value::Null) => Err(bad(&format!("`{name}`"), "is missing")),
        Some(_) => Err(bad(&format!("`{name}`"), "must be a string")),
    }
}

fn join(fields: &Fields) -> Result<Join, Bad> {
    let role = match required_text(fields, "role")? {
        "sender" => Role::Sender,
        "viewer" => Role::Viewer,
        _ => return Err(bad("`role`", "must be `sender` or `viewer`")),
    };
    let (room, id) = room(fields)?;
    let via = match fields.get("via") {
        None | Some(Value::Null) => Via::Pages,
        Some(Value::String(via)) if via == "server" => Via::Server,
        Some(_) => return Err(bad("`via`", "may only be `server`")),
    };
    Ok(Join { role, room, id, via })
}

fn room(fields: &Fields) -> Result<(Value, RoomId), Bad> {
    let room = fields.get("room").cloned().unwrap_or_default();
    let name = match &room {
        Value::String(name) => name.clone(),
        Value::Number(number) => number.to_string(),
        Value::Null => return Err(bad("`room`", "is missing")),
        _ => return Err(bad("`room`", "must be a string or a number")),
    };
    match (1..=MAX_ROOM_NAME).contains(&name.len()) {
        true => Ok((room, RoomId::of_name(&name))),
        false => Err(bad("`room`", format!("must have 1 to {MAX_ROOM_NAME} bytes"))),
    }
}

fn description(fields: &Fields, types: &[&str]) -> Result<Description, Bad> {
    let whole = fields.get("sdp").cloned().unwrap_or_default();
    let text = |name| whole.get(name).and_then(Value::as_str);
    let known = text("type").is_some_and(|given| types.contains(&given));
    let sdp = text("sdp").filter(|sdp| known && !sdp.trim().is_empty()).map(Sdp::new);
    let wanted = || bad("`sdp`", format!("must be an object {{type: \"{}\", sdp: \"…\"}}", types[0]));
    Ok(Description { sdp: sdp.ok_or_else(wanted)?, whole })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CandidateInit {
    #[serde(default)]
    candidate: Option<String>,
    #[serde(default)]
    sdp_mid: Option<String>,
    #[serde(default, rename = "sdpMLineIndex")]
    sdp_mline_index: Option<u32>,
    #[serde(default)]
    username_fragment: Option<String>,
}

fn candidate(fields: &Fields) -> Result<IceCandidate, Bad> {
    let whole = fields.get("candidate").cloned().ok_or_else(|| bad("`candidate`", "is missing"))?;
    if whole.is_null() {
        return Ok(IceCandidate { whole, candidate: None });
    }
    if !whole.is_object() {
        return Err(bad("`candidate`", "must be an RTCIceCandidateInit, or null"));
    }
    let init = CandidateInit::deserialize(&whole);
    // The error quotes what it found, whatever its length.
    let quoted = |error: serde_json::Error| error.to_string().chars().take(2 * QUOTED).collect::<String>();
    let init = init.map_err(|error| bad("`candidate`", format!("is no RTCIceCandidateInit: {}", quoted(error))))?;
    let line = init.candidate.filter(|line| !line.is_empty());
    let candidate = line.map(|candidate| Candidate {
        ufrag: init.username_fragment.or_else(|| ufrag_in(&candidate).map(str::to_owned)),
        mid: init.sdp_mid,
        mline: init.sdp_mline_index,
        candidate,
    });
    Ok(IceCandidate { whole, candidate })
}

/// The `ufrag` extension attribute inside a candidate line, as browsers write it.
fn ufrag_in(line: &str) -> Option<&str> {
    let mut words = line.split_ascii_whitespace();
    words.find(|word| *word == "ufrag")?;
    words.next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn problem(message: Value) -> String {
        read(&message.to_string()).unwrap_err().to_string()
    }

    #[test]
    fn a_room_is_a_string_or_a_number_and_comes_back_as_it_was() {
        let join = |room: Value| match read(&json!({"type": "join", "role": "sender", "room": room}).to_string()) {
            Ok(ClientMessage::Join(join)) => (join.room, join.id.as_str().to_owned()),
            other => panic!("{other:?}"),
        };
        assert_eq!(join(json!(7)), (json!(7), "7".to_owned()));
        assert_eq!(join(json!("7")), (json!("7"), "7".to_owned()));
        assert!(join(json!("客厅")).1.starts_with("named-") && join(json!(1.5)).1.starts_with("named-"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let description = json!({"type": "answer", "sdp": "v=0"});
        for (message, words) in [
            (json!([]), "the message must be a JSON object"),
            (json!({}), "`type` is missing"),
            (json!({"type": "dance"}), "`type` `dance` is unknown"),
            (json!({"type": "join"}), "`role` is missing"),
            (json!({"type": "join", "role": "sender"}), "`room` is missing"),
            (json!({"type": "join", "role": "sender", "room": ""}), "`room` must have 1 to 256 bytes"),
            (json!({"type": "join", "role": "sender", "room": 7, "via": "moon"}), "`via` may only be `server`"),
            (json!({"type": "offer", "sdp": description}), "`sdp` must be an object {type: \"offer\", sdp: \"…\"}"),
            (json!({"type": "ice-candidate"}), "`candidate` is missing"),
        ] {
            assert_eq!(problem(message), words);
        }
        assert!(read("{").unwrap_err().to_string().starts_with("the message is not JSON: "));
    }

    #[test]
    fn a_candidate_is_read_and_kept_as_it_came() {
        let whole =
            json!({"candidate": "candidate:1 1 udp 1 h 9 typ host ufrag u1", "sdpMid": "0", "sdpMLineIndex": 0});
        let read = read(&json!({"type": "ice-candidate", "candidate": whole}).to_string());
        let Ok(ClientMessage::IceCandidate(IceCandidate { whole: kept, candidate: Some(candidate) })) = read else {
            panic!("{read:?}")
        };
        assert_eq!((kept, candidate.ufrag.as_deref(), candidate.mline), (whole, Some("u1"), Some(0)));
    }

    #[test]
    fn messages_have_the_names_that_pages_know() {
        let text = |message: ServerMessage| serde_json::to_value(message).unwrap();
        assert_eq!(text(ServerMessage::ViewerReady), json!({"type": "viewer-ready"}));
        let joined = ServerMessage::Joined { role: Role::Viewer, room: json!(7) };
        assert_eq!(text(joined), json!({"type": "joined", "role": "viewer", "room": 7}));
        let candidate = ServerMessage::IceCandidate { candidate: Value::Null };
        assert_eq!(text(candidate), json!({"type": "ice-candidate", "candidate": null}));
    }
}
