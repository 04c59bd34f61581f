//! Live figures, and files of a presentation: what the engine answers at once.

use crate::model::Codec;
use bytes::Bytes;
use serde::Serialize;
use std::time::Duration;

/// A request for a file of a feed's HLS presentation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HlsRequest {
    /// `index.m3u8`, or a name that an earlier playlist gave.
    pub file: String,
    /// `_HLS_msn`: answer when the playlist has this media sequence number…
    pub msn: Option<u64>,
    /// `_HLS_part`: …and this part of it.
    pub part: Option<u64>,
}

/// A file of an HLS presentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HlsReply {
    /// Its bytes.
    pub body: Bytes,
    /// Its media type.
    pub content_type: &'static str,
    /// How long it may be cached; zero: not at all.
    pub max_age: Duration,
}

/// Live figures of a feed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, utoipa::ToSchema)]
pub struct FeedStats {
    /// One per track.
    pub tracks: Vec<TrackStats>,
    /// Keyframe requests that were sent to the publisher (PLI, RFC 4585).
    pub keyframe_requests: u64,
    /// Subscriptions being served.
    pub subscribers: usize,
    /// The layers of a simulcast publisher, best first; empty when it sends one.
    pub layers: Vec<LayerStats>,
    /// The names of the elements that filter it; `null`: none do.
    pub filter: Option<String>,
}

/// Live figures of a simulcast layer.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct LayerStats {
    /// Its name in the publisher's description.
    pub rid: String,
    /// Its pictures.
    #[serde(flatten)]
    pub track: TrackStats,
    /// The publisher was told to stop it, and did.
    pub resting: bool,
    /// Who is shown this layer by itself.
    pub users: usize,
}

/// Live figures of a track as the publisher sends it.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct TrackStats {
    /// Codec.
    pub codec: Codec,
    /// RTP packets received.
    pub packets: u64,
    /// RTP bytes received.
    pub bytes: u64,
    /// Frames begun; for audio, packets with a time of their own.
    pub frames: u64,
    /// Bits per second over the last second or so.
    pub bitrate: u64,
    /// Frames per second over the last second or so; 0 for audio.
    pub framerate: f32,
    /// Width of the last keyframe in pixels.
    pub width: Option<u32>,
    /// Height of the last keyframe in pixels.
    pub height: Option<u32>,
}

/// Live figures of a peer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, utoipa::ToSchema)]
pub struct PeerStats {
    /// `new`, `connected`, `disconnected`, `failed` or `closed`.
    pub state: String,
    /// The client's address in use.
    pub remote_address: Option<String>,
    /// Round trip in milliseconds, from RTCP.
    pub round_trip_ms: Option<f64>,
    /// RTP packets sent to (subscriber, conversation) or received from (publisher) the peer.
    pub packets: u64,
    /// RTP bytes, likewise.
    pub bytes: u64,
    /// RTP packets received from the peer.
    pub packets_received: u64,
    /// RTP bytes received from the peer.
    pub bytes_received: u64,
    /// Pictures sent whole to a subscriber, retransmissions not counted: what its decoder should have decoded. 0 for a
    /// publisher.
    pub pictures: u64,
    /// Packets retransmitted (RFC 4588).
    pub retransmitted: u64,
    /// Fraction lost as the far side reported last, 0 to 1.
    pub fraction_lost: f64,
}
