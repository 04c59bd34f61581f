//! When each packet of a transport came, and the feedback that tells it
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01). Pure: time comes in.

use crate::media::rtcp;
use crate::media::rtp::Extender;
use rtcp_types::TwccPacketStatus;
use std::collections::BTreeMap;
use std::time::Instant;

/// The format's unit of time, in microseconds, and of its reference time in those.
const TICK_US: u64 = 250;
const REFERENCE_TICKS: u64 = 256;
/// Packets told of at most; more missing than this is an outage, not loss.
const MOST: u64 = 500;

/// Arrivals by transport-wide sequence number.
pub struct Arrivals {
    epoch: Instant,
    extender: Extender,
    /// In ticks since the epoch; those told of stay a while, since a late packet is told together with its neighbours.
    ticks: BTreeMap<u64, u64>,
    /// The lowest number that is still to be told.
    from: Option<u64>,
    next: u64,
    count: u8,
}

impl Arrivals {
    /// None yet.
    pub fn new(epoch: Instant) -> Self {
        Self { epoch, extender: Extender::default(), ticks: BTreeMap::new(), from: None, next: 0, count: 0 }
    }

    /// A packet came.
    pub fn arrived(&mut self, sequence: u16, at: Instant) {
        let number = match self.extender.peek(sequence) {
            Some(number) => {
                self.extender.seen(number);
                number
            }
            // The sender began anew.
            None => {
                self.ticks.clear();
                (self.from, self.next) = (None, 0);
                self.extender.restart(sequence)
            }
        };
        let first = if self.next == 0 { number } else { number.min(self.next) };
        self.from = Some(self.from.map_or(first, |from| from.min(first)));
        let micros = at.saturating_duration_since(self.epoch).as_micros() as u64;
        self.ticks.entry(number).or_insert(micros / TICK_US);
    }

    /// The feedback about all that has not been told, as RTCP; usually one packet, none when there is no news.
    pub fn feedback(&mut self, sender: u32, media: u32) -> Vec<Vec<u8>> {
        let (Some(from), Some(highest)) = (self.from.take(), self.extender.highest()) else { return Vec::new() };
        let mut out = Vec::new();
        let mut at = from.max((highest + 1).saturating_sub(MOST));
        while at <= highest {
            let (reference, statuses) = self.statuses(at, highest);
            let (count, told) = (self.count, statuses.len().max(1));
            let reference = (reference & 0xff_ffff) as u32;
            let Some((packet, told)) =
                rtcp::transport_feedback(sender, media, (at as u16, reference, count), &statuses)
                    .map(|(packet, consumed)| (packet, consumed.min(told)))
            else {
                break;
            };
            self.count = self.count.wrapping_add(1);
            out.push(packet);
            at += told as u64;
        }
        self.next = highest + 1;
        self.ticks = self.ticks.split_off(&self.next.saturating_sub(MOST));
        out
    }

    /// Reference time, and how the packets from `first` on came, up to the first whose time does not fit.
    fn statuses(&self, first: u64, last: u64) -> (u64, Vec<TwccPacketStatus>) {
        let reference = self.ticks.range(first..=last).next().map_or(0, |(_, ticks)| ticks / REFERENCE_TICKS);
        let mut before = reference * REFERENCE_TICKS;
        let status = |number: u64| {
            let Some(&ticks) = self.ticks.get(&number) else { return Some(TwccPacketStatus::NotReceived) };
            let delta = i16::try_from(ticks as i64 - before as i64).ok()?;
            before = ticks;
            Some(TwccPacketStatus::Received { delta })
        };
        (reference, (first..=last).map_while(status).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtcp_types::{Compound, Packet, Twcc};
    use std::time::Duration;

    /// What a sender reads: number, and arrival in ticks since the epoch.
    fn read(packets: &[Vec<u8>]) -> Vec<(u16, Option<u64>)> {
        let mut all = Vec::new();
        for packet in packets {
            let Some(Ok(Packet::TransportFeedback(feedback))) = Compound::parse(packet).unwrap().next() else {
                panic!("no feedback: {packet:02x?}")
            };
            let twcc = feedback.parse_fci::<Twcc>().unwrap();
            let mut ticks = i64::from(twcc.reference_time()) * REFERENCE_TICKS as i64;
            for status in twcc.packets() {
                all.push(match status.unwrap() {
                    (number, TwccPacketStatus::Received { delta }) => {
                        ticks += i64::from(delta);
                        (number, Some(ticks as u64))
                    }
                    (number, TwccPacketStatus::NotReceived) => (number, None),
                });
            }
        }
        all
    }

    #[test]
    fn tells_what_came_when_and_what_did_not() {
        let epoch = Instant::now();
        let mut arrivals = Arrivals::new(epoch);
        let at = |ms| epoch + Duration::from_millis(ms);
        [(65_534, 1000), (65_535, 1001), (1, 1100), (0, 1102)].iter().for_each(|(n, ms)| arrivals.arrived(*n, at(*ms)));
        let told = read(&arrivals.feedback(1, 2));
        assert_eq!(told, [(65_534, Some(4000)), (65_535, Some(4004)), (0, Some(4408)), (1, Some(4400))]);
        assert!(arrivals.feedback(1, 2).is_empty(), "no news");
        arrivals.arrived(4, at(1200));
        assert_eq!(read(&arrivals.feedback(1, 2)), [(2, None), (3, None), (4, Some(4800))]);
        arrivals.arrived(2, at(1201));
        let late = read(&arrivals.feedback(1, 2));
        assert_eq!(late, [(2, Some(4804)), (3, None), (4, Some(4800))], "a late one, with its neighbours");
    }

    #[test]
    fn a_long_silence_and_an_outage_fit() {
        let epoch = Instant::now();
        let mut arrivals = Arrivals::new(epoch);
        let at = |s| epoch + Duration::from_secs(s);
        arrivals.arrived(10, at(1));
        arrivals.arrived(11, at(60));
        assert_eq!(read(&arrivals.feedback(1, 2)), [(10, Some(4000)), (11, Some(240_000))]);
        arrivals.arrived(2900, at(61));
        let told = read(&arrivals.feedback(1, 2));
        assert_eq!((told.len() as u64, told.last()), (MOST, Some(&(2900, Some(244_000)))));
        arrivals.arrived(40_000, at(62));
        assert_eq!(read(&arrivals.feedback(1, 2)), [(40_000, Some(248_000))], "the sender began anew");
    }

    #[test]
    fn any_pattern_of_losses_reads_back() {
        let epoch = Instant::now();
        let mut arrivals = Arrivals::new(epoch);
        let (mut state, mut number, mut ms) = (7u32, 65_000u16, 0u64);
        for round in 0..200 {
            let mut sent = Vec::new();
            for _ in 0..round {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (number, ms) = (number.wrapping_add(1), ms + u64::from(state >> 26));
                if state >> 8 & 7 != 0 {
                    arrivals.arrived(number, epoch + Duration::from_millis(ms));
                    sent.push((number, Some(ms * 4)));
                }
            }
            let told: Vec<_> = read(&arrivals.feedback(1, 2)).into_iter().filter(|(_, at)| at.is_some()).collect();
            assert_eq!(told, sent, "round {round}");
        }
    }
}
