//! RTP times as nanoseconds, and back by a payloader that counts from zero: what comes out of a pipeline has the RTP time of
//! what went in. Pure.

/// Two turns of the 32 bits: time may run backwards, and its low 32 bits are still RTP's.
const START: i64 = 1 << 33;
/// A jump further than this, in seconds, is another clock.
const JUMP: i64 = 10;

pub(super) struct Times {
    rate: u32,
    last: Option<(u32, i64)>,
}

impl Times {
    /// Of a track with so many ticks a second.
    pub(super) fn new(rate: u32) -> Self {
        Self { rate, last: None }
    }

    /// Whether this RTP time goes on where the last one was.
    pub(super) fn goes_on(&self, rtp: u32) -> bool {
        let ahead = |(last, _): (u32, i64)| i64::from(rtp.wrapping_sub(last).cast_signed()).abs();
        self.last.is_none_or(|last| ahead(last) < JUMP * i64::from(self.rate))
    }

    /// Nanoseconds, rounded up: rounded down to ticks again, it is the same tick.
    pub(super) fn at(&mut self, rtp: u32) -> u64 {
        let ticks = match self.last {
            Some((last, ticks)) => ticks + i64::from(rtp.wrapping_sub(last).cast_signed()),
            None => START + i64::from(rtp),
        };
        self.last = Some((rtp, ticks));
        let (ticks, rate) = (u128::from(ticks.unsigned_abs()), u128::from(self.rate));
        u64::try_from((ticks * 1_000_000_000).div_ceil(rate)).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_come_back_whatever_they_were() {
        for rate in [90_000u32, 48_000] {
            let mut times = Times::new(rate);
            for rtp in [u32::MAX - 7, u32::MAX, 0, 1, 2999, 3000, 2000, 3003] {
                assert!(times.goes_on(rtp));
                // As a payloader reckons.
                let back = u128::from(times.at(rtp)) * u128::from(rate) / 1_000_000_000;
                assert_eq!(back as u32, rtp, "{rate}");
            }
            assert!(!times.goes_on(1 << 30) && !times.goes_on(u32::MAX - (1 << 30)));
        }
    }
}
