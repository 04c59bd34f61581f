//! The device dialect's messages, with its exact field names. Pure: text ↔ values.
//!
//! Strict where clients agree, tolerant where the protocol page says that they differ. An error names its field.

use super::news::News;
use crate::model::{Candidate, Content, FeedId, RoomId, Sdp, ViewChange};
use crate::room::{Role, Side};
use serde::Serialize;
use serde_json::{Map, Value};

/// What a client says.
#[derive(Clone, Debug, PartialEq)]
pub enum ClientMessage {
    /// `create_room`
    CreateRoom,
    /// `join_as_publisher`; who invited is not needed.
    JoinAsPublisher(RoomId),
    /// `invite_devices`
    InviteDevices(RoomId),
    /// `offer_from_device`; `content: "screen"` for a shared screen.
    OfferFromDevice(Sdp, Content),
    /// `join_as_subscriber`; without a feed it is the room's mix, and `own` is not heard in it.
    JoinAsSubscriber(RoomId, Option<FeedId>, Option<FeedId>),
    /// `limit`
    Limit(FeedId, ViewChange),
    /// `notify_me`
    NotifyMe(Vec<News>),
    /// `start_receiving`
    StartReceiving(Sdp, Option<FeedId>),
    /// `ice`; without a candidate it is the end of candidates.
    Ice(Side, Option<Candidate>),
    /// `unpublish`
    Unpublish,
    /// `leave`
    Leave,
}

/// What the server says.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", content = "data", rename_all = "snake_case")]
pub enum ServerMessage {
    /// The room that was made.
    RoomCreated {
        /// An integer, unless an operator named the room.
        room_id: Value,
    },
    /// In the room now.
    JoinedAsPublisher {
        /// Which.
        room_id: Value,
    },
    /// An invitation.
    StartStreaming {
        /// Where to.
        room_id: Value,
        /// Client id of who invites.
        inviter: String,
    },
    /// A feed is live.
    StartListening {
        /// Which.
        feed: FeedId,
        /// Where.
        room_id: Value,
        /// Client id of who publishes it.
        publisher: String,
        /// `audio`, `video`.
        kinds: Vec<&'static str>,
    },
    /// A feed is over.
    StopListening {
        /// Which.
        feed: FeedId,
        /// Where.
        room_id: Value,
        /// Why.
        reason: &'static str,
    },
    /// Offer of a subscription.
    OfferToSubscriber {
        /// `offer`
        r#type: &'static str,
        /// The description.
        sdp: Sdp,
        /// What it shows.
        feed: FeedId,
    },
    /// Answer to a publisher.
    AnswerToClient {
        /// `answer`
        r#type: &'static str,
        /// The description.
        sdp: Sdp,
    },
    /// STUN and TURN servers for this client; only if asked for by `notify_me`, and again before its account is over.
    Welcome {
        /// As `RTCConfiguration.iceServers`.
        #[serde(rename = "iceServers")]
        ice_servers: Value,
        /// Seconds that they are good for, at least.
        ttl: u64,
    },
    /// What a subscription gets from now on; only if asked for by `notify_me`.
    Rendition {
        /// Which.
        feed: FeedId,
        /// Name of the rendition, e.g. `360p`.
        rendition: String,
        /// Why nothing better; `best` when there is nothing.
        why: &'static str,
        /// The same in words.
        message: String,
    },
    /// Another one speaks; only if asked for.
    ActiveSpeaker {
        /// Whose; `null`: nobody.
        feed: Option<FeedId>,
        /// Client id of who publishes it.
        publisher: Option<String>,
    },
    /// Which simulcast layers of one's own feed are worth sending; only if asked for.
    Layers {
        /// One's own.
        feed: FeedId,
        /// Their rids, best first.
        rids: Vec<String>,
    },
    /// Something is wrong.
    Error {
        /// Stable, for programs.
        code: &'static str,
        /// For people.
        message: String,
        /// The feed concerned, if one is.
        #[serde(skip_serializing_if = "Option::is_none")]
        feed: Option<FeedId>,
    },
}

/// Why a message was not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misunderstood {
    /// Malformed.
    #[error("`{field}` {problem}")]
    Bad {
        /// Where.
        field: &'static str,
        /// What.
        problem: String,
    },
    /// No such event.
    #[error("there is no event `{0}`")]
    UnknownEvent(String),
    /// An event that this role may not send.
    #[error("a {role:?} may not send `{event}`")]
    Forbidden {
        /// Whose.
        role: Role,
        /// Which.
        event: String,
    },
}

type Read<T> = Result<T, Misunderstood>;

/// The room's mix, where a feed is expected.
const MIX: &str = "mix";
/// The longest piece of a client's text that comes back to it in an error.
const QUOTED: usize = 40;

/// Reads a text frame.
pub fn read(role: Role, text: &str) -> Read<ClientMessage> {
    let value: Value = serde_json::from_str(text).map_err(|error| bad("message", format!("is not JSON: {error}")))?;
    let Value::Object(mut message) = value else { return Err(bad("message", "must be a JSON object")) };
    let event = match message.get("event") {
        Some(Value::String(event)) => event.clone(),
        Some(_) => return Err(bad("event", "must be a string")),
        None => return Err(bad("event", "is missing")),
    };
    let data = message.remove("data").unwrap_or(Value::Null);
    let verb = Verb::named(&event).ok_or_else(|| Misunderstood::UnknownEvent(event.chars().take(QUOTED).collect()))?;
    if !verb.allowed(role) {
        return Err(Misunderstood::Forbidden { role, event });
    }
    verb.read(role, &object(data)?)
}

/// Why frames that are no text, or too long, are not understood.
pub fn bad_frame(problem: &str) -> Misunderstood {
    bad("message", problem)
}

#[derive(Clone, Copy)]
enum Verb {
    CreateRoom,
    JoinAsPublisher,
    InviteDevices,
    OfferFromDevice,
    JoinAsSubscriber,
    StartReceiving,
    Ice,
    Unpublish,
    Leave,
    Limit,
    NotifyMe,
}

impl Verb {
    fn named(event: &str) -> Option<Self> {
        Some(match event {
            "create_room" => Self::CreateRoom,
            "join_as_publisher" => Self::JoinAsPublisher,
            "invite_devices" => Self::InviteDevices,
            "offer_from_device" => Self::OfferFromDevice,
            "join_as_subscriber" => Self::JoinAsSubscriber,
            "start_receiving" => Self::StartReceiving,
            "ice" => Self::Ice,
            "unpublish" => Self::Unpublish,
            "leave" => Self::Leave,
            "limit" => Self::Limit,
            "notify_me" => Self::NotifyMe,
            _ => return None,
        })
    }

    /// The column "from" of the protocol page.
    fn allowed(self, role: Role) -> bool {
        match self {
            Self::JoinAsPublisher | Self::Ice | Self::Leave | Self::NotifyMe => true,
            Self::OfferFromDevice | Self::Unpublish => role == Role::Device,
            Self::CreateRoom | Self::InviteDevices | Self::JoinAsSubscriber | Self::StartReceiving | Self::Limit => {
                role == Role::Web
            }
        }
    }

    fn read(self, role: Role, data: &Map<String, Value>) -> Read<ClientMessage> {
        Ok(match self {
            Self::CreateRoom => ClientMessage::CreateRoom,
            Self::JoinAsPublisher => {
                check_inviter(data)?;
                ClientMessage::JoinAsPublisher(room_id(data)?)
            }
            Self::InviteDevices => ClientMessage::InviteDevices(room_id(data)?),
            Self::OfferFromDevice => ClientMessage::OfferFromDevice(sdp(data)?, content(data)?),
            Self::JoinAsSubscriber => {
                let room = room_id(data)?;
                let mix = data.get("feed").and_then(Value::as_str) == Some(MIX);
                ClientMessage::JoinAsSubscriber(
                    room,
                    if mix { None } else { Some(known_feed(data)?) },
                    number(data, "own")?,
                )
            }
            Self::StartReceiving => ClientMessage::StartReceiving(sdp(data)?, feed(data)?),
            Self::Ice => ClientMessage::Ice(side(role, data)?, candidate(data)?),
            Self::Unpublish => ClientMessage::Unpublish,
            Self::Leave => ClientMessage::Leave,
            Self::Limit => ClientMessage::Limit(known_feed(data)?, change(data)?),
            Self::NotifyMe => ClientMessage::NotifyMe(News::read(data)?),
        })
    }
}

/// A field that is wrong.
pub fn bad(field: &'static str, problem: impl Into<String>) -> Misunderstood {
    Misunderstood::Bad { field, problem: problem.into() }
}

/// `null` and `""` stand for `{}`: some clients send their null candidate so.
fn object(data: Value) -> Read<Map<String, Value>> {
    match data {
        Value::Object(fields) => Ok(fields),
        Value::Null => Ok(Map::new()),
        Value::String(text) if text.is_empty() => Ok(Map::new()),
        _ => Err(bad("data", "must be an object")),
    }
}

fn room_id(data: &Map<String, Value>) -> Read<RoomId> {
    match data.get("room_id") {
        None | Some(Value::Null) => Err(bad("room_id", "is missing")),
        Some(Value::Number(number)) if number.is_u64() => Ok(RoomId::new(number.to_string())),
        Some(Value::String(text)) if RoomId::is_valid(text) => Ok(RoomId::new(text)),
        Some(_) => Err(bad("room_id", "must be a room's number or name")),
    }
}

/// How a room is named to clients: as an integer whenever it is one that every client can hold.
pub fn room_value(room: &RoomId) -> Value {
    let number = room.as_str().parse::<u32>().ok().filter(|number| number.to_string() == room.as_str());
    number.map_or_else(|| room.as_str().into(), Value::from)
}

/// A feed that is no number of ours is just unknown, whatever it is: the room says `feed_not_found` to 0.
fn feed(data: &Map<String, Value>) -> Read<Option<FeedId>> {
    number(data, "feed")
}

fn number(data: &Map<String, Value>, field: &'static str) -> Read<Option<FeedId>> {
    match data.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(number)) => Ok(Some(FeedId(number.as_u64().unwrap_or(0)))),
        Some(Value::String(text)) => Ok(Some(FeedId(text.parse().unwrap_or(0)))),
        Some(_) => Err(bad(field, "must be a feed's number")),
    }
}

fn known_feed(data: &Map<String, Value>) -> Read<FeedId> {
    feed(data)?.ok_or_else(|| bad("feed", "is missing"))
}

fn content(data: &Map<String, Value>) -> Read<Content> {
    match text(data, "content")? {
        None | Some("camera") => Ok(Content::Camera),
        Some("screen") => Ok(Content::Screen),
        Some(_) => Err(bad("content", "must be `camera` or `screen`")),
    }
}

/// All fields but the feed's are limits.
fn change(data: &Map<String, Value>) -> Read<ViewChange> {
    let mut limits = data.clone();
    limits.remove("feed");
    serde_json::from_value(Value::Object(limits)).map_err(|error| bad("data", format!("is no limit: {error}")))
}

fn sdp(data: &Map<String, Value>) -> Read<Sdp> {
    required_text(data, "sdp").map(Sdp::new)
}

fn required_text<'a>(data: &'a Map<String, Value>, field: &'static str) -> Read<&'a str> {
    text(data, field)?.ok_or_else(|| bad(field, "is missing"))
}

fn text<'a>(data: &'a Map<String, Value>, field: &'static str) -> Read<Option<&'a str>> {
    match data.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(bad(field, "must be a string")),
    }
}

fn check_inviter(data: &Map<String, Value>) -> Read<()> {
    match data.get("inviter") {
        None | Some(Value::Null | Value::Number(_) | Value::String(_)) => Ok(()),
        Some(_) => Err(bad("inviter", "must be a client id")),
    }
}

/// Clients of the original front end leave `typ` out: a role has one usual side.
fn side(role: Role, data: &Map<String, Value>) -> Read<Side> {
    match (text(data, "typ")?, role) {
        (Some("pub"), _) | (None, Role::Device) => Ok(Side::Publisher),
        (Some("sub"), _) | (None, Role::Web) => Ok(Side::Subscriber),
        (Some(_), _) => Err(bad("typ", "must be `pub` or `sub`")),
    }
}

fn candidate(data: &Map<String, Value>) -> Read<Option<Candidate>> {
    match data.get("candidate") {
        Some(Value::Object(nested)) => plain_candidate(nested),
        _ => plain_candidate(data),
    }
}

fn plain_candidate(data: &Map<String, Value>) -> Read<Option<Candidate>> {
    let Some(line) = text(data, "candidate")?.filter(|line| !line.is_empty()) else { return Ok(None) };
    let mline = match data.get("sdpMLineIndex") {
        None | Some(Value::Null) => None,
        Some(value) => {
            let index = value.as_u64().and_then(|index| u32::try_from(index).ok());
            Some(index.ok_or_else(|| bad("sdpMLineIndex", "must be a small number"))?)
        }
    };
    let ufrag = text(data, "usernameFragment")?.or_else(|| ufrag_in(line)).map(str::to_owned);
    Ok(Some(Candidate { candidate: line.into(), mid: text(data, "sdpMid")?.map(str::to_owned), mline, ufrag }))
}

/// The `ufrag` extension attribute inside a candidate line, as browsers write it.
fn ufrag_in(line: &str) -> Option<&str> {
    let mut words = line.split_ascii_whitespace();
    words.find(|word| *word == "ufrag")?;
    words.next()
}
