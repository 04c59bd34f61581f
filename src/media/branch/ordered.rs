//! A feed's packets for branches that decode: in order, each with its time since the feed's first one.
//!
//! The same parts as the recorder's (`track`, `timeline`), so that a mix is as much in sync as a file of its own.

use super::timeline::{Epoch, Report};
use super::track::Track;
use crate::media::feed::{SourceTrack, TapItem};
use crate::media::rtp::Packet;
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
}

impl Ordered {
    /// With these tracks, so far.
    pub(in crate::media) fn new(tracks: Vec<SourceTrack>) -> Self {
        let mut ordered = Self { tracks: Vec::new(), epoch: None };
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
                track.into_iter().for_each(|(track, _)| track.push(packet.clone()));
            }
            TapItem::SenderReport { codec, ntp, rtp } => {
                let track = self.tracks.iter_mut().find(|(track, _)| track.info.codec == *codec);
                track.into_iter().for_each(|(track, _)| track.on_report(Report { ntp: *ntp, rtp: *rtp }));
            }
            TapItem::TracksChanged(tracks) => self.change(tracks),
            TapItem::Ended => {}
        }
    }

    /// The next packet of any track that is due.
    pub(in crate::media) fn pop(&mut self, now: Instant) -> Option<Timed> {
        let found = self.tracks.iter_mut().enumerate().find_map(|(index, (track, _))| Some((index, track.pop(now)?)));
        found.map(|(index, packet)| self.timed(index, packet))
    }

    /// The next packet whatever is missing before it: the feed is over.
    pub(in crate::media) fn flush(&mut self) -> Option<Timed> {
        let found = self.tracks.iter_mut().enumerate().find_map(|(index, (track, _))| Some((index, track.flush()?)));
        found.map(|(index, packet)| self.timed(index, packet))
    }

    /// When the feed's first packet came: their time zero.
    pub(in crate::media) fn first_arrival(&self) -> Option<Instant> {
        self.epoch.map(|epoch| epoch.arrival)
    }

    fn timed(&mut self, index: usize, packet: Arc<Packet>) -> Timed {
        let (track, lost) = &mut self.tracks[index];
        let epoch = *self.epoch.get_or_insert_with(|| track.epoch(&packet));
        let at = track.pts(&epoch, &packet);
        let after_gap = std::mem::replace(lost, track.lost()) != track.lost();
        Timed { packet, at, after_gap }
    }
}
