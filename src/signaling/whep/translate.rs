//! Pure: WHEP's words ↔ the room's.

use crate::model::{FeedId, ParticipantId, Sdp, ViewChange};
use crate::room::{Command, EventKind, RoomError, Side, Watched};
use crate::signaling::session::{Dialect, Heard, removed, status};
use axum::http::StatusCode;

/// A client that watches a feed.
pub struct Watching {
    /// Which.
    pub feed: FeedId,
    /// Whose own voice it does not want to hear in a mix: a feed's number, its publisher's identity or name.
    pub own: Option<String>,
}

/// The participant of this name.
pub fn participant(name: &str) -> ParticipantId {
    ParticipantId::new(format!("WHEP:{name}"))
}

impl Dialect for Watching {
    const NAME: &'static str = "whep";
    const SIDE: Side = Side::Subscriber;

    fn introduced(&self) -> Option<Command> {
        self.own.clone().map(|own| Command::NameOwn { feed: Some(own) })
    }

    fn offered(&self, offer: Sdp) -> Command {
        Command::SubscribeWith { feed: self.feed, offer }
    }

    fn limited(&self, change: ViewChange) -> Option<Command> {
        Some(Command::Limit { of: Watched::Feed(self.feed), change })
    }

    fn heard(&self, me: &ParticipantId, event: EventKind) -> Heard {
        match event {
            EventKind::SubscriptionAnswered { answer, .. } => Heard::Answered(answer),
            EventKind::SubscriptionRefused { error, .. } => Heard::Refused(error),
            EventKind::SubscriptionEnded { participant, reason, detail, .. } if participant == *me => {
                Heard::Over(format!("what it watched is over ({reason}) {detail}").trim_end().to_owned())
            }
            other => removed(me, &other),
        }
    }

    /// The client cannot take what there is.
    fn status(error: &RoomError) -> StatusCode {
        match error {
            RoomError::NoCommonCodec(_) => StatusCode::NOT_ACCEPTABLE,
            other => status(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{EndReason, PeerId};

    #[test]
    fn a_session_ends_with_its_subscription() {
        let me = participant("1");
        let (feed, peer, reason, detail) = (FeedId(1), PeerId(2), EndReason::FeedEnded, String::new());
        let ended = EventKind::SubscriptionEnded { participant: me.clone(), feed, peer, reason, detail };
        let words = "what it watched is over (feed_ended)".to_owned();
        assert_eq!(Watching { feed, own: None }.heard(&me, ended), Heard::Over(words));
    }

    #[test]
    fn a_codec_that_was_not_offered_is_not_acceptable() {
        assert_eq!(Watching::status(&RoomError::NoCommonCodec(String::new())), StatusCode::NOT_ACCEPTABLE);
        assert_eq!(Watching::status(&RoomError::FeedNotFound), StatusCode::NOT_FOUND);
    }
}
