//! One publication's part of what comes in over a connection: where it goes, and how its packets are read.

use crate::media::feed::{Feed, SourceTrack};
use crate::model::PeerId;
use std::sync::{Arc, Weak};

/// A publication.
pub struct Inlet {
    /// The publishing peer.
    pub whose: PeerId,
    /// Where its packets go.
    pub feed: Weak<Feed>,
    /// Header extension of the transport-wide number, 0 when not negotiated.
    pub transport_cc: u8,
    /// Authentic packets and bytes.
    pub received: (u64, u64),
    clock_rates: Vec<(u8, u32)>,
}

impl Inlet {
    /// As negotiated.
    pub fn new(whose: PeerId, feed: &Arc<Feed>, tracks: &[SourceTrack], transport_cc: u8) -> Self {
        let clock_rates = tracks.iter().map(|t| (t.payload_type, t.codec.clock_rate())).collect();
        Self { whose, feed: Arc::downgrade(feed), transport_cc, received: (0, 0), clock_rates }
    }

    /// It was negotiated anew.
    pub fn renew(&mut self, new: Self) {
        *self = Self { received: self.received, ..new };
    }

    /// Ticks per second of a payload type; those of retransmissions are pictures'.
    pub fn clock_rate(&self, payload_type: u8) -> u32 {
        self.clock_rates.iter().find(|(pt, _)| *pt == payload_type).map_or(90_000, |(_, rate)| *rate)
    }
}
