//! Who speaks, by how loud each one is. Pure.
//!
//! Decides when the large picture changes hands: to who is clearly louder, at most every two seconds, so that a cough
//! does not turn the picture over.

/// The picture stays with somebody for so long at least, in nanoseconds.
const HOLD: i64 = 2_000_000_000;
/// Mean amplitude below which nobody speaks: about −46 dBFS.
const SPEECH: f32 = 0.005;
/// Who takes over must be louder by this factor.
const CLEARLY: f32 = 2.0;
/// Weight of the newest block: loudness over some 300 ms.
const NEWEST: f32 = 0.15;

/// Follows who speaks; people are told apart by a number.
#[derive(Debug, Default)]
pub struct Speaker {
    levels: Vec<(u64, f32)>,
    current: Option<u64>,
    since: i64,
}

impl Speaker {
    /// The loudness of everybody who is there, now (nanoseconds). Whether another one speaks.
    pub fn hear(&mut self, now: i64, loudness: &[(u64, f32)]) -> bool {
        let former = std::mem::take(&mut self.levels);
        let level = |id: u64| former.iter().find(|(other, _)| *other == id).map_or(0.0, |(_, level)| *level);
        self.levels = loudness.iter().map(|(id, l)| (*id, level(*id) * (1.0 - NEWEST) + l * NEWEST)).collect();
        let loudest = self.levels.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1)).filter(|(_, l)| *l > SPEECH);
        let present = self.current.and_then(|id| self.levels.iter().find(|(other, _)| *other == id));
        let next = match (present, loudest) {
            (None, loudest) => loudest.map(|(id, _)| id),
            (Some((current, own)), Some((id, level)))
                if id != *current && level > own * CLEARLY && now - self.since >= HOLD =>
            {
                Some(id)
            }
            _ => self.current,
        };
        let changed = next != self.current;
        if changed {
            (self.current, self.since) = (next, now);
        }
        changed
    }

    /// Who speaks, or spoke last.
    pub fn current(&self) -> Option<u64> {
        self.current
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    /// Speaks for a while in blocks of 40 ms; how often the picture changed hands.
    fn speak(speaker: &mut Speaker, from: &mut i64, seconds: f64, loudness: &[(u64, f32)]) -> usize {
        let blocks = (seconds * 25.0) as usize;
        let changes = (0..blocks).filter(|_| {
            *from += SECOND / 25;
            speaker.hear(*from, loudness)
        });
        changes.count()
    }

    #[test]
    fn the_picture_follows_speech_with_a_hold() {
        let (mut speaker, mut now) = (Speaker::default(), 0);
        assert_eq!(speak(&mut speaker, &mut now, 1.0, &[(1, 0.001), (2, 0.002)]), 0, "nobody speaks");
        assert_eq!(speak(&mut speaker, &mut now, 1.0, &[(1, 0.0), (2, 0.1)]), 1);
        assert_eq!(speaker.current(), Some(2));
        assert_eq!(speak(&mut speaker, &mut now, 0.8, &[(1, 0.2), (2, 0.0)]), 0, "held");
        assert_eq!(speak(&mut speaker, &mut now, 1.0, &[(1, 0.2), (2, 0.0)]), 1);
        assert_eq!(speaker.current(), Some(1));
    }

    #[test]
    fn two_who_speak_together_do_not_flicker_and_silence_changes_nothing() {
        let (mut speaker, mut now) = (Speaker::default(), 0);
        speak(&mut speaker, &mut now, 3.0, &[(1, 0.1), (2, 0.0)]);
        assert_eq!(speak(&mut speaker, &mut now, 10.0, &[(1, 0.1), (2, 0.12)]), 0);
        assert_eq!(speak(&mut speaker, &mut now, 10.0, &[(1, 0.0), (2, 0.0)]), 0);
        assert_eq!(speaker.current(), Some(1));
    }

    #[test]
    fn who_has_left_speaks_no_more() {
        let (mut speaker, mut now) = (Speaker::default(), 0);
        speak(&mut speaker, &mut now, 1.0, &[(1, 0.1), (2, 0.0)]);
        assert_eq!(speak(&mut speaker, &mut now, 0.1, &[(2, 0.0)]), 1);
        assert_eq!(speaker.current(), None);
    }
}
