//! What a feed is fed with, and what its branches get.

use crate::media::rtp::Packet;
use crate::model::Codec;
use std::sync::Arc;
use std::time::Instant;

/// The way back to the publisher: a plain RTCP compound, encrypted and sent at once.
pub trait Upstream: Send + Sync + 'static {
    /// Sends plain RTCP (RFC 3550 6); failures are counted, never returned: RTCP repeats itself.
    fn send_rtcp(&self, packet: &[u8]);
    /// Time has passed: feedback that is due goes out even when no packet comes.
    fn tick(&self, _now: Instant) {}
    /// Somebody waits for the feed's first media: a source that is opened on demand is to be opened.
    fn wanted(&self) {}
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
