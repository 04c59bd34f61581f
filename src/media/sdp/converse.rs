//! A conversation: one transport on which the client sends and receives. Its offer judged and answered, or its answer to
//! ours judged.
//!
//! What it sends is a `Publication`, as if it did nothing else. What it may be sent is not known yet, since whom it faces
//! changes: each section gets all that the client takes of what the service forwards. A payload type means the same both
//! ways. A client may send with any that both sides listed, whenever it likes: the first it lists is expected, `prefer`
//! takes another.

use super::candidate::{self, HostCandidate};
use super::codec::{choices, offers_feedback, rtx_for};
use super::extension;
use super::formats::{self, OF_PICTURES};
use super::inner::{self, Local};
use super::offered::{Remote, bad, bundle, read};
use super::profile::{BASELINE, covers, widest};
use super::publish::{Plan, Publication, is_offered, nothing_to_take, reject, sends, write_parameters};
use super::subscribe::{Subscription, accepted_extensions, accepted_stream, shared_extensions, write_sources};
use super::text::{extension_id, of_payload, payload_types, push, value};
use super::{codec, simulcast};
use crate::media::MediaError;
use crate::media::egress::{OutCodec, OutExtensions, OutStream};
use crate::media::feed::SourceTrack;
use crate::model::{Codec, Kind, Sdp};
use sdp_types::Media;

/// Codecs that may be sent, of sound and of pictures.
const FORWARDED: [Codec; 7] = [Codec::Opus, Codec::Pcmu, Codec::Pcma, Codec::Vp8, Codec::H264, Codec::Vp9, Codec::Av1];

/// What a client sends and receives on one transport.
#[derive(Clone, Debug)]
pub struct Conversation {
    /// What it sends; perhaps nothing.
    pub publication: Publication,
    /// What it receives; perhaps nothing.
    pub receiving: Receiving,
    /// What it may send instead of the publication's tracks.
    others: Vec<SourceTrack>,
}

/// What a client receives.
#[derive(Clone, Debug, PartialEq)]
pub struct Receiving {
    /// A stream for sound, one for pictures: with all codecs that they may carry.
    pub streams: Vec<OutStream>,
    /// Extensions to write.
    pub extensions: OutExtensions,
    /// CNAME of both, and the name of their MediaStream.
    pub cname: String,
    /// Parameters of its H264 decoder.
    h264: String,
}

impl Receiving {
    /// What these sections of a client's description take.
    pub(super) fn of(streams: Vec<OutStream>, sections: &[&Media], cname: &str) -> Self {
        let carriers: Vec<_> = streams.iter().map(|stream| stream.first.codec).zip(sections.iter().copied()).collect();
        let (extensions, h264) = (shared_extensions(&carriers), decoder(&streams, sections));
        Self { streams, extensions, cname: cname.to_owned(), h264 }
    }

    /// Whether a feed of these tracks can be sent with its own pictures: the codec is taken, H264's profile as well.
    pub fn takes_pictures(&self, tracks: &[SourceTrack]) -> bool {
        let Some(track) = tracks.iter().find(|track| track.codec.kind() == Kind::Video) else { return true };
        let carried = self.streams.iter().any(|stream| stream.carries(track.codec).is_some());
        carried && (track.codec != Codec::H264 || covers(&self.h264, &track.fmtp))
    }

    /// Whether streams that were negotiated before are still taken as they were.
    fn includes(&self, before: &Self) -> bool {
        let same = |old: &OutStream| {
            let mut now = self.streams.iter().filter(|new| new.mid == old.mid);
            now.any(|new| old.codecs().all(|codec| new.carries(codec.codec) == Some(codec)))
        };
        self.extensions == before.extensions
            && self.streams.len() == before.streams.len()
            && before.streams.iter().all(same)
    }

    fn stream(&self, media: &Media) -> Option<&OutStream> {
        self.streams.iter().find(|stream| value(media, "mid") == Some(stream.mid.as_str()))
    }
}

impl Conversation {
    /// Reads and judges the client's offer; `random` gives SSRCs. What was negotiated `before` stays as it was if it can.
    pub fn read(
        offer: &Sdp,
        cname: &str,
        before: Option<&Receiving>,
        mut random: impl FnMut() -> u32,
    ) -> Result<Self, MediaError> {
        let publication = Publication::judge(offer)?;
        let (mut streams, mut received): (Vec<OutStream>, Vec<&Media>) = (Vec::new(), Vec::new());
        for (media, plan) in &publication.sections {
            let Some(track) = plan.accepted().filter(|_| receives(media)) else { continue };
            if streams.iter().any(|stream| stream.kind() == track.codec.kind()) {
                continue;
            }
            if let Some(stream) = stream(media, &mut random) {
                streams.push(stream);
                received.push(media);
            }
        }
        if streams.is_empty() && publication.tracks().is_empty() {
            return Err(nothing_to_take(&publication.sections));
        }
        let fresh = Receiving::of(streams, &received, cname);
        let receiving = before.filter(|before| fresh.includes(before)).cloned().unwrap_or(fresh);
        let mut conversation = Self { publication, receiving, others: Vec::new() };
        conversation.others = conversation.alternatives(|conversation, media, plan| {
            conversation.listed(media, plan).iter().map(|out| out.payload_type).collect()
        });
        Ok(conversation)
    }

    /// Judges the client's answer to our offer.
    pub fn accept(offer: &Subscription, answer: &Sdp) -> Result<Self, MediaError> {
        let mut session = read(answer.as_str())?;
        if session.medias.len() != offer.streams.len() {
            return Err(bad("the answer must have the m-sections of the offer"));
        }
        let bundled = bundle(&session);
        let (mut sections, mut accepted) = (Vec::new(), Vec::new());
        let mut medias = std::mem::take(&mut session.medias);
        let outside = |media: &Media| !value(media, "mid").is_some_and(|mid| bundled.iter().any(|known| known == mid));
        // What is not in the bundle has a transport of its own, which there is not.
        medias.iter_mut().filter(|media| outside(media)).for_each(|media| media.port = 0);
        for ((stream, offered), media) in offer.streams.iter().zip(&offer.formats).zip(&medias) {
            accepted.extend(accepted_stream(stream, offered, media).map(|(stream, _)| (stream, media)));
            sections.push((media.clone(), answered(stream, media)));
        }
        let Some((media, _)) = sections.iter().find(|(_, plan)| plan.accepted().is_some()) else {
            return Err(MediaError::NoCommonCodec("the answer accepts none of the offered streams".into()));
        };
        let remote = Remote::of(&session.origin.sess_id, media)?;
        if remote.setup == "actpass" {
            return Err(bad("an answer must choose a=setup:active or passive"));
        }
        let extensions = accepted_extensions(&accepted);
        let (streams, received): (Vec<_>, Vec<_>) = accepted.into_iter().unzip();
        let h264 = decoder(&streams, &received);
        let receiving = Receiving { streams, extensions, cname: offer.cname.clone(), h264 };
        let mut conversation = Self { publication: Publication { remote, sections }, receiving, others: Vec::new() };
        conversation.others = conversation.alternatives(|_, media, _| {
            let of_kind = offer.streams.iter().filter(|stream| value(media, "mid") == Some(stream.mid.as_str()));
            of_kind.flat_map(OutStream::codecs).map(|out| out.payload_type).collect()
        });
        Ok(conversation)
    }

    fn alternatives(&self, agreed: impl Fn(&Self, &Media, &Plan) -> Vec<u8>) -> Vec<SourceTrack> {
        let sections = self.publication.sections.iter().filter_map(|(media, plan)| Some((media, plan, plan.track()?)));
        let single = sections.filter(|(media, _, track)| simulcast::read(media, track).is_none());
        let others = single.flat_map(|(media, plan, track)| {
            let agreed = agreed(self, media, plan);
            let also = move |other: &SourceTrack| agreed.contains(&other.payload_type);
            choices(media).filter(also).filter(|other| other.payload_type != track.payload_type)
        });
        others.collect()
    }

    /// Payload types that it may send with besides those of the publication's tracks.
    pub fn others(&self) -> Vec<u8> {
        self.others.iter().map(|track| track.payload_type).collect()
    }

    /// The client sends with this payload type now. `false`: it is not one of the others.
    pub fn prefer(&mut self, payload_type: u8) -> bool {
        let Some(at) = self.others.iter().position(|track| track.payload_type == payload_type) else { return false };
        let kind = self.others[at].codec.kind();
        let plans = self.publication.sections.iter_mut().map(|(_, plan)| plan);
        for plan in plans {
            if let Plan::Track(track) = plan
                && track.codec.kind() == kind
            {
                std::mem::swap(track, &mut self.others[at]);
                return true;
            }
        }
        false
    }

    /// The answer for the client.
    pub fn answer(&self, local: &Local, candidates: &[HostCandidate], id: u64, version: u64) -> Sdp {
        let sections = &self.publication.sections;
        let kept = sections.iter().filter(|(_, plan)| plan.accepted().is_some());
        let mids: Vec<&str> = kept.filter_map(|(media, _)| value(media, "mid")).collect();
        let mut out = String::new();
        inner::header(&mut out, id, version, &mids);
        push(&mut out, "a=ice-lite");
        push(&mut out, format!("a=msid-semantic: WMS {}", self.receiving.cname));
        let mut candidates = Some(candidates);
        for (media, plan) in sections {
            match plan {
                Plan::Rejected => reject(&mut out, media, local),
                Plan::Track(_) | Plan::Inactive(_) => {
                    self.section(&mut out, media, plan, local);
                    candidate::write(&mut out, candidates.take().unwrap_or_default());
                }
            }
        }
        Sdp::new(out)
    }

    fn section(&self, out: &mut String, media: &Media, plan: &Plan, local: &Local) {
        let (stream, track) = (self.receiving.stream(media), plan.track());
        let (kind, listed) = (media.media.as_str(), self.listed(media, plan));
        inner::section(out, kind, &formats::listed(listed.iter()), value(media, "mid").unwrap_or_default());
        if media.has_attribute("rtcp-rsize") {
            push(out, "a=rtcp-rsize");
        }
        local.write(out);
        push(out, direction(track.is_some(), stream.is_some()));
        if stream.is_some() {
            push(out, format!("a=msid:{} {kind}", self.receiving.cname));
        }
        write_extensions(out, media, stream.is_some());
        listed.iter().for_each(|format| write_format(out, media, format, track.is_some()));
        stream.iter().for_each(|stream| write_sources(out, stream, &self.receiving.cname));
        let layers = track.and_then(|track| simulcast::read(media, track));
        layers.iter().for_each(|layers| simulcast::write(out, media, layers));
    }

    /// The payload types of a section's answer: first what the client is expected to send.
    fn listed(&self, media: &Media, plan: &Plan) -> Vec<OutCodec> {
        let stream = self.receiving.stream(media);
        let expected = plan.accepted().filter(|_| stream.is_none() || plan.track().is_some());
        let expected = expected.map(|track| OutCodec {
            codec: track.codec,
            payload_type: track.payload_type,
            rtx: track.rtx_payload_type,
        });
        let mut listed: Vec<OutCodec> = expected.into_iter().collect();
        for out in stream.into_iter().flat_map(OutStream::codecs) {
            if listed.iter().all(|known| known.payload_type != out.payload_type) {
                listed.push(*out);
            }
        }
        listed
    }
}

/// What becomes of a section of an answer to our offer of this stream: codecs under other numbers are not taken.
fn answered(stream: &OutStream, media: &Media) -> Plan {
    if !is_offered(media) || value(media, "mid") != Some(stream.mid.as_str()) {
        return Plan::Rejected;
    }
    let ours = |track: &SourceTrack| stream.carries(track.codec).is_some_and(|o| o.payload_type == track.payload_type);
    match choices(media).find(ours) {
        Some(track) if sends(media) => Plan::Track(track),
        Some(track) => Plan::Inactive(track),
        None => Plan::Rejected,
    }
}

pub(super) fn receives(media: &Media) -> bool {
    !media.has_attribute("sendonly") && !media.has_attribute("inactive")
}

fn direction(sends: bool, receives: bool) -> &'static str {
    match (sends, receives) {
        (true, true) => "a=sendrecv",
        (true, false) => "a=recvonly",
        (false, true) => "a=sendonly",
        (false, false) => "a=inactive",
    }
}

/// All that a section of an offer takes, in the client's order.
pub(super) fn stream(media: &Media, random: &mut impl FnMut() -> u32) -> Option<OutStream> {
    let kind = codec::kind(media)?;
    let of_kind = FORWARDED.into_iter().filter(|codec| codec.kind() == kind);
    let mut found: Vec<OutCodec> = of_kind
        .filter_map(|codec| {
            let payload_type = widest(media, codec)?;
            let rtx = rtx_for(media, payload_type).filter(|_| kind == Kind::Video);
            Some(OutCodec { codec, payload_type, rtx })
        })
        .collect();
    found.sort_by_key(|out| payload_types(media).position(|pt| pt == out.payload_type));
    let (first, others) = found.split_first()?;
    let rtx_ssrc = found.iter().any(|out| out.rtx.is_some()).then(&mut *random);
    let mid = value(media, "mid")?.to_owned();
    Some(OutStream { first: *first, others: others.to_vec(), mid, ssrc: random(), rtx_ssrc })
}

/// The parameters under which H264 may be sent; what is not said is as in our offers.
fn decoder(streams: &[OutStream], sections: &[&Media]) -> String {
    let h264 = streams.iter().zip(sections).find_map(|(stream, media)| Some((stream.carries(Codec::H264)?, media)));
    let said = h264.and_then(|(out, media)| of_payload(media, "fmtp", out.payload_type).next());
    said.map_or_else(|| format!("packetization-mode=1;profile-level-id={BASELINE}"), str::to_owned)
}

/// In the offer's words. `sent`: by the client, too.
fn write_format(out: &mut String, media: &Media, format: &OutCodec, sent: bool) {
    let pt = format.payload_type;
    push(out, format!("a=rtpmap:{pt} {}", inner::encoding(format.codec)));
    let fmtp = of_payload(media, "fmtp", pt).next().unwrap_or_default();
    write_parameters(out, pt, fmtp, sent && format.codec.kind() == Kind::Video);
    for feedback in OF_PICTURES.iter().filter(|feedback| offers_feedback(media, pt, feedback)) {
        push(out, format!("a=rtcp-fb:{pt} {feedback}"));
    }
    formats::write_rtx(out, format);
}

fn write_extensions(out: &mut String, media: &Media, sent: bool) {
    for uri in [extension::MID, extension::TRANSPORT_CC, extension::AUDIO_LEVEL, extension::ABS_SEND_TIME] {
        let id = extension_id(media, uri);
        if id != 0 && (sent || uri != extension::ABS_SEND_TIME) {
            push(out, format!("a=extmap:{id} {uri}"));
        }
    }
}

#[cfg(test)]
mod tests;
