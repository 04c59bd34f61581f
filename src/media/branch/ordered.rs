//! A feed's packets for branches that decode: in order, each with its time since the feed's first one.
//!
//! Who joins is seen and heard at once: without reports the tracks are aligned by arrival, and sound is slewed when they come.
//! The same parts as the recorder's (`track`, `timeline`), so that a mix is as much in sync as a file of its own.

use super::align::Align;
use super::timeline::{Epoch, Report};
use super::track::Track;
use crate::media::feed::{SourceTrack, TapItem};
use crate::media::rtp::Packet;
use crate::model::Kind;
use std::sync::Arc;
use std::time::Instant;

/// A packet in its turn.
pub(in crate::media) struct Timed {
    /// The packet.
    pub packet: Arc<Packet>,
    /// Nanoseconds since the feed's first packet.
    pub at: i64,
    /// Whether packets before it are missing.
    pub after_gap: bool,
}

/// The tracks of a feed.
pub(in crate::media) struct Ordered {
    tracks: Vec<(Track, u64)>,
    epoch: Option<Epoch>,
    align: Align,
}

impl Ordered {
    /// With these tracks, so far.
    pub(in crate::media) fn new(tracks: Vec<SourceTrack>) -> Self {
        let mut ordered = Self { tracks: Vec::new(), epoch: None, align: Align::default() };
        ordered.change(&tracks);
        ordered
    }

    /// The feed's tracks are these now; those it had may come back and keep their time.
    pub(in crate::media) fn change(&mut self, tracks: &[SourceTrack]) {
        for new in tracks {
            if !self.tracks.iter().any(|(known, _)| known.info.codec == new.codec) {
                self.tracks.push((Track::new(new.clone()), 0));
            }
        }
    }

    /// Takes what a tap gives; the end and other tracks are the caller's affair.
    pub(in crate::media) fn take(&mut self, item: &TapItem) {
        match item {
            TapItem::Packet(packet) => {
                let track = self.tracks.iter_mut().find(|(track, _)| track.info.codec == packet.codec);
                if track.is_some_and(|(track, _)| track.push(packet.clone())) {
                    self.align.forget(packet.codec.kind() == Kind::Audio);
                }
            }
            TapItem::SenderReport { codec, ntp, rtp } => {
                if self.tracks.iter().any(|(track, _)| track.info.codec == *codec) {
                    let report = Report { ntp: *ntp, rtp: *rtp };
                    self.align.report(codec.kind() == Kind::Audio, report, codec.clock_rate());
                    self.measure();
                }
            }
            TapItem::TracksChanged(tracks) => self.change(tracks),
            TapItem::Ended => {}
        }
    }

    /// The next packet of any track that is due.
    pub(in crate::media) fn pop(&mut self, now: Instant) -> Option<Timed> {
        self.next(Some(now))
    }

    /// The next packet whatever is missing before it: the feed is over.
    pub(in crate::media) fn flush(&mut self) -> Option<Timed> {
        self.next(None)
    }

    /// When the feed's first packet came: their time zero.
    pub(in crate::media) fn first_arrival(&self) -> Option<Instant> {
        self.epoch.map(|epoch| epoch.arrival)
    }

    fn measure(&mut self) {
        let line = |kind| self.tracks.iter().find(|(t, _)| t.kind() == kind).map(|(t, _)| &t.timeline);
        if let Some((sound, picture)) = line(Kind::Audio).zip(line(Kind::Video)) {
            self.align.measure(sound, picture);
        }
    }

    fn next(&mut self, now: Option<Instant>) -> Option<Timed> {
        let index = self.tracks.iter_mut().position(|(track, _)| track.next_at(now).is_some())?;
        let packet = self.tracks[index].0.take()?;
        Some(self.timed(index, packet))
    }

    fn timed(&mut self, index: usize, packet: Arc<Packet>) -> Timed {
        let (track, lost) = &mut self.tracks[index];
        let believed = self.align.believed(track.kind() == Kind::Audio);
        let epoch = *self.epoch.get_or_insert_with(|| track.epoch(&packet, believed));
        let at = track.aligned(&epoch, &packet, &mut self.align);
        let after_gap = std::mem::replace(lost, track.lost()) != track.lost();
        Timed { packet, at, after_gap }
    }
}
