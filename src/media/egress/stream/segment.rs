//! Runs of a stream's packets, and what is added to their numbers: finds where a packet goes, and where one came from. Pure.

use crate::media::rtp::Item;
use crate::media::rtp::vp8::Offsets;
use crate::model::Codec;
use std::collections::VecDeque;

/// Gaps closed and sources changed that late packets and NACKs may still meet.
const SEGMENTS: usize = 64;

/// Where packets come from: a feed that was chosen, and a source of its track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Which choice; they are counted.
    pub show: u32,
    /// Codec.
    pub codec: Codec,
    /// Which SSRC of the track.
    pub generation: u32,
}

impl Origin {
    /// Whether it comes after the other.
    pub fn follows(&self, other: &Self) -> bool {
        let within = self.codec != other.codec || self.generation > other.generation;
        self.show > other.show || self.show == other.show && within
    }
}

/// Where a publisher's packet goes in this stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Extended sequence number; its upper part is the roll-over counter.
    pub sequence: u64,
    /// RTP timestamp.
    pub timestamp: u32,
    /// What to add to VP8's counters.
    pub offsets: Offsets,
}

/// A run of packets of one source.
#[derive(Clone, Copy, Debug)]
pub struct Segment {
    /// The source.
    pub origin: Origin,
    /// Its first packet, as the source counts.
    pub from: u64,
    /// Added to the sequence numbers.
    pub shift: i64,
    /// Added to the timestamps.
    pub timestamp: u32,
    /// Added to VP8's counters.
    pub offsets: Offsets,
}

impl Segment {
    /// Where a packet of it goes.
    pub fn place(&self, item: &Item) -> Option<Placed> {
        let sequence = item.packet.sequence.checked_add_signed(self.shift)?;
        let timestamp = item.packet.timestamp.wrapping_add(self.timestamp);
        Some(Placed { sequence, timestamp, offsets: self.offsets })
    }

    /// The source's number of what was sent with this one; `None` when it is before this segment.
    fn source(&self, sequence: u64) -> Option<u64> {
        sequence.checked_add_signed(-self.shift).filter(|source| *source >= self.from)
    }
}

/// The segments, ascending by the numbers that go out: one for each gap that was closed and each source.
#[derive(Debug, Default)]
pub struct Segments(VecDeque<Segment>);

impl Segments {
    /// Adds one after all others.
    pub fn push(&mut self, segment: Segment) {
        if self.0.len() == SEGMENTS {
            self.0.pop_front();
        }
        self.0.push_back(segment);
    }

    /// The newest.
    pub fn last(&self) -> Option<Segment> {
        self.0.back().copied()
    }

    /// The one that a packet of the present source belongs to.
    pub fn of(&self, origin: &Origin, sequence: u64) -> Option<&Segment> {
        let mut of_source = self.0.iter().rev().take_while(|segment| segment.origin == *origin);
        of_source.find(|segment| segment.from <= sequence)
    }

    /// Which one a packet that was sent belongs to, and its number there.
    pub fn source(&self, sequence: u64) -> Option<(Segment, u64)> {
        self.0.iter().rev().find_map(|segment| Some((*segment, segment.source(sequence)?)))
    }

    /// Forgets those that begin after this number.
    pub fn rewind(&mut self, sequence: u64) {
        let begins = |segment: &Segment| segment.from.checked_add_signed(segment.shift).unwrap_or_default();
        while self.0.back().is_some_and(|last| begins(last) > sequence) {
            self.0.pop_back();
        }
    }
}
