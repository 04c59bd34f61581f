//! A source's clock against ours, from RTP times and arrivals. Pure: time comes in.
//!
//! Packets come late by chance but never early: the least late of each span tells the clocks.

use std::time::{Duration, Instant};

const SPAN: Duration = Duration::from_secs(10);
/// Between the first span and the last, before a figure means something.
const ENOUGH: f64 = 20.0;

/// One track's clock.
#[derive(Debug)]
pub struct Skew {
    rate: f64,
    begun: Option<(Instant, u32)>,
    /// RTP time since the beginning, in ticks.
    ticks: i64,
    last: u32,
    first: Option<(f64, f64)>,
    newest: Option<(f64, f64)>,
    /// When the current span began, and its least lateness with when that was, in seconds.
    span: Option<(Instant, (f64, f64))>,
}

impl Skew {
    /// `rate`: ticks per second.
    pub fn new(rate: u32) -> Self {
        Self { rate: f64::from(rate.max(1)), begun: None, ticks: 0, last: 0, first: None, newest: None, span: None }
    }

    /// A packet of this RTP time came.
    pub fn packet(&mut self, rtp: u32, now: Instant) {
        let (begun, _) = *self.begun.get_or_insert_with(|| {
            self.last = rtp;
            (now, rtp)
        });
        self.ticks += i64::from(rtp.wrapping_sub(self.last) as i32);
        self.last = rtp;
        let at = now.saturating_duration_since(begun).as_secs_f64();
        let late = at - self.ticks as f64 / self.rate;
        match &mut self.span {
            Some((since, least)) if now.saturating_duration_since(*since) < SPAN => {
                if late < least.1 {
                    *least = (at, late);
                }
            }
            span => {
                if let Some((_, least)) = span.replace((now, (at, late))) {
                    self.first.get_or_insert(least);
                    self.newest = Some(least);
                }
            }
        }
    }

    /// Parts per million, positive when the source's clock is fast; `None` before enough was seen.
    pub fn ppm(&self) -> Option<f64> {
        let ((from, before), (to, after)) = (self.first?, self.newest?);
        (to - from >= ENOUGH).then(|| ((before - after) / (to - from) * 1e6).round())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fast_clock_is_seen_through_jitter() {
        let (mut skew, start) = (Skew::new(90_000), Instant::now());
        for n in 0..1500u32 {
            let late = Duration::from_micros(u64::from(n * 7919 % 20_000));
            // 100 ppm fast, rolling over.
            let rtp = (f64::from(n) * 3600.0 * 1.0001) as i64 + i64::from(u32::MAX) - 90_000;
            skew.packet(rtp as u32, start + n * Duration::from_millis(40) + late);
            assert!(n > 750 || skew.ppm().is_none());
        }
        assert!((skew.ppm().unwrap() - 100.0).abs() < 10.0, "{:?}", skew.ppm());
    }
}
