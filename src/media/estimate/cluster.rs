//! One probe: the packets sent at a rate higher than usual, and how fast they came in. Pure.
//!
//! All packets between the first and the last of the probe count, media too: the line carries both. What arrives slower
//! than it was sent shows the line's capacity, else the line carries at least what was sent.

use super::{Micros, ProbeId};

/// Fewer packets tell nothing.
const FEWEST: u32 = 4;
/// What comes in at this share of the speed at which it was sent was not slowed down.
const CARRIED: f64 = 0.85;
/// Part of the measured capacity that is taken.
const TAKEN: f64 = 0.95;
/// All of it has to be sent and told of within this time.
const PATIENCE: Micros = 1_500_000;
/// Two packets are never closer than this in all we compute.
const CLOSEST: f64 = 1_000.0;

/// What a probe showed, bits per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict {
    /// The line carried this.
    Carried(f64),
    /// The line carries no more than this.
    Limit(f64),
    /// Nothing can be said.
    Unknown,
}

/// A straight line through times and the bytes until then: its slope is the rate. A first and a last packet alone
/// would be at the mercy of jitter.
#[derive(Clone, Copy, Debug, Default)]
struct Slope {
    first: Option<Micros>,
    count: f64,
    times: f64,
    bytes: f64,
    squares: f64,
    products: f64,
}

impl Slope {
    fn add(&mut self, at: Micros, bytes: f64) {
        let time = (at - *self.first.get_or_insert(at)) as f64;
        self.count += 1.0;
        self.times += time;
        self.bytes += bytes;
        self.squares += time * time;
        self.products += time * bytes;
    }

    /// Bits per second; never more than all bytes within `CLOSEST`.
    fn rate(&self, bytes: f64) -> f64 {
        let spread = self.squares - self.times * self.times / self.count.max(1.0);
        let slope = (self.products - self.times * self.bytes / self.count.max(1.0)) / spread.max(CLOSEST * CLOSEST);
        if spread < CLOSEST * CLOSEST { bytes * 8e6 / CLOSEST } else { slope * 8e6 }
    }
}

/// The probe being sent or told of.
#[derive(Debug)]
pub struct Cluster {
    /// Its name.
    pub id: ProbeId,
    /// The rate that was asked for, bits per second.
    pub asked: f64,
    began: Micros,
    wanted: usize,
    sent_bytes: usize,
    /// Numbers of its first and last packet.
    numbers: Option<(u64, u64)>,
    arrived: u32,
    bytes: u32,
    sending: Slope,
    arrival: Slope,
    told: u64,
}

impl Cluster {
    /// Asked for just now: `wanted` bytes.
    pub fn new(id: ProbeId, asked: f64, wanted: usize, now: Micros) -> Self {
        let (sent_bytes, arrived, bytes, told) = (0, 0, 0, 0);
        let (numbers, sending, arrival) = (None, Slope::default(), Slope::default());
        Self { id, asked, began: now, wanted, sent_bytes, numbers, arrived, bytes, sending, arrival, told }
    }

    /// One of its packets goes out.
    pub fn on_sent(&mut self, number: u64, bytes: usize) {
        if self.sent_bytes < self.wanted {
            self.sent_bytes += bytes;
            self.numbers = Some((self.numbers.map_or(number, |(first, _)| first), number));
        }
    }

    /// Whether a packet was sent while it lasted; only then it is `told` of.
    pub fn spans(&self, number: u64) -> bool {
        self.numbers.is_some_and(|(first, last)| (first..=last).contains(&number))
    }

    /// Feedback came as far as this number.
    pub fn told(&mut self, number: u64) {
        self.told = self.told.max(number);
    }

    /// A packet sent while it lasted arrived.
    pub fn on_arrived(&mut self, sent: Micros, arrival: Micros, bytes: u32) {
        // a gap belongs to the packet before it when it is sent, to the one after it when it arrives
        self.sending.add(sent, self.bytes.into());
        self.arrived += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        self.arrival.add(arrival, self.bytes.into());
    }

    /// What it showed, once it is over.
    pub fn verdict(&self, now: Micros) -> Option<Verdict> {
        let complete = self.sent_bytes >= self.wanted && self.numbers.is_some_and(|(_, last)| self.told >= last);
        (complete || now - self.began > PATIENCE).then(|| self.measure())
    }

    fn measure(&self) -> Verdict {
        if self.arrived < FEWEST || (self.bytes as usize) < self.wanted / 2 {
            return Verdict::Unknown;
        }
        let sent = self.sending.rate(self.bytes.into()).min(self.asked * 1.5);
        let came = self.arrival.rate(self.bytes.into());
        match came {
            _ if came <= 0.0 || sent <= 0.0 => Verdict::Unknown,
            _ if came >= sent * CARRIED => Verdict::Carried(sent.min(came)),
            _ => Verdict::Limit(came * TAKEN),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten packets of 1000 bytes, sent each 5 ms (1.6 Mbit/s) and coming in each `gap` µs.
    fn probe(gap: Micros, lost: &[u64]) -> Option<(bool, u64)> {
        let mut cluster = Cluster::new(ProbeId(1), 1.6e6, 10_000, 0);
        (100..110).for_each(|number| cluster.on_sent(number, 1000));
        for number in (100..110u64).filter(|number| !lost.contains(number)) {
            let n = number as i64 - 100;
            cluster.on_arrived(n * 5_000, 77_000_000 + n * gap, 1000);
        }
        cluster.told(109);
        match cluster.verdict(100_000)? {
            Verdict::Carried(rate) => Some((true, rate.round() as u64)),
            Verdict::Limit(rate) => Some((false, rate.round() as u64)),
            Verdict::Unknown => None,
        }
    }

    #[test]
    fn what_comes_as_it_went_was_carried() {
        assert_eq!(probe(5_000, &[]), Some((true, 1_600_000)));
        assert_eq!(probe(1_000, &[]), Some((true, 1_600_000)), "coming faster proves no more than was sent");
    }

    #[test]
    fn what_comes_slower_shows_the_limit() {
        assert_eq!(probe(10_000, &[]), Some((false, 760_000)));
    }

    #[test]
    fn loss_within_it_does_not_slow_it() {
        assert!(matches!(probe(5_000, &[105]), Some((true, 1_300_000..))));
        assert_eq!(probe(5_000, &[100, 101, 102, 103, 104, 105, 106]), None);
    }

    #[test]
    fn it_ends_even_when_nobody_answers() {
        let cluster = Cluster::new(ProbeId(1), 1e6, 10_000, 0);
        assert_eq!(cluster.verdict(PATIENCE), None);
        assert_eq!(cluster.verdict(PATIENCE + 1), Some(Verdict::Unknown));
    }
}
