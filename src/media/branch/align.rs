//! Sound against picture, by what the sender's reports (RFC 3550 6.4.1) say of its clocks.
//!
//! Pure. Decides which reports are believed, how far sound is from its place, and how fast it is moved there. `timeline`
//! places packets; a late or changed report never makes a jump: the sound is slewed, 1 ms per second within 40 ms (which
//! follows any real clock, 1000 ppm, unnoticed) and 5 ms per second beyond, where being out of sync is worse than a
//! packet's 20 ms lasting 20.1 ms.

use super::timeline::{Report, Timeline};
use std::collections::VecDeque;

/// A report may disagree with the one before by this much, and by `SKEW` of the time between.
const JITTER: i128 = 50_000_000;
/// 2000 ppm.
const SKEW: i128 = 500;
/// What is further off is no measurement but a broken clock.
const IMPLAUSIBLE: i128 = 2_000_000_000;
/// The median of so many measurements is believed.
const MEASURES: usize = 5;
const FAST_BEYOND: i64 = 40_000_000;
/// Drift is told from reports at least so far apart, in nanoseconds.
const DRIFT_SPAN: i128 = 30_000_000_000;

/// RTP time of 90 kHz wraps around after more.
const DRIFT_MOST: i128 = 6 * 3600 * 1_000_000_000;

/// The reports of one track.
#[derive(Debug, Default)]
struct Clock {
    believed: Option<Report>,
    /// Contradicts the believed one; the next may confirm it.
    doubtful: Option<Report>,
    /// Where the drift is measured from.
    first: Option<Report>,
}

impl Clock {
    /// Whether the sender's clock turned out to have been set anew.
    fn report(&mut self, new: Report, rate: u32) -> bool {
        let Some(known) = self.believed else {
            (self.believed, self.first) = (Some(new), Some(new));
            return false;
        };
        if agree(known, new, rate) {
            (self.believed, self.doubtful) = (Some(new), None);
            return false;
        }
        let confirmed = self.doubtful.replace(new).is_some_and(|doubtful| agree(doubtful, new, rate));
        if confirmed {
            *self = Self { believed: Some(new), doubtful: None, first: Some(new) };
        }
        confirmed
    }

    /// Nanoseconds of the sender's clock, and of RTP time, from the first to the newest report.
    fn elapsed(&self, rate: u32) -> Option<(i128, i128)> {
        let (first, last) = self.first.zip(self.believed)?;
        Some((sender_ns(last) - sender_ns(first), rtp_ns(first.rtp, last.rtp, rate)))
    }
}

/// Follows both tracks of a feed.
#[derive(Debug, Default)]
pub(super) struct Align {
    sound: Clock,
    picture: Clock,
    /// How far sound would be from its place if it had not been moved, in nanoseconds; the newest last.
    measures: VecDeque<i64>,
    moved: i64,
    at: Option<i64>,
    start: Option<i64>,
    /// Longest measurement of drift so far: over how long, and parts per million.
    drift: Option<(i128, f64)>,
}

impl Align {
    /// A report of a track came.
    pub(super) fn report(&mut self, is_sound: bool, report: Report, rate: u32) {
        if report.ntp == 0 {
            return; // RFC 3550: the sender has no clock.
        }
        let (own, other) =
            if is_sound { (&mut self.sound, &mut self.picture) } else { (&mut self.picture, &mut self.sound) };
        if own.report(report, rate) {
            // The other track's last report is of the clock before.
            *other = Clock::default();
            self.measures.clear();
        }
    }

    /// What is believed of a track.
    pub(super) fn believed(&self, is_sound: bool) -> Option<Report> {
        if is_sound { self.sound.believed } else { self.picture.believed }
    }

    /// Whether the tracks can be aligned.
    pub(super) fn is_known(&self) -> bool {
        self.sound.believed.is_some() && self.picture.believed.is_some()
    }

    /// A track comes from another source now: what its reports said is void.
    pub(super) fn forget(&mut self, is_sound: bool) {
        *(if is_sound { &mut self.sound } else { &mut self.picture }) = Clock::default();
        self.rebased();
    }

    /// A track's timeline began anew: measurements against the one before are void.
    pub(super) fn rebased(&mut self) {
        self.measures.clear();
        (self.moved, self.at) = (0, None);
    }

    /// Measures, after a report, where sound lies in the file against the picture.
    pub(super) fn measure(&mut self, sound: &Timeline, picture: &Timeline) {
        let place = |line: &Timeline, clock: &Clock| line.place(clock.believed?);
        let Some((sound_at, picture_at)) = place(sound, &self.sound).zip(place(picture, &self.picture)) else { return };
        let late = sound_at - picture_at;
        let Ok(late) = i64::try_from(late) else { return };
        if i128::from(late).abs() > IMPLAUSIBLE {
            return;
        }
        self.start.get_or_insert(late);
        self.measures.push_back(late + self.moved);
        if self.measures.len() > MEASURES {
            self.measures.pop_front();
        }
        self.measure_drift(sound.clock_rate(), picture.clock_rate());
    }

    /// How much earlier sound is to be from here on, in nanoseconds: called with the place of each of its packets.
    pub(super) fn step(&mut self, pts: i64) -> i64 {
        let passed = (pts - self.at.replace(pts).unwrap_or(pts)).clamp(0, 1_000_000_000);
        let Some(wanted) = self.median() else { return 0 };
        let left = wanted - self.moved;
        let most = if left.abs() > FAST_BEYOND { passed / 200 } else { passed / 1000 };
        let step = left.clamp(-most, most);
        self.moved += step;
        step
    }

    /// Whether anything was measured.
    pub(super) fn is_measured(&self) -> bool {
        self.start.is_some()
    }

    /// How late sound was by the first measurement, in milliseconds.
    pub(super) fn offset_start_ms(&self) -> Option<f64> {
        self.start.map(milliseconds)
    }

    /// How late sound is by the newest measurements, in milliseconds.
    pub(super) fn offset_end_ms(&self) -> Option<f64> {
        self.median().map(|late| milliseconds(late - self.moved))
    }

    /// How much faster the sender's sound clock runs than that of its pictures, in parts per million.
    pub(super) fn drift_ppm(&self) -> Option<f64> {
        self.drift.map(|(_, ppm)| ppm)
    }

    fn median(&self) -> Option<i64> {
        let mut sorted: Vec<_> = self.measures.iter().copied().collect();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied()
    }

    fn measure_drift(&mut self, sound_rate: u32, picture_rate: u32) {
        let both = self.sound.elapsed(sound_rate).zip(self.picture.elapsed(picture_rate));
        let Some(((sound_ntp, sound_rtp), (picture_ntp, picture_rtp))) = both else { return };
        let span = sound_ntp.min(picture_ntp);
        let longest = self.drift.map_or(0, |(longest, _)| longest);
        if (DRIFT_SPAN.max(longest)..DRIFT_MOST).contains(&span) && picture_rtp > 0 {
            let speed = |rtp: i128, ntp: i128| rtp as f64 / ntp as f64;
            let ppm = (speed(sound_rtp, sound_ntp) / speed(picture_rtp, picture_ntp) - 1.0) * 1e6;
            self.drift = Some((span, ppm));
        }
    }
}

/// The sender's clock in nanoseconds since 1900.
pub(super) fn sender_ns(report: Report) -> i128 {
    (i128::from(report.ntp) * 1_000_000_000) >> 32
}

fn rtp_ns(from: u32, to: u32, rate: u32) -> i128 {
    i128::from(to.wrapping_sub(from).cast_signed()) * 1_000_000_000 / i128::from(rate)
}

/// Whether one clock may have told both.
fn agree(before: Report, after: Report, rate: u32) -> bool {
    let sent = sender_ns(after) - sender_ns(before);
    (sent - rtp_ns(before.rtp, after.rtp, rate)).abs() <= JITTER + sent.abs() / SKEW
}

fn milliseconds(nanoseconds: i64) -> f64 {
    nanoseconds as f64 / 1e6
}

#[cfg(test)]
mod tests;
