//! What we can do, as a mediasoup router tells it. The numbers are Chromium's own, so that what it sends to another
//! needs no rewriting. Pure.

use crate::model::Kind;
use serde_json::{Map, Value, json};

/// Payload type of the stream, and of its retransmissions.
type Numbers = (u8, Option<u8>);

/// `mimeType`, numbers, clock rate, channels, parameters.
type Row = (Kind, &'static str, Numbers, u32, Option<u8>, &'static [(&'static str, &'static str)]);

const CODECS: [Row; 5] = [
    (Kind::Audio, "opus", (111, None), 48_000, Some(2), &[("minptime", "10"), ("useinbandfec", "1")]),
    (Kind::Video, "VP8", (96, Some(97)), 90_000, None, &[]),
    (
        Kind::Video,
        "H264",
        (102, Some(103)),
        90_000,
        None,
        &[("level-asymmetry-allowed", "1"), ("packetization-mode", "1"), ("profile-level-id", "42e01f")],
    ),
    (Kind::Video, "VP9", (98, Some(99)), 90_000, None, &[("profile-id", "0")]),
    (Kind::Video, "AV1", (100, Some(101)), 90_000, None, &[]),
];

/// Name, number, for sound, for pictures, and whether it is of publishers alone.
const EXTENSIONS: [(&str, u8, bool, bool, bool); 6] = [
    ("urn:ietf:params:rtp-hdrext:sdes:mid", 1, true, true, false),
    ("http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time", 2, true, true, false),
    ("http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01", 3, true, true, false),
    ("urn:ietf:params:rtp-hdrext:ssrc-audio-level", 4, true, false, false),
    ("urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id", 5, false, true, true),
    ("urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id", 6, false, true, true),
];

/// `routerRtpCapabilities`.
pub fn capabilities() -> Value {
    json!({ "codecs": codecs().collect::<Vec<_>>(), "headerExtensions": extensions().collect::<Vec<_>>() })
}

/// Each codec, that of its retransmissions behind it.
pub fn codecs() -> impl Iterator<Item = Value> {
    CODECS.into_iter().flat_map(|(kind, name, (number, rtx), rate, channels, parameters)| {
        let parameters: Map<String, Value> = parameters.iter().map(|(k, v)| ((*k).to_owned(), value(v))).collect();
        let mut codec = json!({
            "kind": kind.as_str(), "mimeType": format!("{}/{name}", kind.as_str()), "preferredPayloadType": number,
            "clockRate": rate, "parameters": parameters, "rtcpFeedback": feedback(kind),
        });
        if let (Some(fields), Some(channels)) = (codec.as_object_mut(), channels) {
            fields.insert("channels".into(), channels.into());
        }
        let rtx = rtx.map(|rtx| {
            json!({
                "kind": "video", "mimeType": "video/rtx", "preferredPayloadType": rtx, "clockRate": rate,
                "parameters": { "apt": number }, "rtcpFeedback": [],
            })
        });
        std::iter::once(codec).chain(rtx)
    })
}

/// Numbers are compared as numbers by clients; a profile is a text.
fn value(text: &str) -> Value {
    text.parse::<u32>().map_or_else(|_| text.into(), Into::into)
}

fn feedback(kind: Kind) -> Value {
    match kind {
        Kind::Audio => json!([{ "type": "transport-cc", "parameter": "" }]),
        Kind::Video => json!([
            { "type": "nack", "parameter": "" },
            { "type": "nack", "parameter": "pli" },
            { "type": "ccm", "parameter": "fir" },
            { "type": "transport-cc", "parameter": "" },
        ]),
    }
}

fn extensions() -> impl Iterator<Item = Value> {
    EXTENSIONS.into_iter().flat_map(|(uri, id, audio, video, received)| {
        let direction = if received { "recvonly" } else { "sendrecv" };
        let kinds = [(Kind::Audio, audio), (Kind::Video, video)].into_iter().filter(|(_, wanted)| *wanted);
        kinds.map(move |(kind, _)| {
            json!({ "kind": kind.as_str(), "uri": uri, "preferredId": id, "preferredEncrypt": false, "direction": direction })
        })
    })
}

/// `a=extmap` lines of a consumer: of ours those that the client has.
pub fn extensions_for(kind: Kind, has: impl Fn(&str) -> bool) -> impl Iterator<Item = String> {
    let sent = EXTENSIONS
        .into_iter()
        .filter(move |(_, _, audio, video, received)| !received && if kind == Kind::Audio { *audio } else { *video });
    sent.filter(move |(uri, ..)| has(uri)).map(|(uri, id, ..)| format!("a=extmap:{id} {uri}\r\n"))
}
