//! What has happened in a room. Plain serialisable data; each dialect puts it in its own words, `journal` logs it.

use super::command::RoomError;
use crate::model::{
    Broadcast, CodeSeen, DataStream, EndReason, FeedId, Ingest, Opaque, ParticipantId, PeerId, Recording, RoomId, Sdp,
    TrackInfo, TransportLocal, Why,
};
use serde::{Deserialize, Serialize};

/// An event with its room.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Where.
    pub room: RoomId,
    /// Whom it concerns.
    pub to: Audience,
    /// What.
    pub kind: EventKind,
}

/// Who hears an event; `journal` hears all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Audience {
    /// Everybody in the room.
    Everyone,
    /// One participant.
    One(ParticipantId),
    /// Nobody in the room: for the journal alone.
    Journal,
}

/// What happened. Names are past tense.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", content = "data", rename_all = "snake_case")]
pub enum EventKind {
    /// The room was made.
    RoomCreated,
    /// Somebody is in the room now.
    ParticipantJoined {
        /// Who.
        participant: ParticipantId,
    },
    /// Somebody is no longer in the room. Also sent to the one removed.
    ParticipantLeft {
        /// Who.
        participant: ParticipantId,
        /// Why.
        reason: EndReason,
    },
    /// Answer to this participant's offer.
    PublishAnswered {
        /// The feed it publishes.
        feed: FeedId,
        /// For the client.
        answer: Sdp,
    },
    /// Offer for this participant's conversation.
    PublishOffered {
        /// The feed it will publish.
        feed: FeedId,
        /// For the client.
        offer: Sdp,
    },
    /// This participant's transport.
    Transport {
        /// Which.
        transport: PeerId,
        /// What became of it.
        change: TransportChange,
    },
    /// This participant's producer or consumer of messages.
    Data {
        /// Which.
        peer: PeerId,
        /// What became of it.
        change: DataChange,
    },
    /// Messages can be had by data channel (again told to a late joiner).
    DataProduced {
        /// By its peer.
        producer: PeerId,
        /// Whose.
        publisher: ParticipantId,
        /// As its owner named it.
        label: String,
        /// What it speaks, as its owner said.
        protocol: String,
    },
    /// And no longer.
    DataProducerEnded {
        /// Which.
        producer: PeerId,
        /// Whose.
        publisher: ParticipantId,
        /// Why.
        reason: EndReason,
    },
    /// This participant's offer, or answer, was refused; a running feed is untouched.
    PublishRefused {
        /// Why.
        error: RoomError,
    },
    /// A feed's media flows (again sent to a late joiner, and when its tracks changed).
    FeedPublished {
        /// Which.
        feed: FeedId,
        /// By whom.
        publisher: ParticipantId,
        /// Its tracks.
        tracks: Vec<TrackInfo>,
    },
    /// A feed is over.
    FeedEnded {
        /// Which.
        feed: FeedId,
        /// By whom.
        publisher: ParticipantId,
        /// Why.
        reason: EndReason,
        /// In words, when there is more to say.
        detail: String,
    },
    /// Offer for this participant's subscription.
    SubscriptionOffered {
        /// What it watches.
        feed: FeedId,
        /// The subscription.
        peer: PeerId,
        /// For the client.
        offer: Sdp,
    },
    /// Answer to this participant's own offer to watch.
    SubscriptionAnswered {
        /// What it watches.
        feed: FeedId,
        /// The subscription.
        peer: PeerId,
        /// For the client.
        answer: Sdp,
    },
    /// This participant's own offer to watch was refused; a running subscription is untouched.
    SubscriptionRefused {
        /// What it wanted to watch.
        feed: FeedId,
        /// The subscription.
        peer: PeerId,
        /// Why.
        error: RoomError,
    },
    /// The answer was refused; the offer is still open.
    AnswerRefused {
        /// What it watches.
        feed: FeedId,
        /// Why.
        error: RoomError,
    },
    /// A subscription is connected.
    SubscriptionStarted {
        /// Who.
        participant: ParticipantId,
        /// What it watches.
        feed: FeedId,
        /// The subscription.
        peer: PeerId,
    },
    /// A subscription is over.
    SubscriptionEnded {
        /// Who.
        participant: ParticipantId,
        /// What it watched.
        feed: FeedId,
        /// The subscription.
        peer: PeerId,
        /// Why.
        reason: EndReason,
        /// In words, when there is more to say.
        detail: String,
    },
    /// A subscription gets another rendition from now on.
    RenditionChanged {
        /// Who.
        participant: ParticipantId,
        /// What it watches.
        feed: FeedId,
        /// The subscription.
        peer: PeerId,
        /// Name of the rendition, e.g. `360p`.
        rendition: String,
        /// Why nothing better.
        why: Why,
        /// The same in words, with figures.
        words: String,
    },
    /// Which simulcast layers of this participant's feed are in use; the others need not be sent.
    LayersWanted {
        /// The feed it publishes.
        feed: FeedId,
        /// Their rids, best first.
        rids: Vec<String>,
    },
    /// Another one speaks.
    SpeakerChanged {
        /// Whose; `null`: nobody any more.
        feed: Option<FeedId>,
        /// Who.
        participant: Option<ParticipantId>,
    },
    /// A recording changed; the body is all that is known.
    RecordingChanged {
        /// The recording.
        recording: Box<Recording>,
    },
    /// A source's state or trouble changed; the body is all that is known.
    IngestChanged {
        /// The source.
        ingest: Box<Ingest>,
    },
    /// A broadcast's state changed; the body is all that is known.
    BroadcastChanged {
        /// The broadcast.
        broadcast: Box<Broadcast>,
    },
    /// A feed's filter began, or ended.
    FilterChanged {
        /// Which.
        feed: FeedId,
        /// By whom.
        publisher: ParticipantId,
        /// The names of its elements; `null`: none any more.
        filter: Option<String>,
        /// Why it ended by itself; `null`: somebody asked for it.
        failure: Option<String>,
    },
    /// A filter of this participant's feed saw a bar code.
    CodeSeen {
        /// The feed it publishes.
        feed: FeedId,
        /// What it saw.
        code: CodeSeen,
    },
    /// A message of another participant.
    Relayed {
        /// Whose.
        from: ParticipantId,
        /// What it says.
        body: Opaque,
    },
    /// The room is gone.
    RoomClosed {
        /// Why.
        reason: EndReason,
    },
}

/// What becomes of a transport.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransportChange {
    /// It is open, or has new ICE names: for the client.
    Opened(TransportLocal),
    /// The handshake is done.
    Connected,
    /// It is over, and all that was on it.
    Ended {
        /// Why.
        reason: EndReason,
        /// In words, when there is more to say.
        detail: String,
    },
}

/// What becomes of a producer or consumer of messages.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataChange {
    /// It is there; its messages travel so.
    Opened(DataStream),
    /// It cannot be.
    Refused(RoomError),
    /// It is over.
    Ended {
        /// Why.
        reason: EndReason,
        /// In words, when there is more to say.
        detail: String,
    },
}
