//! Starts GStreamer, says in its words what RTP of a codec is, and brings the elements that Debian's lacks: `rtpav1depay` and `cmafmux`, from plugins linked into the
//! binary.

use super::MediaError;
use crate::model::Codec;
use std::sync::OnceLock;

/// To be called before any pipeline is made, as often as one likes.
pub fn start() -> Result<(), MediaError> {
    static STARTED: OnceLock<Result<(), String>> = OnceLock::new();
    let begin = || {
        gst::init().map_err(|error| error.to_string())?;
        gstrsrtp::plugin_register_static().map_err(|error| error.to_string())?;
        gstfmp4::plugin_register_static().map_err(|error| error.to_string())
    };
    let started = STARTED.get_or_init(begin).as_ref();
    started.copied().map_err(|error| MediaError::Fatal(format!("GStreamer: {error}")))
}

/// What an `appsrc` gives to a depayloader: RTP of this codec under this payload type.
pub fn rtp_caps(codec: Codec, payload_type: u8) -> gst::Caps {
    let builder = gst::Caps::builder("application/x-rtp")
        .field("media", codec.kind().as_str())
        .field("encoding-name", codec.encoding_name())
        .field("clock-rate", i32::try_from(codec.clock_rate()).unwrap_or(90_000))
        .field("payload", i32::from(payload_type & 0x7f));
    match codec {
        // Mono packets play in a stereo track, stereo ones in a mono track lose a side.
        Codec::Opus => builder.field("sprop-stereo", "1").build(),
        _ => builder.build(),
    }
}
