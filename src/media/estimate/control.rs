//! The rate that follows from what the delay says. Pure.
//!
//! draft-ietf-rmcat-gcc-02 5.5: over-use takes it to 0.85 × the acknowledged rate; while a queue empties it holds; otherwise
//! it grows, by 8 % a second far from the capacity that over-use showed, by half a packet a round trip near it. It grows
//! only while the sender uses what there is, so it is never above what was sent, but for a little.

use super::trend::Usage;
use super::{MAX, MIN, Micros};

/// Share of the acknowledged rate that is kept on over-use (draft: beta).
const BACK: f64 = 0.85;
/// Far from the capacity: growth a second.
const FAR: f64 = 1.08;
/// Near it: never more than this share a second, or a small line would see half a packet as a leap.
const NEAR: f64 = 0.03;
/// Part of what arrives that counts as carried, so long after the last step down.
const PROVEN: f64 = 0.95;
const CALM: Micros = 2_000_000;
/// Never above so many times the acknowledged rate.
const ABOVE: f64 = 1.5;
/// Weight of the newest capacity.
const NEWEST: f64 = 0.05;
/// A packet's size, bits.
const PACKET: f64 = 9600.0;
/// Two steps down are so far apart, at least and at most.
const APART: (Micros, Micros) = (10_000, 200_000);

/// What the line is like just now.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// What the delay says.
    pub usage: Usage,
    /// Bits per second that arrive, where known.
    pub acknowledged: Option<f64>,
    /// Whether the sender uses what there is and no queue stands.
    pub may_grow: bool,
    /// Whether nothing waits on the way and little is lost.
    pub free: bool,
    /// Round trip.
    pub trip: Micros,
}

/// The rate, bits per second.
#[derive(Debug)]
pub struct Control {
    rate: f64,
    capacity: Option<Capacity>,
    updated: Option<Micros>,
    lowered: Option<Micros>,
}

/// Where over-use began: mean and variance, the latter relative to the mean (draft 5.5).
#[derive(Debug)]
struct Capacity {
    mean: f64,
    variance: f64,
}

impl Control {
    /// Begins with this rate.
    pub fn new(rate: f64) -> Self {
        Self { rate, capacity: None, updated: None, lowered: None }
    }

    /// The rate.
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// A measurement says so.
    pub fn set(&mut self, rate: f64) {
        self.rate = rate.clamp(MIN, MAX);
    }

    /// After feedback. Returns whether the rate was lowered.
    pub fn update(&mut self, now: Micros, line: &Line) -> bool {
        let passed = (now - self.updated.replace(now).unwrap_or(now)).clamp(0, 1_000_000) as f64 / 1e6;
        match line.usage {
            Usage::Over => self.lower(now, line),
            Usage::Normal if line.may_grow => {
                self.grow(now, passed, line);
                false
            }
            _ => false,
        }
    }

    fn lower(&mut self, now: Micros, line: &Line) -> bool {
        let apart = line.trip.clamp(APART.0, APART.1);
        if self.lowered.is_some_and(|lowered| now - lowered < apart) {
            return false;
        }
        let target = line.acknowledged.map_or(self.rate * BACK, |rate| rate * BACK);
        if let Some(rate) = line.acknowledged {
            self.met(rate);
        }
        if target >= self.rate {
            return false;
        }
        self.lowered = Some(now);
        self.set(target);
        true
    }

    fn grow(&mut self, now: Micros, passed: f64, line: &Line) {
        let Some(acknowledged) = line.acknowledged else { return };
        if self.capacity.as_ref().is_some_and(|capacity| acknowledged > capacity.upper()) {
            self.capacity = None;
        }
        let grown = match self.capacity {
            Some(_) => self.rate + passed * (PACKET / 2.0 / (0.1 + line.trip as f64 / 1e6)).min(self.rate * NEAR),
            None => self.rate * FAR.powf(passed),
        };
        let most = (acknowledged * ABOVE).max(self.rate);
        let calm = line.free && self.lowered.is_none_or(|lowered| now - lowered > CALM);
        // what flows freely is carried, whatever was believed
        let proven = if calm { acknowledged * PROVEN } else { 0.0 };
        self.set(grown.min(most).max(proven));
    }

    fn met(&mut self, rate: f64) {
        let capacity = self.capacity.get_or_insert(Capacity { mean: rate, variance: 0.4 });
        if rate < capacity.mean * 0.7 {
            *capacity = Capacity { mean: rate, variance: 0.4 };
            return;
        }
        let error = capacity.mean - rate;
        capacity.mean -= NEWEST * error;
        let variance = (1.0 - NEWEST) * capacity.variance + NEWEST * error * error / (capacity.mean * 1000.0);
        capacity.variance = variance.clamp(0.4, 2.5);
    }
}

impl Capacity {
    /// Three standard deviations up; the variance counts kbit/s.
    fn upper(&self) -> f64 {
        self.mean + 3.0 * (self.variance * self.mean / 1000.0).sqrt() * 1000.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(usage: Usage, acknowledged: f64, may_grow: bool) -> Line {
        Line { usage, acknowledged: Some(acknowledged), may_grow, free: false, trip: 50_000 }
    }

    fn seconds(control: &mut Control, from: i64, seconds: i64, line: &Line) {
        for tenth in from * 10..(from + seconds) * 10 {
            control.update(tenth * 100_000, line);
        }
    }

    #[test]
    fn it_grows_by_8_percent_a_second_then_by_half_a_packet_a_round_trip() {
        let mut control = Control::new(1e6);
        seconds(&mut control, 0, 10, &line(Usage::Normal, 1e7, true));
        assert!((2.1e6..2.2e6).contains(&control.rate()), "{}", control.rate());
        assert!(control.update(10_000_000, &line(Usage::Over, 2e6, true)));
        assert_eq!(control.rate(), 1.7e6);
        seconds(&mut control, 11, 10, &line(Usage::Normal, 1.7e6, true));
        assert!((1.95e6..2.2e6).contains(&control.rate()), "{}", control.rate());
    }

    #[test]
    fn without_use_or_with_an_emptying_queue_it_holds() {
        let mut control = Control::new(1e6);
        seconds(&mut control, 0, 10, &line(Usage::Normal, 9e5, false));
        seconds(&mut control, 10, 10, &line(Usage::Under, 9e5, true));
        assert_eq!(control.rate(), 1e6);
    }

    #[test]
    fn what_flows_freely_is_carried() {
        let mut control = Control::new(1e5);
        seconds(&mut control, 0, 1, &Line { free: true, ..line(Usage::Normal, 1e6, true) });
        assert!((0.95e6..1.1e6).contains(&control.rate()), "{}", control.rate());
    }

    #[test]
    fn it_stays_below_one_and_a_half_of_what_arrives() {
        let mut control = Control::new(1e6);
        seconds(&mut control, 0, 100, &line(Usage::Normal, 1e6, true));
        assert_eq!(control.rate(), 1.5e6);
    }
}
