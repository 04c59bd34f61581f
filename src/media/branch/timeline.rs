//! From RTP time to a file's time: one timeline per track, its zero at the file's first sample.
//!
//! Pure. A track's base is set once, when its first packet comes: by sender reports (RFC 3550 6.4.1) when both tracks
//! have one by then, else by arrival. After that RTP time counts, so that a late report never makes a jump in the
//! middle; `align` may ask for small steps. When the source changes (another SSRC, RTP time that leaps) the base is set
//! anew, where the packet would have arrived on the line before, and time goes on forward.

use super::align::sender_ns;
use std::time::{Duration, Instant};

/// RTP time may run ahead of arrival by this much before it is taken for another timeline.
const AHEAD: i64 = 2_000_000_000;
/// A stall of the network looks like RTP time that lags; one longer than this is another timeline.
const BEHIND: i64 = 5_000_000_000;
/// Sender reports that contradict arrival by more than this are not believed.
const IMPLAUSIBLE: i64 = 2_000_000_000;
/// The least delay of the network is followed up by a thousandth of the time, since clocks drift.
const LEAK: i64 = 1000;
/// Least step over a change of source.
const STEP: i64 = 20_000_000;

/// A sender report: the instant `ntp` (64-bit NTP) is RTP time `rtp`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Report {
    pub ntp: u64,
    pub rtp: u32,
}

/// Where a file's time zero lies, for all its tracks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Epoch {
    /// Arrival of the first sample.
    pub arrival: Instant,
    /// The same instant on the sender's clock in nanoseconds, when a report told.
    pub sender: Option<i128>,
}

/// One track's time.
pub(super) struct Timeline {
    clock_rate: u32,
    last: Option<Last>,
    /// How often the base was set anew.
    breaks: u32,
}

#[derive(Clone, Copy)]
struct Last {
    ssrc: u32,
    rtp: u32,
    arrival: Instant,
    pts: i64,
    /// Greatest so far.
    high: i64,
    /// File time minus arrival, of the packets that were least delayed.
    lead: i64,
}

impl Timeline {
    pub(super) fn new(clock_rate: u32) -> Self {
        Self { clock_rate, last: None, breaks: 0 }
    }

    /// Time of a packet in the file in nanoseconds; negative before its start.
    pub(super) fn pts(&mut self, epoch: &Epoch, packet: Stamp, report: Option<Report>) -> i64 {
        let arrived = since(epoch.arrival, packet.arrival);
        let pts = match self.last {
            None => self.by_clocks(epoch, packet, report),
            Some(last) => self.continued(last, packet).unwrap_or_else(|| {
                self.breaks += 1;
                (arrived + last.lead).max(last.high + STEP)
            }),
        };
        let (high, lead) = self.last.map_or((pts, pts - arrived), |last| {
            let leak = (pts - last.pts).clamp(0, AHEAD) / LEAK;
            (last.high.max(pts), (last.lead - leak).max(pts - arrived))
        });
        self.last = Some(Last { ssrc: packet.ssrc, rtp: packet.rtp, arrival: packet.arrival, pts, high, lead });
        pts
    }

    /// From here on all is earlier by so many nanoseconds, which must be less than the distance of two packets.
    pub(super) fn earlier(&mut self, step: i64) {
        if let Some(last) = &mut self.last {
            last.pts -= step;
            last.lead -= step;
        }
    }

    /// Where in the file the zero of the sender's clock lies by this track, in nanoseconds.
    pub(super) fn place(&self, report: Report) -> Option<i128> {
        let last = self.last?;
        let at = i128::from(last.pts) + i128::from(self.nanoseconds(report.rtp.wrapping_sub(last.rtp).cast_signed()));
        Some(at - sender_ns(report))
    }

    /// How often the base was set anew.
    pub(super) fn breaks(&self) -> u32 {
        self.breaks
    }

    /// Ticks of RTP time per second.
    pub(super) fn clock_rate(&self) -> u32 {
        self.clock_rate
    }

    /// The sender's clock at a packet in nanoseconds since 1900.
    pub(super) fn sender_time(&self, rtp: u32, report: Report) -> i128 {
        sender_ns(report) + i128::from(self.nanoseconds(rtp.wrapping_sub(report.rtp).cast_signed()))
    }

    fn by_clocks(&self, epoch: &Epoch, packet: Stamp, report: Option<Report>) -> i64 {
        let arrived = since(epoch.arrival, packet.arrival);
        let sent = report
            .zip(epoch.sender)
            .and_then(|(report, zero)| i64::try_from(self.sender_time(packet.rtp, report) - zero).ok());
        sent.filter(|sent| (sent - arrived).abs() < IMPLAUSIBLE).unwrap_or(arrived)
    }

    /// The next time on the same timeline, or `None` when the source has changed.
    fn continued(&self, last: Last, packet: Stamp) -> Option<i64> {
        let step = self.nanoseconds(packet.rtp.wrapping_sub(last.rtp).cast_signed());
        let ahead = step - since(last.arrival, packet.arrival);
        (packet.ssrc == last.ssrc && (-BEHIND..AHEAD).contains(&ahead)).then_some(last.pts + step)
    }

    fn nanoseconds(&self, units: i32) -> i64 {
        i64::from(units) * 1_000_000_000 / i64::from(self.clock_rate)
    }
}

/// What tells a packet's time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp {
    pub ssrc: u32,
    pub rtp: u32,
    pub arrival: Instant,
}

fn since(from: Instant, to: Instant) -> i64 {
    let clamp = |d: Duration| i64::try_from(d.as_nanos()).unwrap_or(i64::MAX / 4);
    if to >= from { clamp(to - from) } else { -clamp(from - to) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    fn at(start: Instant, ms: u64, ssrc: u32, rtp: u32) -> Stamp {
        Stamp { ssrc, rtp, arrival: start + Duration::from_millis(ms) }
    }

    fn ntp(ms: u64) -> u64 {
        ((3_900_000_000_000 + u128::from(ms)) << 32).div_euclid(1000) as u64
    }

    fn epoch(arrival: Instant) -> Epoch {
        Epoch { arrival, sender: None }
    }

    #[test]
    fn rtp_time_counts_not_arrival_and_survives_the_wrap() {
        let (start, mut line) = (Instant::now(), Timeline::new(90_000));
        let epoch = epoch(start);
        assert_eq!(line.pts(&epoch, at(start, 0, 1, u32::MAX - 1000), None), 0);
        assert_eq!(line.pts(&epoch, at(start, 77, 1, 2999 - 1000), None) / MS, 33);
        assert_eq!(line.pts(&epoch, at(start, 78, 1, 5999 - 1000), None) / MS, 66);
    }

    #[test]
    fn tracks_without_reports_are_aligned_by_arrival() {
        let (start, mut line) = (Instant::now(), Timeline::new(48_000));
        assert_eq!(line.pts(&epoch(start), at(start, 35, 2, 77), None) / MS, 35);
        let mut early = Timeline::new(48_000);
        assert_eq!(early.pts(&epoch(start + Duration::from_millis(15)), at(start, 5, 2, 77), None) / MS, -10);
    }

    #[test]
    fn reports_known_at_the_start_align_the_tracks() {
        let start = Instant::now();
        let (video, mut audio) = (Timeline::new(90_000), Timeline::new(48_000));
        let sender = video.sender_time(90_000, Report { ntp: ntp(1000), rtp: 0 });
        let epoch = Epoch { arrival: start, sender: Some(sender) };
        // Sound of the sender's second 2.010 comes 200 ms after the picture of 2.000: it belongs at 10 ms.
        let report = Report { ntp: ntp(2000), rtp: 48_000 };
        let pts = audio.pts(&epoch, at(start, 200, 2, 48_480), Some(report));
        assert!((pts - 10 * MS).abs() < MS, "{pts}");
    }

    #[test]
    fn a_late_report_makes_no_jump() {
        let (start, mut audio) = (Instant::now(), Timeline::new(48_000));
        let epoch = Epoch { arrival: start, sender: Some(0) };
        assert_eq!(audio.pts(&epoch, at(start, 100, 2, 0), None) / MS, 100);
        let late = Report { ntp: ntp(0), rtp: 0 };
        assert_eq!(audio.pts(&epoch, at(start, 120, 2, 960), Some(late)) / MS, 120);
    }

    #[test]
    fn a_report_that_cannot_be_true_is_not_believed() {
        let (start, mut audio) = (Instant::now(), Timeline::new(48_000));
        let epoch = Epoch { arrival: start, sender: Some(0) };
        assert_eq!(audio.pts(&epoch, at(start, 100, 2, 0), Some(Report { ntp: ntp(0), rtp: 0 })) / MS, 100);
    }

    #[test]
    fn another_source_goes_on_forward() {
        let (start, mut line) = (Instant::now(), Timeline::new(90_000));
        let epoch = epoch(start);
        line.pts(&epoch, at(start, 0, 1, 0), None);
        line.pts(&epoch, at(start, 1000, 1, 90_000), None);
        assert_eq!(line.pts(&epoch, at(start, 3000, 9, 4_000_000_000), None) / MS, 3000, "where it arrives");
        assert_eq!(line.pts(&epoch, at(start, 3100, 9, 4_000_009_000), None) / MS, 3100);
        assert_eq!(line.pts(&epoch, at(start, 3100, 1, 5), None) / MS, 3120, "never back");
    }

    #[test]
    fn a_leap_of_rtp_time_is_a_new_timeline_and_a_stalled_network_is_not() {
        let (start, mut line) = (Instant::now(), Timeline::new(90_000));
        let epoch = epoch(start);
        line.pts(&epoch, at(start, 0, 1, 0), None);
        assert_eq!(line.pts(&epoch, at(start, 3000, 1, 3000), None) / MS, 33, "came late, belongs early");
        assert_eq!(line.pts(&epoch, at(start, 3040, 1, 900_000_000), None) / MS, 3039, "less the leak");
    }

    #[test]
    fn a_pause_of_both_clocks_stays_a_pause() {
        let (start, mut line) = (Instant::now(), Timeline::new(48_000));
        let epoch = epoch(start);
        line.pts(&epoch, at(start, 0, 1, 0), None);
        assert_eq!(line.pts(&epoch, at(start, 3_600_000, 1, 172_800_000), None) / MS, 3_600_000);
    }
}
