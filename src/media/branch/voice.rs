//! When somebody spoke, from the audio levels in the packets (RFC 6464).
//!
//! Pure. Decides what counts as speech and how much is remembered; leaves where levels come from to `worker`.

/// Louder than −50 dBov; a level is the negated dBov.
const LOUD: u8 = 50;
/// Shorter noises are no speech.
const LEAST_MS: u64 = 300;
/// Syllables of one word are not further apart.
const DIP_MS: u64 = 100;
/// Pauses up to this belong to the speech.
const HANGOVER_MS: u64 = 1000;
/// More intervals are merged where they lie closest.
const MOST: usize = 2000;

/// Follows one track.
#[derive(Debug, Default)]
pub(super) struct Voice {
    done: Vec<[u64; 2]>,
    /// Loud from, to; and whether it is long enough to be speech.
    current: Option<([u64; 2], bool)>,
}

impl Voice {
    /// A packet's place in the file in milliseconds, and its level (0 loudest, 127 silence).
    pub(super) fn heard(&mut self, at_ms: u64, level: u8) {
        let loud = (level & 0x7f) < LOUD;
        if let Some((span, speech)) = &mut self.current {
            let pause = at_ms.saturating_sub(span[1]);
            let limit = if *speech { HANGOVER_MS } else { DIP_MS };
            if pause <= limit {
                if loud {
                    span[1] = span[1].max(at_ms);
                    *speech |= span[1] - span[0] >= LEAST_MS;
                }
                return;
            }
            self.close();
        }
        if loud {
            self.current = Some(([at_ms, at_ms], false));
        }
    }

    /// All of it so far.
    pub(super) fn intervals(&self) -> Vec<[u64; 2]> {
        let open = self.current.filter(|(_, speech)| *speech).map(|(span, _)| span);
        self.done.iter().copied().chain(open).collect()
    }

    fn close(&mut self) {
        if let Some((span, true)) = self.current.take() {
            self.done.push(span);
        }
        if self.done.len() > MOST {
            self.merge_closest();
        }
    }

    fn merge_closest(&mut self) {
        let pause = |at: &usize| self.done[at + 1][0].saturating_sub(self.done[*at][1]);
        if let Some(at) = (0..self.done.len() - 1).min_by_key(pause) {
            self.done[at][1] = self.done[at + 1][1];
            self.done.remove(at + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(voice: &mut Voice, from: u64, to: u64, level: u8) {
        (from..to).step_by(20).for_each(|at| voice.heard(at, level));
    }

    #[test]
    fn speech_is_long_enough_and_goes_on_over_short_pauses() {
        let mut voice = Voice::default();
        say(&mut voice, 0, 1000, 127);
        say(&mut voice, 1000, 1100, 20); // a knock
        say(&mut voice, 1100, 3000, 70);
        say(&mut voice, 3000, 4000, 30);
        say(&mut voice, 4000, 4800, 90);
        say(&mut voice, 4800, 5000, 30);
        say(&mut voice, 5000, 9000, 127);
        say(&mut voice, 9000, 9500, 49);
        assert_eq!(voice.intervals(), [[3000, 4980], [9000, 9480]]);
    }

    #[test]
    fn missing_packets_end_it_too() {
        let mut voice = Voice::default();
        say(&mut voice, 0, 500, 10);
        say(&mut voice, 60_000, 60_400, 10);
        assert_eq!(voice.intervals(), [[0, 480], [60_000, 60_380]]);
    }

    #[test]
    fn hours_of_talk_stay_bounded() {
        let mut voice = Voice::default();
        for n in 0..5000 {
            let pause = if n % 2 == 0 { 1500 } else { 3000 };
            say(&mut voice, n * 5000 + pause, n * 5000 + pause + 400, 10);
        }
        let all = voice.intervals();
        assert!(all.len() <= MOST + 1, "{}", all.len());
        assert!(all.windows(2).all(|pair| pair[0][1] < pair[1][0]));
        assert_eq!((all[0][0], all[all.len() - 1][1]), (1500, 4999 * 5000 + 3380));
    }
}
