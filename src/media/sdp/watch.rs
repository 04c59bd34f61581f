//! A viewer's own offer judged, and the answer to it (WHEP).
//!
//! For each kind the feed has, the first section of the offer that receives it gets the feed's codec under the offer's
//! payload type, and pictures those codecs as well that renditions are made in, as far as they are offered; surplus
//! sections stay open but inactive, all others (data channels) are rejected. `early` judges one for a feed that nobody has
//! seen yet. What was chosen is the same `Subscription`
//! and `Accepted` that an answer to our own offer leads to: the rest of a subscriber's life does not know who offered.

use super::candidate::{self, HostCandidate};
use super::codec::{choose, kind, offers_feedback, rtx_for};
use super::converse::receives;
use super::extension;
use super::formats::{self, MADE, OF_PICTURES};
use super::inner::{self, Local};
use super::offered::{Remote, bad, bundle, read};
use super::profile::matching;
use super::publish::{is_offered, reject};
use super::subscribe::{Accepted, Subscription, shared_extensions, write_sources};
use super::text::{of_payload, push, value};
use crate::media::MediaError;
use crate::media::egress::{OutCodec, OutExtensions, OutStream};
use crate::media::feed::SourceTrack;
use crate::model::{Codec, FeedId, Kind, Sdp};
use sdp_types::Media;

mod early;

/// What a viewer offered and gets.
#[derive(Clone, Debug)]
pub struct Viewing {
    /// Its streams.
    pub subscription: Subscription,
    /// The same as accepted, with its end of the transport.
    pub accepted: Accepted,
    sections: Vec<(Media, Plan)>,
}

/// What becomes of a section.
#[derive(Clone, Debug, PartialEq)]
enum Plan {
    Sent { stream: OutStream, own: bool },
    Inactive(SourceTrack),
    Rejected,
}

impl Viewing {
    /// Reads and judges an offer for a feed of these tracks; `random` gives SSRCs.
    pub fn read(
        offer: &Sdp,
        feed: FeedId,
        tracks: &[SourceTrack],
        mut random: impl FnMut() -> u32,
    ) -> Result<Self, MediaError> {
        let judged = Self::judge(offer, feed, |media, before| plan(media, tracks, before, &mut random))?;
        judged.ok_or_else(|| nothing_to_send(tracks))
    }

    /// Each section's plan, made with a look at those before; `None`: nothing is to be sent.
    fn judge(
        offer: &Sdp,
        feed: FeedId,
        mut plan: impl FnMut(&Media, &[(Media, Plan)]) -> Result<Plan, MediaError>,
    ) -> Result<Option<Self>, MediaError> {
        let mut session = read(offer.as_str())?;
        let bundled = bundle(&session);
        let mut sections: Vec<(Media, Plan)> = Vec::new();
        for media in std::mem::take(&mut session.medias) {
            let usable = is_offered(&media) && value(&media, "mid").is_some_and(|mid| bundled.iter().any(|m| m == mid));
            let plan = if usable { plan(&media, &sections)? } else { Plan::Rejected };
            sections.push((media, plan));
        }
        let sent = || sections.iter().filter_map(|(media, plan)| Some((plan.stream()?, media)));
        let own_pictures = sections.iter().all(|(_, plan)| plan.is_own());
        let streams: Vec<OutStream> = sent().map(|(stream, _)| stream.clone()).collect();
        if streams.is_empty() {
            return Ok(None);
        }
        let extensions =
            shared_extensions(&sent().map(|(stream, media)| (stream.first.codec, media)).collect::<Vec<_>>());
        let remote = transport(&session.origin.sess_id, &sections)?;
        let subscription = Subscription::chosen(feed, streams.clone());
        Ok(Some(Self { subscription, accepted: Accepted { streams, own_pictures, extensions, remote }, sections }))
    }

    /// Our end of the transport as the answer says it: we wait for the client's handshake unless it can only wait too.
    pub fn local(&self, made: &Local) -> Local {
        let setup = if self.accepted.remote.setup == "passive" { "active" } else { "passive" };
        Local { setup: setup.into(), ..made.clone() }
    }

    /// The answer for the client. `local` as [`Viewing::local`] gives it.
    pub fn answer(&self, local: &Local, candidates: &[HostCandidate], id: u64, version: u64) -> Sdp {
        let kept = self.sections.iter().filter(|(_, plan)| *plan != Plan::Rejected);
        let mids: Vec<&str> = kept.filter_map(|(media, _)| value(media, "mid")).collect();
        let mut out = String::new();
        inner::header(&mut out, id, version, &mids);
        push(&mut out, "a=ice-lite");
        push(&mut out, format!("a=msid-semantic: WMS {}", self.subscription.cname));
        let mut candidates = Some(candidates);
        for (media, plan) in &self.sections {
            match plan {
                Plan::Rejected => {
                    reject(&mut out, media, local);
                    continue;
                }
                Plan::Inactive(track) => inactive(&mut out, media, track, local),
                Plan::Sent { stream, .. } => self.send(&mut out, media, stream, local),
            }
            candidate::write(&mut out, candidates.take().unwrap_or_default());
        }
        Sdp::new(out)
    }

    fn send(&self, out: &mut String, media: &Media, stream: &OutStream, local: &Local) {
        let kind = stream.kind().as_str();
        begin(out, media, kind, &formats::listed(stream.codecs()), local);
        push(out, "a=sendonly");
        push(out, format!("a=msid:{} {kind}", self.subscription.cname));
        write_extensions(out, stream.first.codec, &self.accepted.extensions);
        stream.codecs().for_each(|format| write_format(out, media, format));
        write_sources(out, stream, &self.subscription.cname);
    }
}

impl Plan {
    fn stream(&self) -> Option<&OutStream> {
        if let Self::Sent { stream, .. } = self { Some(stream) } else { None }
    }

    /// Nothing else than the feed's own codec is needed.
    fn is_own(&self) -> bool {
        !matches!(self, Self::Sent { own: false, .. })
    }
}

/// A section that receives what the feed has must be able to: sound alone where a picture was asked for helps nobody.
fn plan(
    media: &Media,
    tracks: &[SourceTrack],
    before: &[(Media, Plan)],
    random: &mut impl FnMut() -> u32,
) -> Result<Plan, MediaError> {
    let Some(kind) = kind(media) else { return Ok(Plan::Rejected) };
    let wanted = receives(media) && !served(kind, before);
    match tracks.iter().find(|track| track.codec.kind() == kind).filter(|_| wanted) {
        Some(track) => stream(media, track, random),
        None => Ok(choose(media).map_or(Plan::Rejected, Plan::Inactive)),
    }
}

/// Whether a section before has it.
fn served(kind: Kind, before: &[(Media, Plan)]) -> bool {
    before.iter().any(|(_, plan)| plan.stream().is_some_and(|stream| stream.kind() == kind))
}

fn stream(media: &Media, track: &SourceTrack, random: &mut impl FnMut() -> u32) -> Result<Plan, MediaError> {
    let own = matching(media, track.codec, &track.fmtp);
    let others = MADE.into_iter().filter(|codec| codec.kind() == track.codec.kind());
    let others = others.filter_map(|codec| Some((codec, matching(media, codec, "")?)));
    let mut found: Vec<OutCodec> = Vec::new();
    for (codec, payload_type) in own.map(|pt| (track.codec, pt)).into_iter().chain(others) {
        let rtx = rtx_for(media, payload_type).filter(|_| codec.kind() == Kind::Video);
        if found.iter().all(|before| before.codec != codec && before.payload_type != payload_type) {
            found.push(OutCodec { codec, payload_type, rtx });
        }
    }
    let (first, others) = found.split_first().ok_or_else(|| no_codec(track))?;
    let mid = value(media, "mid").unwrap_or_default().to_owned();
    let with_rtx = found.iter().any(|format| format.rtx.is_some());
    let (ssrc, rtx_ssrc) = (random(), with_rtx.then(&mut *random));
    let stream = OutStream { first: *first, others: others.to_vec(), mid, ssrc, rtx_ssrc };
    Ok(Plan::Sent { stream, own: own.is_some() })
}

/// In the offer's words.
fn write_format(out: &mut String, media: &Media, format: &OutCodec) {
    let pt = format.payload_type;
    of_payload(media, "rtpmap", pt).take(1).for_each(|map| push(out, format!("a=rtpmap:{pt} {map}")));
    of_payload(media, "fmtp", pt).take(1).for_each(|fmtp| push(out, format!("a=fmtp:{pt} {fmtp}")));
    for feedback in OF_PICTURES {
        if offers_feedback(media, pt, feedback) {
            push(out, format!("a=rtcp-fb:{pt} {feedback}"));
        }
    }
    formats::write_rtx(out, format);
}

fn no_codec(track: &SourceTrack) -> MediaError {
    let codec = track.codec;
    let name = match codec {
        Codec::H264 => format!("H264 with packetization-mode=1, {}", super::profile::name(&track.fmtp)),
        _ => inner::encoding(codec).to_owned(),
    };
    let made = if codec.kind() == Kind::Video { ", nor VP8 or H264 to which it could be transcoded" } else { "" };
    MediaError::NoCommonCodec(format!("the feed's {} is {name}, and the offer has none{made}", codec.kind().as_str()))
}

fn nothing_to_send(tracks: &[SourceTrack]) -> MediaError {
    let kinds: Vec<&str> = tracks.iter().map(|track| track.codec.kind().as_str()).collect();
    bad(&format!("it asks for nothing that the feed has ({}): offer recvonly sections", kinds.join(" and ")))
}

/// Of a section that is kept: those that follow the first of a bundle may leave it out (RFC 9429 5.2.1).
fn transport(session: &str, sections: &[(Media, Plan)]) -> Result<Remote, MediaError> {
    let kept = sections.iter().filter(|(_, plan)| *plan != Plan::Rejected);
    let mut found: Result<Remote, MediaError> = Err(bad("it has no transport"));
    for (media, _) in kept {
        found = Remote::of(session, media);
        if found.is_ok() {
            break;
        }
    }
    found.map(|remote| match remote.setup.as_str() {
        "actpass" => Remote { setup: "active".into(), ..remote },
        _ => remote,
    })
}

fn begin(out: &mut String, media: &Media, kind: &str, payload_types: &str, local: &Local) {
    inner::section(out, kind, payload_types, value(media, "mid").unwrap_or_default());
    if media.has_attribute("rtcp-rsize") {
        push(out, "a=rtcp-rsize");
    }
    local.write(out);
}

fn inactive(out: &mut String, media: &Media, track: &SourceTrack, local: &Local) {
    let pt = track.payload_type;
    begin(out, media, track.codec.kind().as_str(), &pt.to_string(), local);
    push(out, "a=inactive");
    push(out, format!("a=rtpmap:{pt} {}", inner::encoding(track.codec)));
    of_payload(media, "fmtp", pt).take(1).for_each(|fmtp| push(out, format!("a=fmtp:{pt} {fmtp}")));
}

fn write_extensions(out: &mut String, codec: Codec, ids: &OutExtensions) {
    let level = if codec == Codec::Opus { ids.audio_level } else { 0 };
    for (id, uri) in [
        (ids.mid, extension::MID),
        (ids.abs_send_time, extension::ABS_SEND_TIME),
        (ids.transport_cc, extension::TRANSPORT_CC),
        (level, extension::AUDIO_LEVEL),
    ] {
        if id != 0 {
            push(out, format!("a=extmap:{id} {uri}"));
        }
    }
}

#[cfg(test)]
mod tests;
