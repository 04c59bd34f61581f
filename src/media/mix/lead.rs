//! A member of a mix that runs close behind it: how its clock stands against ours. Pure.
//!
//! Time zero of a feed is its first packet's arrival, which may have been late itself (a burst at the beginning), and
//! clocks drift. No packet comes before it was made: those that came soonest tell where its time really lies.

/// Looked at once in so many nanoseconds.
const WINDOW: i64 = 1_000_000_000;
/// What is off by more is put right at once; less, little by little, so that nobody hears it.
const JUMP: i64 = 40_000_000;
const NUDGE: i64 = 1_000_000;

/// Follows one member.
#[derive(Debug, Default)]
pub struct Lead {
    shift: i64,
    best: Option<i64>,
    begun: i64,
}

impl Lead {
    /// Where a packet belongs that the feed's own time puts at `placed` and that came at `arrived`, in nanoseconds.
    pub fn follow(&mut self, placed: i64, arrived: i64) -> i64 {
        let lead = placed - self.shift - arrived;
        let best = self.best.map_or(lead, |best| best.max(lead));
        self.best = Some(best);
        if lead > JUMP {
            self.move_by(lead, arrived);
        } else if arrived - self.begun >= WINDOW {
            self.move_by(if best < -JUMP { best } else { best.clamp(-NUDGE, NUDGE) }, arrived);
        }
        placed - self.shift
    }

    fn move_by(&mut self, nanoseconds: i64, now: i64) {
        self.shift += nanoseconds;
        (self.best, self.begun) = (None, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    #[test]
    fn a_burst_at_the_beginning_does_not_count_and_late_packets_neither() {
        let mut lead = Lead::default();
        // Five packets of 20 ms at once, then in real time.
        let burst: Vec<i64> = (0..5).map(|n| lead.follow(n * 20 * MS, 0)).collect();
        assert!(burst.iter().all(|at| *at <= JUMP), "{burst:?}");
        let steady: Vec<i64> = (5..500)
            .map(|n| lead.follow(n * 20 * MS, (n - 4) * 20 * MS + (n % 7) * 5 * MS) - (n - 4) * 20 * MS)
            .collect();
        assert!(steady.iter().skip(300).all(|off| off.abs() <= 35 * MS), "{steady:?}");
    }

    #[test]
    fn a_clock_that_is_off_by_100_ppm_stays_in_place_for_hours() {
        let mut lead = Lead::default();
        for n in 0..3 * 3600 * 50 {
            let made = n * 20 * MS;
            let off = lead.follow(made - made / 10_000, made) - made;
            assert!(off.abs() <= 2 * MS, "{off} after {n} packets");
        }
    }
}
