//! Puts one track's packets back in order: waits for a missing one a little, then goes on without it.
//!
//! Pure: knows no clock. Decides order and loss; leaves time stamps to `timeline`.

use crate::media::rtp::Packet;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a gap is waited for: several round trips of NACK and retransmission.
pub(super) const WAIT: Duration = Duration::from_millis(400);
/// A gap is given up at once when so many packets wait behind it.
const CAPACITY: usize = 1024;

/// One track's packets on their way into sequence order.
#[derive(Default)]
pub(super) struct Reorder {
    next: Option<u64>,
    waiting: BTreeMap<u64, Arc<Packet>>,
    lost: u64,
}

impl Reorder {
    /// A packet as it came; duplicates and those that come after their place was given up are dropped.
    pub(super) fn push(&mut self, packet: Arc<Packet>) {
        if self.next.is_none_or(|next| packet.sequence >= next) {
            self.waiting.insert(packet.sequence, packet);
        }
    }

    /// The next packet in order, if it is there or what lies before it has been waited for long enough.
    pub(super) fn pop(&mut self, now: Instant) -> Option<Arc<Packet>> {
        let (&first, packet) = self.waiting.first_key_value()?;
        let in_order = self.next.is_none_or(|next| next == first);
        if !in_order && self.waiting.len() < CAPACITY && now.saturating_duration_since(self.oldest(packet)) < WAIT {
            return None;
        }
        self.take_first()
    }

    /// The next packet whatever is missing before it: the track is over.
    pub(super) fn flush(&mut self) -> Option<Arc<Packet>> {
        self.take_first()
    }

    /// Packets given up so far.
    pub(super) fn lost(&self) -> u64 {
        self.lost
    }

    fn take_first(&mut self) -> Option<Arc<Packet>> {
        let (sequence, packet) = self.waiting.pop_first()?;
        self.lost += self.next.map_or(0, |next| sequence - next);
        self.next = Some(sequence + 1);
        Some(packet)
    }

    /// When the gap was first seen. A retransmission may sit in front of packets that came long before it.
    fn oldest(&self, first: &Packet) -> Instant {
        self.waiting.values().take(8).map(|p| p.at).min().unwrap_or(first.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::branch::testing::packet;

    fn drain(reorder: &mut Reorder, now: Instant) -> Vec<u64> {
        std::iter::from_fn(|| reorder.pop(now)).map(|p| p.sequence).collect()
    }

    #[test]
    fn shuffled_packets_come_out_in_order_once() {
        let (mut reorder, now) = (Reorder::default(), Instant::now());
        reorder.push(packet(10, now));
        assert_eq!(drain(&mut reorder, now), [10]);
        for sequence in [13, 12, 13, 11, 10, 14] {
            reorder.push(packet(sequence, now));
        }
        assert_eq!(drain(&mut reorder, now), [11, 12, 13, 14]);
        assert_eq!(reorder.lost(), 0);
    }

    #[test]
    fn a_gap_is_waited_for_and_then_skipped() {
        let (mut reorder, now) = (Reorder::default(), Instant::now());
        for sequence in [1, 4, 5] {
            reorder.push(packet(sequence, now));
        }
        assert_eq!(drain(&mut reorder, now), [1]);
        assert_eq!(drain(&mut reorder, now + WAIT / 2), [0; 0]);
        assert_eq!(drain(&mut reorder, now + WAIT), [4, 5]);
        assert_eq!(reorder.lost(), 2);
        reorder.push(packet(3, now + WAIT));
        assert_eq!(drain(&mut reorder, now + 2 * WAIT), [0; 0], "too late is dropped");
    }

    #[test]
    fn a_recovered_packet_closes_the_gap_and_the_next_one_is_waited_for_anew() {
        let (mut reorder, now) = (Reorder::default(), Instant::now());
        for sequence in [1, 3] {
            reorder.push(packet(sequence, now));
        }
        assert_eq!(drain(&mut reorder, now), [1]);
        let later = now + WAIT / 2;
        reorder.push(packet(2, later));
        reorder.push(packet(5, later));
        assert_eq!(drain(&mut reorder, later), [2, 3]);
        assert_eq!(drain(&mut reorder, now + WAIT), [0; 0]);
        assert_eq!(drain(&mut reorder, later + WAIT), [5]);
    }

    #[test]
    fn memory_is_bounded_when_a_gap_stays() {
        let (mut reorder, now) = (Reorder::default(), Instant::now());
        reorder.push(packet(0, now));
        assert_eq!(drain(&mut reorder, now), [0]);
        for sequence in 2..2 + CAPACITY as u64 {
            reorder.push(packet(sequence, now));
        }
        assert_eq!(drain(&mut reorder, now).len(), CAPACITY);
    }

    #[test]
    fn flush_gives_all_that_is_left() {
        let (mut reorder, now) = (Reorder::default(), Instant::now());
        for sequence in [1, 3, 6] {
            reorder.push(packet(sequence, now));
        }
        let left: Vec<_> = std::iter::from_fn(|| reorder.flush()).map(|p| p.sequence).collect();
        assert_eq!((left, reorder.lost()), (vec![1, 3, 6], 3));
    }
}
