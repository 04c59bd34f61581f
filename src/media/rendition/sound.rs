//! The feed's own sound in its rendition: the packets as they are, under our own SSRC, sequence and time.

use super::clock::Clock;
use crate::media::branch::Timed;

/// Where the fields of the header stand (RFC 3550 5.1).
const SEQUENCE: std::ops::Range<usize> = 2..4;
const TIMESTAMP: std::ops::Range<usize> = 4..8;
const SSRC: std::ops::Range<usize> = 8..12;

/// Carries packets along.
#[derive(Default)]
pub(super) struct Carry {
    sequence: u16,
}

impl Carry {
    /// The packet, for the rendition; a loss before it stays one.
    pub(super) fn packet(&mut self, timed: &Timed, clock: &Clock) -> Option<Vec<u8>> {
        self.sequence = self.sequence.wrapping_add(if timed.after_gap { 2 } else { 1 });
        let mut data = timed.packet.data.clone();
        data.get_mut(SEQUENCE)?.copy_from_slice(&self.sequence.to_be_bytes());
        data.get_mut(TIMESTAMP)?.copy_from_slice(&clock.rtp(timed.at).to_be_bytes());
        data.get_mut(SSRC)?.copy_from_slice(&clock.ssrc.to_be_bytes());
        Some(data)
    }
}
