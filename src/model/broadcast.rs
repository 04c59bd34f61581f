//! Feeds and mixes pushed to other servers. What may be asked of a broadcast, and what is known.

use super::{BroadcastId, EndReason, FeedId, Layout, RoomId, Secret};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Something to be sent elsewhere. Only `to` is needed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BroadcastWish {
    /// `rtmp://host/app`, `rtmps://…`, `srt://host:port`, `rtp://host:port` (sound to the port two above; the SDP is in the
    /// answer). Shown without its query.
    pub to: String,
    /// RTMP's stream key, added to `to` after a slash; SRT's `streamid`.
    pub key: Secret,
    /// SRT's passphrase.
    pub password: Secret,
    /// A feed's number, its publisher's name, or `mix`. Empty: the only feed, else the mix.
    pub feed: String,
    /// The mix in this layout, instead of a feed.
    pub layout: Option<Layout>,
}

/// Where a broadcast stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum BroadcastState {
    /// The other side is being reached.
    #[default]
    Connecting,
    /// Media flows.
    Live,
    /// It failed; tried again at `next_try_at`.
    Waiting,
    /// Over.
    Ended,
}

/// How a broadcast is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BroadcastStatus {
    /// Where it stands.
    pub state: BroadcastState,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// Bytes sent so far.
    pub bytes: u64,
    /// Times it was live again after an outage.
    pub reconnects: u64,
    /// What went wrong last, in words; no secrets in it.
    pub trouble: Option<String>,
    /// When it is tried again.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_try_at: Option<Timestamp>,
    /// What to give a receiver of plain RTP.
    pub sdp: Option<String>,
    /// Why it ended.
    pub reason: Option<EndReason>,
}

/// A broadcast of a room.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Broadcast {
    /// Identity.
    pub id: BroadcastId,
    /// The room.
    pub room: RoomId,
    /// What is sent.
    pub feed: FeedId,
    /// What was asked for, without secrets.
    pub wish: BroadcastWish,
    /// How it is.
    pub status: BroadcastStatus,
}
