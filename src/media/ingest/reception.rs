//! How one stream arrives (RFC 3550 6.4.1, A.3 and A.8), for our receiver reports. Pure: time comes in.

use crate::media::rtcp::ReceptionBlock;
use crate::media::rtp::{Extender, Header};
use std::time::Instant;

/// The counters of one SSRC.
#[derive(Debug)]
pub struct Reception {
    /// Whose.
    pub ssrc: u32,
    clock_rate: u32,
    epoch: Instant,
    extender: Extender,
    first: u64,
    received: u64,
    /// Expected and received at the last report.
    before: (u64, u64),
    transit: Option<f64>,
    jitter: f64,
    sender_report: Option<(u32, Instant)>,
}

impl Reception {
    /// Begins with its first packet.
    pub fn new(header: &Header, clock_rate: u32, at: Instant) -> Self {
        let mut new = Self {
            ssrc: header.ssrc,
            clock_rate,
            epoch: at,
            extender: Extender::default(),
            first: 0,
            received: 0,
            before: (0, 0),
            transit: None,
            jitter: 0.0,
            sender_report: None,
        };
        new.arrived(header.sequence, header.timestamp, at);
        new
    }

    /// A packet came.
    pub fn arrived(&mut self, sequence: u16, timestamp: u32, at: Instant) {
        match self.extender.peek(sequence) {
            Some(number) => self.extender.seen(number),
            None => self.begin_anew(sequence),
        }
        if self.received == 0 {
            self.first = self.extender.highest().unwrap_or_default();
        }
        self.received += 1;
        self.note_jitter(timestamp, at);
    }

    fn begin_anew(&mut self, sequence: u16) {
        self.extender.restart(sequence);
        (self.received, self.before, self.transit) = (0, (0, 0), None);
    }

    /// In units of the RTP clock; a packet of the same picture has the same timestamp and counts as well, as in libwebrtc.
    fn note_jitter(&mut self, timestamp: u32, at: Instant) {
        let arrival = at.saturating_duration_since(self.epoch).as_secs_f64() * f64::from(self.clock_rate);
        let transit = arrival - f64::from(timestamp);
        if let Some(before) = self.transit.replace(transit) {
            // A roll-over of the timestamp is no jitter.
            let moved = (transit - before).abs();
            if moved < f64::from(self.clock_rate) * 5.0 {
                self.jitter += (moved - self.jitter) / 16.0;
            }
        }
    }

    /// Its sender's report came.
    pub fn on_sender_report(&mut self, ntp: u64, at: Instant) {
        self.sender_report = Some(((ntp >> 16) as u32, at));
    }

    /// The block of the next receiver report; `None` when nothing came since the last.
    pub fn report(&mut self, now: Instant) -> Option<ReceptionBlock> {
        let highest = self.extender.highest()?;
        let expected = highest + 1 - self.first;
        let new = (expected - self.before.0.min(expected), self.received - self.before.1.min(self.received));
        if new.1 == 0 {
            return None;
        }
        self.before = (expected, self.received);
        let lost = new.0.saturating_sub(new.1);
        let (last, delay) = self.sender_report.map_or((0, 0), |(last, came)| {
            (last, (now.saturating_duration_since(came).as_secs_f64() * 65_536.0) as u32)
        });
        Some(ReceptionBlock {
            ssrc: self.ssrc,
            fraction_lost: ((lost << 8) / new.0.max(1)).min(255) as u8,
            lost: expected.saturating_sub(self.received).min(0x7f_ffff) as u32,
            highest: highest as u32,
            jitter: self.jitter as u32,
            last_sender_report: last,
            delay,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn header(sequence: u16, timestamp: u32) -> Header {
        Header { marker: false, payload_type: 96, sequence, timestamp, ssrc: 7, payload: 12..20 }
    }

    #[test]
    fn counts_losses_and_times_as_the_rfc_does() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut reception = Reception::new(&header(65_533, 0), 90_000, start);
        // 65_534 is lost; every packet is on time.
        for (number, ms) in [(65_535, 20), (0, 30), (1, 40)] {
            reception.arrived(number, ms * 90, at(ms.into()));
        }
        reception.on_sender_report(0x1234_5678_9abc_def0, at(50));
        let block = reception.report(at(1050)).expect("a report");
        assert_eq!((block.fraction_lost, block.lost, block.highest & 0xffff), (51, 1, 1), "one of five");
        assert_eq!((block.jitter, block.last_sender_report, block.delay), (0, 0x5678_9abc, 65_536));
        assert_eq!(reception.report(at(1100)), None, "nothing new");
        reception.arrived(2, 50 * 90, at(70));
        let late = reception.report(at(1200)).expect("a report");
        assert_eq!((late.fraction_lost, late.lost), (0, 1));
        assert_eq!(late.jitter, 20 * 90 / 16, "20 ms late, of which a 16th counts");
    }

    #[test]
    fn a_sender_that_begins_anew_lost_nothing() {
        let start = Instant::now();
        let mut reception = Reception::new(&header(10, 0), 48_000, start);
        reception.arrived(40_000, 99, start);
        reception.arrived(40_001, 99, start);
        let block = reception.report(start).expect("a report");
        assert_eq!((block.fraction_lost, block.lost, block.highest & 0xffff), (0, 0, 40_001));
    }
}
