//! How layers become one track: whichever is carried, numbers and times go on as if one encoder had made all. Pure.
//!
//! Whoever sends the same thing in two ways uses it: layers, and a publisher with his filter (`stage`).
//! Layers count and clock for themselves. Their sender reports tell how their clocks differ; before those came, arrival
//! does. Sound and pictures stay together, since reports are moved by as much as the packets.

use crate::media::feed::clock::Report;
use crate::media::rtp::Packet;
use std::time::Instant;

/// Of a run that nothing follows.
const NONE: usize = usize::MAX;
/// A clock whose report leads further away from what arrival tells, in seconds, is not believed.
const PLAUSIBLE: u64 = 2;

/// Some packets of one layer, carried one after another.
#[derive(Clone, Copy, Debug)]
struct Run {
    layer: usize,
    generation: u32,
    /// Its first packet; what comes late from before it is not carried.
    from: u64,
    shift: i64,
    ticks: u32,
}

/// The one track.
#[derive(Debug)]
pub struct Carrier {
    /// RTP ticks a second.
    rate: u64,
    /// Least ticks from one picture or piece of sound to the first of another run.
    least: u32,
    run: Option<Run>,
    highest: u64,
    timestamp: u32,
    at: Option<Instant>,
}

/// A packet as it goes on.
#[derive(Debug, PartialEq, Eq)]
pub struct Carried {
    /// Rewritten.
    pub data: Vec<u8>,
    /// It is the first of another source; `true` when it is the first of all, whose numbers are the layer's own.
    pub begins: Option<bool>,
}

impl Default for Carrier {
    /// Of layers: the same picture in another is shown at the same time.
    fn default() -> Self {
        Self::new(90_000, 1)
    }
}

impl Carrier {
    /// Nothing is carried yet; `rate`: RTP ticks a second, `least`: those from one run's last to another's first.
    pub fn new(rate: u32, least: u32) -> Self {
        Self { rate: rate.into(), least, run: None, highest: 0, timestamp: 0, at: None }
    }

    /// What was sent so far without a carrier was this layer, as it came: it goes on with this packet, whatever that is.
    pub fn go_on_as_is(&mut self, layer: usize, generation: u32, packet: &Packet) {
        self.run = Some(Run { layer, generation, from: packet.sequence, shift: 0, ticks: 0 });
    }

    /// Which layer is carried.
    pub fn layer(&self) -> Option<usize> {
        self.run.map(|run| run.layer).filter(|layer| *layer != NONE)
    }

    /// Other layers are to go on where these end.
    pub fn interrupted(&mut self) -> Self {
        let mut next = std::mem::take(self);
        next.run = next.run.map(|run| Run { layer: NONE, ..run });
        next
    }

    /// What is added to a layer's RTP times; `None` when it is not the one that is carried.
    pub fn ticks(&self, layer: usize) -> Option<u32> {
        self.run.filter(|run| run.layer == layer).map(|run| run.ticks)
    }

    /// A packet of a layer that may be carried. It begins another run when it is a keyframe: of another layer, or of one
    /// whose encoder began anew. `reports`: the last of this layer, and of the one carried so far.
    pub fn carry(
        &mut self,
        layer: usize,
        generation: u32,
        packet: &Packet,
        reports: (Option<Report>, Option<Report>),
    ) -> Option<Carried> {
        let goes_on = self.run.is_some_and(|run| run.layer == layer && run.generation == generation);
        let begins = (!goes_on && packet.keyframe).then_some(self.run.is_none());
        if begins.is_some() {
            let shift = if self.run.is_some() { self.highest as i64 + 1 - packet.sequence as i64 } else { 0 };
            let ticks = self.ticks_for(packet, reports);
            self.run = Some(Run { layer, generation, from: packet.sequence, shift, ticks });
        }
        let run = self.run.filter(|run| run.layer == layer && run.generation == generation)?;
        if packet.sequence < run.from {
            return None;
        }
        let sequence = packet.sequence.checked_add_signed(run.shift)?;
        let timestamp = packet.timestamp.wrapping_add(run.ticks);
        if sequence >= self.highest {
            (self.highest, self.timestamp, self.at) = (sequence, timestamp, Some(packet.at));
        }
        Some(Carried { data: rewritten(packet, sequence as u16, timestamp)?, begins })
    }

    /// What to add to the times of a run that begins with this packet.
    fn ticks_for(&self, packet: &Packet, reports: (Option<Report>, Option<Report>)) -> u32 {
        let (Some(at), Some(run)) = (self.at, self.run) else { return 0 };
        let elapsed = packet.at.saturating_duration_since(at).as_millis() as u64 * self.rate / 1000;
        let by_arrival = self.timestamp.wrapping_add(elapsed.max(1) as u32);
        let by_clock = match reports {
            (Some(new), Some(old)) => {
                let apart = ((i128::from(new.ntp.wrapping_sub(old.ntp) as i64) * i128::from(self.rate)) >> 32) as u32;
                let ahead = old.rtp.wrapping_add(apart).wrapping_sub(new.rtp);
                Some(packet.timestamp.wrapping_add(run.ticks).wrapping_add(ahead))
            }
            _ => None,
        };
        let near =
            |time: &u32| u64::from((time.wrapping_sub(by_arrival) as i32).unsigned_abs()) < PLAUSIBLE * self.rate;
        let time = by_clock.filter(near).unwrap_or(by_arrival);
        // The same picture in another layer is one more picture.
        let time =
            if (time.wrapping_sub(self.timestamp) as i32) > 0 { time } else { self.timestamp.wrapping_add(self.least) };
        time.wrapping_sub(packet.timestamp)
    }
}

fn rewritten(packet: &Packet, sequence: u16, timestamp: u32) -> Option<Vec<u8>> {
    let mut data = packet.data.clone();
    data.get_mut(2..4)?.copy_from_slice(&sequence.to_be_bytes());
    data.get_mut(4..8)?.copy_from_slice(&timestamp.to_be_bytes());
    Some(data)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Codec;
    use std::time::Duration;

    fn packet(sequence: u64, timestamp: u32, keyframe: bool, at: Instant) -> Packet {
        let (codec, data, payload) = (Codec::Vp8, vec![0x80; 20], 12..20);
        Packet { codec, sequence, timestamp, marker: true, keyframe, size: None, data, payload, at }
    }

    fn numbers(carried: &Carried) -> (u16, u32, Option<bool>) {
        let d = &carried.data;
        (u16::from_be_bytes([d[2], d[3]]), u32::from_be_bytes([d[4], d[5], d[6], d[7]]), carried.begins)
    }

    const SILENT: (Option<Report>, Option<Report>) = (None, None);

    #[test]
    fn numbers_and_times_go_on_from_layer_to_layer() {
        let (mut carrier, start) = (Carrier::default(), Instant::now());
        let mut carry = |layer, generation, packet: &Packet| {
            carrier.carry(layer, generation, packet, SILENT).map(|carried| numbers(&carried))
        };
        assert_eq!(carry(0, 0, &packet(0x1_0005, 1000, false, start)), None, "begins with a keyframe");
        assert_eq!(carry(0, 0, &packet(0x1_0006, 2000, true, start)), Some((6, 2000, Some(true))));
        assert_eq!(carry(0, 0, &packet(0x1_0008, 5000, false, start)), Some((8, 5000, None)));
        assert_eq!(carry(0, 0, &packet(0x1_0007, 5000, false, start)), Some((7, 5000, None)), "late");
        let later = start + Duration::from_millis(100);
        assert_eq!(carry(1, 0, &packet(0x2_0000, 77, false, later)), None, "the other's keyframe is waited for");
        assert_eq!(carry(1, 0, &packet(0x2_0001, 99, true, later)), Some((9, 14_000, Some(false))));
        assert_eq!(carry(1, 0, &packet(0x2_0000, 77, false, later)), None, "late, from before");
        assert_eq!(carry(0, 0, &packet(0x1_0009, 8000, false, later)), None, "the former one is over");
        assert_eq!(carry(1, 1, &packet(0x3_0000, 7, false, later)), None);
        let much_later = later + Duration::from_millis(20);
        assert_eq!(
            carry(1, 1, &packet(0x3_0001, 7, true, much_later)),
            Some((10, 15_800, Some(false))),
            "a new encoder"
        );
    }

    #[test]
    fn clocks_of_layers_are_matched_by_their_reports() {
        let (mut carrier, start) = (Carrier::default(), Instant::now());
        let second = 1u64 << 32;
        let old = Report { ntp: 100 * second, rtp: 50_000 };
        let new = Report { ntp: 101 * second, rtp: 7_000 };
        carrier.carry(0, 0, &packet(1, 50_000, true, start), SILENT);
        // Taken 2 s after the old report, arrived 3 ms late.
        let late = start + Duration::from_millis(2003);
        let carried = carrier.carry(1, 0, &packet(9, 97_000, true, late), (Some(new), Some(old))).unwrap();
        assert_eq!(numbers(&carried), (2, 230_000, Some(false)));
        assert_eq!((carrier.ticks(1), carrier.ticks(0)), (Some(133_000), None));
        let same = carrier.carry(0, 0, &packet(5, 230_000, true, late), (Some(old), Some(new))).unwrap();
        assert_eq!(numbers(&same), (3, 230_001, Some(false)), "the same picture again, in another layer");
    }

    #[test]
    fn a_clock_that_lies_is_not_believed() {
        let (mut carrier, start) = (Carrier::default(), Instant::now());
        carrier.carry(0, 0, &packet(1, 0, true, start), SILENT);
        let reports = (Some(Report { ntp: 1 << 50, rtp: 7 }), Some(Report { ntp: 5 << 32, rtp: 0 }));
        let carried = carrier.carry(1, 0, &packet(9, 123, true, start + Duration::from_secs(1)), reports).unwrap();
        assert_eq!(numbers(&carried).1, 90_000);
    }
}
