//! One track as it comes in: which packets are its own, retransmissions undone, duplicates dropped, figures kept.

use super::SourceTrack;
use super::loss::Losses;
use super::rate::Rate;
use crate::media::TrackStats;
use crate::media::rtp::{Extender, Header, History, Item, find_extension};
use crate::model::Kind;
use parking_lot::RwLock;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Packets kept for retransmission: more than a second of 1080p at 8 Mbit/s.
const HISTORY: usize = 2048;

/// A track of the current source.
pub struct Track {
    /// As negotiated.
    pub source: SourceTrack,
    ssrc: Option<u32>,
    rtx_ssrc: Option<u32>,
    generation: u32,
    extender: Extender,
    /// Shared with the workers that answer the subscribers' NACKs.
    pub history: Arc<RwLock<History>>,
    /// What is missing.
    pub losses: Losses,
    rate: Rate,
    /// Whether RTP of this source has come.
    pub heard: bool,
    /// Where the newest group of pictures begins.
    keyframe: Option<Arc<Item>>,
    /// Pictures began anew without a keyframe.
    pub wants_keyframe: bool,
    /// Its packets come from a layer's feed, which asks for what is missing.
    pub relayed: bool,
}

impl Track {
    /// A track of a first source.
    pub fn new(source: SourceTrack) -> Self {
        Self {
            ssrc: source.ssrc,
            rtx_ssrc: source.rtx_ssrc,
            source,
            generation: 0,
            extender: Extender::default(),
            history: Arc::new(RwLock::new(History::new(HISTORY))),
            losses: Losses::default(),
            rate: Rate::default(),
            heard: false,
            keyframe: None,
            wants_keyframe: false,
            relayed: false,
        }
    }

    /// The source was negotiated anew: same codec, perhaps another SSRC or payload type.
    /// `replaced`: by another peer, whose packets begin anew whatever their SSRC.
    pub fn renegotiated(&mut self, source: SourceTrack, replaced: bool) {
        if replaced || source.ssrc.is_some_and(|ssrc| self.ssrc != Some(ssrc)) {
            self.ssrc = source.ssrc;
            self.rtx_ssrc = source.rtx_ssrc;
            self.generation += 1;
            self.losses.clear();
            self.heard = false;
        }
        self.rtx_ssrc = source.rtx_ssrc.or(self.rtx_ssrc);
        self.source = source;
    }

    /// Another layer is relayed from now on; `anew`: its numbers do not go on where this track's were.
    pub fn begin(&mut self, ssrc: u32, anew: bool) {
        self.ssrc = Some(ssrc);
        self.generation += u32::from(self.heard);
        self.heard &= !anew;
    }

    /// Its packets come from a feed inside this one from now on.
    pub fn relay(&mut self) {
        self.relayed = true;
        self.losses.clear();
    }

    /// As negotiated, with the SSRCs that were learnt.
    pub fn known_source(&self) -> SourceTrack {
        SourceTrack { ssrc: self.ssrc, rtx_ssrc: self.rtx_ssrc, ..self.source.clone() }
    }

    /// Whether packets are to be asked for.
    pub fn misses(&self) -> bool {
        self.source.nack && !self.relayed && !self.losses.is_empty()
    }

    /// The SSRC its packets come with, once known.
    pub fn ssrc(&self) -> Option<u32> {
        self.ssrc
    }

    fn is_media(&mut self, header: &Header) -> bool {
        if header.payload_type != self.source.payload_type {
            return false;
        }
        // Not announced: the first one of this payload type is it.
        *self.ssrc.get_or_insert(header.ssrc) == header.ssrc
    }

    fn is_retransmission(&mut self, header: &Header) -> bool {
        if self.source.rtx_payload_type != Some(header.payload_type) {
            return false;
        }
        *self.rtx_ssrc.get_or_insert(header.ssrc) == header.ssrc
    }

    /// Takes a packet that is this track's. `Err(())`: it is not. `Ok(None)`: it is, and there is nothing to forward.
    pub fn take(&mut self, header: &Header, data: &mut Vec<u8>, at: Instant) -> Result<Option<Arc<Item>>, ()> {
        if self.is_media(header) {
            return Ok(self.accept(header, std::mem::take(data), at));
        }
        if !self.is_retransmission(header) {
            return Err(());
        }
        let Some(original) = self.undo_retransmission(header, data) else { return Ok(None) };
        Ok(Header::read(&original).and_then(|header| self.accept(&header, original, at)))
    }

    /// RFC 4588 4: the original sequence number stands before the payload. Probes without payload are dropped.
    fn undo_retransmission(&self, header: &Header, data: &[u8]) -> Option<Vec<u8>> {
        let payload = data.get(header.payload.clone())?;
        let (sequence, media) = payload.split_at_checked(2)?;
        if media.is_empty() {
            return None;
        }
        let mut original = data.get(..header.payload.start)?.to_vec();
        // Padding goes with the retransmission.
        original[0] &= !0x20;
        original[1] = u8::from(header.marker) << 7 | self.source.payload_type;
        original[2..4].copy_from_slice(sequence);
        original[8..12].copy_from_slice(&self.ssrc?.to_be_bytes());
        original.extend_from_slice(media);
        Some(original)
    }

    fn accept(&mut self, header: &Header, data: Vec<u8>, at: Instant) -> Option<Arc<Item>> {
        let sequence = self.extend(header);
        let bytes = data.len();
        let too_late = self.extender.highest().is_some_and(|highest| highest >= sequence + HISTORY as u64);
        if too_late || self.history.read().get(sequence).is_some() {
            return None;
        }
        let mut item = Item::read(self.source.codec, header, sequence, self.generation, data, at);
        if self.source.audio_level_id != 0 {
            item.level = find_extension(&item.packet.data, self.source.audio_level_id).and_then(|v| v.first().copied());
        }
        self.wants_keyframe &= !item.packet.keyframe;
        let item = Arc::new(item);
        self.history.write().put(Arc::clone(&item));
        self.note_keyframe(&item);
        if !self.relayed {
            self.losses.arrived(sequence, at);
        }
        self.heard = true;
        self.rate.count(bytes, &item.packet, at);
        Some(item)
    }

    /// A sender that began anew (other numbers under the same SSRC) is one more generation.
    fn extend(&mut self, header: &Header) -> u64 {
        let known = if self.heard { self.extender.peek(header.sequence) } else { None };
        if let Some(sequence) = known {
            self.extender.seen(sequence);
            return sequence;
        }
        if self.heard {
            self.generation += 1;
        }
        self.losses.clear();
        self.wants_keyframe = true;
        self.extender.restart(header.sequence)
    }

    /// The first packet of the newest keyframe; parameter sets before a picture belong to it.
    fn note_keyframe(&mut self, item: &Arc<Item>) {
        let packet = &item.packet;
        let newer = self.keyframe.as_ref().is_none_or(|known| {
            known.generation != item.generation
                || (packet.sequence > known.packet.sequence && packet.timestamp != known.packet.timestamp)
        });
        if packet.keyframe && newer {
            self.keyframe = Some(Arc::clone(item));
        }
    }

    /// The packets since the newest keyframe, if they are few and young enough to be sent again at once.
    pub fn newest_pictures(&self, most: u64, oldest: Duration) -> Vec<Arc<Item>> {
        let (Some(first), Some(last)) = (&self.keyframe, self.extender.highest()) else { return Vec::new() };
        let first = &first.packet;
        if first.at.elapsed() > oldest || last - first.sequence >= most {
            return Vec::new();
        }
        let history = self.history.read();
        (first.sequence..=last).filter_map(|sequence| history.get(sequence).cloned()).collect()
    }

    /// Live figures.
    pub fn stats(&self, now: Instant) -> TrackStats {
        let video = self.source.codec.kind() == Kind::Video;
        self.rate.stats(self.source.codec, video, now)
    }
}
