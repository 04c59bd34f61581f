//! Whether a queue grows on the way: the trend of the delay against a threshold that adapts. Pure.
//!
//! Carlucci et al., "Analysis and design of the Google congestion control for WebRTC" (2016), and "Congestion Control for
//! Real-Time Communications" (2017): a straight line through the last twenty delays, smoothed; its slope is
//! compared with a threshold that follows the slope itself (draft-ietf-rmcat-gcc-02 5.4), so that jitter and competing TCP
//! neither blind nor starve us. The smoothing here is by time (100 ms), not by group: a feed of five
//! frames a second is not seen later than one of sixty.

use super::Micros;
use super::group::Group;

const WINDOW: usize = 20;
const FEWEST: usize = 6;
/// Time constant of the smoothing, ms.
const SMOOTHING: f64 = 100.0;
/// The slope counts as many times as there were groups, at most these, times the gain.
const MOST_GROUPS: f64 = 60.0;
const GAIN: f64 = 4.0;
/// Threshold: first, least and greatest value (draft 5.4), ms.
const FIRST: f64 = 12.5;
const LEAST: f64 = 6.0;
const GREATEST: f64 = 600.0;
/// How fast the threshold rises and falls, per ms (draft 5.4: K_u, K_d).
const RISE: f64 = 0.01;
const FALL: f64 = 0.000_18;
/// A sudden leap of the trend does not move the threshold (draft 5.4), ms.
const LEAP: f64 = 15.0;
/// The trend must stand above the threshold for so long, ms.
const LASTING: f64 = 10.0;

/// What the delay says of the line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Usage {
    /// A queue grows.
    Over,
    /// No queue grows or shrinks.
    #[default]
    Normal,
    /// A queue empties.
    Under,
}

/// Follows the delay.
#[derive(Debug)]
pub struct Trend {
    /// Sending time and smoothed delay, ms, since `reference`.
    points: [(f64, f64); WINDOW],
    count: usize,
    reference: Option<Group>,
    groups: f64,
    threshold: f64,
    last: f64,
    last_sent: f64,
    above: Option<f64>,
    usage: Usage,
}

impl Trend {
    /// Knows nothing yet.
    pub fn new() -> Self {
        Self {
            points: [(0.0, 0.0); WINDOW],
            count: 0,
            reference: None,
            groups: 0.0,
            threshold: FIRST,
            last: 0.0,
            last_sent: 0.0,
            above: None,
            usage: Usage::Normal,
        }
    }

    /// The verdict so far.
    pub fn usage(&self) -> Usage {
        self.usage
    }

    /// The delay begins anew (a probe, a clock that was set); the threshold stays.
    pub fn restart(&mut self) {
        self.reference = None;
        self.count = 0;
        self.groups = self.groups.min(WINDOW as f64);
        self.above = None;
        self.usage = Usage::Normal;
    }

    /// The next group.
    pub fn add(&mut self, group: Group) {
        let reference = *self.reference.get_or_insert(group);
        let sent = millis(group.sent - reference.sent);
        let passed = sent - self.last_sent;
        self.put(sent, millis(group.delay - reference.delay));
        self.groups = (self.groups + 1.0).min(MOST_GROUPS);
        self.last_sent = sent;
        let Some(slope) = self.slope() else { return };
        let trend = slope * self.groups * GAIN;
        self.judge(trend, passed);
        self.adapt(trend.abs(), passed.clamp(0.0, 100.0));
        self.last = trend;
    }

    fn put(&mut self, sent: f64, delay: f64) {
        let smoothed = match self.count {
            0 => delay,
            count => {
                let (at, before) = self.points[(count - 1) % WINDOW];
                let kept = (-(sent - at).max(0.0) / SMOOTHING).exp();
                kept * before + (1.0 - kept) * delay
            }
        };
        self.points[self.count % WINDOW] = (sent, smoothed);
        self.count += 1;
    }

    /// Least squares.
    fn slope(&self) -> Option<f64> {
        let points = &self.points[..self.count.min(WINDOW)];
        if points.len() < FEWEST {
            return None;
        }
        let number = points.len() as f64;
        let (x, y) = points.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0, y + point.1));
        let (x, y) = (x / number, y / number);
        let (over, under) = points.iter().fold((0.0, 0.0), |(over, under), point| {
            (over + (point.0 - x) * (point.1 - y), under + (point.0 - x) * (point.0 - x))
        });
        (under > 1.0).then(|| over / under)
    }

    fn judge(&mut self, trend: f64, passed: f64) {
        if trend <= self.threshold {
            self.above = None;
            self.usage = if trend < -self.threshold { Usage::Under } else { Usage::Normal };
            return;
        }
        // the first group above counts half of its time: nobody knows when it began
        let lasted = self.above.map_or(passed / 2.0, |lasted| lasted + passed);
        if self.above.is_some() && lasted > LASTING && trend >= self.last {
            self.usage = Usage::Over;
        }
        self.above = Some(lasted);
    }

    fn adapt(&mut self, trend: f64, passed: f64) {
        if trend > self.threshold + LEAP {
            return;
        }
        let speed = if trend < self.threshold { FALL } else { RISE };
        self.threshold = (self.threshold + speed * (trend - self.threshold) * passed).clamp(LEAST, GREATEST);
    }
}

fn millis(micros: Micros) -> f64 {
    micros as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The verdicts on delays (ms) of groups, one each `step` ms.
    fn run(step: i64, delays: impl Iterator<Item = i64>) -> Vec<Usage> {
        let mut trend = Trend::new();
        delays
            .zip(0..)
            .map(|(delay, n)| {
                trend.add(Group { sent: n * step * 1000, delay: delay * 1000 });
                trend.usage()
            })
            .collect()
    }

    #[test]
    fn a_growing_queue_is_seen_in_time_at_any_frame_rate() {
        for (step, groups) in [(10, 40), (33, 15), (50, 12), (100, 8)] {
            let flat = std::iter::repeat_n(0, 40);
            let verdicts = run(step, flat.chain((1..=groups).map(|n| n * step * 275 / 1000)));
            assert!(!verdicts[..40].contains(&Usage::Over));
            assert!(verdicts.contains(&Usage::Over), "groups each {step} ms");
        }
    }

    #[test]
    fn jitter_and_drift_are_no_queue() {
        let jitter = (0..5000u64).map(|n| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as i64 % 15);
        let over = run(20, jitter).iter().filter(|usage| **usage == Usage::Over).count();
        assert!(over < 25, "{over} of 5000");
        assert!(!run(20, (0..30_000).map(|n| n * 20 * 200 / 1_000_000)).contains(&Usage::Over));
    }

    #[test]
    fn an_emptying_queue_is_seen() {
        let verdicts = run(20, std::iter::repeat_n(200, 30).chain((1..20).map(|n| 200 - n * 10)));
        assert!(verdicts.contains(&Usage::Under) && !verdicts.contains(&Usage::Over));
    }
}
