//! Pure: the room's errors and endings → the dialect's reasons; roles → participants.

use super::super::budget::Spent;
use super::wire::{Bad, Role, ServerMessage, Via};
use crate::model::{EndReason, ParticipantId};
use crate::room::RoomError;

/// The dialect's names: a room whose media goes from page to page, and one whose media goes through us.
pub const DIALECTS: [&str; 2] = ["sender-viewer", "sender-viewer-server"];

/// The name by which a room tells the two ways apart.
pub fn dialect(via: Via) -> &'static str {
    match via {
        Via::Pages => DIALECTS[0],
        Via::Server => DIALECTS[1],
    }
}

/// A role's name, and the participant that it is where there is one only.
pub fn name(role: Role) -> &'static str {
    match role {
        Role::Sender => "sender",
        Role::Viewer => "viewer",
    }
}

/// The participant that a role is; through us there are many viewers, told apart by `number`.
pub fn participant(role: Role, via: Via, number: &str) -> ParticipantId {
    match (role, via) {
        (Role::Viewer, Via::Server) => ParticipantId::new(format!("{}-{number}", name(role))),
        _ => ParticipantId::new(name(role)),
    }
}

/// Why something was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Stable.
    pub reason: &'static str,
    /// In words.
    pub message: String,
}

impl Refusal {
    /// The message makes no sense, or not now.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self { reason: "bad-request", message: message.into() }
    }
    /// It has to `join` first.
    pub fn not_joined() -> Self {
        Self { reason: "not-joined", message: "join a room first".into() }
    }
    /// The other side's message.
    pub fn wrong_role(what: &str, role: Role) -> Self {
        Self { reason: "wrong-role", message: format!("a {} sends no {what}", name(role)) }
    }
    /// It cannot be done, and it is not the client's fault.
    pub fn server_error(message: impl Into<String>) -> Self {
        Self { reason: "server-error", message: message.into() }
    }
    /// What the room says to somebody of this role.
    pub fn of(error: &RoomError, role: Role) -> Self {
        let message = match error {
            RoomError::Occupied => format!("a {} is in the room already", name(role)),
            other => other.to_string(),
        };
        Self { reason: reason(error, role), message }
    }
    /// As the client hears it.
    pub fn told(self) -> ServerMessage {
        ServerMessage::Error { reason: self.reason, message: self.message }
    }
}

impl From<Bad> for Refusal {
    fn from(bad: Bad) -> Self {
        Self::bad_request(bad.to_string())
    }
}

impl From<Spent> for Refusal {
    fn from(spent: Spent) -> Self {
        Self::server_error(spent.to_string())
    }
}

/// The stable reasons. Exhaustive: a new `RoomError` needs a reason here.
fn reason(error: &RoomError, role: Role) -> &'static str {
    match error {
        RoomError::Occupied => match role {
            Role::Sender => "sender-already-exists",
            Role::Viewer => "viewer-already-exists",
        },
        RoomError::NotInRoom => "not-joined",
        RoomError::BadSdp(_)
        | RoomError::NoCommonCodec(_)
        | RoomError::Invalid(_)
        | RoomError::NoPendingOffer
        | RoomError::WrongState(_)
        | RoomError::Forbidden(_) => "bad-request",
        RoomError::RoomNotFound
        | RoomError::FeedNotFound
        | RoomError::ParticipantNotFound
        | RoomError::TransportNotFound
        | RoomError::SubscriptionNotFound
        | RoomError::DataNotFound
        | RoomError::IngestNotFound
        | RoomError::BroadcastNotFound
        | RoomError::RecordingNotFound
        | RoomError::NotPublishing
        | RoomError::Limit(_)
        | RoomError::ShuttingDown
        | RoomError::Storage(_)
        | RoomError::Internal(_) => "server-error",
    }
}

/// Whether a peer ended by what happened on its way, so that a new one may do better.
pub fn was_lost(reason: EndReason) -> bool {
    matches!(reason, EndReason::IceFailed | EndReason::MediaTimeout | EndReason::CodecChanged | EndReason::EngineError)
}

/// Whether a peer ended since something else was wanted.
pub fn was_wanted(reason: EndReason) -> bool {
    matches!(
        reason,
        EndReason::Replaced
            | EndReason::Unsubscribed
            | EndReason::Unpublished
            | EndReason::FeedEnded
            | EndReason::Left
            | EndReason::Kicked
            | EndReason::RoomClosed
            | EndReason::Shutdown
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_seat_is_told_by_its_role() {
        let refused = |role| Refusal::of(&RoomError::Occupied, role).reason;
        assert_eq!((refused(Role::Sender), refused(Role::Viewer)), ("sender-already-exists", "viewer-already-exists"));
    }

    #[test]
    fn only_viewers_of_the_server_are_many() {
        let id = |role, via| participant(role, via, "1").as_str().to_owned();
        assert_eq!(id(Role::Viewer, Via::Server), "viewer-1");
        assert_eq!(id(Role::Viewer, Via::Pages), "viewer");
        assert_eq!((id(Role::Sender, Via::Server), id(Role::Sender, Via::Pages)), ("sender".into(), "sender".into()));
    }
}
