//! Where segments and parts of a track end. Pure.
//!
//! Decides it unit by unit, so that no part is longer than its target and a segment ends where the next can begin: at a
//! keyframe, or for a track that follows another, where that one's segment ended.

/// All in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// A segment is at least so long.
    pub segment: u64,
    /// A part is at most so long.
    pub part: u64,
    /// A segment is at most so long: it ends there even without a keyframe.
    pub longest: u64,
}

/// What ends before a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Nothing.
    Nothing,
    /// The part.
    Part,
    /// Part and segment.
    Segment,
}

/// Rounded clocks: a part of ten pictures is not cut because the tenth ends a microsecond late.
const TOLERANCE: u64 = 2_000_000;

/// The state of one track.
#[derive(Debug, Default)]
pub struct Cutter {
    /// Where the open segment and part began.
    open: Option<(u64, u64)>,
}

impl Cutter {
    /// How long the open segment is when it ends here.
    pub fn length(&self, at: u64) -> u64 {
        self.open.map_or(0, |(segment, _)| at.saturating_sub(segment))
    }

    /// Where the open part began.
    pub fn part_start(&self) -> Option<u64> {
        self.open.map(|(_, part)| part)
    }

    /// Whether a segment may end here, at a keyframe. A little early is better than a whole group of pictures late.
    pub fn is_due(&self, at: u64, rules: &Rules) -> bool {
        self.length(at) >= rules.segment - rules.segment / 10
    }

    /// What ends before the unit that lasts from `start` to `end`. `ends`: a segment ends here.
    pub fn cut(&mut self, (start, end): (u64, u64), ends: bool, rules: &Rules) -> Cut {
        let Some((segment, part)) = self.open else {
            self.open = Some((start, start));
            return Cut::Nothing;
        };
        if ends || end.saturating_sub(segment) > rules.longest {
            self.open = Some((start, start));
            return Cut::Segment;
        }
        if end.saturating_sub(part) > rules.part + TOLERANCE && start > part {
            self.open = Some((segment, start));
            return Cut::Part;
        }
        Cut::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;
    const RULES: Rules = Rules { segment: 2000 * MS, part: 333 * MS, longest: 3300 * MS };

    /// The lengths of parts, in segments, of pictures each `step` and keyframes each `group` pictures.
    fn lengths(step: u64, group: u64, count: u64) -> Vec<Vec<u64>> {
        let (mut cutter, mut all, mut began) = (Cutter::default(), vec![Vec::new()], 0);
        for index in 0..count {
            let (start, end) = (index * step, (index + 1) * step);
            let ends = index % group == 0 && cutter.is_due(start, &RULES);
            let cut = cutter.cut((start, end), ends, &RULES);
            if cut != Cut::Nothing {
                all.last_mut().unwrap().push((start - began) / MS);
                began = start;
            }
            if cut == Cut::Segment {
                all.push(Vec::new());
            }
        }
        all
    }

    #[test]
    fn a_segment_ends_at_the_first_keyframe_that_is_late_enough() {
        let all = lengths(40 * MS, 25, 160);
        assert_eq!(all[0], [320, 320, 320, 320, 320, 320, 80]);
        assert_eq!(all[1].iter().sum::<u64>(), 2000);
    }

    #[test]
    fn ten_pictures_at_thirty_a_second_are_one_part() {
        let all = lengths(33_333_333, 60, 150);
        assert_eq!(all[0], [333, 333, 333, 333, 333, 333], "no part of one left-over picture");
    }

    #[test]
    fn no_part_is_longer_than_its_target_whatever_the_pictures() {
        for step in [7, 16, 33, 40, 66, 100, 200, 333] {
            let all = lengths(step * MS, 1, 400);
            assert!(all.iter().flatten().all(|length| *length <= 335), "{step} ms: {all:?}");
        }
    }

    #[test]
    fn without_keyframes_a_segment_ends_all_the_same() {
        let all = lengths(40 * MS, 10_000, 200);
        assert!(all[..2].iter().all(|parts| parts.iter().sum::<u64>() == 3280), "{all:?}");
    }

    #[test]
    fn a_unit_longer_than_a_part_is_a_part_alone() {
        let mut cutter = Cutter::default();
        assert_eq!(cutter.cut((0, 500 * MS), false, &RULES), Cut::Nothing);
        assert_eq!(cutter.cut((500 * MS, 540 * MS), false, &RULES), Cut::Part);
    }
}
