//! One outgoing stream: stable SSRC, sequence, timestamp and picture ids, whichever source feeds it. Pure.
//!
//! Decides which packets of a source go out and under which numbers; leaves the choice of the source to `source`, when a
//! packet leaves to `pacer`, and what is answered to NACKs to `retry`.

mod retry;
mod segment;

use super::OutStream;
use crate::media::rtp::Item;
use crate::media::rtp::vp8::{Descriptor, Offsets};
use crate::model::{Codec, Kind};
use retry::{Retries, Sent};
pub use segment::{Origin, Placed};
use segment::{Segment, Segments};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Clocks that tell times so many seconds from when the packets arrived are not believed.
const CREDIBLE: u32 = 5;

/// The newest packet, as it went out.
#[derive(Clone, Copy, Debug)]
struct Last {
    /// Extended.
    sequence: u64,
    timestamp: u32,
    /// When its source's packet arrived; `None`: there is none yet.
    at: Option<Instant>,
    counters: Offsets,
}

/// The stream's state.
#[derive(Debug)]
pub struct Stream {
    /// As negotiated.
    pub spec: OutStream,
    /// What feeds it.
    origin: Option<Origin>,
    /// Added to the source's timestamps, so that they stand on the line of all sources before.
    pub timestamp_offset: u32,
    offsets: Offsets,
    segments: Segments,
    /// The source's first number that goes out, and its newest.
    begin: u64,
    top: u64,
    /// The source is behind what was sent before: the frame of this timestamp got less than its time.
    lagging: Option<u32>,
    /// Nothing goes out until a keyframe comes.
    broken: bool,
    placed: Last,
    written: Last,
    sent: Sent,
    retries: Retries,
    rtx_sequence: u64,
    /// Packets sent, for sender reports.
    pub packets: u32,
    /// Payload bytes sent, for sender reports.
    pub bytes: u32,
}

impl Stream {
    /// A stream that has sent nothing. `seed`: random; where the numbers begin.
    pub fn new(spec: OutStream, seed: u64) -> Self {
        // Below 2^15, so that the first packets cannot be taken for ones before a roll-over (RFC 3711 3.3.1).
        let none = Last { sequence: seed & 0x7fff, timestamp: 0, at: None, counters: Offsets::default() };
        Self {
            spec,
            origin: None,
            timestamp_offset: (seed >> 32) as u32,
            offsets: Offsets::default(),
            segments: Segments::default(),
            begin: 0,
            top: 0,
            lagging: None,
            broken: false,
            placed: none,
            written: none,
            sent: Sent::default(),
            retries: Retries::default(),
            rtx_sequence: seed >> 16 & 0x7fff,
            packets: 0,
            bytes: 0,
        }
    }

    /// The codec that it carries just now; `None` before the first packet.
    pub fn codec(&self) -> Option<Codec> {
        self.origin.map(|origin| origin.codec)
    }

    /// Where this packet goes; `None` when it is not for this stream (another codec, before the first keyframe, of a
    /// former source, or padding alone). `show`: which choice of a source it belongs to; they are counted.
    /// `line`: what to add to its timestamp so that it stands on the clock of the former source (of this codec).
    pub fn place(&mut self, item: &Item, show: u32, line: impl FnOnce(Codec) -> Option<u32>) -> Option<Placed> {
        let packet = &item.packet;
        let origin = Origin { show, codec: packet.codec, generation: item.generation };
        if self.origin != Some(origin) || self.broken {
            if !self.may_begin(item, &origin) {
                return None;
            }
            self.switch(item, origin, line);
        }
        if packet.sequence < self.begin {
            return None;
        }
        if packet.payload.is_empty() {
            self.close_gap(packet.sequence);
            return None;
        }
        if self.lagging.is_some() && packet.sequence > self.top {
            self.catch_up(packet.sequence, packet.timestamp);
        }
        let placed = self.segments.of(&origin, packet.sequence)?.place(item)?;
        self.top = self.top.max(packet.sequence);
        if placed.sequence > self.placed.sequence {
            self.sent.clear(self.placed.sequence + 1, placed.sequence);
            self.placed.update(&placed, item);
        }
        // Sent already with the pictures at the beginning, or too late.
        self.sent.mark(placed.sequence, self.placed.sequence).then_some(placed)
    }

    /// Whether this packet can make its source the stream's.
    fn may_begin(&self, item: &Item, new: &Origin) -> bool {
        let can = item.packet.keyframe || item.packet.codec.kind() == Kind::Audio;
        let newer = self.origin.is_none_or(|now| new.follows(&now) || self.broken && *new == now);
        can && newer && !item.packet.payload.is_empty() && self.spec.carries(item.packet.codec).is_some()
    }

    /// Whether this keyframe has not gone out yet and would.
    pub fn is_news(&self, item: &Item, show: u32) -> bool {
        let origin = Origin { show, codec: item.packet.codec, generation: item.generation };
        let newer = self.origin == Some(origin) && item.packet.sequence > self.top;
        newer || self.may_begin(item, &origin)
    }

    /// The packet is on its way: what is given up from now on came after it.
    pub fn wrote(&mut self, placed: &Placed, item: &Item) {
        if placed.sequence > self.written.sequence {
            self.written.update(placed, item);
        }
    }

    /// What was placed after `newest` (`None`: after what is on its way) will not be sent, nor anything before the next
    /// keyframe. Its numbers are used anew, so that nobody misses them.
    pub fn give_up(&mut self, newest: Option<(&Placed, &Item)>) {
        self.placed = self.written;
        if let Some((placed, item)) = newest.filter(|(placed, _)| placed.sequence > self.written.sequence) {
            self.placed.update(placed, item);
        }
        self.segments.rewind(self.placed.sequence);
        self.broken = true;
    }

    /// Whether a keyframe is awaited, after something was given up.
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// From this packet on another source (or the first) feeds the stream; all numbers go on by one.
    fn switch(&mut self, item: &Item, origin: Origin, line: impl FnOnce(Codec) -> Option<u32>) {
        let packet = &item.packet;
        let resumed = self.origin == Some(origin);
        let former = self.origin.filter(|former| former.show != origin.show);
        let line = if resumed { Some(0) } else { former.and_then(|former| line(former.codec)) };
        let timestamp = self.begin_time(item, line);
        if let Some(vp8) = &item.vp8 {
            self.offsets = following(self.placed.counters, counters(vp8));
        }
        (self.origin, self.broken) = (Some(origin), false);
        (self.begin, self.top) = (packet.sequence, packet.sequence);
        let shift = self.placed.sequence as i64 + 1 - packet.sequence as i64;
        self.begin_segment(packet.sequence, shift, timestamp.wrapping_sub(packet.timestamp));
    }

    /// The timestamp of a source's first packet; sets what is added to those after it. `line`: as in `place`, without
    /// what was added to the former source's.
    fn begin_time(&mut self, item: &Item, line: Option<u32>) -> u32 {
        let given = item.packet.timestamp;
        self.lagging = None;
        let Some(arrived) = self.by_arrival(item) else { return given.wrapping_add(self.timestamp_offset) };
        let on_line = line.map(|shift| given.wrapping_add(self.timestamp_offset).wrapping_add(shift));
        let timestamp = on_line.filter(|on_line| self.is_credible(*on_line, arrived, item)).unwrap_or(arrived);
        self.timestamp_offset = timestamp.wrapping_sub(given);
        if is_after(timestamp, self.placed.timestamp) {
            return timestamp;
        }
        self.lagging = Some(given);
        self.placed.timestamp.wrapping_add(1)
    }

    /// Sound cannot be sent faster than it lasts: it is never behind.
    fn is_credible(&self, on_line: u32, arrived: u32, item: &Item) -> bool {
        let codec = item.packet.codec;
        let apart = (on_line.wrapping_sub(arrived) as i32).unsigned_abs() / codec.clock_rate().max(1);
        apart < CREDIBLE && (codec.kind() == Kind::Video || is_after(on_line, self.placed.timestamp))
    }

    /// The timestamp that a packet gets if as much time has passed as between the arrivals.
    fn by_arrival(&self, item: &Item) -> Option<u32> {
        let elapsed = item.packet.at.saturating_duration_since(self.placed.at?).as_secs_f64();
        let ticks = (elapsed * f64::from(item.packet.codec.clock_rate())).max(1.0);
        Some(self.placed.timestamp.wrapping_add(ticks as u32))
    }

    /// A source that is behind gets its frames sent at once, until its time has come: timestamps never go back.
    fn catch_up(&mut self, sequence: u64, timestamp: u32) {
        if self.lagging == Some(timestamp) {
            return;
        }
        let Some(shift) = self.segments.last().map(|last| last.shift) else { return };
        if is_after(timestamp.wrapping_add(self.timestamp_offset), self.placed.timestamp) {
            self.lagging = None;
            self.begin_segment(sequence, shift, self.timestamp_offset);
        } else {
            self.lagging = Some(timestamp);
            let next = self.placed.timestamp.wrapping_add(1);
            self.begin_segment(sequence, shift, next.wrapping_sub(timestamp));
        }
    }

    fn begin_segment(&mut self, from: u64, shift: i64, timestamp: u32) {
        let Some(origin) = self.origin else { return };
        self.segments.push(Segment { origin, from, shift, timestamp, offsets: self.offsets });
    }

    /// The publisher spent a number on padding: those after it move down by one.
    fn close_gap(&mut self, sequence: u64) {
        if sequence > self.top
            && let Some(last) = self.segments.last()
        {
            self.begin_segment(sequence + 1, last.shift - 1, last.timestamp);
            self.top = sequence;
        }
    }

    /// The packet of this 16-bit number, if it may be sent again now; counts the try. `find` knows the packets of a
    /// source by their numbers.
    pub fn retransmit(
        &mut self,
        sequence: u16,
        round_trip: Duration,
        now: Instant,
        find: impl FnOnce(&Origin, u64) -> Option<Arc<Item>>,
    ) -> Option<(Placed, Arc<Item>)> {
        let step = i64::from(sequence.wrapping_sub(self.placed.sequence as u16) as i16);
        let extended = self.placed.sequence.checked_add_signed(step)?;
        let found = self.again(extended, find)?;
        self.retries.may(extended, round_trip, now).then_some(found)
    }

    /// The packet that was sent with this number, if it can be had.
    pub fn again(
        &self,
        extended: u64,
        find: impl FnOnce(&Origin, u64) -> Option<Arc<Item>>,
    ) -> Option<(Placed, Arc<Item>)> {
        let sent = extended <= self.written.sequence && self.sent.is_marked(extended, self.placed.sequence);
        let (segment, source) = self.segments.source(extended).filter(|_| sent)?;
        let item = find(&segment.origin, source).filter(|item| item.generation == segment.origin.generation)?;
        Some((segment.place(&item)?, item))
    }

    /// The newest number on its way, extended.
    pub fn written(&self) -> u64 {
        self.written.sequence
    }

    /// The timestamp of the newest packet on its way.
    pub fn last_timestamp(&self) -> u32 {
        self.written.timestamp
    }

    /// The next sequence number of retransmissions, extended.
    pub fn next_rtx(&mut self) -> u64 {
        self.rtx_sequence += 1;
        self.rtx_sequence
    }
}

fn is_after(timestamp: u32, before: u32) -> bool {
    timestamp.wrapping_sub(before) as i32 > 0
}

impl Last {
    fn update(&mut self, placed: &Placed, item: &Item) {
        (self.sequence, self.timestamp, self.at) = (placed.sequence, placed.timestamp, Some(item.packet.at));
        if let Some(vp8) = &item.vp8 {
            let counters = counters(vp8);
            self.counters = Offsets {
                picture_id: counters.picture_id.wrapping_add(placed.offsets.picture_id),
                tl0: counters.tl0.wrapping_add(placed.offsets.tl0),
                key_index: counters.key_index.wrapping_add(placed.offsets.key_index),
            };
        }
    }
}

fn counters(vp8: &Descriptor) -> Offsets {
    Offsets {
        picture_id: vp8.picture_id.map_or(0, |id| id.value),
        tl0: vp8.tl0.map_or(0, |(_, value)| value),
        key_index: vp8.key_index.map_or(0, |(_, value)| value),
    }
}

/// What makes the new counters follow the last ones.
fn following(last: Offsets, new: Offsets) -> Offsets {
    Offsets {
        picture_id: last.picture_id.wrapping_add(1).wrapping_sub(new.picture_id),
        tl0: last.tl0.wrapping_add(1).wrapping_sub(new.tl0),
        key_index: last.key_index.wrapping_add(1).wrapping_sub(new.key_index),
    }
}

#[cfg(test)]
mod tests;
