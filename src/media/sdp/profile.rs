//! Which of an offer's payload types can carry a track: the codec, and for H264 a profile that its decoder covers.

use super::codec::forwardable;
use super::text::{of_payload, parameter, payload_types};
use crate::media::feed::SourceTrack;
use crate::model::Codec;
use sdp_types::Media;

/// The payload type of the offer that fits a track best.
pub fn matching(media: &Media, track: &SourceTrack) -> Option<u8> {
    let kind = track.codec.kind();
    let mut same = payload_types(media).filter(|pt| forwardable(media, *pt, kind) == Some(track.codec));
    if track.codec != Codec::H264 {
        return same.next();
    }
    let rated = same.filter_map(|pt| {
        let fmtp = of_payload(media, "fmtp", pt).next().unwrap_or_default();
        Some((pt, distance(rank(fmtp), rank(&track.fmtp))?))
    });
    rated.min_by_key(|(_, distance)| *distance).map(|(pt, _)| pt)
}

/// How far a decoder is above a stream; `None` when it is below.
fn distance(decoder: u8, stream: u8) -> Option<u8> {
    decoder.checked_sub(stream)
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
