//! A publisher's tracks; the only place that knows how fan-out is done.
//!
//! RTP comes in decrypted, from the tap before the publisher's jitter buffer; retransmissions (RFC 4588) are undone,
//! losses are asked for again, keyframe requests are merged. Packets go out to `egress` (subscribers) and to taps
//! (branches: recorders).

use super::egress::Pool;
use super::rtp::Packet;
use super::{FeedStats, MediaError};
use crate::model::{Codec, FeedId, TrackInfo};
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

/// The way back to the publisher: a plain RTCP compound, encrypted and sent at once.
pub trait Upstream: Send + Sync + 'static {
    /// Sends plain RTCP (RFC 3550 6); failures are counted, never returned: RTCP repeats itself.
    fn send_rtcp(&self, packet: &[u8]);
}

/// One negotiated track of a publisher, from its SDP.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceTrack {
    /// Codec.
    pub codec: Codec,
    /// `a=fmtp` parameters of the codec as negotiated, e.g. `profile-level-id=42e01f;packetization-mode=1`.
    pub fmtp: String,
    /// RTP payload type.
    pub payload_type: u8,
    /// Announced SSRC; `None`: learnt from the first packet of this payload type.
    pub ssrc: Option<u32>,
    /// Payload type of retransmissions, if negotiated.
    pub rtx_payload_type: Option<u8>,
    /// Announced SSRC of retransmissions.
    pub rtx_ssrc: Option<u32>,
    /// Whether NACK (RFC 4585) was negotiated.
    pub nack: bool,
    /// Extension id of the audio level (RFC 6464) in the publisher's packets, 0 when absent.
    pub audio_level_id: u8,
}

/// A publisher peer's media, as negotiated.
pub struct Source {
    /// Its tracks; at most one audio and one video.
    pub tracks: Vec<SourceTrack>,
    /// The way back.
    pub upstream: Arc<dyn Upstream>,
}

/// What a branch gets.
#[derive(Clone, Debug)]
pub enum TapItem {
    /// A packet of a track, in order of arrival; recovered ones come late.
    Packet(Arc<Packet>),
    /// The publisher's clock: `ntp` (64-bit NTP) is the instant of RTP time `rtp` of this kind of track.
    SenderReport {
        /// Of which track.
        codec: Codec,
        /// NTP timestamp, 32.32.
        ntp: u64,
        /// RTP timestamp at that instant.
        rtp: u32,
    },
    /// The set of tracks or a codec changed.
    TracksChanged(Vec<SourceTrack>),
    /// The feed is over.
    Ended,
}

/// Told once when RTP of every negotiated track, or of one and 500 ms later, came in; and again after changes.
pub type OnLive = Box<dyn Fn(Vec<TrackInfo>) + Send + Sync>;

/// A feed.
pub struct Feed {
    _todo: (),
}

impl Feed {
    /// A feed without a source yet. `keyframe_interval`: least time between two keyframe requests.
    pub fn new(_id: FeedId, _pool: Arc<Pool>, _keyframe_interval: Duration, _on_live: OnLive) -> Arc<Self> {
        todo!()
    }
    /// Identity.
    pub fn id(&self) -> FeedId {
        todo!()
    }
    /// Sets or replaces the publisher's tracks (first negotiation, renegotiation, or another peer taking over).
    /// Subscribers keep their SSRC, sequence and timestamps.
    pub fn set_source(&self, _source: Source) {
        todo!()
    }
    /// One decrypted RTP packet. Called by one thread at a time; unknown SSRCs are counted and dropped.
    pub fn on_rtp(&self, _packet: &[u8], _at: Instant) {
        todo!()
    }
    /// One decrypted RTCP compound of the publisher (sender reports are used).
    pub fn on_rtcp(&self, _packet: &[u8], _at: Instant) {
        todo!()
    }
    /// The input is drained for now: hand the batch to the subscribers.
    pub fn drained(&self) {
        todo!()
    }
    /// Called every 10 ms or so by the pool's timer: NACKs and keyframe requests that are due.
    pub fn tick(&self, _now: Instant) {
        todo!()
    }
    /// The tracks as negotiated.
    pub fn tracks(&self) -> Vec<SourceTrack> {
        todo!()
    }
    /// When RTP came in last.
    pub fn last_rtp(&self) -> Option<Instant> {
        todo!()
    }
    /// Asks the publisher for a keyframe, merged and rate-limited.
    pub fn request_keyframe(&self) {
        todo!()
    }
    /// Packets for a branch, from now on; at most `capacity` wait, then the branch loses some (counted) and nobody else.
    /// Ends when the receiver is dropped.
    pub fn tap(&self, _capacity: usize) -> Receiver<TapItem> {
        todo!()
    }
    /// Ends the feed: taps hear `Ended`, subscribers get no more.
    pub fn close(&self) {
        todo!()
    }
    /// Live figures.
    pub fn stats(&self) -> FeedStats {
        todo!()
    }
    /// Whether the feed can serve: it has at least one track.
    pub fn ready(&self) -> Result<(), MediaError> {
        todo!()
    }
}
