//! What a feed does with its stages. Without any, nothing.

use super::stage::Stage;
use super::{Feed, Source};
use crate::media::MediaError;
use crate::media::rtp::{Header, Item};
use crate::model::Kind;
use std::sync::Arc;
use std::time::Instant;

/// Where a packet's payload type, number and source stand (RFC 3550 5.1).
const PAYLOAD_TYPE: usize = 1;
const SSRC: std::ops::Range<usize> = 8..12;

impl Feed {
    /// The stage of this kind of track, made if there is none: from then on all its packets pass it. `NotReady`: the feed has
    /// no such track, or a simulcast of it.
    pub fn staged(&self, kind: Kind) -> Result<Arc<Stage>, MediaError> {
        if kind == Kind::Video && self.layering().is_some() {
            return Err(MediaError::NotReady("pictures that come in several sizes at once cannot be filtered".into()));
        }
        if let Some(known) = self.stage(kind) {
            return Ok(known);
        }
        let upstream = self.upstream.read().clone();
        let mut intake = self.intake.lock();
        let track = intake.tracks.iter_mut().find(|track| track.source.codec.kind() == kind);
        let track = track.filter(|_| upstream.is_some());
        let missing = || MediaError::NotReady(format!("the feed has no {} to filter", kind.as_str()));
        let track = track.ok_or_else(missing)?;
        track.relay();
        let source = track.known_source();
        drop(intake);
        let stage = Stage::new(self, &source, upstream);
        self.stages.write().push(Arc::clone(&stage));
        Ok(stage)
    }

    /// The stage of this kind of track, if there is one.
    pub(super) fn stage(&self, kind: Kind) -> Option<Arc<Stage>> {
        self.stages.read().iter().find(|stage| stage.kind() == kind).cloned()
    }

    /// Whether a filter's work is carried just now.
    pub fn is_filtered(&self) -> bool {
        self.stages.read().iter().any(|stage| stage.is_filtered())
    }

    /// A packet that is of no layer.
    pub(super) fn stage_or_accept(&self, packet: Vec<u8>, at: Instant) {
        match self.stage_of(&packet) {
            Some(stage) => stage.on_publisher(self, packet, at),
            None => drop(self.accept(packet, at)),
        }
    }

    fn stage_of(&self, packet: &[u8]) -> Option<Arc<Stage>> {
        let stages = self.stages.read();
        if stages.is_empty() {
            return None;
        }
        let payload_type = Header::read(packet)?.payload_type;
        stages.iter().find(|stage| stage.takes(payload_type)).cloned()
    }

    /// The next packet of a track, from whichever side of its filter. `begins`: another side's first; `true`: the first of all.
    pub(super) fn go_on_with(&self, kind: Kind, mut packet: Vec<u8>, begins: Option<bool>, at: Instant) {
        let mut intake = self.intake.lock();
        let Some(track) = intake.tracks.iter_mut().find(|track| track.source.codec.kind() == kind) else { return };
        let Some(ssrc) = track.ssrc().or_else(|| Header::read(&packet).map(|header| header.ssrc)) else { return };
        begins.iter().for_each(|anew| track.begin(ssrc, *anew));
        let payload_type = track.source.payload_type;
        drop(intake);
        packet[PAYLOAD_TYPE] = packet[PAYLOAD_TYPE] & 0x80 | payload_type;
        packet[SSRC].copy_from_slice(&ssrc.to_be_bytes());
        self.accept(packet, at);
    }

    /// RTP came, though nobody gets it.
    pub(super) fn alive(&self, at: Instant) {
        self.intake.lock().last_rtp = Some(at);
    }

    /// How loud the publisher is.
    pub(super) fn hear(&self, level: u8, item: &Item) {
        let (packet, rate) = (&item.packet, item.packet.codec.clock_rate());
        self.voice.with(|voice| voice.hear(level, packet.timestamp, rate, packet.at));
    }

    /// The SSRC of a track's packets, once known.
    pub(super) fn ssrc_of(&self, kind: Kind) -> Option<u32> {
        self.intake.lock().tracks.iter().find(|track| track.source.codec.kind() == kind)?.ssrc()
    }

    /// Whether packets of this kind come from a feed inside this one, which asks for what is missing.
    pub(super) fn relays(&self, kind: Kind, layered: bool) -> bool {
        layered && kind == Kind::Video || self.stage(kind).is_some()
    }

    /// The publisher's tracks are these now.
    pub(super) fn retune(&self, source: &Source) {
        for stage in self.stages.read().iter() {
            let track = source.tracks.iter().find(|track| track.codec.kind() == stage.kind());
            track.into_iter().for_each(|track| stage.tune(track, Arc::clone(&source.upstream)));
        }
    }

    /// The publisher's clocks, to the stages; what they move times by comes back, by SSRC.
    pub(super) fn staged_clocks(&self, packet: &[u8]) -> Vec<(u32, u32)> {
        let stages = self.stages.read().clone();
        stages.iter().for_each(|stage| stage.raw().on_rtcp(packet));
        stages.iter().filter_map(|stage| stage.clock()).collect()
    }

    /// The input is drained for now.
    pub(super) fn stages_drained(&self) {
        self.stages.read().iter().for_each(|stage| stage.drained());
    }

    pub(super) fn close_stages(&self) {
        let stages = std::mem::take(&mut *self.stages.write());
        stages.iter().for_each(|stage| stage.close());
    }
}
