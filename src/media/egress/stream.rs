//! One outgoing stream: stable SSRC, sequence, timestamp and picture ids, whichever source feeds it. Pure.

use super::OutStream;
use crate::media::rtp::Item;
use crate::media::rtp::vp8::Offsets;
use crate::model::Kind;
use std::time::{Duration, Instant};

/// Sent packets remembered for retransmission: a second of 8 Mbit/s, 48 bytes each.
const REMEMBERED: usize = 1024;
/// Retransmissions of one packet at most.
const TRIES: u8 = 6;
/// Least time between two of them.
const PAUSE: Duration = Duration::from_millis(20);
/// Gaps closed that late packets may still meet.
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
    /// The publisher's extended sequence number.
    pub source: u64,
}

#[derive(Clone, Copy, Debug)]
struct Sent {
    placed: Placed,
    last: Option<Instant>,
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
    /// From this publisher's number on, this is added: a segment for each gap that was closed.
    segments: Vec<(u64, i64)>,
    top: u64,
    highest: u64,
    last_timestamp: u32,
    last_at: Option<Instant>,
    last_counters: Offsets,
    sent: Vec<Option<Sent>>,
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
            segments: Vec::new(),
            top: 0,
            // Below 2^15, so that the first packets cannot be taken for ones before a roll-over (RFC 3711 3.3.1).
            highest: seed & 0x7fff,
            last_timestamp: 0,
            last_at: None,
            last_counters: Offsets::default(),
            sent: if spec.codec.kind() == Kind::Video { vec![None; REMEMBERED] } else { Vec::new() },
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
        if packet.codec != self.spec.codec {
            return None;
        }
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
        let (_, shift) = *self.segments.iter().rev().find(|(from, _)| *from <= packet.sequence)?;
        self.top = self.top.max(packet.sequence);
        let sequence = packet.sequence.checked_add_signed(shift)?;
        let timestamp = packet.timestamp.wrapping_add(self.timestamp_offset);
        let placed = Placed { sequence, timestamp, offsets: self.offsets, source: packet.sequence };
        if sequence > self.highest {
            self.advance(&placed, item);
        }
        if let Some(slot) = self.sent.get_mut(sequence as usize % REMEMBERED) {
            if slot.is_some_and(|sent| sent.placed == placed) {
                // Sent already with the pictures at the beginning.
                return None;
            }
            *slot = Some(Sent { placed, last: None, tries: 0 });
        }
        Some(placed)
    }

    fn advance(&mut self, placed: &Placed, item: &Item) {
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
        self.segments.clear();
        self.segments.push((packet.sequence, self.highest as i64 + 1 - packet.sequence as i64));
    }

    /// The publisher spent a number on padding: those after it move down by one.
    fn close_gap(&mut self, sequence: u64) {
        let Some((_, shift)) = self.segments.last().copied().filter(|_| sequence > self.top) else { return };
        self.segments.push((sequence + 1, shift - 1));
        if self.segments.len() > SEGMENTS {
            self.segments.remove(0);
        }
        self.top = sequence;
    }

    /// Whether the packet of this 16-bit number may be sent again now; counts the try.
    pub fn retransmit(&mut self, sequence: u16, round_trip: Duration, now: Instant) -> Option<Placed> {
        let step = i64::from(sequence.wrapping_sub(self.highest as u16) as i16);
        let extended = self.highest.checked_add_signed(step)?;
        let slot = self.sent.get_mut(extended as usize % REMEMBERED)?.as_mut()?;
        let pause = PAUSE.max(round_trip);
        let rested = slot.last.is_none_or(|last| now.saturating_duration_since(last) >= pause);
        if slot.placed.sequence != extended || slot.tries >= TRIES || !rested {
            return None;
        }
        slot.last = Some(now);
        slot.tries += 1;
        Some(slot.placed)
    }

    /// The next sequence number of retransmissions, extended.
    pub fn next_rtx(&mut self) -> u64 {
        self.rtx_sequence += 1;
        self.rtx_sequence
    }
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
    use crate::media::rtp::Header;
    use crate::model::Codec;

    fn stream() -> Stream {
        let spec = OutStream { codec: Codec::Vp8, mid: "0".into(), payload_type: 96, ssrc: 1, rtx: Some((97, 2)) };
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
        let placed = stream.place(&item(10, 0, true, 1, now)).unwrap();
        let number = placed.sequence as u16;
        assert_eq!(stream.retransmit(number, Duration::ZERO, now), Some(placed));
        assert_eq!(stream.retransmit(number, Duration::ZERO, now), None, "too soon");
        assert_eq!(stream.retransmit(number + 1, Duration::ZERO, now), None, "never sent");
        let again = (1..20).filter(|n| stream.retransmit(number, PAUSE, now + *n * PAUSE).is_some()).count();
        assert_eq!(again, usize::from(TRIES) - 1);
    }
}
