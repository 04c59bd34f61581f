//! A look upward: packets beside the media, at the rate that the estimate asks for. Pure: time comes in.

use crate::media::estimate::{Probe, ProbeId};
use std::time::Instant;

/// Old packets are sent again at most so many back: older ones are gone from the receiver's books.
const BACK: u64 = 64;
/// Late wake-ups are made up for, but not more than this many seconds of them at once.
const BURST: f64 = 0.025;

/// A probe on its way.
pub struct Running {
    probe: Probe,
    left: usize,
    /// Bytes that may leave now.
    bucket: f64,
    filled: Instant,
    /// Which packet comes next, and which is the last.
    cursor: u64,
    oldest: u64,
}

impl Running {
    /// Begins; the newest packet sent had this number.
    pub fn new(probe: Probe, newest: u64, now: Instant) -> Self {
        let oldest = newest.saturating_sub(BACK);
        Self { left: probe.bytes, probe, bucket: 1.0, filled: now, cursor: newest, oldest }
    }

    /// Which it is.
    pub fn id(&self) -> ProbeId {
        self.probe.id
    }

    /// Time has passed.
    pub fn pass(&mut self, now: Instant) {
        let rate = self.probe.bits as f64 / 8.0;
        let passed = now.saturating_duration_since(std::mem::replace(&mut self.filled, now)).as_secs_f64();
        self.bucket += passed.min(BURST) * rate;
    }

    /// Whether a packet is due.
    pub fn is_due(&self) -> bool {
        self.bucket > 0.0 && !self.is_over()
    }

    /// Whether all was sent.
    pub fn is_over(&self) -> bool {
        self.left == 0
    }

    /// The number of the next old packet to send again; `None`: there are no more.
    pub fn next(&mut self) -> Option<u64> {
        let next = Some(self.cursor).filter(|cursor| *cursor > self.oldest);
        self.cursor = self.cursor.saturating_sub(1);
        next
    }

    /// So many bytes were sent.
    pub fn spend(&mut self, bytes: usize) {
        self.bucket -= bytes as f64;
        self.left = self.left.saturating_sub(bytes);
    }
}
