//! `POST /sessions`: what a session is asked to be.

use super::fields::{Fields, Read, Wrong};
use super::recording::Properties;
use crate::signaling::openvidu::ids;
use serde_json::Value;

/// What a session is.
#[derive(Clone, Debug, PartialEq)]
pub struct NewSession {
    /// Chosen by the application.
    pub custom_id: Option<String>,
    /// `ROUTED` or `RELAYED`, which forbids recording.
    pub media_mode: &'static str,
    /// `MANUAL` or `ALWAYS`.
    pub recording_mode: &'static str,
    /// As given; see [`codec`].
    pub forced_codec: &'static str,
    /// Whether a client without the codec is served by a transcode.
    pub allow_transcoding: bool,
    /// What recordings are like unless a request says otherwise.
    pub recording: Properties,
}

/// What the deployment says when a request does not.
#[derive(Clone, Copy, Debug)]
pub struct Defaults {
    /// Codec.
    pub forced_codec: &'static str,
    /// Transcoding.
    pub allow_transcoding: bool,
}

/// Values of `forcedVideoCodec`.
pub const CODECS: [&str; 5] = ["MEDIA_SERVER_PREFERRED", "NONE", "VP8", "VP9", "H264"];

/// The codec that offers are cut down to, as `rtpmap` names it. What the media server prefers is VP8, as Kurento did.
pub fn codec(forced: &str) -> Option<&'static str> {
    match forced {
        "MEDIA_SERVER_PREFERRED" | "VP8" => Some("VP8"),
        "VP9" => Some("VP9"),
        "H264" => Some("H264"),
        _ => None,
    }
}

impl NewSession {
    /// Reads a body.
    pub fn read(body: &Value, defaults: Defaults) -> Read<Self> {
        let fields = Fields::of(body)?;
        let custom_id = fields.text("customSessionId")?.filter(|id| !id.is_empty());
        if let Some(id) = custom_id.filter(|id| !ids::is_custom_session(id)) {
            return Err(Wrong(format!("customSessionId {id:?} may have letters, digits, _ and -")));
        }
        if let Some(node) = fields.object("mediaNode")? {
            node.text("id")?.ok_or_else(|| Wrong("mediaNode must have an id".into()))?;
        }
        let recording = match fields.object("defaultRecordingProperties")? {
            Some(properties) => Properties::read_defaults(properties).map_err(|e| Wrong(e.to_string()))?,
            None => Properties::default(),
        };
        Ok(Self {
            custom_id: custom_id.map(str::to_owned),
            media_mode: fields.word("mediaMode", &["ROUTED", "RELAYED"])?.unwrap_or("ROUTED"),
            recording_mode: fields.word("recordingMode", &["MANUAL", "ALWAYS"])?.unwrap_or("MANUAL"),
            forced_codec: fields.word("forcedVideoCodec", &CODECS)?.unwrap_or(defaults.forced_codec),
            allow_transcoding: fields.switch("allowTranscoding")?.unwrap_or(defaults.allow_transcoding),
            recording,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const DEFAULTS: Defaults = Defaults { forced_codec: "MEDIA_SERVER_PREFERRED", allow_transcoding: false };

    #[test]
    fn an_empty_body_is_a_session_by_default() {
        let session = NewSession::read(&json!({ "customSessionId": "", "mediaMode": null }), DEFAULTS).unwrap();
        assert_eq!(
            (session.custom_id, session.media_mode, session.forced_codec),
            (None, "ROUTED", "MEDIA_SERVER_PREFERRED")
        );
    }

    #[test]
    fn wrong_ones_are_refused() {
        for wrong in [
            json!([]),
            json!({ "customSessionId": "a b" }),
            json!({ "customSessionId": 1 }),
            json!({ "mediaMode": "X" }),
            json!({ "recordingMode": true }),
            json!({ "forcedVideoCodec": "AV1" }),
            json!({ "mediaNode": {} }),
            json!({ "defaultRecordingProperties": { "resolution": "1x1" } }),
            json!({ "allowTranscoding": "yes" }),
        ] {
            assert!(NewSession::read(&wrong, DEFAULTS).is_err(), "{wrong}");
        }
    }
}
