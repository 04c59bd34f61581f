//! The offer a subscriber gets, and its answer judged.

use super::candidate::{self, HostCandidate};
use super::extension;
use super::formats::{self, Offered};
use super::inner::{self, Local};
use super::offered::{Remote, bad, read};
use super::text::{extension_id, push, value};
use crate::media::MediaError;
use crate::media::egress::{OutExtensions, OutStream};
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
    /// What each may carry, as our offer says it.
    pub(super) formats: Vec<Offered>,
    /// `sendonly` or `sendrecv`.
    direction: &'static str,
}

/// What a subscriber's answer accepted.
#[derive(Clone, Debug, PartialEq)]
pub struct Accepted {
    /// Streams to send: what the decoders take, in our order. The first codec is the feed's own, if it is taken.
    pub streams: Vec<OutStream>,
    /// Whether the feed's own pictures may be sent as they are: their codec and H264 profile are taken, or there are
    /// none. Else pictures need a transcode, into any codec of the stream, even one that has the same name.
    pub own_pictures: bool,
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
        let formats = tracks.iter().map(|track| Offered::of(track)).collect();
        Self::offering(feed.to_string(), formats, "sendonly", &mut random)
    }

    /// An offer to somebody who is to send as well: Opus, and pictures in the codecs that everybody has.
    pub fn both_ways(cname: String, mut random: impl FnMut() -> u32) -> Self {
        let formats = vec![Offered::of_codec(Codec::Opus, ""), Offered::of_codec(Codec::Vp8, "")];
        Self::offering(cname, formats, "sendrecv", &mut random)
    }

    fn offering(
        cname: String,
        formats: Vec<Offered>,
        direction: &'static str,
        random: &mut impl FnMut() -> u32,
    ) -> Self {
        let stream = |(index, offered): (usize, &Offered)| {
            let mut codecs = offered.codecs().copied();
            let first = codecs.next()?;
            let (ssrc, rtx_ssrc) = (random(), first.rtx.map(|_| random()));
            Some(OutStream { first, others: codecs.collect(), mid: index.to_string(), ssrc, rtx_ssrc })
        };
        let streams = formats.iter().enumerate().filter_map(stream).collect();
        Self { streams, cname, formats, direction }
    }

    /// Streams that the client's own offer led to.
    pub fn chosen(feed: FeedId, streams: Vec<OutStream>) -> Self {
        Self { streams, cname: feed.to_string(), formats: Vec::new(), direction: "sendonly" }
    }

    /// The offer for the client.
    pub fn offer(&self, local: &Local, candidates: &[HostCandidate], id: u64) -> Sdp {
        let mids: Vec<&str> = self.streams.iter().map(|stream| stream.mid.as_str()).collect();
        let mut out = String::new();
        inner::header(&mut out, id, 1, &mids);
        push(&mut out, "a=ice-lite");
        push(&mut out, format!("a=msid-semantic: WMS {}", self.cname));
        for (index, (stream, offered)) in self.streams.iter().zip(&self.formats).enumerate() {
            self.section(&mut out, stream, offered, local);
            candidate::write(&mut out, if index == 0 { candidates } else { &[] });
        }
        Sdp::new(out)
    }

    fn section(&self, out: &mut String, stream: &OutStream, offered: &Offered, local: &Local) {
        let kind = stream.kind().as_str();
        inner::section(out, kind, &formats::listed(stream.codecs()), &stream.mid);
        push(out, "a=rtcp-rsize");
        local.write(out);
        push(out, format!("a={}", self.direction));
        push(out, format!("a=msid:{} {kind}", self.cname));
        write_extensions(out, stream.first.codec);
        offered.write(out);
        write_sources(out, stream, &self.cname);
    }

    /// Judges the answer.
    pub fn accept(&self, answer: &Sdp) -> Result<Accepted, MediaError> {
        let session = read(answer.as_str())?;
        if session.medias.len() != self.streams.len() {
            return Err(bad("the answer must have the m-sections of the offer"));
        }
        let mut own_pictures = true;
        let mut accepted: Vec<(OutStream, &Media)> = Vec::new();
        for ((stream, offered), media) in self.streams.iter().zip(&self.formats).zip(&session.medias) {
            let Some((stream, own)) = accepted_stream(stream, offered, media) else { continue };
            own_pictures &= own || stream.kind() == Kind::Audio;
            accepted.push((stream, media));
        }
        let Some((_, first)) = accepted.first() else {
            return Err(MediaError::NoCommonCodec("the answer accepts none of the offered streams".into()));
        };
        let remote = Remote::of(&session.origin.sess_id, first)?;
        if remote.setup == "actpass" {
            return Err(bad("an answer must choose a=setup:active or passive"));
        }
        let extensions = accepted_extensions(&accepted);
        let streams = accepted.into_iter().map(|(stream, _)| stream).collect();
        Ok(Accepted { streams, own_pictures, extensions, remote })
    }

    /// The first stream stands for the transport toward webrtcbin.
    pub fn inner_answer(&self, remote: &Remote, mid: &str) -> Result<String, MediaError> {
        let first = self.streams.first().ok_or_else(|| MediaError::NotReady("the feed has no tracks".into()))?;
        inner::answer(remote, mid, first.first.payload_type, first.first.codec)
    }
}

/// The media SSRC comes first: browsers take the first for the primary one, whatever the group says.
pub fn write_sources(out: &mut String, stream: &OutStream, cname: &str) {
    if let Some(rtx) = stream.rtx_ssrc {
        push(out, format!("a=ssrc-group:FID {} {rtx}", stream.ssrc));
    }
    for ssrc in [Some(stream.ssrc), stream.rtx_ssrc].into_iter().flatten() {
        push(out, format!("a=ssrc:{ssrc} cname:{cname}"));
        push(out, format!("a=ssrc:{ssrc} msid:{cname} {}", stream.kind().as_str()));
    }
}

fn write_extensions(out: &mut String, codec: Codec) {
    if codec.kind() == Kind::Audio {
        push(out, format!("a=extmap:{} {}", EXTENSIONS.audio_level, extension::AUDIO_LEVEL));
    }
    push(out, format!("a=extmap:{} {}", EXTENSIONS.abs_send_time, extension::ABS_SEND_TIME));
    push(out, format!("a=extmap:{} {}", EXTENSIONS.transport_cc, extension::TRANSPORT_CC));
    push(out, format!("a=extmap:{} {}", EXTENSIONS.mid, extension::MID));
}

/// The stream as this section of the answer takes it, and whether it takes the feed's own codec; `None` when rejected
/// or not wanted.
pub(super) fn accepted_stream(stream: &OutStream, offered: &Offered, media: &Media) -> Option<(OutStream, bool)> {
    let same = media.media == stream.kind().as_str() && value(media, "mid") == Some(stream.mid.as_str());
    let wanted = media.port != 0 && !media.has_attribute("inactive") && !media.has_attribute("sendonly");
    let (taken, own) = offered.taken(media);
    let (first, others) = taken.split_first().filter(|_| same && wanted)?;
    let rtx_ssrc = stream.rtx_ssrc.filter(|_| taken.iter().any(|out| out.rtx.is_some()));
    Some((OutStream { first: *first, others: others.to_vec(), rtx_ssrc, ..stream.clone() }, own))
}

/// The extensions of an answer to our offer: those it took with our ids.
pub(super) fn accepted_extensions(accepted: &[(OutStream, &Media)]) -> OutExtensions {
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
