//! Pure: WHIP's words ↔ the room's.

use crate::model::{Content, ParticipantId, Sdp};
use crate::room::{Command, EventKind, RoomError, Side};
use crate::signaling::session::{Dialect, Heard, removed, status};
use axum::http::StatusCode;

/// A client that publishes.
pub struct Publishing;

/// The participant of this name.
pub fn participant(name: &str) -> ParticipantId {
    ParticipantId::new(format!("WHIP:{name}"))
}

impl Dialect for Publishing {
    const NAME: &'static str = "whip";
    const SIDE: Side = Side::Publisher;

    fn offered(&self, offer: Sdp) -> Command {
        Command::Publish { offer, content: Content::Camera }
    }

    fn heard(&self, me: &ParticipantId, event: EventKind) -> Heard {
        match event {
            EventKind::PublishAnswered { answer, .. } => Heard::Answered(answer),
            EventKind::PublishRefused { error } => Heard::Refused(error),
            EventKind::FeedEnded { publisher, reason, detail, .. } if publisher == *me => {
                Heard::Over(format!("what it published is over ({reason}) {detail}").trim_end().to_owned())
            }
            other => removed(me, &other),
        }
    }

    fn status(error: &RoomError) -> StatusCode {
        status(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{EndReason, FeedId};

    #[test]
    fn a_session_ends_with_its_own_feed_only() {
        let me = participant("obs");
        let ended = |publisher| EventKind::FeedEnded {
            feed: FeedId(1),
            publisher,
            reason: EndReason::MediaTimeout,
            detail: String::new(),
        };
        assert_eq!(Publishing.heard(&me, ended(participant("other"))), Heard::Nothing);
        let words = "what it published is over (media_timeout)".to_owned();
        assert_eq!(Publishing.heard(&me, ended(me.clone())), Heard::Over(words));
    }

    #[test]
    fn who_is_removed_hears_why() {
        let me = participant("obs");
        let kicked = |participant| EventKind::ParticipantLeft { participant, reason: EndReason::Kicked };
        assert_eq!(Publishing.heard(&me, kicked(me.clone())), Heard::Removed("it is out of the room: kicked".into()));
        assert_eq!(Publishing.heard(&me, kicked(participant("other"))), Heard::Nothing);
    }
}
