//! Pure: room events and errors → the device dialect's messages and codes.

use super::news;
use super::wire::{Misunderstood, ServerMessage, room_value};
use crate::model::{EndReason, FeedId, Kind, ParticipantId, TrackInfo};
use crate::room::{ClientKey, Event, EventKind, Role, RoomError};

/// The participant that a client is in its rooms.
pub fn participant(client: &ClientKey) -> ParticipantId {
    ParticipantId::new(format!("{}:{}", role_name(client.role), client.id))
}

/// The client behind a participant, `None` if another dialect's.
pub fn client(participant: &ParticipantId) -> Option<ClientKey> {
    let (role, id) = participant.as_str().split_once(':')?;
    let role = [Role::Web, Role::Device].into_iter().find(|known| role_name(*known) == role)?;
    Some(ClientKey { role, id: id.into() })
}

/// The role as the URL spells it.
pub fn role_name(role: Role) -> &'static str {
    match role {
        Role::Web => "WEB",
        Role::Device => "DEVICE",
    }
}

/// What a client hears of an event; most it does not.
pub fn tell(me: &ClientKey, event: Event) -> Option<ServerMessage> {
    let room_id = room_value(&event.room);
    match event.kind {
        EventKind::PublishAnswered { answer, .. } => {
            Some(ServerMessage::AnswerToClient { r#type: "answer", sdp: answer })
        }
        EventKind::PublishRefused { error } => Some(refused(&error, None)),
        EventKind::FeedPublished { feed, publisher, tracks } => (me.role == Role::Web).then(|| {
            ServerMessage::StartListening { feed, room_id, publisher: client_id(&publisher), kinds: kinds(&tracks) }
        }),
        EventKind::FeedEnded { feed, publisher, reason, detail } => match me.role {
            Role::Web => Some(ServerMessage::StopListening { feed, room_id, reason: reason.as_str() }),
            Role::Device if publisher == participant(me) => ended(reason, &detail, feed),
            Role::Device => None,
        },
        EventKind::SubscriptionOffered { feed, offer, .. } => {
            Some(ServerMessage::OfferToSubscriber { r#type: "offer", sdp: offer, feed })
        }
        EventKind::AnswerRefused { feed, error } => Some(refused(&error, Some(feed))),
        EventKind::SubscriptionEnded { feed, reason, detail, .. } => ended(reason, &detail, feed),
        EventKind::RenditionChanged { feed, rendition, why, words, .. } => {
            Some(news::rendition(feed, rendition, why, words))
        }
        EventKind::LayersWanted { feed, rids } => Some(ServerMessage::Layers { feed, rids }),
        EventKind::SpeakerChanged { feed, participant } => Some(news::speaker(feed, participant.as_ref(), client_id)),
        EventKind::ParticipantLeft { participant: who, reason } if who == participant(me) => removed(reason),
        EventKind::RoomClosed { reason } => closed(reason),
        EventKind::RoomCreated
        | EventKind::ParticipantJoined { .. }
        | EventKind::ParticipantLeft { .. }
        | EventKind::SubscriptionAnswered { .. }
        | EventKind::SubscriptionRefused { .. }
        | EventKind::SubscriptionStarted { .. }
        | EventKind::RecordingChanged { .. }
        | EventKind::IngestChanged { .. }
        | EventKind::PublishOffered { .. }
        | EventKind::Transport { .. }
        | EventKind::Data { .. }
        | EventKind::DataProduced { .. }
        | EventKind::DataProducerEnded { .. }
        | EventKind::Relayed { .. }
        | EventKind::FilterChanged { .. }
        | EventKind::CodeSeen { .. }
        | EventKind::BroadcastChanged { .. } => None,
    }
}

/// Whether this client is out of the room by this event.
pub fn puts_out(me: &ClientKey, event: &Event) -> bool {
    match &event.kind {
        EventKind::ParticipantLeft { participant: who, .. } => *who == participant(me),
        EventKind::RoomClosed { .. } => true,
        _ => false,
    }
}

/// An error without a feed.
pub fn error(code: &'static str, message: impl Into<String>) -> ServerMessage {
    ServerMessage::Error { code, message: message.into(), feed: None }
}

/// A request, or a description, that was refused.
pub fn refused(problem: &RoomError, feed: Option<FeedId>) -> ServerMessage {
    ServerMessage::Error { code: code(problem), message: problem.to_string(), feed }
}

/// A message that was not understood.
pub fn misunderstood(problem: &Misunderstood) -> ServerMessage {
    let code = match problem {
        Misunderstood::Bad { .. } => "bad_request",
        Misunderstood::UnknownEvent(_) => "unknown_event",
        Misunderstood::Forbidden { .. } => "forbidden",
    };
    error(code, problem.to_string())
}

/// The stable codes. Exhaustive: a new `RoomError` needs a code here.
pub fn code(problem: &RoomError) -> &'static str {
    match problem {
        RoomError::RoomNotFound => "room_not_found",
        RoomError::FeedNotFound => "feed_not_found",
        RoomError::NotInRoom => "not_in_room",
        RoomError::Occupied => "occupied",
        RoomError::ParticipantNotFound => "participant_not_found",
        RoomError::RecordingNotFound => "recording_not_found",
        RoomError::WrongState(_) => "wrong_state",
        RoomError::IngestNotFound => "ingest_not_found",
        RoomError::TransportNotFound => "transport_not_found",
        RoomError::SubscriptionNotFound => "subscription_not_found",
        RoomError::DataNotFound => "data_not_found",
        RoomError::BroadcastNotFound => "broadcast_not_found",
        RoomError::Invalid(_) => "bad_request",
        RoomError::Forbidden(_) => "forbidden",
        RoomError::NoPendingOffer => "no_pending_offer",
        RoomError::NotPublishing => "not_publishing",
        RoomError::BadSdp(_) => "bad_sdp",
        RoomError::NoCommonCodec(_) => "no_common_codec",
        RoomError::Limit(_) => "limit",
        RoomError::ShuttingDown => "shutting_down",
        RoomError::Storage(_) => "storage",
        RoomError::Internal(_) => "internal",
    }
}

/// What a peer's end means to the client whose peer it was; `None` where it is no news to it.
fn ended(reason: EndReason, detail: &str, feed: FeedId) -> Option<ServerMessage> {
    let (code, words) = match reason {
        EndReason::IceFailed => ("media_lost", "the connection for media was lost"),
        EndReason::MediaTimeout => ("media_lost", "no media came for too long"),
        EndReason::FingerprintMismatch => ("media_lost", "the connection is not with whom the description says"),
        EndReason::NegotiationTimeout => ("negotiation_timeout", "no answer, or no connection, in time"),
        EndReason::NegotiationFailed => ("negotiation_failed", "the descriptions did not lead to a connection"),
        EndReason::CodecChanged => ("codec_changed", "the publisher changed to another codec: subscribe again"),
        EndReason::EngineError => ("internal", "the media engine failed"),
        EndReason::Left | EndReason::Unpublished | EndReason::Unsubscribed | EndReason::Replaced => return None,
        EndReason::Kicked | EndReason::RoomClosed | EndReason::ConnectionLost | EndReason::FeedEnded => return None,
        EndReason::Requested | EndReason::DiskFull | EndReason::StorageFailed | EndReason::Shutdown => return None,
        EndReason::NoMedia | EndReason::RoomEmpty | EndReason::LengthReached => return None,
        EndReason::Expired | EndReason::Crashed | EndReason::SourceEnded | EndReason::Unused => return None,
        EndReason::NotReading | EndReason::DataLost => return None,
    };
    let message = if detail.is_empty() { words.into() } else { format!("{words}: {detail}") };
    Some(ServerMessage::Error { code, message, feed: Some(feed) })
}

/// Out of the room; the end of one's own media has been told by then.
fn removed(reason: EndReason) -> Option<ServerMessage> {
    match reason {
        EndReason::Kicked => Some(error("kicked", "you were removed from the room")),
        EndReason::ConnectionLost => Some(error("connection_lost", "you were away for too long")),
        _ => None,
    }
}

fn closed(reason: EndReason) -> Option<ServerMessage> {
    // At shutdown every socket hears of it, in a room or not.
    (reason != EndReason::Shutdown).then(|| error("room_closed", "the room was closed"))
}

/// The protocol knows clients by the id of their URL.
fn client_id(participant: &ParticipantId) -> String {
    client(participant).map_or_else(|| participant.to_string(), |client| client.id)
}

fn kinds(tracks: &[TrackInfo]) -> Vec<&'static str> {
    let mut kinds: Vec<_> = tracks.iter().map(TrackInfo::kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds.into_iter().map(Kind::as_str).collect()
}
