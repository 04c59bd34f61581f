//! The publisher's clocks from its sender reports (RFC 3550 6.4.1): which RTP time its tracks stand at just now.

use crate::model::Codec;
use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds from the NTP epoch (1900) to the Unix epoch.
const NTP_UNIX: u64 = 2_208_988_800;

/// Our wall clock as NTP, 32.32.
pub fn ntp_now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    ((since.as_secs() + NTP_UNIX) << 32) | ((u64::from(since.subsec_nanos()) << 32) / 1_000_000_000)
}

/// The last report of a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// The publisher's NTP time.
    pub ntp: u64,
    /// The track's RTP time at that instant.
    pub rtp: u32,
}

/// The clocks of one publisher.
#[derive(Debug, Default)]
pub struct Clock {
    /// Publisher's NTP time minus ours, in 32.32; the largest seen belongs to the least delayed report.
    ahead: Option<i64>,
    reports: Vec<(Codec, Report)>,
}

impl Clock {
    /// A sender report of a track came.
    pub fn report(&mut self, codec: Codec, report: Report, our_ntp: u64) {
        let ahead = report.ntp.wrapping_sub(our_ntp) as i64;
        self.ahead = Some(self.ahead.map_or(ahead, |known| known.max(ahead)));
        self.reports.retain(|(known, _)| *known != codec);
        self.reports.push((codec, report));
    }

    /// The track's RTP time at this instant of our clock; `None` before its first report.
    pub fn rtp_at(&self, codec: Codec, our_ntp: u64) -> Option<u32> {
        let (_, report) = self.reports.iter().find(|(known, _)| *known == codec)?;
        let elapsed = our_ntp.wrapping_add_signed(self.ahead?).wrapping_sub(report.ntp) as i64;
        let ticks = (i128::from(elapsed) * i128::from(codec.clock_rate())) >> 32;
        Some(report.rtp.wrapping_add(ticks as u32))
    }

    /// The same publisher's clock as another one knows it: the least delayed report of both counts.
    pub fn align(&mut self, other: &Self) {
        self.ahead = self.ahead.max(other.ahead);
    }

    /// The last report of each track.
    pub fn reports(&self) -> &[(Codec, Report)] {
        &self.reports
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rtp_time_follows_the_publishers_clock() {
        let second = 1u64 << 32;
        let mut clock = Clock::default();
        assert_eq!(clock.rtp_at(Codec::Opus, 0), None);
        // The publisher's clock is 100 s ahead; the second report came 0.5 s late and must not shift it.
        clock.report(Codec::Opus, Report { ntp: 1100 * second, rtp: 48_000 }, 1000 * second);
        clock.report(Codec::Vp8, Report { ntp: 1101 * second, rtp: 90_000 }, 1001 * second + second / 2);
        assert_eq!(clock.rtp_at(Codec::Opus, 1002 * second), Some(3 * 48_000));
        assert_eq!(clock.rtp_at(Codec::Vp8, 1002 * second), Some(2 * 90_000));
    }
}
