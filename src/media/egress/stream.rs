//! One outgoing stream: stable SSRC, sequence, timestamp and picture ids, whichever source feeds it. Pure.

use super::OutStream;
use crate::media::rtp::Item;
use crate::media::rtp::vp8::Offsets;
use crate::model::Kind;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Sent packets remembered: a second of 8 Mbit/s.
const REMEMBERED: u64 = 1024;
/// Retransmissions of one packet at most.
const TRIES: u8 = 6;
/// Least time between two of them.
const PAUSE: Duration = Duration::from_millis(20);
/// Retransmitted packets whose tries are counted; the budget limits the rest.
const RETRIED: usize = 256;
/// Gaps closed and sources changed that late packets and NACKs may still meet.
const SEGMENTS: usize = 64;

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

/// A run of the publisher's packets, and what is added to their numbers. Numbers of another source are other numbers, so
/// that one list serves all.
#[derive(Clone, Copy, Debug)]
struct Segment {
    generation: u32,
    /// Its first packet, as the publisher counts.
    from: u64,
    shift: i64,
    timestamp: u32,
    offsets: Offsets,
}

impl Segment {
    fn place(&self, item: &Item) -> Option<Placed> {
        let sequence = item.packet.sequence.checked_add_signed(self.shift)?;
        let timestamp = item.packet.timestamp.wrapping_add(self.timestamp);
        Some(Placed { sequence, timestamp, offsets: self.offsets })
    }

    /// The publisher's number of what was sent with this one; `None` when it is before this segment.
    fn source(&self, sequence: u64) -> Option<u64> {
        sequence.checked_add_signed(-self.shift).filter(|source| *source >= self.from)
    }
}

#[derive(Clone, Copy, Debug)]
struct Retry {
    sequence: u64,
    last: Instant,
    tries: u8,
}

/// The stream's state.
#[derive(Debug)]
pub struct Stream {
    /// As negotiated.
    pub spec: OutStream,
    /// Which SSRC of the publisher feeds it.
    generation: Option<u32>,
    /// Added to the publisher's timestamps.
    pub timestamp_offset: u32,
    offsets: Offsets,
    /// Ascending; a segment for each gap that was closed and each source.
    segments: VecDeque<Segment>,
    top: u64,
    highest: u64,
    last_timestamp: u32,
    last_at: Option<Instant>,
    last_counters: Offsets,
    /// Which of the last packets were sent, a bit for each, by number modulo its length.
    sent: [u64; REMEMBERED as usize / 64],
    retries: VecDeque<Retry>,
    rtx_sequence: u64,
    /// Packets sent, for sender reports.
    pub packets: u32,
    /// Payload bytes sent, for sender reports.
    pub bytes: u32,
}

impl Stream {
    /// A stream that has sent nothing. `seed`: random; where the numbers begin.
    pub fn new(spec: OutStream, seed: u64) -> Self {
        Self {
            generation: None,
            timestamp_offset: (seed >> 32) as u32,
            offsets: Offsets::default(),
            segments: VecDeque::new(),
            top: 0,
            // Below 2^15, so that the first packets cannot be taken for ones before a roll-over (RFC 3711 3.3.1).
            highest: seed & 0x7fff,
            last_timestamp: 0,
            last_at: None,
            last_counters: Offsets::default(),
            sent: [0; REMEMBERED as usize / 64],
            retries: VecDeque::new(),
            spec,
            rtx_sequence: seed >> 16 & 0x7fff,
            packets: 0,
            bytes: 0,
        }
    }

    /// Whether anything was sent.
    pub fn started(&self) -> bool {
        self.generation.is_some()
    }

    /// Where this packet goes; `None` when it is not for this stream (another codec, before the first keyframe, of a
    /// former source, or padding alone).
    pub fn place(&mut self, item: &Item) -> Option<Placed> {
        let packet = &item.packet;
        self.spec.carries(packet.codec)?;
        if self.generation != Some(item.generation) {
            let newer = self.generation.is_none_or(|now| item.generation > now);
            let can_begin = packet.keyframe || packet.codec.kind() == Kind::Audio;
            if !newer || !can_begin || packet.payload.is_empty() {
                return None;
            }
            self.switch(item);
        }
        if packet.payload.is_empty() {
            self.close_gap(packet.sequence);
            return None;
        }
        let segment = *self.segments.iter().rev().find(|segment| segment.from <= packet.sequence)?;
        if segment.generation != item.generation {
            return None;
        }
        self.top = self.top.max(packet.sequence);
        let placed = segment.place(item)?;
        if placed.sequence > self.highest {
            self.advance(&placed, item);
        }
        // Sent already with the pictures at the beginning, or too late.
        self.mark(placed.sequence).then_some(placed)
    }

    /// Notes a packet as sent; `false` when it was, or is too old to know.
    fn mark(&mut self, sequence: u64) -> bool {
        if sequence + REMEMBERED <= self.highest {
            return false;
        }
        let (word, bit) = slot(sequence);
        let new = self.sent[word] & bit == 0;
        self.sent[word] |= bit;
        new
    }

    fn was_sent(&self, sequence: u64) -> bool {
        let (word, bit) = slot(sequence);
        sequence <= self.highest && sequence + REMEMBERED > self.highest && self.sent[word] & bit != 0
    }

    fn advance(&mut self, placed: &Placed, item: &Item) {
        for unsent in (self.highest + 1).max(placed.sequence.saturating_sub(REMEMBERED))..=placed.sequence {
            let (word, bit) = slot(unsent);
            self.sent[word] &= !bit;
        }
        self.highest = placed.sequence;
        self.last_timestamp = placed.timestamp;
        self.last_at = Some(item.packet.at);
        if let Some(vp8) = &item.vp8 {
            let counters = counters(vp8);
            self.last_counters = Offsets {
                picture_id: counters.picture_id.wrapping_add(self.offsets.picture_id),
                tl0: counters.tl0.wrapping_add(self.offsets.tl0),
                key_index: counters.key_index.wrapping_add(self.offsets.key_index),
            };
        }
    }

    /// From this packet on another source (or the first) feeds the stream; all numbers go on by one.
    fn switch(&mut self, item: &Item) {
        let packet = &item.packet;
        if let Some(last_at) = self.last_at {
            let elapsed = packet.at.saturating_duration_since(last_at).as_secs_f64();
            let ticks = (elapsed * f64::from(packet.codec.clock_rate())).max(1.0) as u32;
            self.timestamp_offset = self.last_timestamp.wrapping_add(ticks).wrapping_sub(packet.timestamp);
        }
        if let Some(vp8) = &item.vp8 {
            let (last, new) = (self.last_counters, counters(vp8));
            self.offsets = Offsets {
                picture_id: last.picture_id.wrapping_add(1).wrapping_sub(new.picture_id),
                tl0: last.tl0.wrapping_add(1).wrapping_sub(new.tl0),
                key_index: last.key_index.wrapping_add(1).wrapping_sub(new.key_index),
            };
        }
        self.generation = Some(item.generation);
        self.top = packet.sequence;
        self.begin_segment(packet.sequence, self.highest as i64 + 1 - packet.sequence as i64);
    }

    fn begin_segment(&mut self, from: u64, shift: i64) {
        let generation = self.generation.unwrap_or_default();
        let (timestamp, offsets) = (self.timestamp_offset, self.offsets);
        if self.segments.len() == SEGMENTS {
            self.segments.pop_front();
        }
        self.segments.push_back(Segment { generation, from, shift, timestamp, offsets });
    }

    /// The publisher spent a number on padding: those after it move down by one.
    fn close_gap(&mut self, sequence: u64) {
        let Some(shift) = self.segments.back().filter(|_| sequence > self.top).map(|last| last.shift) else { return };
        self.begin_segment(sequence + 1, shift - 1);
        self.top = sequence;
    }

    /// The packet of this 16-bit number, if it may be sent again now; counts the try. `find` knows the publisher's
    /// packets by their numbers.
    pub fn retransmit(
        &mut self,
        sequence: u16,
        round_trip: Duration,
        now: Instant,
        find: impl FnOnce(u64) -> Option<Arc<Item>>,
    ) -> Option<(Placed, Arc<Item>)> {
        let step = i64::from(sequence.wrapping_sub(self.highest as u16) as i16);
        let extended = self.highest.checked_add_signed(step).filter(|extended| self.was_sent(*extended))?;
        let (segment, source) = self.segments.iter().rev().find_map(|s| Some((*s, s.source(extended)?)))?;
        let item = find(source).filter(|item| item.generation == segment.generation)?;
        let placed = segment.place(&item)?;
        self.may_retry(extended, PAUSE.max(round_trip), now).then_some((placed, item))
    }

    fn may_retry(&mut self, sequence: u64, pause: Duration, now: Instant) -> bool {
        if let Some(known) = self.retries.iter_mut().find(|retry| retry.sequence == sequence) {
            let may = known.tries < TRIES && now.saturating_duration_since(known.last) >= pause;
            if may {
                (known.last, known.tries) = (now, known.tries + 1);
            }
            return may;
        }
        if self.retries.len() == RETRIED {
            self.retries.pop_front();
        }
        self.retries.push_back(Retry { sequence, last: now, tries: 1 });
        true
    }

    /// The next sequence number of retransmissions, extended.
    pub fn next_rtx(&mut self) -> u64 {
        self.rtx_sequence += 1;
        self.rtx_sequence
    }
}

fn slot(sequence: u64) -> (usize, u64) {
    ((sequence % REMEMBERED) as usize / 64, 1 << (sequence % 64))
}

fn counters(vp8: &crate::media::rtp::vp8::Descriptor) -> Offsets {
    Offsets {
        picture_id: vp8.picture_id.map_or(0, |id| id.value),
        tl0: vp8.tl0.map_or(0, |(_, value)| value),
        key_index: vp8.key_index.map_or(0, |(_, value)| value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::egress::OutCodec;
    use crate::media::rtp::Header;
    use crate::model::Codec;

    fn stream() -> Stream {
        let first = OutCodec { codec: Codec::Vp8, payload_type: 96, rtx: Some(97) };
        let spec = OutStream { first, others: Vec::new(), mid: "0".into(), ssrc: 1, rtx_ssrc: Some(2) };
        Stream::new(spec, 100)
    }

    /// A VP8 packet with a 15-bit picture id.
    fn item(sequence: u64, generation: u32, key: bool, picture: u16, at: Instant) -> Item {
        let [high, low] = picture.to_be_bytes();
        let mut data = vec![0x80, 96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];
        data[4..8].copy_from_slice(&(u32::from(picture) * 3000).to_be_bytes());
        data.extend_from_slice(&[0x90, 0x80, 0x80 | high, low, u8::from(!key), 0, 0, 0x9d, 1, 0x2a, 64, 1, 240, 0]);
        let header = Header::read(&data).unwrap();
        Item::read(Codec::Vp8, &header, sequence, generation, data, at)
    }

    #[test]
    fn begins_at_a_keyframe_and_goes_on_over_a_change_of_source() {
        let (mut stream, start) = (stream(), Instant::now());
        assert_eq!(stream.place(&item(500, 0, false, 7, start)), None);
        let first = stream.place(&item(501, 0, true, 8, start)).unwrap();
        assert_eq!(first.sequence, 101);
        let second = stream.place(&item(502, 0, false, 9, start)).unwrap();
        let later = start + Duration::from_millis(100);
        assert_eq!(stream.place(&item(90_000, 1, false, 300, later)), None, "the new source begins at a keyframe");
        let switched = stream.place(&item(90_001, 1, true, 301, later)).unwrap();
        assert_eq!(switched.sequence, second.sequence + 1);
        assert_eq!(switched.timestamp.wrapping_sub(second.timestamp), 9000);
        assert_eq!(301u16.wrapping_add(switched.offsets.picture_id), 9u16.wrapping_add(first.offsets.picture_id) + 1);
        assert_eq!(stream.place(&item(503, 0, false, 10, later)), None, "the former source is over");
    }

    #[test]
    fn late_packets_keep_their_place_and_padding_leaves_no_gap() {
        let (mut stream, now) = (stream(), Instant::now());
        let at = |stream: &mut Stream, n| stream.place(&item(n, 0, n == 10, n as u16, now)).map(|p| p.sequence);
        assert_eq!(at(&mut stream, 10), Some(101));
        assert_eq!(at(&mut stream, 12), Some(103));
        assert_eq!(at(&mut stream, 11), Some(102), "late");
        let padding = vec![0xa0, 96, 0, 13, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 4];
        let header = Header::read(&padding).unwrap();
        assert_eq!(stream.place(&Item::read(Codec::Vp8, &header, 13, 0, padding, now)), None);
        assert_eq!(at(&mut stream, 14), Some(104));
        assert_eq!(at(&mut stream, 9), None, "before the keyframe");
    }

    #[test]
    fn retransmissions_are_limited() {
        let (mut stream, now) = (stream(), Instant::now());
        let item = Arc::new(item(10, 0, true, 1, now));
        let placed = stream.place(&item).unwrap();
        let number = placed.sequence as u16;
        let mut again = |number, round_trip, at| {
            let found = stream.retransmit(number, round_trip, at, |source| (source == 10).then(|| item.clone()));
            found.map(|(placed, _)| placed)
        };
        assert_eq!(again(number, Duration::ZERO, now), Some(placed));
        assert_eq!(again(number, Duration::ZERO, now), None, "too soon");
        assert_eq!(again(number + 1, Duration::ZERO, now), None, "never sent");
        let more = (1..20).filter(|n| again(number, PAUSE, now + *n * PAUSE).is_some()).count();
        assert_eq!(more, usize::from(TRIES) - 1);
    }

    #[test]
    fn what_was_sent_is_found_again_over_gaps_and_a_change_of_source() {
        let (mut stream, now) = (stream(), Instant::now());
        let padding = vec![0xa0, 96, 0, 12, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 4];
        let header = Header::read(&padding).unwrap();
        let mut items: Vec<_> = [10, 11, 13].map(|n| Arc::new(item(n, 0, n == 10, n as u16, now))).into();
        items.insert(2, Arc::new(Item::read(Codec::Vp8, &header, 12, 0, padding, now)));
        items.extend([70_000, 70_001].map(|n| Arc::new(item(n, 1, n == 70_000, n as u16, now))));
        let sent: Vec<_> = items.iter().filter_map(|item| Some((stream.place(item)?, item.clone()))).collect();
        assert_eq!(sent.iter().map(|(placed, _)| placed.sequence).collect::<Vec<_>>(), [101, 102, 103, 104, 105]);
        for (placed, item) in &sent {
            let find = |source| items.iter().find(|item| item.packet.sequence == source).cloned();
            let (again, same) = stream.retransmit(placed.sequence as u16, PAUSE, now, find).expect("a packet");
            assert!(again == *placed && Arc::ptr_eq(&same, item), "{placed:?} is {again:?}");
        }
        assert!(sent.iter().all(|(_, item)| stream.place(item).is_none()), "once");
    }
}
