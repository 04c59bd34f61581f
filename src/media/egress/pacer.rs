//! When a subscriber's pictures leave: no faster than a multiple of what its line is believed to carry, so that a keyframe does
//! not fill the line's queue. Sound never waits. Pure: time comes in.
//!
//! What waits has its numbers already, but not those of the transport: these and the time of sending are given when it leaves.

use super::stream::Placed;
use crate::media::rtp::Item;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// So much faster than the estimate: a line that is believed to be narrow must still show that it is not.
const FACTOR: f64 = 2.5;
/// Bits per second that are always sent.
const SLOWEST: f64 = 300_000.0;
/// What may leave at once, as time at the pace.
const BURST: f64 = 0.040;
/// More than this is not worth waiting for.
const LONGEST: Duration = Duration::from_millis(600);
/// Overhead of a packet: header, extensions, tag.
const OVERHEAD: usize = 50;

/// A packet that waits.
pub struct Waiting {
    /// Which stream of the subscriber.
    pub stream: usize,
    /// The packet.
    pub item: Arc<Item>,
    /// Its numbers.
    pub placed: Placed,
    /// It is sent again.
    pub again: bool,
}

/// The pace of one subscriber.
#[derive(Default)]
pub struct Pacer {
    /// Bytes per second; zero: not known, nothing waits.
    rate: f64,
    /// Bytes that may leave now; below zero when the last packet was larger.
    bucket: f64,
    filled: Option<Instant>,
    queue: VecDeque<Waiting>,
    bytes: usize,
}

impl Pacer {
    /// Time has passed; `estimate` of the line, bits per second.
    pub fn pass(&mut self, now: Instant, estimate: Option<u64>) {
        let Some(estimate) = estimate else {
            (self.rate, self.bucket, self.filled) = (0.0, 0.0, None);
            return;
        };
        self.rate = (estimate as f64 * FACTOR).max(SLOWEST) / 8.0;
        let passed = self.filled.replace(now).map_or(BURST, |last| now.saturating_duration_since(last).as_secs_f64());
        self.bucket = (self.bucket + passed * self.rate).min(self.rate * BURST);
    }

    /// Whether a packet may leave now, before those that wait.
    fn is_open(&self) -> bool {
        self.rate == 0.0 || self.bucket > 0.0
    }

    /// Whether a packet that comes now need not wait.
    pub fn is_free(&self) -> bool {
        self.queue.is_empty() && self.is_open()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// So many bytes leave.
    pub fn spend(&mut self, bytes: usize) {
        if self.rate > 0.0 {
            self.bucket -= bytes as f64;
        }
    }

    /// It waits; what is sent again goes before all else: pictures stand still for want of it.
    pub fn wait(&mut self, packet: Waiting) {
        self.bytes += size(&packet);
        if packet.again {
            self.queue.push_front(packet);
        } else {
            self.queue.push_back(packet);
        }
    }

    /// The next one that may leave now.
    pub fn next(&mut self) -> Option<Waiting> {
        let packet = if self.is_open() { self.queue.pop_front() } else { None }?;
        self.bytes -= size(&packet);
        Some(packet)
    }

    /// How long what waits takes at this pace.
    pub fn queued(&self) -> Duration {
        if self.rate == 0.0 { Duration::ZERO } else { Duration::from_secs_f64(self.bytes as f64 / self.rate) }
    }

    /// Whether more waits than is worth it.
    pub fn is_full(&self) -> bool {
        self.queued() > LONGEST
    }

    /// The newest packet of pictures that waits.
    pub fn newest(&self) -> Option<&Waiting> {
        self.queue.iter().rev().find(|packet| !packet.again)
    }

    /// Whether a keyframe's packets, of this timestamp as it goes out, are among what waits.
    pub fn holds(&self, timestamp: u32) -> bool {
        self.queue.iter().any(|packet| packet.placed.timestamp == timestamp)
    }

    /// Gives up what waits; how many packets.
    pub fn clear(&mut self) -> usize {
        self.bytes = 0;
        std::mem::take(&mut self.queue).len()
    }
}

fn size(packet: &Waiting) -> usize {
    packet.item.packet.payload.len() + OVERHEAD
}
