//! What a transcode costs in cores: reckoned before it runs, measured when it does. Pure but for reading a thread's clock.
//!
//! A rendition's work is done in one streaming thread: decoder, scaler and encoder are given one thread each and work in the
//! caller's. So the thread's own CPU clock, read there, tells what it costs.

use crate::model::Codec;
use nix::time::{ClockId, clock_gettime};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The cost is that of the last seconds.
const WINDOW: Duration = Duration::from_secs(5);
/// It counts as measured when so much time has passed.
const SOONEST: Duration = Duration::from_secs(2);
/// What a picture costs whatever its size, in nanoseconds: packets, wake-ups.
const EACH: f64 = 150_000.0;
/// How far what was measured may correct what is reckoned.
const CORRECTION: (f64, f64) = (0.3, 4.0);

/// What is to be encoded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Work {
    pub from: Codec,
    pub size: (u32, u32),
    pub rate: f64,
    pub to: Codec,
    pub fitted: (u32, u32),
    pub fitted_rate: f64,
}

impl Work {
    /// Cores by the constants, measured on one of our machines (AMD EPYC, 2.4 GHz).
    fn cores(&self) -> f64 {
        let pixels = |(width, height): (u32, u32)| f64::from(width) * f64::from(height);
        let scale = if self.size == self.fitted { 0.0 } else { SCALE };
        let decode = pixels(self.size) * decode(self.from) * self.rate;
        let encode = (pixels(self.size) * scale + pixels(self.fitted) * encode(self.to)) * self.fitted_rate;
        (decode + encode + EACH * self.rate) / 1e9
    }
}

/// Nanoseconds a pixel of the source.
const SCALE: f64 = 0.35;

/// Nanoseconds a pixel.
fn decode(codec: Codec) -> f64 {
    match codec {
        Codec::Av1 => 4.0,
        Codec::Vp9 => 2.0,
        Codec::H264 => 1.8,
        _ => 1.4,
    }
}

/// Nanoseconds a pixel, in software.
fn encode(codec: Codec) -> f64 {
    match codec {
        Codec::H264 => 7.0,
        _ => 9.0,
    }
}

/// Corrects itself by what is measured.
pub(super) struct Model(Mutex<[f64; 2]>);

impl Default for Model {
    fn default() -> Self {
        Self(Mutex::new([1.0; 2]))
    }
}

impl Model {
    /// Cores that this will take.
    pub(super) fn cores(&self, work: &Work) -> f64 {
        work.cores() * self.0.lock()[usize::from(work.to == Codec::H264)]
    }

    /// It took so many.
    pub(super) fn learn(&self, work: &Work, cores: f64) {
        let factor = &mut self.0.lock()[usize::from(work.to == Codec::H264)];
        let told = (cores / work.cores().max(1e-6)).clamp(CORRECTION.0, CORRECTION.1);
        *factor += (told - *factor) / 8.0;
    }
}

/// CPU time that threads spend on one rendition.
#[derive(Default)]
pub(super) struct Meter {
    /// Nanoseconds so far.
    spent: AtomicU64,
    seen: Mutex<VecDeque<(Instant, u64)>>,
}

/// One thread's share; made and used in that thread.
#[derive(Default)]
pub(super) struct Share(Option<u64>);

impl Share {
    /// Adds what this thread has spent since it was here last.
    pub(super) fn add(&mut self, meter: &Meter) {
        let Ok(now) = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID) else { return };
        let now = Duration::from(now).as_nanos() as u64;
        if let Some(before) = self.0.replace(now) {
            meter.spent.fetch_add(now.saturating_sub(before), Ordering::Relaxed);
        }
    }
}

impl Meter {
    /// To be called about once a second: cores over the last seconds; `None`: not measured yet.
    pub(super) fn cores(&self, now: Instant) -> Option<f64> {
        let spent = self.spent.load(Ordering::Relaxed);
        let mut seen = self.seen.lock();
        seen.push_back((now, spent));
        while seen.len() > 2 && seen.get(1).is_some_and(|(at, _)| now.saturating_duration_since(*at) >= WINDOW) {
            seen.pop_front();
        }
        let (first, before) = *seen.front()?;
        let passed = now.saturating_duration_since(first);
        (passed >= SOONEST).then(|| (spent - before) as f64 / 1e9 / passed.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORK: Work =
        Work { from: Codec::Vp8, size: (1280, 720), rate: 30.0, to: Codec::Vp8, fitted: (640, 360), fitted_rate: 30.0 };

    #[test]
    fn more_pixels_cost_more_and_the_model_learns() {
        let model = Model::default();
        let reckoned = model.cores(&WORK);
        assert!((0.05..0.3).contains(&reckoned), "{reckoned}");
        assert!(model.cores(&Work { fitted_rate: 15.0, ..WORK }) < reckoned);
        assert!(model.cores(&Work { size: (1920, 1080), ..WORK }) > reckoned);
        (0..50).for_each(|_| model.learn(&WORK, 2.0 * reckoned));
        assert!((model.cores(&WORK) / reckoned - 2.0).abs() < 0.1);
        assert!(model.cores(&Work { to: Codec::H264, ..WORK }) < reckoned, "another encoder has its own");
    }

    #[test]
    fn the_meter_tells_cores_of_the_last_seconds() {
        let (meter, start) = (Meter::default(), Instant::now());
        assert_eq!(meter.cores(start), None);
        for second in 1..=20 {
            // Half a core, then a quarter.
            meter.spent.fetch_add(if second <= 10 { 500_000_000 } else { 250_000_000 }, Ordering::Relaxed);
            let cores = meter.cores(start + Duration::from_secs(second));
            let expected = [(1, None), (5, Some(0.5)), (10, Some(0.5)), (20, Some(0.25))];
            expected.iter().filter(|(at, _)| *at == second).for_each(|(_, want)| assert_eq!(cores, *want, "{second}"));
        }
    }

    #[test]
    fn a_threads_time_is_counted_from_where_it_begins() {
        let (meter, mut share) = (Meter::default(), Share::default());
        share.add(&meter);
        let begin = Instant::now();
        let mut sum = 0u64;
        while begin.elapsed() < Duration::from_millis(50) {
            sum = sum.wrapping_add(std::hint::black_box(1));
        }
        share.add(&meter);
        let spent = meter.spent.load(Ordering::Relaxed);
        assert!(sum > 0 && (1_000_000..100_000_000).contains(&spent), "{spent} ns");
    }
}
