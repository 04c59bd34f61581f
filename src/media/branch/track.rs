//! One track on its way into the file: packets in order, each with its time.
//!
//! Decides when a source has changed (another SSRC, or a sequence that began anew).

use super::align::Align;
use super::reorder::Reorder;
use super::timeline::{Epoch, Report, Stamp, Timeline};
use crate::media::feed::SourceTrack;
use crate::media::rtp::Packet;
use crate::model::Kind;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A sequence that falls back by more began anew.
const RESTART: u64 = 3000;
/// Stragglers of the source before are dropped for so long, instead of being taken for another change.
const STRAGGLERS: Duration = Duration::from_secs(1);

pub(super) struct Track {
    pub info: SourceTrack,
    reorder: Reorder,
    /// In order, of sources that are over.
    ready: VecDeque<Arc<Packet>>,
    pub timeline: Timeline,
    /// Out of `reorder`, not taken yet.
    next: Option<Arc<Packet>>,
    ssrc: Option<u32>,
    before: Option<(u32, Instant)>,
    highest: u64,
    lost: u64,
}

impl Track {
    pub(super) fn new(info: SourceTrack) -> Self {
        Self {
            timeline: Timeline::new(info.codec.clock_rate()),
            info,
            reorder: Reorder::default(),
            ready: VecDeque::new(),
            next: None,
            ssrc: None,
            before: None,
            highest: 0,
            lost: 0,
        }
    }

    /// Whether any packet has come.
    pub(super) fn seen(&self) -> bool {
        self.ssrc.is_some()
    }

    pub(super) fn kind(&self) -> Kind {
        self.info.codec.kind()
    }

    /// Takes a packet in; whether it is the first of another source.
    pub(super) fn push(&mut self, packet: Arc<Packet>) -> bool {
        let ssrc = ssrc(&packet);
        let straggler = self.before.is_some_and(|(old, at)| old == ssrc && packet.at < at + STRAGGLERS);
        if straggler && self.ssrc != Some(ssrc) {
            return false;
        }
        let anew = self.ssrc.is_some() && (self.ssrc != Some(ssrc) || packet.sequence + RESTART < self.highest);
        if anew || self.ssrc.is_none() {
            self.change_source(ssrc, packet.at);
        }
        self.highest = self.highest.max(packet.sequence);
        self.reorder.push(packet);
        anew
    }

    /// When the next packet in order arrived, if there is one; without a `now`, whatever is missing before it.
    pub(super) fn next_at(&mut self, now: Option<Instant>) -> Option<Instant> {
        if self.next.is_none() {
            self.next = self.ready.pop_front().or_else(|| match now {
                Some(now) => self.reorder.pop(now),
                None => self.reorder.flush(),
            });
        }
        self.next.as_ref().map(|packet| packet.at)
    }

    /// The packet that `next_at` found.
    pub(super) fn take(&mut self) -> Option<Arc<Packet>> {
        self.next.take()
    }

    /// Packets given up so far.
    pub(super) fn lost(&self) -> u64 {
        self.lost + self.reorder.lost()
    }

    /// Time zero of a file that begins with this packet.
    pub(super) fn epoch(&self, first: &Packet, report: Option<Report>) -> Epoch {
        let sender = report.map(|report| self.timeline.sender_time(first.timestamp, report));
        Epoch { arrival: first.at, sender }
    }

    pub(super) fn pts(&mut self, epoch: &Epoch, packet: &Packet, report: Option<Report>) -> i64 {
        let stamp = Stamp { ssrc: ssrc(packet), rtp: packet.timestamp, arrival: packet.at };
        self.timeline.pts(epoch, stamp, report)
    }

    /// The same by what the sender's reports say: sound is slewed towards its place, time goes on with every packet.
    pub(super) fn aligned(&mut self, epoch: &Epoch, packet: &Packet, align: &mut Align) -> i64 {
        let (is_sound, breaks) = (self.kind() == Kind::Audio, self.timeline.breaks());
        let mut pts = self.pts(epoch, packet, align.believed(is_sound));
        if breaks != self.timeline.breaks() {
            align.rebased();
        }
        if is_sound {
            let step = align.step(pts);
            self.timeline.earlier(step);
            pts -= step;
        }
        pts
    }

    fn change_source(&mut self, ssrc: u32, at: Instant) {
        while let Some(packet) = self.reorder.flush() {
            self.ready.push_back(packet);
        }
        self.lost += self.reorder.lost();
        self.reorder = Reorder::default();
        self.before = self.ssrc.filter(|old| *old != ssrc).map(|old| (old, at));
        self.ssrc = Some(ssrc);
        self.highest = 0;
    }
}

/// The SSRC stands in bytes 8 to 11 of every RTP packet.
fn ssrc(packet: &Packet) -> u32 {
    packet.data.get(8..12).and_then(|b| b.try_into().ok()).map_or(0, u32::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{packet_of, source};
    use super::*;
    use crate::model::Codec;

    fn pop_all(track: &mut Track, now: Instant) -> Vec<(u32, u64)> {
        std::iter::from_fn(|| track.next_at(Some(now)).and_then(|_| track.take()))
            .map(|p| (ssrc(&p), p.sequence))
            .collect()
    }

    #[test]
    fn another_ssrc_goes_on_and_stragglers_of_the_old_one_are_dropped() {
        let (mut track, now) = (Track::new(source(Codec::Vp8, 96)), Instant::now());
        for (ssrc, sequence) in [(1, 100), (1, 101), (2, 7), (1, 102), (2, 8)] {
            track.push(packet_of(ssrc, sequence, now));
        }
        assert_eq!(pop_all(&mut track, now), [(1, 100), (1, 101), (2, 7), (2, 8)]);
    }

    #[test]
    fn a_sequence_that_began_anew_is_followed() {
        let (mut track, now) = (Track::new(source(Codec::Opus, 111)), Instant::now());
        for sequence in [70_000, 70_001, 5, 6] {
            track.push(packet_of(1, sequence, now));
        }
        assert_eq!(pop_all(&mut track, now), [(1, 70_000), (1, 70_001), (1, 5), (1, 6)]);
    }
}
