//! What a track does: pictures and bits per second, distance of keyframes. Pure: time comes in.

use crate::model::{IngestTrack, Kind};
use std::time::{Duration, Instant};

const WINDOW: Duration = Duration::from_secs(1);

/// The figures of one track of one attempt.
#[derive(Debug, Default)]
pub struct Meter {
    first: Option<Instant>,
    last: Option<Instant>,
    window: Option<(Instant, u32, u64)>,
    framerate: f32,
    bitrate: u64,
    keyframe: Option<i64>,
    interval: Option<Duration>,
}

impl Meter {
    /// A unit came: its time in nanoseconds, its size, whether it is a keyframe.
    pub fn count(&mut self, pts: i64, bytes: usize, keyframe: bool, now: Instant) {
        self.first.get_or_insert(now);
        self.last = Some(now);
        let window = self.window.get_or_insert((now, 0, 0));
        let elapsed = now.saturating_duration_since(window.0);
        if elapsed >= WINDOW {
            self.framerate = window.1 as f32 / elapsed.as_secs_f32();
            self.bitrate = (window.2 as f64 * 8.0 / elapsed.as_secs_f64()) as u64;
            *window = (now, 0, 0);
        }
        window.1 += 1;
        window.2 += bytes as u64;
        if keyframe {
            let since = self.keyframe.replace(pts).map(|before| pts.abs_diff(before));
            self.interval = since.map(Duration::from_nanos).or(self.interval);
        }
    }

    /// When the first unit came, and the last.
    pub fn heard(&self) -> Option<(Instant, Instant)> {
        self.first.zip(self.last)
    }

    /// Puts the figures into a track's description; those of one that is silent are zero.
    pub fn fill(&self, kind: Kind, track: &mut IngestTrack, now: Instant) {
        let live = self.last.is_some_and(|last| now.saturating_duration_since(last) < 2 * WINDOW);
        track.bitrate = if live { self.bitrate } else { 0 };
        if kind == Kind::Video {
            track.framerate = if live { self.framerate } else { 0.0 };
            // One that is overdue already is longer than the last two told.
            track.keyframe_interval_ms = self.interval.and_then(|interval| u64::try_from(interval.as_millis()).ok());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_a_camera() {
        let (mut meter, start) = (Meter::default(), Instant::now());
        for n in 0..101u32 {
            meter.count(i64::from(n) * 40_000_000, 20_000, n % 50 == 0, start + n * Duration::from_millis(40));
        }
        let mut track = IngestTrack::default();
        let end = start + Duration::from_secs(4);
        meter.fill(Kind::Video, &mut track, end);
        assert_eq!((track.framerate, track.bitrate, track.keyframe_interval_ms), (25.0, 4_000_000, Some(2000)));
        meter.fill(Kind::Video, &mut track, end + 3 * WINDOW);
        assert_eq!((track.framerate, track.bitrate, track.keyframe_interval_ms), (0.0, 0, Some(2000)));
    }
}
