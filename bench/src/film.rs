//! What a viewer gets to see: VP8 pictures put together from their packets, and when each was whole. Pure.
//!
//! Decides which pictures are whole; whether they decode is `ffmpeg`'s to say, which gets them as a file.

use crate::source;
use std::collections::BTreeMap;

/// Nanoseconds in a millisecond.
const MILLI: f64 = 1e6;
/// A picture this much later than the average is a freeze, unless three times the average is more (W3C webrtc-stats).
const FREEZE_MS: f64 = 150.0;

/// The pictures of one stream by their RTP time.
#[derive(Debug, Default)]
pub struct Film {
    pictures: BTreeMap<u64, Picture>,
}

#[derive(Debug, Default)]
struct Picture {
    parts: BTreeMap<u64, Vec<u8>>,
    first: Option<u64>,
    last: Option<u64>,
    /// When it was whole, in nanoseconds since the Unix epoch.
    whole_at: Option<u64>,
    key: bool,
}

/// What may be said of a film.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Watched {
    /// Whole pictures.
    pub whole: usize,
    /// Pictures with a hole.
    pub broken: usize,
    /// Times it stood still.
    pub freezes: usize,
    /// The longest time from one picture to the next, in milliseconds.
    pub longest_ms: f64,
}

impl Watched {
    /// Both films'.
    pub fn and(self, other: Self) -> Self {
        Self {
            whole: self.whole + other.whole,
            broken: self.broken + other.broken,
            freezes: self.freezes + other.freezes,
            longest_ms: self.longest_ms.max(other.longest_ms),
        }
    }
}

impl Film {
    /// A packet: its sequence number, time and marker, what it carries, and when it came. One that came before is ignored.
    pub fn take(&mut self, (sequence, time, marker): (u64, u64, bool), payload: &[u8], at_ns: u64) {
        let Some((data, begins)) = source::behind_descriptor(payload) else { return };
        let picture = self.pictures.entry(time).or_default();
        if picture.whole_at.is_some() {
            return;
        }
        picture.parts.insert(sequence, data.to_vec());
        if begins {
            picture.first = Some(sequence);
            picture.key = source::keyframe_height(payload).is_some();
        }
        if marker {
            picture.last = Some(sequence);
        }
        if let (Some(first), Some(last)) = (picture.first, picture.last)
            && picture.parts.len() as u64 == last.saturating_sub(first) + 1
        {
            picture.whole_at = Some(at_ns);
        }
    }

    /// When the first keyframe was whole: from then on there is something to see. Nanoseconds since the Unix epoch.
    pub fn begun_at(&self) -> Option<u64> {
        self.pictures.values().find(|picture| picture.key && picture.whole_at.is_some())?.whole_at
    }

    /// The whole pictures from the first keyframe on, as an encoder made them.
    pub fn frames(&self) -> Vec<Vec<u8>> {
        let seen = self.seen();
        seen.filter(|picture| picture.whole_at.is_some())
            .map(|picture| picture.parts.values().flatten().copied().collect())
            .collect()
    }

    /// How it went; the picture that is still coming does not count.
    pub fn watched(&self) -> Watched {
        let newest = self.pictures.len().saturating_sub(1);
        let broken = self.pictures.values().take(newest).filter(|picture| picture.whole_at.is_none()).count();
        let times: Vec<u64> = self.seen().filter_map(|picture| picture.whole_at).collect();
        let gaps: Vec<f64> = times.windows(2).map(|two| two[1].saturating_sub(two[0]) as f64 / MILLI).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len().max(1) as f64;
        let limit = (3.0 * mean).max(mean + FREEZE_MS);
        let freezes = gaps.iter().filter(|gap| **gap > limit).count();
        Watched { whole: times.len(), broken, freezes, longest_ms: gaps.into_iter().fold(0.0, f64::max) }
    }

    /// From the first whole keyframe on.
    fn seen(&self) -> impl Iterator<Item = &Picture> {
        self.pictures.values().skip_while(|picture| !picture.key || picture.whole_at.is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives it a picture of three packets, without those in `but`; whole after `ms`.
    fn show(film: &mut Film, number: u64, key: bool, but: &[u64], ms: u64) {
        let mut frame = vec![u8::from(!key), 0, 0, 0x9d, 0x01, 0x2a, 0, 0, 0, 0];
        frame.resize(3000, number as u8);
        for (index, payload) in
            source::vp8(&frame).iter().enumerate().filter(|(index, _)| !but.contains(&(*index as u64)))
        {
            let index = index as u64;
            film.take((number * 3 + index, number * 3000, index == 2), payload, ms * 1_000_000);
        }
    }

    #[test]
    fn whole_pictures_count_from_the_first_keyframe_on() {
        let mut film = Film::default();
        show(&mut film, 0, false, &[], 0);
        assert_eq!(film.begun_at(), None, "nothing decodes yet");
        show(&mut film, 1, true, &[], 33);
        show(&mut film, 2, false, &[1], 66);
        show(&mut film, 3, false, &[], 100);
        assert_eq!(film.begun_at(), Some(33_000_000));
        assert_eq!((film.frames().len(), film.frames()[0].len()), (2, 3000));
        assert_eq!(film.watched(), Watched { whole: 2, broken: 1, freezes: 0, longest_ms: 67.0 });
    }

    #[test]
    fn what_comes_late_or_twice_mends_a_picture_once() {
        let mut film = Film::default();
        show(&mut film, 1, true, &[0], 33);
        show(&mut film, 1, true, &[1, 2], 50);
        show(&mut film, 1, true, &[], 90);
        assert_eq!((film.begun_at(), film.watched().broken), (Some(50_000_000), 0));
    }

    #[test]
    fn a_long_pause_is_a_freeze() {
        let mut film = Film::default();
        (0..30).for_each(|number| show(&mut film, number, number == 0, &[], number * 33));
        show(&mut film, 30, false, &[], 30 * 33 + 300);
        assert_eq!(film.watched().freezes, 1);
    }
}
