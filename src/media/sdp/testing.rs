//! Tracks for the tests of descriptions.

use crate::media::feed::SourceTrack;
use crate::model::Codec;

/// A feed's track as its publisher negotiated it.
pub fn track(codec: Codec, fmtp: &str) -> SourceTrack {
    SourceTrack {
        codec,
        fmtp: fmtp.into(),
        payload_type: 1,
        ssrc: None,
        rtx_payload_type: None,
        rtx_ssrc: None,
        nack: true,
        audio_level_id: 0,
    }
}
