//! RTP packets (RFC 3550) as the fan-out sees them, with what must be known of their payload.

use crate::model::Codec;
use std::time::Instant;

/// A publisher's packet, shared by the history, all subscribers and the taps.
#[derive(Debug)]
pub struct Packet {
    /// Codec of its track.
    pub codec: Codec,
    /// Extended sequence number: 16 bits of the packet, above them the roll-overs seen by us.
    pub sequence: u64,
    /// RTP timestamp.
    pub timestamp: u32,
    /// Marker bit.
    pub marker: bool,
    /// Whether it begins a keyframe (audio: always true).
    pub keyframe: bool,
    /// Picture size in pixels when it begins a keyframe and tells it.
    pub size: Option<(u32, u32)>,
    /// The whole RTP packet as received, decrypted.
    pub data: Vec<u8>,
    /// Where the payload lies in `data`.
    pub payload: std::ops::Range<usize>,
    /// When it arrived.
    pub at: Instant,
}
