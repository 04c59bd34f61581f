//! Starts GStreamer, and brings the elements that Debian's lacks: `rtpav1depay` and `cmafmux`, from plugins linked into the
//! binary.

use super::MediaError;
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
