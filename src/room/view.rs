//! A room as the API shows it: a snapshot of the room's state, without live media figures.

use crate::model::{
    Broadcast, FeedId, Ingest, ParticipantId, PeerId, Recording, RoomId, RoomSettings, TrackInfo, ViewLimits,
};
use jiff::Timestamp;
use serde::Serialize;

/// Snapshot of a room.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct RoomView {
    /// Identity.
    pub id: RoomId,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Who is in it.
    pub participants: Vec<ParticipantView>,
    /// What is published.
    pub feeds: Vec<FeedView>,
    /// Whose messages can be had by data channels.
    pub data_producers: Vec<DataProducerView>,
    /// The recordings that are not over, oldest first.
    pub recordings: Vec<Recording>,
    /// Sources that are no WebRTC publishers, by name. Their health is that of the last change.
    pub ingests: Vec<Ingest>,
    /// What is being sent to other servers.
    pub broadcasts: Vec<Broadcast>,
    /// Its settings.
    pub settings: RoomSettings,
}

/// Snapshot of a participant.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ParticipantView {
    /// Identity.
    pub id: ParticipantId,
    /// Name for people.
    pub name: String,
    /// The dialect it speaks.
    pub dialect: String,
    /// When it joined.
    #[schema(value_type = String, format = DateTime)]
    pub joined_at: Timestamp,
    /// Whether its signaling connection is up; if not, its grace time runs.
    pub connected: bool,
    /// Its publishing peer.
    pub publisher: Option<PeerId>,
    /// Its subscriptions.
    pub subscriptions: Vec<SubscriptionView>,
}

/// Snapshot of a subscription.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct SubscriptionView {
    /// Its peer.
    pub peer: PeerId,
    /// What it watches.
    pub feed: FeedId,
    /// What it wants at most.
    pub limits: ViewLimits,
    /// Name of the rendition it gets; `null` before it is connected. `explain` says why.
    pub rendition: Option<String>,
    /// `offering` or `answering`, `awaiting_answer`, `connecting` or `connected`.
    pub state: String,
}

/// Snapshot of a feed.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct FeedView {
    /// Identity.
    pub id: FeedId,
    /// Who publishes it.
    pub publisher: ParticipantId,
    /// Name of who publishes it.
    pub name: String,
    /// Whether media flows.
    pub live: bool,
    /// Its tracks, once live.
    pub tracks: Vec<TrackInfo>,
}

/// Snapshot of a producer of messages (a data channel).
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct DataProducerView {
    /// Its peer.
    pub producer: PeerId,
    /// Whose it is.
    pub publisher: ParticipantId,
    /// As its owner named it.
    pub label: String,
    /// What it speaks, as its owner said.
    pub protocol: String,
}
