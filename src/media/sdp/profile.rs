//! Which of an offer's payload types can carry a track: the codec, and for H264 a profile that its decoder covers.

use super::codec::forwardable;
use super::text::{of_payload, parameter, payload_types};
use crate::media::feed::SourceTrack;
use crate::model::Codec;
use sdp_types::Media;

/// The payload type of the offer that fits a track best.
pub fn matching(media: &Media, track: &SourceTrack) -> Option<u8> {
    let kind = track.codec.kind();
    if track.codec != Codec::H264 {
        return payload_types(media).find(|pt| forwardable(media, *pt, kind) == Some(track.codec));
    }
    let h264 = payload_types(media)
        .filter(|pt| of_payload(media, "rtpmap", *pt).any(|map| map.eq_ignore_ascii_case("H264/90000")));
    let rated = h264.filter_map(|pt| {
        let fmtp = of_payload(media, "fmtp", pt).next().unwrap_or_default();
        Some((pt, distance(fmtp, &track.fmtp)?))
    });
    rated.min_by_key(|(_, distance)| *distance).map(|(pt, _)| pt)
}

/// How far a decoder is above a stream; `None` when it is below. What an offer does not say does not exclude it, but
/// comes last: some players leave all parameters out and decode whatever comes.
fn distance(decoder: &str, stream: &str) -> Option<u8> {
    let unsaid = match parameter(decoder, "packetization-mode") {
        Some("1") => 0,
        Some(_) => return None,
        None => 10,
    };
    match parameter(decoder, "profile-level-id") {
        Some(id) if !["42", "4d", "64"].iter().any(|known| id.to_ascii_lowercase().starts_with(known)) => None,
        Some(_) => rank(decoder).checked_sub(rank(stream)).map(|above| above + unsaid),
        None => Some(5 + unsaid),
    }
}

/// Baseline, main, high (RFC 6184 8.1). Baseline and constrained baseline are one: no real encoder uses what the first
/// has beyond the second.
fn rank(fmtp: &str) -> u8 {
    match parameter(fmtp, "profile-level-id").unwrap_or("42e01f").to_ascii_lowercase().get(..2) {
        Some("64") => 2,
        Some("4d") => 1,
        _ => 0,
    }
}

/// The profile in words.
pub fn name(fmtp: &str) -> &'static str {
    match rank(fmtp) {
        2 => "high profile",
        1 => "main profile",
        _ => "baseline profile",
    }
}
