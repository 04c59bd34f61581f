//! Units of successive pipelines (the source's, the placeholder's, the source's again) on one timeline. Pure: time comes in.
//!
//! Each pipeline is a generation. Its times are shifted by one amount, common to its tracks and fixed by its first unit, so
//! that sound and picture stay together; per track the times never go back. A higher generation takes over a track from a
//! lower one, pictures with a keyframe; what still comes of a lower one is dropped. Attempts have even numbers. The placeholder
//! has the odd one after the attempt that fell silent, so that every later attempt takes over from it, and this one too.

use crate::model::Kind;
use std::collections::BTreeMap;

const MS: i64 = 1_000_000;
/// A source whose times are so far from ours has set its clock: it begins anew.
const JUMP: i64 = 4_000 * MS;
/// Sound that is so near to where the last piece ended follows it exactly.
const SNAP: i64 = 15 * MS;

/// Where a track stands.
#[derive(Debug, Default)]
struct Lane {
    generation: u64,
    /// The last unit's time.
    last: Option<i64>,
    /// Where it ended, if it told its duration.
    end: Option<i64>,
}

/// The joint between pipelines and a feed.
#[derive(Debug, Default)]
pub struct Splice {
    lanes: [Lane; 2],
    /// The placeholder may be shown.
    covering: bool,
    /// Of each generation that may still come.
    shifts: BTreeMap<u64, i64>,
}

/// A unit as the splice sees it. Times in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub struct Piece {
    /// Picture or sound.
    pub kind: Kind,
    /// Of which pipeline.
    pub generation: u64,
    /// In that pipeline's time.
    pub pts: i64,
    /// How long it lasts, if known.
    pub duration: Option<i64>,
    /// A keyframe; sound always is.
    pub keyframe: bool,
}

impl Splice {
    /// The time of a unit that came `now`, both in nanoseconds of our clock; `None`: it is not to be sent.
    pub fn place(&mut self, piece: Piece, now: i64) -> Option<i64> {
        if !self.takes(piece) {
            return None;
        }
        let at = self.shifted(piece, now);
        let lane = self.lane(piece.kind);
        let at = match (lane.end, lane.last) {
            (Some(end), _) if lane.generation == piece.generation && (at - end).abs() < SNAP => end,
            (_, Some(last)) => at.max(last + MS),
            _ => at,
        };
        *lane = Lane { generation: piece.generation, last: Some(at), end: ends(piece, at) };
        Some(at)
    }

    /// From now on the placeholder's pictures are taken, with this generation, until others come.
    pub fn cover(&mut self) -> u64 {
        self.covering = true;
        self.generation(Kind::Video) | 1
    }

    fn takes(&mut self, piece: Piece) -> bool {
        let current = self.lane(piece.kind).generation;
        let starts = piece.generation == current || piece.keyframe || piece.kind == Kind::Audio;
        if is_placeholder(piece.generation) {
            return self.covering && starts && piece.generation == current | 1;
        }
        let takes = starts && piece.generation >= current & !1;
        self.covering &= !(takes && piece.kind == Kind::Video);
        takes
    }

    /// Which generation a track is served by; 0: none yet.
    pub fn generation(&self, kind: Kind) -> u64 {
        self.lanes[index(kind)].generation
    }

    fn lane(&mut self, kind: Kind) -> &mut Lane {
        &mut self.lanes[index(kind)]
    }

    fn shifted(&mut self, piece: Piece, now: i64) -> i64 {
        let known = self.shifts.get(&piece.generation).map(|shift| piece.pts + shift);
        if let Some(at) = known.filter(|at| (at - now).abs() <= JUMP) {
            return at;
        }
        let after = self.lanes.iter().filter_map(|lane| lane.last).max().map_or(now, |last| now.max(last + MS));
        let oldest = self.lanes.iter().map(|lane| lane.generation).min().unwrap_or(0);
        self.shifts.retain(|generation, _| *generation >= oldest);
        self.shifts.insert(piece.generation, after - piece.pts);
        after
    }
}

/// Whether a generation is no attempt.
pub fn is_placeholder(generation: u64) -> bool {
    generation & 1 == 1
}

fn index(kind: Kind) -> usize {
    usize::from(kind == Kind::Video)
}

fn ends(piece: Piece, at: i64) -> Option<i64> {
    (piece.kind == Kind::Audio).then_some(piece.duration?).map(|duration| at + duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn video(generation: u64, ms: i64, keyframe: bool) -> Piece {
        Piece { kind: Kind::Video, generation, pts: ms * MS, duration: None, keyframe }
    }
    fn audio(generation: u64, ms: i64) -> Piece {
        Piece { kind: Kind::Audio, generation, pts: ms * MS, duration: Some(20 * MS), keyframe: true }
    }

    #[test]
    fn one_shift_for_picture_and_sound_of_a_generation() {
        let mut splice = Splice::default();
        assert_eq!(splice.place(video(2, 5000, true), 100 * MS), Some(100 * MS));
        assert_eq!(splice.place(audio(2, 4990), 120 * MS), Some(90 * MS));
        assert_eq!(splice.place(video(2, 5040, false), 150 * MS), Some(140 * MS));
    }

    #[test]
    fn a_higher_generation_takes_over_with_a_keyframe_and_the_lower_is_dropped() {
        let mut splice = Splice::default();
        splice.place(video(2, 0, true), 0);
        splice.place(audio(2, 0), 0);
        assert_eq!(splice.place(video(3, 0, true), 1900 * MS), None, "not covering");
        assert_eq!(splice.cover(), 3);
        assert_eq!(splice.place(video(3, 0, true), 2000 * MS), Some(2000 * MS), "the placeholder");
        assert_eq!(splice.place(video(4, 7000, false), 2020 * MS), None, "no keyframe yet");
        assert_eq!(splice.place(video(3, 200, false), 2200 * MS), Some(2200 * MS), "the placeholder goes on meanwhile");
        assert_eq!(splice.place(audio(4, 7000), 2210 * MS), Some(2210 * MS));
        assert_eq!(splice.place(video(4, 7040, true), 2260 * MS), Some(2250 * MS), "in step with its sound");
        assert_eq!(splice.place(video(3, 400, true), 2400 * MS), None);
        assert_eq!(splice.place(video(2, 2400, true), 2400 * MS), None, "of the lost pipeline");
    }

    #[test]
    fn the_same_attempt_may_come_back_after_the_placeholder() {
        let mut splice = Splice::default();
        splice.place(video(2, 0, true), 0);
        assert_eq!(splice.cover(), 3);
        splice.place(video(3, 9000, true), 3000 * MS);
        assert_eq!(splice.place(video(2, 3400, false), 3400 * MS), None);
        assert_eq!(splice.place(video(2, 3500, true), 3500 * MS), Some(3500 * MS));
        assert_eq!(splice.place(video(3, 9600, true), 3600 * MS), None);
    }

    #[test]
    fn times_never_go_back_and_a_jump_begins_anew() {
        let mut splice = Splice::default();
        splice.place(video(2, 1000, true), 0);
        assert_eq!(splice.place(video(2, 900, false), 10 * MS), Some(MS));
        assert_eq!(splice.place(video(2, 90_000, false), 50 * MS), Some(50 * MS));
        assert_eq!(splice.place(video(2, 90_040, false), 90 * MS), Some(90 * MS));
        let mut last = 0;
        for n in 0..1000 {
            let piece = video(2 + n / 10 * 2, (n as i64 * 7919) % 3000, true);
            let at = splice.place(piece, 100 * MS + n as i64 * MS).unwrap();
            assert!(at > last, "{n}");
            last = at;
        }
    }

    #[test]
    fn sound_follows_itself_in_spite_of_jitter() {
        let mut splice = Splice::default();
        for (n, jitter) in [0, 3, -4, 7, -9].into_iter().enumerate() {
            let at = 20 * n as i64;
            assert_eq!(splice.place(audio(2, at + jitter), at * MS), Some(at * MS));
        }
        assert_eq!(splice.place(audio(2, 500), 500 * MS), Some(500 * MS), "a gap is a gap");
    }
}
