//! RTP packets (RFC 3550) as the fan-out sees them, with what must be known of their payload.
//!
//! Decides how packets are read and written; leaves what is done with them to `feed` and `egress`.

use crate::model::Codec;
use std::sync::Arc;
use std::time::Instant;

pub mod av1;
mod bits;
mod extension;
pub mod h264;
mod header;
mod history;
pub mod pack;
mod sequence;
pub mod vp8;
pub mod vp9;

pub use extension::find_extension;
pub use header::{Header, OutExtensionValues, OutHeader};
pub use history::History;
pub use sequence::Extender;

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

impl Packet {
    /// The payload without padding.
    pub fn payload(&self) -> &[u8] {
        self.data.get(self.payload.clone()).unwrap_or_default()
    }
}

/// A packet with what egress needs to rewrite it: read once, used for every subscriber.
#[derive(Debug)]
pub struct Item {
    /// The packet.
    pub packet: Arc<Packet>,
    /// Which SSRC of the track it is: one more each time the publisher's SSRC changes.
    pub generation: u32,
    /// VP8 payload descriptor.
    pub vp8: Option<vp8::Descriptor>,
    /// Audio level (RFC 6464), as received.
    pub level: Option<u8>,
}

impl Item {
    /// Reads the payload of a packet whose header is known. What is no AV1 counts as padding: a depayloader would trust
    /// its sizes.
    pub fn read(codec: Codec, header: &Header, sequence: u64, generation: u32, data: Vec<u8>, at: Instant) -> Self {
        let payload = data.get(header.payload.clone()).unwrap_or_default();
        let vp8 = (codec == Codec::Vp8).then(|| vp8::Descriptor::read(payload)).flatten();
        let (keyframe, size) = match codec {
            Codec::Opus | Codec::Pcmu | Codec::Pcma => (true, None),
            Codec::Vp8 => vp8.as_ref().map_or((false, None), |d| (d.keyframe, d.size)),
            Codec::H264 => h264::keyframe(payload),
            Codec::Vp9 => vp9::keyframe(payload),
            Codec::Av1 => av1::keyframe(payload),
        };
        let sound = codec != Codec::Av1 || av1::is_sound(payload);
        let (timestamp, marker, mut payload) = (header.timestamp, header.marker, header.payload.clone());
        if !sound {
            payload.end = payload.start;
        }
        let packet = Packet { codec, sequence, timestamp, marker, keyframe, size, data, payload, at };
        Self { packet: Arc::new(packet), generation, vp8, level: None }
    }
}
