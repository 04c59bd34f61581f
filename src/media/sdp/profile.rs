//! Which of an offer's payload types can carry a codec, and for H264 a profile that the decoder covers.

use super::codec::forwardable;
use super::text::{of_payload, parameter, payload_types};
use crate::model::Codec;
use sdp_types::Media;

/// H264 that every decoder takes: constrained baseline, level 3.1, which is also what our renditions say.
pub const BASELINE: &str = "42e01f";
/// High 4:4:4 predictive: its decoders decode baseline, main and high as well (H.264 A.2.11).
pub const ABOVE_HIGH: &str = "f4001f";
/// Baseline, main, high and the one above it (RFC 6184 8.1), each decoded by the next.
const KNOWN: [&str; 4] = ["42", "4d", "64", "f4"];

/// The payload type of the offer that fits a codec with these parameters best.
pub fn matching(media: &Media, codec: Codec, fmtp: &str) -> Option<u8> {
    if codec != Codec::H264 {
        return payload_types(media).find(|pt| forwardable(media, *pt, codec.kind()) == Some(codec));
    }
    let rated = h264(media).filter_map(|pt| {
        let decoder = of_payload(media, "fmtp", pt).next().unwrap_or_default();
        Some((pt, distance(decoder, fmtp)?))
    });
    rated.min_by_key(|(_, distance)| *distance).map(|(pt, _)| pt)
}

fn h264(media: &Media) -> impl Iterator<Item = u8> {
    payload_types(media).filter(|pt| of_payload(media, "rtpmap", *pt).any(|map| map.eq_ignore_ascii_case("H264/90000")))
}

/// The payload type of the decoder that takes most: an H264 profile decodes those below it.
pub fn widest(media: &Media, codec: Codec) -> Option<u8> {
    if codec != Codec::H264 {
        return matching(media, codec, "");
    }
    let fmtp = |pt: u8| of_payload(media, "fmtp", pt).next().unwrap_or_default();
    let able = h264(media).filter(|pt| covers(fmtp(*pt), ""));
    // The first of equals.
    able.reduce(|best, pt| if rank(fmtp(pt)) > rank(fmtp(best)) { pt } else { best })
}

/// Whether a decoder of these H264 parameters takes such a stream.
pub fn covers(decoder: &str, stream: &str) -> bool {
    distance(decoder, stream).is_some()
}

/// Whether a stream is for every decoder.
pub fn is_baseline(fmtp: &str) -> bool {
    idc(fmtp) == "42"
}

/// How far a decoder is above a stream; `None` when it is below. What an offer does not say does not exclude it, but
/// comes last: some players leave all parameters out and decode whatever comes.
fn distance(decoder: &str, stream: &str) -> Option<u8> {
    let unsaid = match parameter(decoder, "packetization-mode") {
        Some("1") => 0,
        Some(_) => return None,
        None => 10,
    };
    let (said, profile) = (parameter(decoder, "profile-level-id").is_some(), idc(decoder));
    match said {
        true if profile == idc(stream) => Some(unsaid),
        true if !KNOWN.contains(&profile.as_str()) => None,
        true => rank(decoder).checked_sub(rank(stream)).map(|above| above + unsaid),
        false => Some(5 + unsaid),
    }
}

/// Two hexadecimal digits that name the profile.
fn idc(fmtp: &str) -> String {
    let id = parameter(fmtp, "profile-level-id").unwrap_or(BASELINE);
    id.get(..2).unwrap_or_default().to_ascii_lowercase()
}

/// Baseline and constrained baseline are one: no real encoder uses what the first has beyond the second.
fn rank(fmtp: &str) -> u8 {
    let place = KNOWN.iter().position(|known| *known == idc(fmtp));
    place.and_then(|place| place.try_into().ok()).unwrap_or(0)
}

/// The profile in words.
pub fn name(fmtp: &str) -> &'static str {
    match rank(fmtp) {
        0 => "baseline profile",
        1 => "main profile",
        _ => "high profile",
    }
}
