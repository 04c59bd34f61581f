//! Bits per second over the last while, by any clock. Pure.
//!
//! Twenty slots of equal length; the one being filled does not count. A pause longer than all of them begins anew, so that
//! nothing is averaged over a time of which nothing is known.

use super::Micros;

const SLOTS: usize = 20;
/// Fewer slots say nothing.
const ENOUGH: i64 = 6;

/// Counts bytes.
#[derive(Debug)]
pub struct Rate {
    slot: Micros,
    bytes: [u64; SLOTS],
    /// Number of the slot being filled, and of the first one since all began anew.
    current: Option<(i64, i64)>,
}

impl Rate {
    /// Looks this far back.
    pub fn over(window: Micros) -> Self {
        Self { slot: window / SLOTS as i64, bytes: [0; SLOTS], current: None }
    }

    /// So many bytes went or came at this time; what is older than the window is not counted.
    pub fn add(&mut self, at: Micros, bytes: u64) {
        self.pass(at);
        let number = at.div_euclid(self.slot);
        if let Some((current, _)) = self.current
            && current - number < SLOTS as i64
        {
            self.bytes[Self::index(number)] += bytes;
        }
    }

    /// Time goes on; backwards it does not.
    pub fn pass(&mut self, at: Micros) {
        let number = at.div_euclid(self.slot);
        match self.current {
            Some((current, _)) if number <= current => {}
            Some((current, first)) if number - current < SLOTS as i64 => {
                (current + 1..=number).for_each(|slot| self.bytes[Self::index(slot)] = 0);
                self.current = Some((number, first));
            }
            _ => {
                self.bytes = [0; SLOTS];
                self.current = Some((number, number));
            }
        }
    }

    /// Forgets all.
    pub fn restart(&mut self) {
        self.current = None;
    }

    /// Bits per second; `None`: too little is known.
    pub fn bits(&self) -> Option<f64> {
        let (current, first) = self.current?;
        let slots = (current - first).min(SLOTS as i64 - 1);
        if slots < ENOUGH {
            return None;
        }
        let bytes: u64 = (current - slots..current).map(|slot| self.bytes[Self::index(slot)]).sum();
        Some(bytes as f64 * 8e6 / (slots * self.slot) as f64)
    }

    fn index(slot: i64) -> usize {
        slot.rem_euclid(SLOTS as i64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_stream_is_read_as_it_is() {
        let mut rate = Rate::over(500_000);
        (0..100).for_each(|packet| rate.add(packet * 10_000, 125));
        let bits = rate.bits().unwrap();
        assert!((95_000.0..105_000.0).contains(&bits), "{bits}");
    }

    #[test]
    fn a_pause_and_nonsense_begin_anew() {
        let mut rate = Rate::over(500_000);
        (0..100).for_each(|packet| rate.add(packet * 10_000, 125));
        rate.add(i64::MAX / 8, 125);
        assert_eq!(rate.bits(), None);
        rate.add(i64::MIN / 8, 125);
        assert_eq!(rate.bits(), None);
    }
}
