//! The payload types of an outgoing section: which codecs we offer for a track, under which numbers, and which of them
//! an answer takes.
//!
//! Pictures are offered in the feed's own codec, then in those that renditions are made in, so that a switch from one to
//! the other needs no negotiation. Sound is offered as it is. Which one is sent is decided elsewhere.

use super::codec::rtx_for;
use super::inner;
use super::profile::{ABOVE_HIGH, BASELINE, covers, is_baseline};
use super::text::{of_payload, parameter, payload_types, push};
use crate::media::egress::OutCodec;
use crate::media::feed::SourceTrack;
use crate::model::{Codec, Kind};
use sdp_types::Media;

/// Codecs that renditions are made in: every viewer has one of them.
pub const MADE: [Codec; 2] = [Codec::Vp8, Codec::H264];
/// Beside H264 above baseline: the same as the profile that Chromium's software decoder lists instead of high.
const ABOVE: OutCodec = OutCodec { codec: Codec::H264, payload_type: 106, rtx: Some(107) };
/// Beside H264 above baseline: renditions.
const BELOW: OutCodec = OutCodec { codec: Codec::H264, payload_type: 104, rtx: Some(105) };
/// Feedback that we take, by kind.
const OF_SOUND: [&str; 1] = ["transport-cc"];
pub const OF_PICTURES: [&str; 5] = ["nack", "nack pli", "ccm fir", "transport-cc", "rrtr"];

/// What one outgoing stream may carry, as our offer says it.
#[derive(Clone, Debug)]
pub struct Offered(Vec<Format>);

#[derive(Clone, Debug)]
struct Format {
    out: OutCodec,
    /// Whether the feed's own packets fit.
    own: bool,
    /// If it is H264.
    profile: String,
}

impl Offered {
    /// For a track of a feed: its own codec comes first.
    pub fn of(track: &SourceTrack) -> Self {
        Self::of_codec(track.codec, &track.fmtp)
    }

    /// For pictures or sound of this codec with these parameters.
    pub fn of_codec(codec: Codec, fmtp: &str) -> Self {
        let own = Format { out: numbered(codec), own: true, profile: profile(fmtp) };
        let mut formats = vec![own];
        let is_above = codec == Codec::H264 && !is_baseline(fmtp);
        if is_above && covers(&h264(ABOVE_HIGH), fmtp) {
            formats.push(Format { out: ABOVE, own: true, profile: ABOVE_HIGH.into() });
        }
        if codec.kind() == Kind::Video {
            let others = MADE.into_iter().filter(|other| *other != codec).map(numbered);
            let others = others.chain(is_above.then_some(BELOW));
            formats.extend(others.map(|out| Format { out, own: false, profile: BASELINE.into() }));
        }
        Self(formats)
    }

    /// All of it.
    pub fn codecs(&self) -> impl Iterator<Item = &OutCodec> {
        self.0.iter().map(|format| &format.out)
    }

    /// Writes what describes the payload types.
    pub fn write(&self, out: &mut String) {
        for format in &self.0 {
            push(out, format!("a=rtpmap:{} {}", format.out.payload_type, inner::encoding(format.out.codec)));
            write_parameters(out, &format.out, &format.profile);
        }
    }

    /// Those that this section of an answer takes, each codec once, the feed's own first; and whether the feed's own is
    /// one of them. A client that answers a high profile with a baseline one takes that under the same number.
    pub fn taken(&self, media: &Media) -> (Vec<OutCodec>, bool) {
        let (own, others): (Vec<&Format>, Vec<&Format>) = self.0.iter().partition(|format| format.own);
        let as_offered = |format: &&&Format| takes(media, &format.out, &format.profile);
        let lowered = |format: &&&Format| format.out.codec == Codec::H264 && takes(media, &format.out, BASELINE);
        let all = own.iter().filter(as_offered).chain(others.iter().filter(as_offered));
        let mut taken: Vec<OutCodec> = Vec::new();
        for Format { out, .. } in all.chain(own.iter().filter(lowered)) {
            if taken.iter().all(|before| before.codec != out.codec) {
                let rtx = out.rtx.filter(|rtx| rtx_for(media, out.payload_type) == Some(*rtx));
                taken.push(OutCodec { rtx, ..*out });
            }
        }
        (taken, own.iter().any(|format| as_offered(&format)))
    }
}

/// Payload types of an m-line: each codec's, that of its retransmissions behind it.
pub fn listed<'a>(codecs: impl Iterator<Item = &'a OutCodec>) -> String {
    let numbers = codecs.flat_map(|out| [Some(out.payload_type), out.rtx]).flatten();
    numbers.map(|number| number.to_string()).collect::<Vec<_>>().join(" ")
}

/// The lines of a codec's retransmissions.
pub fn write_rtx(out: &mut String, format: &OutCodec) {
    if let Some(rtx) = format.rtx {
        push(out, format!("a=rtpmap:{rtx} rtx/90000"));
        push(out, format!("a=fmtp:{rtx} apt={}", format.payload_type));
    }
}

/// A codec under the numbers that we offer: no two alike, as sound and pictures share a transport.
fn numbered(codec: Codec) -> OutCodec {
    let (payload_type, rtx) = match codec {
        Codec::Opus => (111, None),
        // Static in RFC 3551.
        Codec::Pcmu => (0, None),
        Codec::Pcma => (8, None),
        Codec::Vp8 => (96, Some(97)),
        Codec::H264 => (102, Some(103)),
        Codec::Vp9 => (98, Some(99)),
        Codec::Av1 => (100, Some(101)),
    };
    OutCodec { codec, payload_type, rtx }
}

/// The publisher's H264 profile, constrained baseline if it does not say.
fn profile(fmtp: &str) -> String {
    let given =
        parameter(fmtp, "profile-level-id").filter(|id| id.len() == 6 && id.bytes().all(|b| b.is_ascii_hexdigit()));
    given.unwrap_or(BASELINE).to_ascii_lowercase()
}

fn h264(profile: &str) -> String {
    format!("level-asymmetry-allowed=1;packetization-mode=1;profile-level-id={profile}")
}

fn write_parameters(out: &mut String, format: &OutCodec, profile: &str) {
    let pt = format.payload_type;
    match format.codec {
        Codec::Opus => push(out, format!("a=fmtp:{pt} minptime=10;useinbandfec=1")),
        Codec::H264 => push(out, format!("a=fmtp:{pt} {}", h264(profile))),
        Codec::Vp9 => push(out, format!("a=fmtp:{pt} profile-id=0")),
        // What is meant when nothing is said; some clients compare the words.
        Codec::Av1 => push(out, format!("a=fmtp:{pt} level-idx=5;profile=0;tier=0")),
        Codec::Vp8 | Codec::Pcmu | Codec::Pcma => {}
    }
    let feedback: &[&str] = if format.codec.kind() == Kind::Audio { &OF_SOUND } else { &OF_PICTURES };
    for feedback in feedback {
        push(out, format!("a=rtcp-fb:{pt} {feedback}"));
    }
    write_rtx(out, format);
}

/// Whether an answer lists a payload type as what we offered. H264's profile must cover ours; its level is each side's
/// own (RFC 6184 8.2.2, we allow asymmetry). What is not said is as offered.
fn takes(media: &Media, out: &OutCodec, profile: &str) -> bool {
    let pt = out.payload_type;
    let listed = payload_types(media).any(|listed| listed == pt);
    let covered = || {
        let fmtp = of_payload(media, "fmtp", pt).next().unwrap_or_default();
        out.codec != Codec::H264 || covers(fmtp, &h264(profile))
    };
    listed && is_named(media, out) && covered()
}

/// Static numbers need no name, and old clients leave out Opus' channels.
fn is_named(media: &Media, out: &OutCodec) -> bool {
    let name = |map: &str| map.split('/').next().unwrap_or_default().trim().to_ascii_lowercase();
    let said = of_payload(media, "rtpmap", out.payload_type).next();
    said.is_none_or(|map| name(map) == name(inner::encoding(out.codec)))
}

#[cfg(test)]
mod tests;
