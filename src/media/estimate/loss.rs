//! What loss allows. Pure.
//!
//! draft-ietf-rmcat-gcc-02 6: above 10 % the bound falls by half of the loss, below 2 % it rises by 5 %. It never falls
//! below what TCP would get at this loss (RFC 5348 3.1), as the draft says. Four things are ours: between the
//! two it rises by 1 %, since on a line that always loses a little it would stay down for ever; it never falls far
//! below what arrives; nor further when half of the rate lost as much as the whole; and once it is above the rate that the delay allows it is gone.

use super::Micros;

const HIGH: f64 = 0.10;
const LOW: f64 = 0.02;
/// Of a rate that loses less than this, half would be carried.
const HOPELESS: f64 = 0.45;
/// Part of what arrives that is carried, whatever is lost beside it.
const CARRIED: f64 = 0.8;
/// Judged each so often, on so many packets.
const PERIOD: Micros = 500_000;
const FEWEST: u32 = 20;
/// Growth a period: 5 % and 1 % a second.
const RISE: f64 = 1.025;
const CREEP: f64 = 1.005;
/// A packet, bits.
const PACKET: f64 = 9600.0;

/// What else is known of the line.
#[derive(Clone, Copy, Debug)]
pub struct Lossy {
    /// Bits per second that the delay allows.
    pub rate: f64,
    /// Bits per second that arrive; zero: unknown.
    pub acknowledged: f64,
    /// Round trip.
    pub trip: Micros,
}

/// Counts what is lost.
#[derive(Debug, Default)]
pub struct Loss {
    lost: u32,
    arrived: u32,
    since: Option<Micros>,
    bound: Option<f64>,
    share: f64,
    /// Share and rate when it began to fall.
    began: (f64, f64),
}

impl Loss {
    /// A packet did not arrive, so far.
    pub fn lost(&mut self) {
        self.lost = self.lost.saturating_add(1);
    }

    /// A packet arrived; `late`: it was called lost before.
    pub fn arrived(&mut self, late: bool) {
        self.arrived = self.arrived.saturating_add(1);
        self.lost = self.lost.saturating_sub(late.into());
    }

    /// Whether much was lost lately.
    pub fn is_high(&self) -> bool {
        self.share > HIGH
    }

    /// Whether little was lost lately.
    pub fn is_low(&self) -> bool {
        self.share < LOW
    }

    /// The bound, bits per second, where there is one.
    pub fn bound(&self) -> Option<f64> {
        self.bound
    }

    /// A probe showed that this rate is carried.
    pub fn lift(&mut self, rate: f64) {
        self.bound = self.bound.filter(|bound| *bound > rate);
    }

    /// What was counted is void: those who told of it were away.
    pub fn restart(&mut self) {
        (self.lost, self.arrived, self.since) = (0, 0, None);
    }

    /// After feedback. Returns whether the bound was lowered.
    pub fn update(&mut self, now: Micros, line: &Lossy) -> bool {
        let since = *self.since.get_or_insert(now);
        let packets = self.lost.saturating_add(self.arrived);
        if now - since < PERIOD || packets < FEWEST {
            return false;
        }
        let share = f64::from(self.lost) / f64::from(packets);
        (self.lost, self.arrived, self.since) = (0, 0, Some(now));
        self.judge(share, line)
    }

    /// Loss that half of the rate did not cure is not of our making; but beyond `HOPELESS` a line is just too narrow.
    fn is_of_the_line(&self, share: f64, bound: f64) -> bool {
        share < HOPELESS && share > 0.5 * self.began.0 && bound <= 0.5 * self.began.1
    }

    /// A report that tells the share itself.
    pub fn judge(&mut self, share: f64, line: &Lossy) -> bool {
        self.share = share;
        let bound = self.bound.unwrap_or(line.rate).min(line.rate);
        if self.bound.is_none() {
            self.began = (share, line.rate);
        }
        if share > HIGH && !self.is_of_the_line(share, bound) {
            let least = tcp(share, line.trip).max(line.acknowledged * CARRIED).min(bound);
            let lowered = (bound * (1.0 - 0.5 * share)).max(least);
            self.bound = Some(lowered);
            return lowered < bound;
        }
        let risen = match share {
            _ if share < LOW => (bound * RISE).max(line.acknowledged * CARRIED),
            _ if share > HIGH => bound,
            _ => bound * CREEP,
        };
        self.bound = self.bound.is_some().then_some(risen).filter(|risen| *risen < line.rate);
        false
    }
}

/// What a TCP connection would get, bits per second (RFC 5348 3.1 with b = 1 and t_RTO = 4 R).
fn tcp(share: f64, trip: Micros) -> f64 {
    let trip = (trip as f64 / 1e6).max(0.01);
    let waits = 12.0 * (3.0 * share / 8.0).sqrt() * share * (1.0 + 32.0 * share * share);
    PACKET / (trip * ((2.0 * share / 3.0).sqrt() + waits))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(trip: Micros) -> Lossy {
        Lossy { rate: 1e6, acknowledged: 0.0, trip }
    }

    #[test]
    fn loss_above_a_tenth_lowers_and_little_raises_again() {
        let mut loss = Loss::default();
        assert!(!loss.judge(0.09, &line(100_000)));
        assert_eq!(loss.bound(), None);
        assert!(loss.judge(0.2, &line(100_000)));
        assert_eq!(loss.bound(), Some(9e5));
        assert!(!loss.judge(0.05, &line(100_000)));
        assert_eq!(loss.bound(), Some(9e5 * CREEP));
        for _ in 0..20 {
            loss.judge(0.0, &line(100_000));
        }
        assert_eq!(loss.bound(), None);
    }

    #[test]
    fn it_does_not_fall_below_tcp() {
        let mut loss = Loss::default();
        for _ in 0..1000 {
            loss.judge(0.5, &line(50_000));
        }
        assert!((loss.bound().unwrap() - tcp(0.5, 50_000)).abs() < 1.0, "{:?}", loss.bound());
    }

    #[test]
    fn loss_that_half_of_the_rate_does_not_cure_is_the_lines_own() {
        let mut loss = Loss::default();
        for _ in 0..1000 {
            loss.judge(0.15, &line(50_000));
        }
        assert!((4.5e5..=5e5).contains(&loss.bound().unwrap()), "{:?}", loss.bound());
    }

    #[test]
    fn late_packets_are_no_loss() {
        let mut loss = Loss::default();
        loss.update(0, &line(0));
        (0..50).for_each(|_| loss.lost());
        (0..50).for_each(|_| loss.arrived(true));
        assert!(!loss.update(PERIOD, &line(0)));
        assert!(loss.is_low() && loss.bound().is_none());
    }
}
