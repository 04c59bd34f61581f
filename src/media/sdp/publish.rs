//! A publisher's offer judged, and the answer to it.
//!
//! The first audio and the first video section that send, in the bundle, with a codec we forward become tracks;
//! sections that send nothing stay open but inactive; all others (data channels, surplus ones) are rejected.

use super::candidate::{self, HostCandidate};
use super::codec::{choose, kind, offers_feedback};
use super::extension;
use super::inner::{self, Local};
use super::offered::{Remote, bad, bundle, read};
use super::simulcast;
use super::text::{extension_id, push, value, values};
use crate::media::MediaError;
use crate::media::feed::{Simulcast, SourceTrack};
use crate::model::{Content, Kind, Sdp};
use sdp_types::Media;

/// What a publisher offered and we take.
#[derive(Clone, Debug)]
pub struct Publication {
    /// Its end of the transport.
    pub remote: Remote,
    pub(super) sections: Vec<(Media, Plan)>,
}

/// What becomes of a section.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Plan {
    Track(SourceTrack),
    Inactive(SourceTrack),
    Rejected,
}

impl Plan {
    pub(super) fn track(&self) -> Option<&SourceTrack> {
        if let Self::Track(track) = self { Some(track) } else { None }
    }

    pub(super) fn accepted(&self) -> Option<&SourceTrack> {
        match self {
            Self::Track(track) | Self::Inactive(track) => Some(track),
            Self::Rejected => None,
        }
    }
}

impl Publication {
    /// Reads and judges an offer.
    pub fn read(offer: &Sdp) -> Result<Self, MediaError> {
        let publication = Self::judge(offer)?;
        match publication.tracks().is_empty() {
            true => Err(nothing_to_take(&publication.sections)),
            false => Ok(publication),
        }
    }

    /// The same of a client that need not send anything.
    pub(super) fn judge(offer: &Sdp) -> Result<Self, MediaError> {
        let mut session = read(offer.as_str())?;
        let bundle = bundle(&session);
        let mut sections: Vec<(Media, Plan)> = Vec::new();
        for media in std::mem::take(&mut session.medias) {
            let bundled = value(&media, "mid").is_some_and(|mid| bundle.iter().any(|known| known == mid));
            let plan = if bundled && is_offered(&media) { plan(&media, &sections) } else { Plan::Rejected };
            sections.push((media, plan));
        }
        let sending = sections.iter().find(|(_, plan)| plan.track().is_some());
        let kept = sending.or_else(|| sections.iter().find(|(_, plan)| plan.accepted().is_some()));
        let Some((media, _)) = kept else { return Err(nothing_to_take(&sections)) };
        Ok(Self { remote: Remote::of(&session.origin.sess_id, media)?, sections })
    }

    /// Its tracks.
    pub fn tracks(&self) -> Vec<SourceTrack> {
        self.sections.iter().filter_map(|(_, plan)| plan.track().cloned()).collect()
    }

    /// The video's layers, if it has several.
    pub fn simulcast(&self) -> Option<Simulcast> {
        let (media, track) = self.video()?;
        simulcast::read(media, track)
    }

    /// What the video shows, as far as it says so (RFC 4796).
    pub fn content(&self) -> Content {
        let slides = |media: &Media| values(media, "content").any(|list| list.split(',').any(|word| word == "slides"));
        if self.video().is_some_and(|(media, _)| slides(media)) { Content::Screen } else { Content::Camera }
    }

    fn video(&self) -> Option<(&Media, &SourceTrack)> {
        let mut tracks = self.sections.iter().filter_map(|(media, plan)| Some((media, plan.track()?)));
        tracks.find(|(_, track)| track.codec.kind() == Kind::Video)
    }

    /// Id of the transport-cc extension, 0 when not offered: the same for all sections of a bundle.
    pub fn transport_cc(&self) -> u8 {
        let of_tracks = self.sections.iter().filter(|(_, plan)| plan.accepted().is_some());
        of_tracks.map(|(media, _)| extension_id(media, extension::TRANSPORT_CC)).find(|id| *id != 0).unwrap_or(0)
    }

    /// How packets of its tracks may name their section: the extension's id, 0 for not at all, and the names.
    pub fn mids(&self) -> (u8, Vec<String>) {
        let tracks = || self.sections.iter().filter(|(_, plan)| plan.track().is_some()).map(|(media, _)| media);
        let id = tracks().map(|media| extension_id(media, extension::MID)).find(|id| *id != 0).unwrap_or(0);
        (id, tracks().filter_map(|media| value(media, "mid")).map(str::to_owned).collect())
    }

    /// The tracks that webrtcbin is told of: they stand for the transport, of which there is one even if nothing is sent.
    pub fn inner_tracks(&self) -> Vec<SourceTrack> {
        let first = || self.sections.iter().find_map(|(_, plan)| plan.accepted().cloned());
        let tracks = self.tracks();
        if tracks.is_empty() { first().into_iter().collect() } else { tracks }
    }

    /// The offer for webrtcbin.
    pub fn inner_offer(&self) -> Result<String, MediaError> {
        inner::offer(&self.remote, &self.inner_tracks(), self.transport_cc())
    }

    /// The answer for the client.
    pub fn answer(&self, local: &Local, candidates: &[HostCandidate], id: u64, version: u64) -> Sdp {
        let accepted = self.sections.iter().filter(|(_, plan)| plan.accepted().is_some());
        let mids: Vec<&str> = accepted.filter_map(|(media, _)| value(media, "mid")).collect();
        let mut out = String::new();
        inner::header(&mut out, id, version, &mids);
        push(&mut out, "a=ice-lite");
        push(&mut out, "a=msid-semantic: WMS");
        let mut candidates = Some(candidates);
        for (media, plan) in &self.sections {
            match plan.accepted() {
                None => reject(&mut out, media, local),
                Some(track) => {
                    accept(&mut out, media, track, matches!(plan, Plan::Track(_)), local);
                    candidate::write(&mut out, candidates.take().unwrap_or_default());
                }
            }
        }
        Sdp::new(out)
    }
}

fn plan(media: &Media, before: &[(Media, Plan)]) -> Plan {
    let Some(mut track) = choose(media) else { return Plan::Rejected };
    if track.codec.kind() == Kind::Video && simulcast::read(media, &track).is_some() {
        // Its SSRC is that of the layer it carries just then.
        (track.ssrc, track.rtx_ssrc) = (None, None);
    }
    if !sends(media) {
        return Plan::Inactive(track);
    }
    let surplus = before.iter().any(|(_, p)| matches!(p, Plan::Track(t) if t.codec.kind() == track.codec.kind()));
    if surplus { Plan::Rejected } else { Plan::Track(track) }
}

/// Port 0 means disabled, unless the section only lives in its bundle (RFC 8843 6).
pub fn is_offered(media: &Media) -> bool {
    media.port != 0 || media.has_attribute("bundle-only")
}

pub(super) fn sends(media: &Media) -> bool {
    !media.has_attribute("recvonly") && !media.has_attribute("inactive")
}

pub(super) fn nothing_to_take(sections: &[(Media, Plan)]) -> MediaError {
    let sending = sections.iter().filter(|(media, _)| is_offered(media) && kind(media).is_some() && sends(media));
    let kinds: Vec<&str> = sending.map(|(media, _)| media.media.as_str()).collect();
    match kinds.is_empty() {
        true => bad("it offers no audio and no video to send"),
        false => MediaError::NoCommonCodec(format!(
            "VP8, H264 (packetization-mode 1), VP9 or AV1 (profile 0) or Opus expected for {}",
            kinds.join(" and ")
        )),
    }
}

/// GStreamer 1.22 as a client wants a fingerprint even here.
pub fn reject(out: &mut String, media: &Media, local: &Local) {
    push(out, format!("m={} 0 {} {}", media.media, media.proto, media.fmt));
    push(out, "c=IN IP4 0.0.0.0");
    push(out, format!("a=mid:{}", value(media, "mid").unwrap_or_default()));
    local.write(out);
    push(out, "a=inactive");
}

fn accept(out: &mut String, media: &Media, track: &SourceTrack, active: bool, local: &Local) {
    let (pt, kind) = (track.payload_type, track.codec.kind());
    let payload_types = track.rtx_payload_type.map_or_else(|| pt.to_string(), |rtx| format!("{pt} {rtx}"));
    inner::section(out, kind.as_str(), &payload_types, value(media, "mid").unwrap_or_default());
    if media.has_attribute("rtcp-rsize") {
        push(out, "a=rtcp-rsize");
    }
    local.write(out);
    push(out, if active { "a=recvonly" } else { "a=inactive" });
    for uri in [extension::MID, extension::TRANSPORT_CC, extension::AUDIO_LEVEL] {
        let id = extension_id(media, uri);
        if id != 0 {
            push(out, format!("a=extmap:{id} {uri}"));
        }
    }
    push(out, format!("a=rtpmap:{pt} {}", inner::encoding(track.codec)));
    write_parameters(out, pt, &track.fmtp, kind == Kind::Video);
    for feedback in ["nack", "nack pli", "transport-cc"] {
        if offers_feedback(media, pt, feedback) {
            push(out, format!("a=rtcp-fb:{pt} {feedback}"));
        }
    }
    if let (Some(rtx), Kind::Video) = (track.rtx_payload_type, kind) {
        push(out, format!("a=rtpmap:{rtx} rtx/90000"));
        push(out, format!("a=fmtp:{rtx} apt={pt}"));
    }
    if let Some(layers) = simulcast::read(media, track).filter(|_| active && kind == Kind::Video) {
        simulcast::write(out, media, &layers);
    }
}

/// The parameters as offered. Browsers start at 300 kbit/s, shrink the picture and grow it back only slowly: this asks
/// Chromium to start where 720p begins; its congestion control corrects it within a second where that is too much.
pub(super) fn write_parameters(out: &mut String, payload_type: u8, fmtp: &str, starts: bool) {
    let start = starts.then_some("x-google-start-bitrate=2000");
    let offered = Some(fmtp).filter(|fmtp| !fmtp.is_empty());
    let parameters: Vec<&str> = offered.into_iter().chain(start).collect();
    if !parameters.is_empty() {
        push(out, format!("a=fmtp:{payload_type} {}", parameters.join(";")));
    }
}

#[cfg(test)]
mod tests;
