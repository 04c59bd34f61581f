//! A rendition's clock: sender reports (RFC 3550 6.4.1) that put its sound and pictures on one line. Pure.

use crate::media::feed::clock::ntp_now;
use crate::media::rtcp::{SenderReport, write_sender_report};

/// From report to report, in nanoseconds.
const INTERVAL: i64 = 1_000_000_000;

/// One track's RTP time and reports.
pub(super) struct Clock {
    /// Its SSRC.
    pub ssrc: u32,
    /// Ticks a second.
    pub rate: u32,
    /// RTP time of zero.
    offset: u32,
    reported: Option<i64>,
}

impl Clock {
    /// Of a track with so many ticks a second.
    pub(super) fn new(rate: u32) -> Self {
        Self { ssrc: rand::random::<u32>() | 1, rate, offset: rand::random(), reported: None }
    }

    /// RTP time at `at` nanoseconds.
    pub(super) fn rtp(&self, at: i64) -> u32 {
        let ticks = (i128::from(at) * i128::from(self.rate) + 500_000_000).div_euclid(1_000_000_000);
        self.offset.wrapping_add(ticks as u32)
    }

    /// Whether a report is due at `at`; said once for each.
    pub(super) fn is_due(&mut self, at: i64) -> bool {
        let due = self.reported.is_none_or(|last| !(0..INTERVAL).contains(&(at - last)));
        if due {
            self.reported = Some(at);
        }
        due
    }

    /// The report that is due at `at`, on the line whose zero is `zero` (NTP).
    pub(super) fn report(&mut self, at: i64, zero: u64) -> Option<Vec<u8>> {
        if !self.is_due(at) {
            return None;
        }
        let ntp = zero.wrapping_add_signed(((i128::from(at) << 32) / 1_000_000_000) as i64);
        let (ssrc, rtp) = (self.ssrc, self.rtp(at));
        let mut packet = Vec::new();
        write_sender_report(&SenderReport { ssrc, ntp, rtp, packets: 0, bytes: 0 }, "rendition", &mut packet);
        Some(packet)
    }
}

/// The line's zero: now, less what has passed since, in nanoseconds.
pub(super) fn zero(passed: i64) -> u64 {
    ntp_now().wrapping_add_signed(-(((i128::from(passed) << 32) / 1_000_000_000) as i64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::rtcp::{Feedback, read};

    #[test]
    fn rtp_time_is_rounded_and_wraps() {
        let clock = Clock { offset: u32::MAX, ..Clock::new(48_000) };
        assert_eq!([0, 20_000_000, 20_010_000].map(|at| clock.rtp(at)), [u32::MAX, 959, 959]);
    }

    #[test]
    fn reports_come_each_second_and_tell_the_line() {
        let mut clock = Clock { offset: 0, ..Clock::new(90_000) };
        assert!(clock.report(0, 5 << 32).is_some() && clock.report(900_000_000, 5 << 32).is_none());
        let packet = clock.report(1_500_000_000, 5 << 32).unwrap();
        let mut told = Vec::new();
        read(&packet, |feedback| {
            if let Feedback::SenderReport { ntp, rtp, .. } = feedback {
                told.push((ntp, rtp));
            }
        });
        assert_eq!(told, [((6 << 32) + (1 << 31), 135_000)]);
    }
}
