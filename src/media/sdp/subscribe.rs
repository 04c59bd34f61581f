//! The offer a subscriber gets, and its answer judged.

use super::candidate::{self, HostCandidate};
use super::codec::rtx_for;
use super::extension;
use super::inner::{self, Local};
use super::offered::{Remote, bad, read};
use super::text::{extension_id, parameter, payload_types, push, value};
use crate::media::MediaError;
use crate::media::egress::{OutCodec, OutExtensions, OutStream};
use crate::media::feed::SourceTrack;
use crate::model::{Codec, FeedId, Kind, Sdp};
use sdp_types::Media;

/// Extension ids we offer.
const EXTENSIONS: OutExtensions = OutExtensions { mid: 4, abs_send_time: 2, transport_cc: 3, audio_level: 1 };

/// What we offer a subscriber.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// Its streams, audio first.
    pub streams: Vec<OutStream>,
    /// CNAME of them all, and the name of their MediaStream: one name, so that sound and picture stay in sync.
    pub cname: String,
    /// Of H264, as our offer says them.
    profiles: Vec<String>,
}

/// What a subscriber's answer accepted.
#[derive(Clone, Debug, PartialEq)]
pub struct Accepted {
    /// Streams to send.
    pub streams: Vec<OutStream>,
    /// Extensions to write.
    pub extensions: OutExtensions,
    /// Its end of the transport.
    pub remote: Remote,
}

impl Subscription {
    /// An offer of a feed's tracks; `random` gives SSRCs.
    pub fn of(feed: FeedId, tracks: &[SourceTrack], mut random: impl FnMut() -> u32) -> Self {
        let mut tracks: Vec<&SourceTrack> = tracks.iter().collect();
        tracks.sort_by_key(|track| track.codec.kind());
        let stream = |(index, track): (usize, &&SourceTrack)| {
            let (payload_type, rtx) = numbers(track.codec);
            let (ssrc, rtx_ssrc) = (random(), rtx.map(|_| random()));
            let first = OutCodec { codec: track.codec, payload_type, rtx };
            OutStream { first, others: Vec::new(), mid: index.to_string(), ssrc, rtx_ssrc }
        };
        let streams = tracks.iter().enumerate().map(stream).collect();
        let profiles = tracks.iter().map(|track| profile(&track.fmtp)).collect();
        Self { streams, cname: feed.to_string(), profiles }
    }

    /// Streams that the client's own offer led to.
    pub fn chosen(feed: FeedId, streams: Vec<OutStream>) -> Self {
        Self { streams, cname: feed.to_string(), profiles: Vec::new() }
    }

    /// The offer for the client.
    pub fn offer(&self, local: &Local, candidates: &[HostCandidate], id: u64) -> Sdp {
        let mids: Vec<&str> = self.streams.iter().map(|stream| stream.mid.as_str()).collect();
        let mut out = String::new();
        inner::header(&mut out, id, 1, &mids);
        push(&mut out, "a=ice-lite");
        push(&mut out, format!("a=msid-semantic: WMS {}", self.cname));
        for (index, (stream, profile)) in self.streams.iter().zip(&self.profiles).enumerate() {
            self.section(&mut out, stream, profile, local);
            candidate::write(&mut out, if index == 0 { candidates } else { &[] });
        }
        Sdp::new(out)
    }

    fn section(&self, out: &mut String, stream: &OutStream, profile: &str, local: &Local) {
        let (pt, kind) = (stream.first.payload_type, stream.kind().as_str());
        let payload_types = stream.first.rtx.map_or_else(|| pt.to_string(), |rtx| format!("{pt} {rtx}"));
        inner::section(out, kind, &payload_types, &stream.mid);
        push(out, "a=rtcp-rsize");
        local.write(out);
        push(out, "a=sendonly");
        push(out, format!("a=msid:{} {kind}", self.cname));
        write_extensions(out, stream.first.codec);
        push(out, format!("a=rtpmap:{pt} {}", inner::encoding(stream.first.codec)));
        write_parameters(out, stream, profile);
        self.write_sources(out, stream);
    }

    /// The media SSRC comes first: browsers take the first for the primary one, whatever the group says.
    pub fn write_sources(&self, out: &mut String, stream: &OutStream) {
        if let Some(rtx) = stream.rtx_ssrc {
            push(out, format!("a=ssrc-group:FID {} {rtx}", stream.ssrc));
        }
        for ssrc in [Some(stream.ssrc), stream.rtx_ssrc].into_iter().flatten() {
            push(out, format!("a=ssrc:{ssrc} cname:{}", self.cname));
            push(out, format!("a=ssrc:{ssrc} msid:{} {}", self.cname, stream.kind().as_str()));
        }
    }

    /// Judges the answer.
    pub fn accept(&self, answer: &Sdp) -> Result<Accepted, MediaError> {
        let session = read(answer.as_str())?;
        if session.medias.len() != self.streams.len() {
            return Err(bad("the answer must have the m-sections of the offer"));
        }
        let pairs = self.streams.iter().zip(&session.medias);
        let accepted: Vec<(OutStream, &Media)> =
            pairs.filter_map(|(offered, media)| Some((accepted_stream(offered, media)?, media))).collect();
        let Some((_, first)) = accepted.first() else {
            return Err(MediaError::NoCommonCodec("the answer accepts none of the offered streams".into()));
        };
        let remote = Remote::of(&session.origin.sess_id, first)?;
        if remote.setup == "actpass" {
            return Err(bad("an answer must choose a=setup:active or passive"));
        }
        let extensions = accepted_extensions(&accepted);
        Ok(Accepted { streams: accepted.into_iter().map(|(stream, _)| stream).collect(), extensions, remote })
    }

    /// The first stream stands for the transport toward webrtcbin.
    pub fn inner_answer(&self, remote: &Remote, mid: &str) -> Result<String, MediaError> {
        let first = self.streams.first().ok_or_else(|| MediaError::NotReady("the feed has no tracks".into()))?;
        inner::answer(remote, mid, first.first.payload_type, first.first.codec)
    }
}

/// Payload types we offer, with those of retransmissions.
fn numbers(codec: Codec) -> (u8, Option<u8>) {
    match codec {
        Codec::Opus => (111, None),
        // Static in RFC 3551.
        Codec::Pcmu => (0, None),
        Codec::Pcma => (8, None),
        Codec::Vp8 => (96, Some(97)),
        Codec::H264 => (102, Some(103)),
        Codec::Vp9 => (98, Some(99)),
        Codec::Av1 => (100, Some(101)),
    }
}

/// The publisher's H264 profile, constrained baseline if it does not say.
fn profile(fmtp: &str) -> String {
    let given =
        parameter(fmtp, "profile-level-id").filter(|id| id.len() == 6 && id.bytes().all(|b| b.is_ascii_hexdigit()));
    given.unwrap_or("42e01f").to_ascii_lowercase()
}

fn write_extensions(out: &mut String, codec: Codec) {
    if codec.kind() == Kind::Audio {
        push(out, format!("a=extmap:{} {}", EXTENSIONS.audio_level, extension::AUDIO_LEVEL));
    }
    push(out, format!("a=extmap:{} {}", EXTENSIONS.abs_send_time, extension::ABS_SEND_TIME));
    push(out, format!("a=extmap:{} {}", EXTENSIONS.transport_cc, extension::TRANSPORT_CC));
    push(out, format!("a=extmap:{} {}", EXTENSIONS.mid, extension::MID));
}

fn write_parameters(out: &mut String, stream: &OutStream, profile: &str) {
    let OutCodec { codec, payload_type: pt, rtx } = stream.first;
    match codec {
        Codec::Opus => push(out, format!("a=fmtp:{pt} minptime=10;useinbandfec=1")),
        Codec::H264 => {
            push(out, format!("a=fmtp:{pt} level-asymmetry-allowed=1;packetization-mode=1;profile-level-id={profile}"))
        }
        Codec::Vp9 => push(out, format!("a=fmtp:{pt} profile-id=0")),
        // What is meant when nothing is said; some clients compare the words.
        Codec::Av1 => push(out, format!("a=fmtp:{pt} level-idx=5;profile=0;tier=0")),
        Codec::Vp8 | Codec::Pcmu | Codec::Pcma => {}
    }
    let feedback: &[&str] = match codec.kind() {
        Kind::Audio => &["transport-cc"],
        Kind::Video => &["nack", "nack pli", "ccm fir", "transport-cc", "rrtr"],
    };
    for feedback in feedback {
        push(out, format!("a=rtcp-fb:{pt} {feedback}"));
    }
    if let Some(rtx) = rtx {
        push(out, format!("a=rtpmap:{rtx} rtx/90000"));
        push(out, format!("a=fmtp:{rtx} apt={pt}"));
    }
}

/// The stream as this section of the answer takes it; `None` when rejected or not wanted.
fn accepted_stream(offered: &OutStream, media: &Media) -> Option<OutStream> {
    let same = media.media == offered.kind().as_str() && value(media, "mid") == Some(offered.mid.as_str());
    let wanted = media.port != 0 && !media.has_attribute("inactive") && !media.has_attribute("sendonly");
    let listed = payload_types(media).any(|pt| pt == offered.first.payload_type);
    let rtx = offered.first.rtx.filter(|rtx| rtx_for(media, offered.first.payload_type) == Some(*rtx));
    let (first, rtx_ssrc) = (OutCodec { rtx, ..offered.first }, offered.rtx_ssrc.filter(|_| rtx.is_some()));
    (same && wanted && listed).then(|| OutStream { first, rtx_ssrc, ..offered.clone() })
}

/// The extensions of an answer to our offer: those it took with our ids.
fn accepted_extensions(accepted: &[(OutStream, &Media)]) -> OutExtensions {
    let taken =
        shared_extensions(&accepted.iter().map(|(stream, media)| (stream.first.codec, *media)).collect::<Vec<_>>());
    let ours = |id: u8, our: u8| if id == our { id } else { 0 };
    OutExtensions {
        mid: ours(taken.mid, EXTENSIONS.mid),
        abs_send_time: ours(taken.abs_send_time, EXTENSIONS.abs_send_time),
        transport_cc: ours(taken.transport_cc, EXTENSIONS.transport_cc),
        audio_level: ours(taken.audio_level, EXTENSIONS.audio_level),
    }
}

/// An extension is written when every section of the kinds that carry it has it under the same id.
pub fn shared_extensions(sections: &[(Codec, &Media)]) -> OutExtensions {
    let shared = |uri: &str, audio_only: bool| {
        let carriers = sections.iter().filter(|(codec, _)| !audio_only || codec.kind() == Kind::Audio);
        let mut ids = carriers.map(|(_, media)| extension_id(media, uri));
        let first = ids.next().unwrap_or(0);
        if ids.all(|id| id == first) { first } else { 0 }
    };
    OutExtensions {
        mid: shared(extension::MID, false),
        abs_send_time: shared(extension::ABS_SEND_TIME, false),
        transport_cc: shared(extension::TRANSPORT_CC, false),
        audio_level: shared(extension::AUDIO_LEVEL, true),
    }
}

#[cfg(test)]
mod tests;
