//! What is known of a feed that matters to its viewers: plain data, rates smoothed. Pure: figures and time come in.

use crate::model::{Codec, FeedId, Kind};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A peak counts for so long: pictures come in bursts, and a line must carry those.
const PEAK: Duration = Duration::from_secs(3);
/// After its peak a rate falls by this part each second.
const FALL: f64 = 0.25;

/// A stream of pictures.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Picture {
    /// Codec; `None`: not known.
    pub codec: Option<Codec>,
    /// In pixels, as far as known.
    pub size: Option<(u32, u32)>,
    /// Per second.
    pub framerate: Option<f32>,
    /// Bits per second; 0: not known, or nothing comes.
    pub bits: u64,
}

/// A smaller layer that the publisher sends.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerFacts {
    /// Its pictures alone.
    pub feed: FeedId,
    /// Its name.
    pub rid: String,
    /// What it shows.
    pub picture: Picture,
}

/// A rung of the ladder.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Name, e.g. `360p`.
    pub name: Arc<str>,
    /// Pixels of the shorter side; `None`: as it comes.
    pub height: Option<u32>,
    /// Frames per second; `None`: as it comes.
    pub framerate: Option<u32>,
    /// Bits per second.
    pub bits: u64,
    /// Codecs in which it runs already.
    pub runs: Vec<Codec>,
}

/// A feed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// Bits per second of its sound; `None`: it has none.
    pub sound: Option<u64>,
    /// Its pictures as they come; `None`: it has none.
    pub picture: Option<Picture>,
    /// Smaller layers of them.
    pub layers: Vec<LayerFacts>,
    /// The ladder, best first.
    pub ladder: Vec<Step>,
}

impl Facts {
    /// Those of its sound, or of its pictures.
    pub fn only(&self, kind: Kind) -> Self {
        match kind {
            Kind::Audio => Self { sound: self.sound, ..Self::default() },
            Kind::Video => Self { sound: None, ..self.clone() },
        }
    }
}

/// What a stream needs of a line: its rate's peaks, which rise at once and fall slowly.
#[derive(Debug, Default)]
pub struct Need {
    bits: f64,
    peak: Option<Instant>,
    last: Option<Instant>,
}

impl Need {
    /// The rate just now, in bits per second; 0 says nothing: a stream that pauses will need what it needed.
    pub fn measured(&mut self, bits: u64, now: Instant) {
        let before = self.last.replace(now);
        let bits = bits as f64;
        if bits <= 0.0 {
            return;
        }
        if bits >= self.bits {
            self.bits = bits;
            self.peak = Some(now);
        } else if self.peak.is_some_and(|peak| now.saturating_duration_since(peak) > PEAK) {
            let elapsed = before.map_or(Duration::ZERO, |before| now.saturating_duration_since(before));
            self.bits -= (self.bits - bits) * (FALL * elapsed.as_secs_f64()).min(1.0);
        }
    }

    /// Bits per second; 0: never measured.
    pub fn bits(&self) -> u64 {
        self.bits as u64
    }
}

/// What pictures with so many pixels on their shorter side need in about every codec, when nothing was measured.
pub fn usual_bits(short: Option<u32>) -> u64 {
    match short {
        Some(..=240) => 200_000,
        Some(..=400) => 600_000,
        Some(..=600) => 1_200_000,
        Some(..=800) | None => 2_000_000,
        Some(_) => 4_000_000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_need_rises_at_once_and_falls_slowly() {
        let (mut need, start) = (Need::default(), Instant::now());
        let at = |tenths: u64| start + Duration::from_millis(100 * tenths);
        need.measured(500_000, at(0));
        need.measured(1_500_000, at(10));
        assert_eq!(need.bits(), 1_500_000);
        (11..40).for_each(|n| need.measured(500_000, at(n)));
        assert_eq!(need.bits(), 1_500_000, "a peak counts for 3 s");
        (40..200).for_each(|n| need.measured(500_000, at(n)));
        assert!((500_000..550_000).contains(&need.bits()), "{}", need.bits());
        need.measured(0, at(201));
        assert!(need.bits() >= 500_000, "silence is no rate");
    }
}
