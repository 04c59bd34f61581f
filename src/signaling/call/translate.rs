//! Pure: a call's words → what a room is asked for, what a room tells → what it means to a call, refusals → HTTP.

use super::lines::Refusal;
use crate::model::{Candidate, EndReason, FeedId, Opaque, Recording, Sdp};
use crate::room::{EventKind, RoomError};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::json;

/// `RTCIceCandidate` as browsers write it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    candidate: String,
    #[serde(default)]
    sdp_mid: Option<String>,
    #[serde(default)]
    sdp_m_line_index: Option<u32>,
    #[serde(default)]
    username_fragment: Option<String>,
}

/// A page's candidate for the server; `None` ends them, as does an empty one.
pub fn candidate(written: &Opaque) -> Result<Option<Candidate>, String> {
    let read: Option<Written> = serde_json::from_str(written.as_str())
        .map_err(|error| format!("the candidate is not what a browser writes: {error}"))?;
    Ok(read.filter(|read| !read.candidate.is_empty()).map(|read| Candidate {
        candidate: read.candidate,
        mid: read.sdp_mid,
        mline: read.sdp_m_line_index,
        ufrag: read.username_fragment,
    }))
}

/// The server's description as a page would write it.
pub fn written(kind: &str, sdp: &Sdp) -> Opaque {
    Opaque::new(json!({ "type": kind, "sdp": sdp.as_str() }).to_string())
}

/// What an event means to a call whose media runs through the server.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// The answer to the initiator, and what it publishes.
    Answered(FeedId, Sdp),
    /// The offer to the subscriber, and what it will publish.
    Offered(FeedId, Sdp),
    /// Pictures or sound flow.
    Live,
    /// A recording changed.
    Recording(Box<Recording>),
    /// The call is over.
    Over(EndReason),
    /// No concern of its.
    Nothing,
}

/// What an event on one side's stream means.
pub fn heard(event: EventKind) -> Heard {
    match event {
        EventKind::PublishAnswered { feed, answer } => Heard::Answered(feed, answer),
        EventKind::PublishOffered { feed, offer } => Heard::Offered(feed, offer),
        EventKind::PublishRefused { .. } => Heard::Over(EndReason::NegotiationFailed),
        EventKind::FeedPublished { .. } => Heard::Live,
        EventKind::FeedEnded { reason, .. }
        | EventKind::ParticipantLeft { reason, .. }
        | EventKind::RoomClosed { reason } => Heard::Over(reason),
        EventKind::RecordingChanged { recording } => Heard::Recording(recording),
        EventKind::RoomCreated
        | EventKind::ParticipantJoined { .. }
        | EventKind::SubscriptionOffered { .. }
        | EventKind::SubscriptionAnswered { .. }
        | EventKind::SubscriptionRefused { .. }
        | EventKind::AnswerRefused { .. }
        | EventKind::SubscriptionStarted { .. }
        | EventKind::SubscriptionEnded { .. }
        | EventKind::RenditionChanged { .. }
        | EventKind::LayersWanted { .. }
        | EventKind::SpeakerChanged { .. }
        | EventKind::IngestChanged { .. }
        | EventKind::FilterChanged { .. }
        | EventKind::CodeSeen { .. }
        | EventKind::BroadcastChanged { .. }
        | EventKind::Transport { .. }
        | EventKind::Data { .. }
        | EventKind::DataProduced { .. }
        | EventKind::DataProducerEnded { .. }
        | EventKind::Relayed { .. } => Heard::Nothing,
    }
}

/// The status of a line's refusal.
pub fn status(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::UnknownUser | Refusal::NotNow(_) => StatusCode::BAD_REQUEST,
        Refusal::TooMuch => StatusCode::TOO_MANY_REQUESTS,
    }
}

/// The status of a room's refusal: 400, the protocol's one for all that cannot be, unless it is a matter of limits or ours.
pub fn room_status(error: &RoomError) -> StatusCode {
    match error {
        RoomError::Limit(_) => StatusCode::TOO_MANY_REQUESTS,
        RoomError::ShuttingDown => StatusCode::SERVICE_UNAVAILABLE,
        RoomError::Internal(_) | RoomError::Storage(_) => StatusCode::INTERNAL_SERVER_ERROR,
        RoomError::Forbidden(_) => StatusCode::FORBIDDEN,
        RoomError::RoomNotFound
        | RoomError::FeedNotFound
        | RoomError::NotInRoom
        | RoomError::Occupied
        | RoomError::ParticipantNotFound
        | RoomError::TransportNotFound
        | RoomError::SubscriptionNotFound
        | RoomError::DataNotFound
        | RoomError::IngestNotFound
        | RoomError::BroadcastNotFound
        | RoomError::Invalid(_)
        | RoomError::RecordingNotFound
        | RoomError::WrongState(_)
        | RoomError::NoPendingOffer
        | RoomError::NotPublishing
        | RoomError::BadSdp(_)
        | RoomError::NoCommonCodec(_) => StatusCode::BAD_REQUEST,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_candidate_is_read_as_browsers_write_it() {
        let text =
            r#"{"candidate":"candidate:1 1 udp 1 h 9 typ host","sdpMid":"0","sdpMLineIndex":0,"usernameFragment":"u"}"#;
        let read = candidate(&Opaque::new(text)).unwrap().unwrap();
        assert_eq!((read.mid.as_deref(), read.mline, read.ufrag.as_deref()), (Some("0"), Some(0), Some("u")));
        let bare = candidate(&Opaque::new(r#"{"candidate":"candidate:1","sdpMid":null}"#));
        assert_eq!(bare.unwrap().unwrap().mid, None);
        assert_eq!(candidate(&Opaque::new("null")), Ok(None));
        assert_eq!(candidate(&Opaque::new(r#"{"candidate":""}"#)), Ok(None));
        assert!(candidate(&Opaque::new(r#"{"candidate":"a","sdpMLineIndex":-1}"#)).is_err());
    }
}
