//! Hours of a sender's time, without a clock.

use super::super::timeline::{Epoch, Stamp};
use super::*;
use std::time::{Duration, Instant};

/// A publisher whose sound clock runs `ppm` fast, and whose sound arrives `late` ms after the picture of its instant.
struct Sender {
    start: Instant,
    ppm: i64,
    late: u64,
    align: Align,
    sound: Timeline,
    picture: Timeline,
    worst_step: i64,
}

impl Sender {
    fn new(ppm: i64, late: u64) -> Self {
        let (sound, picture) = (Timeline::new(48_000), Timeline::new(90_000));
        Self { start: Instant::now(), ppm, late, align: Align::default(), sound, picture, worst_step: 0 }
    }

    fn sound_rtp(&self, ms: u64) -> u32 {
        ((i128::from(ms) * 48 * (1_000_000 + i128::from(self.ppm)) / 1_000_000) & 0xffff_ffff) as u32
    }

    fn report(&mut self, is_sound: bool, ms: u64, clock_off_ms: u64) {
        let ntp = (((3_900_000_000_000 + u128::from(ms + clock_off_ms)) << 32) / 1000) as u64;
        let (rtp, rate) = if is_sound { (self.sound_rtp(ms), 48_000) } else { ((ms * 90) as u32, 90_000) };
        self.align.report(is_sound, Report { ntp, rtp }, rate);
        self.align.measure(&self.sound, &self.picture);
    }

    /// Packets of both tracks from `from` to `to` ms, 100 ms apart; returns how late sound is at the end, in ms.
    fn run(&mut self, from: u64, to: u64) -> i64 {
        let epoch = Epoch { arrival: self.start, sender: None };
        let mut apart = 0;
        for ms in (from..to).step_by(100) {
            let at = |ms| self.start + Duration::from_millis(ms);
            let picture = Stamp { ssrc: 1, rtp: ((ms * 90) & 0xffff_ffff) as u32, arrival: at(ms) };
            let sound = Stamp { ssrc: 2, rtp: self.sound_rtp(ms), arrival: at(ms + self.late) };
            let picture_pts = self.picture.pts(&epoch, picture, None);
            let sound_pts = self.sound.pts(&epoch, sound, None);
            let step = self.align.step(sound_pts);
            self.sound.earlier(step);
            self.worst_step = self.worst_step.max(step.abs());
            apart = sound_pts - step - picture_pts;
        }
        apart / 1_000_000
    }

    /// With reports of the picture each second and of sound each five.
    fn run_reported(&mut self, from: u64, to: u64, clock_off_ms: u64) -> i64 {
        let mut apart = 0;
        for ms in (from..to).step_by(1000) {
            self.report(false, ms, clock_off_ms);
            if ms % 5000 == 0 {
                self.report(true, ms, clock_off_ms);
            }
            apart = self.run(ms, ms + 1000);
        }
        apart
    }
}

const HOUR: u64 = 3_600_000;

#[test]
fn hours_of_drift_are_followed() {
    for ppm in [100, -100] {
        let mut sender = Sender::new(ppm, 0);
        let apart = sender.run_reported(0, 4 * HOUR, 0);
        assert!(apart.abs() <= 3, "{apart} ms apart after 4 hours at {ppm} ppm, 1440 without reports");
        let told = sender.align.drift_ppm().unwrap();
        assert!((told - ppm as f64).abs() < 2.0, "{told} instead of {ppm}");
        assert!(sender.align.offset_end_ms().unwrap().abs() < 3.0);
        assert!(sender.worst_step <= 101_000, "1 ms per second: {} ns in 100 ms", sender.worst_step);
    }
}

#[test]
fn a_late_report_makes_no_jump_but_sound_gets_there() {
    let mut sender = Sender::new(0, 200);
    assert_eq!(sender.run(0, 60_000), 200, "placed by arrival");
    let after_a_second = sender.run_reported(60_000, 61_000, 0);
    assert!((194..=200).contains(&after_a_second), "{after_a_second}");
    assert!(sender.run_reported(61_000, 100_000, 0) <= 40, "within 40 ms in 40 s");
    assert!(sender.run_reported(100_000, 150_000, 0) <= 2);
    assert!(sender.worst_step <= 501_000);
    assert_eq!(sender.align.offset_start_ms().unwrap().round(), 200.0);
    assert!(sender.align.offset_end_ms().unwrap() < 2.0);
}

#[test]
fn without_reports_nothing_is_moved_or_told() {
    let mut sender = Sender::new(50, 30);
    sender.run(0, 60_000);
    assert_eq!((sender.worst_step, sender.align.offset_start_ms(), sender.align.drift_ppm()), (0, None, None));
    sender.align.report(true, Report { ntp: 0, rtp: 77 }, 48_000);
    assert!(sender.align.believed(true).is_none(), "a sender without a clock");
}

#[test]
fn garbage_between_good_reports_moves_nothing() {
    let mut sender = Sender::new(0, 0);
    sender.run_reported(0, 30_000, 0);
    for n in 0..200u64 {
        let from = 30_000 + n * 5000;
        let garbage = Report { ntp: n.wrapping_mul(0x9e37_79b9_7f4a_7c15), rtp: (n * 2_654_435_761) as u32 };
        sender.align.report(n % 2 == 0, garbage, if n % 2 == 0 { 48_000 } else { 90_000 });
        sender.align.measure(&sender.sound, &sender.picture);
        let apart = sender.run_reported(from, from + 5000, 0);
        assert!(apart.abs() <= 2, "{apart} ms after {n} reports of garbage");
    }
}

#[test]
fn a_sender_that_sets_its_clock_keeps_its_sync() {
    let mut sender = Sender::new(0, 0);
    sender.run_reported(0, 60_000, 0);
    for minute in 1..10 {
        let apart = sender.run_reported(minute * 60_000, (minute + 1) * 60_000, minute * 700);
        assert!(apart.abs() <= 25, "{apart} ms after the clock was set by 0.7 s");
    }
    assert!(sender.run_reported(600_000, 660_000, 6300).abs() <= 5);
}

#[test]
fn a_new_source_is_measured_anew() {
    let mut sender = Sender::new(0, 100);
    sender.run_reported(0, 60_000, 0);
    sender.align.forget(true);
    sender.align.forget(false);
    assert!(!sender.align.is_known());
    sender.run(60_000, 61_000);
    assert!(sender.run_reported(65_000, 120_000, 9_000_000).abs() <= 2);
}
