//! Why something was refused, in the dialect's codes. Pure.

use super::super::budget::Spent;
use crate::room::RoomError;
use serde_json::{Value, json};

/// A refusal; the socket stays open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Stable, for programs.
    pub code: &'static str,
    /// For people.
    pub message: String,
}

impl Refusal {
    /// With a code of the protocol's.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
    /// The message makes no sense, or not now.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new("bad_request", message)
    }
    /// It has to `join-room` first.
    pub fn not_in_room() -> Self {
        Self::new("not_in_room", "join a room first")
    }
    /// No transport of this client's.
    pub fn no_transport(id: &str) -> Self {
        Self::new("transport_not_found", format!("you have no transport {id}"))
    }
    /// Nothing of this name is produced, or not by this client.
    pub fn no_producer(id: &str) -> Self {
        Self::new("producer_not_found", format!("there is no producer {id}"))
    }
    /// As `data` of an `error`.
    pub fn data(&self) -> Value {
        json!({ "message": self.message, "code": self.code })
    }
}

impl From<Spent> for Refusal {
    fn from(spent: Spent) -> Self {
        Self::bad_request(spent.to_string())
    }
}

/// Exhaustive: a new `RoomError` needs a code here.
impl From<&RoomError> for Refusal {
    fn from(error: &RoomError) -> Self {
        let code = match error {
            RoomError::Occupied => "name_taken",
            RoomError::NotInRoom | RoomError::RoomNotFound => "not_in_room",
            RoomError::Limit(_) => "room_full",
            RoomError::ParticipantNotFound => "target_not_found",
            RoomError::TransportNotFound => "transport_not_found",
            RoomError::FeedNotFound | RoomError::SubscriptionNotFound | RoomError::NotPublishing => {
                "producer_not_found"
            }
            RoomError::DataNotFound => "data_producer_not_found",
            RoomError::NoCommonCodec(_) => "cannot_consume",
            RoomError::BadSdp(_)
            | RoomError::Invalid(_)
            | RoomError::Forbidden(_)
            | RoomError::NoPendingOffer
            | RoomError::WrongState(_) => "bad_request",
            RoomError::IngestNotFound
            | RoomError::BroadcastNotFound
            | RoomError::RecordingNotFound
            | RoomError::ShuttingDown
            | RoomError::Storage(_)
            | RoomError::Internal(_) => "internal",
        };
        Self::new(code, error.to_string())
    }
}
