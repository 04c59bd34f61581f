//! Packets of silence, in place of sound that stays away.

use crate::media::branch::Timed;
use crate::media::rtp::Packet;
use crate::model::Codec;
use std::sync::Arc;
use std::time::Instant;

/// How long one lasts, in nanoseconds.
pub(super) const STEP: i64 = 20_000_000;
/// Length of an RTP header (RFC 3550 5.1).
const HEADER: usize = 12;

/// 20 ms of silence that belong at `at` nanoseconds.
pub(super) fn packet(codec: Codec, at: i64) -> Timed {
    let mut data = vec![0; HEADER];
    match codec {
        // RFC 3551 4.5.14: 160 samples of 8 kHz; these bytes are zero.
        Codec::Pcmu => data.resize(HEADER + 160, 0xff),
        Codec::Pcma => data.resize(HEADER + 160, 0xd5),
        // RFC 6716: stereo, nothing in it.
        _ => data.extend([0xfc, 0xff, 0xfe]),
    }
    let packet = Packet {
        codec,
        sequence: 0,
        timestamp: (i128::from(at) * i128::from(codec.clock_rate()) / 1_000_000_000) as u32,
        marker: false,
        keyframe: true,
        size: None,
        payload: HEADER..data.len(),
        data,
        at: Instant::now(),
    };
    Timed { packet: Arc::new(packet), at, after_gap: false }
}
