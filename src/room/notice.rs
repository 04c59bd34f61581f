//! An event as the outside hears it: the event stream and the webhooks. What carries session descriptions, or is meant
//! for one participant alone, stays inside.

use super::event::{Audience, Event, EventKind};
use crate::model::RoomId;
use jiff::Timestamp;
use serde::Serialize;

/// `{"at": …, "room": …, "event": "recording_changed", "data": {…}}`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Notice {
    /// When it happened.
    pub at: Timestamp,
    /// Where.
    pub room: RoomId,
    /// What: `event` and `data`.
    #[serde(flatten)]
    pub kind: EventKind,
}

impl Notice {
    /// `None` for what stays inside.
    pub fn of(event: &Event) -> Option<Self> {
        let public = match &event.kind {
            EventKind::RoomCreated
            | EventKind::ParticipantJoined { .. }
            | EventKind::ParticipantLeft { .. }
            | EventKind::SubscriptionStarted { .. }
            | EventKind::SubscriptionEnded { .. }
            | EventKind::RenditionChanged { .. }
            | EventKind::RecordingChanged { .. }
            | EventKind::IngestChanged { .. }
            | EventKind::BroadcastChanged { .. }
            | EventKind::FilterChanged { .. }
            | EventKind::RoomClosed { .. } => true,
            // A late joiner is told again what everybody knows.
            EventKind::FeedPublished { .. } | EventKind::FeedEnded { .. } | EventKind::SpeakerChanged { .. } => {
                !matches!(event.to, Audience::One(_))
            }
            EventKind::PublishAnswered { .. }
            | EventKind::PublishOffered { .. }
            | EventKind::Transport { .. }
            | EventKind::Data { .. }
            | EventKind::DataProduced { .. }
            | EventKind::DataProducerEnded { .. }
            | EventKind::Relayed { .. }
            | EventKind::PublishRefused { .. }
            | EventKind::SubscriptionOffered { .. }
            | EventKind::SubscriptionAnswered { .. }
            | EventKind::SubscriptionRefused { .. }
            | EventKind::LayersWanted { .. }
            | EventKind::CodeSeen { .. }
            | EventKind::AnswerRefused { .. } => false,
        };
        public.then(|| Self { at: Timestamp::now(), room: event.room.clone(), kind: event.kind.clone() })
    }

    /// The event's name, as in its JSON.
    pub fn name(&self) -> &'static str {
        match &self.kind {
            EventKind::RoomCreated => "room_created",
            EventKind::ParticipantJoined { .. } => "participant_joined",
            EventKind::ParticipantLeft { .. } => "participant_left",
            EventKind::SubscriptionStarted { .. } => "subscription_started",
            EventKind::SubscriptionEnded { .. } => "subscription_ended",
            EventKind::RenditionChanged { .. } => "rendition_changed",
            EventKind::LayersWanted { .. } => "layers_wanted",
            EventKind::SpeakerChanged { .. } => "speaker_changed",
            EventKind::RecordingChanged { .. } => "recording_changed",
            EventKind::IngestChanged { .. } => "ingest_changed",
            EventKind::BroadcastChanged { .. } => "broadcast_changed",
            EventKind::FilterChanged { .. } => "filter_changed",
            EventKind::CodeSeen { .. } => "code_seen",
            EventKind::RoomClosed { .. } => "room_closed",
            EventKind::FeedPublished { .. } => "feed_published",
            EventKind::FeedEnded { .. } => "feed_ended",
            EventKind::PublishAnswered { .. } => "publish_answered",
            EventKind::PublishOffered { .. } => "publish_offered",
            EventKind::Transport { .. } => "transport",
            EventKind::Data { .. } => "data",
            EventKind::DataProduced { .. } => "data_produced",
            EventKind::DataProducerEnded { .. } => "data_producer_ended",
            EventKind::Relayed { .. } => "relayed",
            EventKind::PublishRefused { .. } => "publish_refused",
            EventKind::SubscriptionOffered { .. } => "subscription_offered",
            EventKind::SubscriptionAnswered { .. } => "subscription_answered",
            EventKind::SubscriptionRefused { .. } => "subscription_refused",
            EventKind::AnswerRefused { .. } => "answer_refused",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{EndReason, FeedId, ParticipantId, Sdp};

    fn event(to: Audience, kind: EventKind) -> Event {
        Event { room: RoomId::new("hall"), to, kind }
    }

    #[test]
    fn its_name_is_the_one_in_its_json() {
        let (participant, reason) = (ParticipantId::new("WEB:1"), EndReason::Left);
        let left = event(Audience::Everyone, EventKind::ParticipantLeft { participant, reason });
        let notice = Notice::of(&left).unwrap();
        let json = serde_json::to_value(&notice).unwrap();
        assert_eq!(json["event"], notice.name());
        assert_eq!((&json["room"], &json["data"]["reason"]), (&"hall".into(), &"left".into()), "{json}");
        assert!(json["at"].is_string());
        let made =
            serde_json::to_value(Notice::of(&event(Audience::Journal, EventKind::RoomCreated)).unwrap()).unwrap();
        assert_eq!(made["event"], "room_created");
    }

    #[test]
    fn descriptions_and_repetitions_stay_inside() {
        let one = || Audience::One(ParticipantId::new("WEB:1"));
        let answered = EventKind::PublishAnswered { feed: FeedId(1), answer: Sdp::new("v=0") };
        assert_eq!(Notice::of(&event(one(), answered)), None);
        let again = EventKind::FeedPublished { feed: FeedId(1), publisher: ParticipantId::new("D"), tracks: vec![] };
        assert_eq!(Notice::of(&event(one(), again)), None);
    }
}
