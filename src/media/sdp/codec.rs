//! Which codec an m-section gets: the first of the client's list that the service forwards.

use super::extension;
use super::text::{extension_id, of_payload, parameter, payload_types, value, values};
use crate::media::feed::SourceTrack;
use crate::model::{Codec, Kind};
use sdp_types::Media;

/// The codec chosen for an m-section, with all that was offered along with it.
pub fn choose(media: &Media) -> Option<SourceTrack> {
    choices(media).next()
}

/// All that the service forwards of an m-section, in the client's order.
pub fn choices(media: &Media) -> impl Iterator<Item = SourceTrack> {
    let all = kind(media).into_iter().flat_map(|kind| payload_types(media).map(move |pt| (pt, kind)));
    all.filter_map(|(pt, kind)| Some(track(media, pt, forwardable(media, pt, kind)?)))
}

fn track(media: &Media, payload_type: u8, codec: Codec) -> SourceTrack {
    let kind = codec.kind();
    let (ssrc, rtx_ssrc) = ssrcs(media);
    let rtx_payload_type = rtx_for(media, payload_type).filter(|_| kind == Kind::Video);
    let fmtp = of_payload(media, "fmtp", payload_type).next().unwrap_or_default();
    SourceTrack {
        codec,
        fmtp: fmtp.to_owned(),
        payload_type,
        ssrc,
        rtx_payload_type,
        rtx_ssrc: rtx_ssrc.filter(|_| rtx_payload_type.is_some()),
        nack: offers_feedback(media, payload_type, "nack"),
        audio_level_id: if kind == Kind::Audio { extension_id(media, extension::AUDIO_LEVEL) } else { 0 },
    }
}

/// Audio or video, `None` for anything else.
pub fn kind(media: &Media) -> Option<Kind> {
    match media.media.as_str() {
        "audio" => Some(Kind::Audio),
        "video" => Some(Kind::Video),
        _ => None,
    }
}

/// Whether a feedback message is offered for this payload type (or for all: `*`).
pub fn offers_feedback(media: &Media, payload_type: u8, feedback: &str) -> bool {
    let for_all = values(media, "rtcp-fb").filter_map(|value| value.strip_prefix("* "));
    of_payload(media, "rtcp-fb", payload_type).chain(for_all).any(|offered| offered.trim() == feedback)
}

/// The payload type that retransmits `payload_type` (RFC 4588).
pub fn rtx_for(media: &Media, payload_type: u8) -> Option<u8> {
    payload_types(media).find(|pt| {
        let is_rtx = of_payload(media, "rtpmap", *pt).any(|map| map.to_ascii_lowercase().starts_with("rtx/"));
        let repeats = |fmtp| parameter(fmtp, "apt").and_then(|apt| apt.parse().ok()) == Some(payload_type);
        is_rtx && of_payload(media, "fmtp", *pt).any(repeats)
    })
}

/// The codec of a payload type, if the service forwards it.
pub fn forwardable(media: &Media, payload_type: u8, kind: Kind) -> Option<Codec> {
    let map = of_payload(media, "rtpmap", payload_type).next()?.to_ascii_uppercase();
    let codec = match map.as_str() {
        "VP8/90000" => Codec::Vp8,
        "H264/90000" => Codec::H264,
        "VP9/90000" => Codec::Vp9,
        "AV1/90000" => Codec::Av1,
        // RFC 7587 7 demands the channels; GStreamer's players leave them out.
        "OPUS/48000/2" | "OPUS/48000" => Codec::Opus,
        "PCMU/8000" | "PCMU/8000/1" => Codec::Pcmu,
        "PCMA/8000" | "PCMA/8000/1" => Codec::Pcma,
        _ => return None,
    };
    let fmtp = of_payload(media, "fmtp", payload_type).next().unwrap_or_default();
    (codec.kind() == kind && is_plain(codec, fmtp)).then_some(codec)
}

/// Only profiles that every decoder has: 8 bits, 4:2:0 (0 is also what a missing parameter means, RFC 9628 6 and AV1's 7.2.1).
fn is_plain(codec: Codec, fmtp: &str) -> bool {
    match codec {
        Codec::Opus | Codec::Pcmu | Codec::Pcma | Codec::Vp8 => true,
        Codec::H264 => is_plain_h264(fmtp),
        Codec::Vp9 => parameter(fmtp, "profile-id").unwrap_or("0") == "0",
        Codec::Av1 => parameter(fmtp, "profile").unwrap_or("0") == "0",
    }
}

/// Packetization mode 1, constrained baseline to high (RFC 6184 8.1: profile_idc 42, 4d, 64).
fn is_plain_h264(fmtp: &str) -> bool {
    let profile = parameter(fmtp, "profile-level-id").unwrap_or("42e01f").to_ascii_lowercase();
    let known = ["42", "4d", "64"].iter().any(|idc| profile.starts_with(idc));
    parameter(fmtp, "packetization-mode") == Some("1") && known && profile.len() == 6
}

/// The announced SSRC and that of its retransmissions; the first source when there is no group.
fn ssrcs(media: &Media) -> (Option<u32>, Option<u32>) {
    if let Some(group) = values(media, "ssrc-group").find_map(|group| group.strip_prefix("FID ")) {
        let mut pair = group.split_whitespace().map(|ssrc| ssrc.parse().ok());
        return (pair.next().flatten(), pair.next().flatten());
    }
    (value(media, "ssrc").and_then(|line| line.split_whitespace().next()?.parse().ok()), None)
}
