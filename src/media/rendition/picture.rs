//! Which pictures an encoder gets, and how large. Pure.

/// The smallest side that every encoder takes.
const LEAST: u32 = 16;

/// The size to encode a picture at: so many pixels of the shorter side at most, the aspect kept, both sides even.
pub(super) fn fit((width, height): (u32, u32), most: Option<u32>) -> (u32, u32) {
    let shorter = width.min(height).max(1);
    let most = most.unwrap_or(shorter).min(shorter);
    let side = |length: u32| {
        let scaled = (u64::from(length) * u64::from(most) + u64::from(shorter)) / (2 * u64::from(shorter)) * 2;
        u32::try_from(scaled).unwrap_or(u32::MAX).min(length & !1).max(LEAST)
    };
    (side(width), side(height))
}

/// Leaves pictures out, evenly, so that no more than a rate remain.
pub(super) struct Thin {
    /// Nanoseconds from picture to picture; `None`: all go on.
    interval: Option<u64>,
    due: Option<u64>,
}

impl Thin {
    /// At most so many pictures per second.
    pub(super) fn new(rate: Option<u32>) -> Self {
        Self { interval: rate.map(|rate| 1_000_000_000 / u64::from(rate.max(1))), due: None }
    }

    /// Whether the picture of this time in nanoseconds goes on. `hurry`: it is waited for, whatever its time.
    pub(super) fn lets(&mut self, at: u64, hurry: bool) -> bool {
        let Some(interval) = self.interval else { return true };
        // Cameras' clocks are not exact: a quarter early is in time.
        let early = self.due.is_some_and(|due| at + interval / 4 < due && due - at <= 2 * interval);
        if early && !hurry {
            return false;
        }
        // Who came late may be followed soon: only the average counts.
        let known = self.due.filter(|due| !early && *due <= at + interval);
        self.due = Some(known.map_or(at, |due| due.max(at.saturating_sub(interval))) + interval);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_aspect_stays_sides_are_even_and_nothing_grows() {
        for (size, most, fitted) in [
            ((1280, 720), Some(360), (640, 360)),
            ((720, 1280), Some(360), (360, 640)),
            ((640, 480), Some(720), (640, 480)),
            ((1366, 768), Some(360), (640, 360)),
            ((641, 361), None, (640, 360)),
            ((1920, 1080), Some(180), (320, 180)),
            ((4000, 100), Some(90), (3600, 90)),
            ((3, 2), Some(90), (16, 16)),
        ] {
            assert_eq!(fit(size, most), fitted, "{size:?} at {most:?}");
        }
    }

    fn kept(rate: u32, of: u32, seconds: u64) -> usize {
        let mut thin = Thin::new(Some(rate));
        // Jitter of a fifth of the distance.
        let at = |n: u64| n * 1_000_000_000 / u64::from(of) + (n % 3) * 200_000_000 / u64::from(of);
        (0..u64::from(of) * seconds).filter(|n| thin.lets(at(*n), false)).count()
    }

    #[test]
    fn pictures_are_left_out_evenly_and_only_when_there_are_too_many() {
        for (rate, of, left) in [(15, 30, 150), (30, 30, 300), (30, 25, 250), (15, 25, 150), (2, 30, 20), (5, 24, 50)] {
            let kept = kept(rate, of, 10);
            assert!(kept.abs_diff(left) <= 2, "{rate} of {of}: {kept} of {left}");
        }
    }

    #[test]
    fn a_picture_that_is_waited_for_goes_on_and_time_may_leap() {
        let (mut thin, second) = (Thin::new(Some(2)), 1_000_000_000);
        assert!(thin.lets(0, false) && !thin.lets(second / 10, false) && thin.lets(second / 5, true));
        assert!(!thin.lets(second / 2, false), "from the one that was waited for");
        assert!(thin.lets(100 * second, false) && thin.lets(second, false) && !thin.lets(second + 1, false));
    }
}
