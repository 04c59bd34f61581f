//! Live mixes of real RTP; the files are judged by `ffprobe`, a full decode, and where flashes and beeps are.

use super::testing::*;
use crate::model::{Codec, EndReason, Film, Kind, Layout, PictureWish};
use millrace_bench::flash_beep;
use std::time::Duration;

const AV: [Codec; 2] = [Codec::Vp8, Codec::Opus];

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// Made before the mix begins: it takes a while.
fn source(name: &str, length: u32, size: (u32, u32)) -> Rtp {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    flash_beep::make(&path, length, size).unwrap();
    let video = if name.ends_with("mp4") { Codec::H264 } else { Codec::Vp8 };
    rtp(&path, &[video, Codec::Opus])
}

fn grid() -> Option<Layout> {
    Some(Layout::Named("grid".into()))
}

fn assert_in_sync(path: &std::path::Path, crop: Option<&str>, at_least: usize) {
    let found = flash_beep::find(path, crop).unwrap();
    let offsets = found.offsets_ms();
    assert!(offsets.len() >= at_least, "{found:?}");
    assert!(offsets.iter().all(|offset| offset.abs() <= 40.0), "{offsets:?} in {found:?}");
    eprintln!("sound later than picture by {offsets:?} ms");
}

#[test]
fn two_feeds_are_seen_and_heard_in_sync() {
    let packets = source("source.webm", 5, (320, 180));
    let mut stage = Stage::new(grid());
    stage.join(1, "Ann", &AV);
    stage.join(2, "Bob", &AV);
    stage.play(&packets, seconds(0.0), seconds(5.0));
    let (reason, report) = stage.stop();
    assert_eq!((reason, report.size, &report.detail), (EndReason::Requested, Some((1280, 720)), &None));
    let length = stage.begun.elapsed().as_millis() as u64;
    assert!((4800..=length).contains(&report.duration_ms), "{report:?} after {length} ms");
    assert_good(stage.dir.path(), &report, 25);
    assert!(report.facts.gaps.is_empty(), "{:?}", report.facts);
    // Away from names and title.
    for crop in ["iw/4:ih/4:iw/8:ih*3/8", "iw/4:ih/4:iw*5/8:ih*3/8"] {
        assert_in_sync(&stage.dir.path().join(&report.file), Some(crop), 4);
    }
}

#[test]
fn h264_is_mixed_in_sync() {
    let packets = source("source.mp4", 3, (320, 180));
    let mut stage = Stage::new(grid());
    stage.join(1, "Ann", &[Codec::H264, Codec::Opus]);
    stage.play(&packets, seconds(0.0), seconds(3.0));
    let (_, report) = stage.stop();
    assert_good(stage.dir.path(), &report, 25);
    assert_in_sync(&stage.dir.path().join(&report.file), Some("iw/2:ih/2:iw/4:ih/4"), 2);
}

#[test]
fn sound_alone_is_a_webm() {
    let packets = source("source.webm", 3, (64, 36));
    let mut stage = Stage::new(None);
    stage.join(1, "Ann", &AV);
    stage.play(&packets, seconds(0.0), seconds(3.0));
    let (reason, report) = stage.stop();
    assert_eq!((reason, report.file.as_str(), report.size), (EndReason::Requested, "mix.webm", None));
    let path = stage.dir.path().join(&report.file);
    let found = probe(&path);
    assert_eq!((found["streams"].as_array().unwrap().len(), packets_of_video(&found)), (1, 0));
    let length: f64 = found["format"]["duration"].as_str().unwrap().parse().unwrap();
    assert!((length - report.duration_ms as f64 / 1000.0).abs() < 0.1, "{length} but {report:?}");
    assert_decodes(&path);
}

#[test]
fn a_film_has_the_wished_size_and_may_be_silent() {
    let packets = source("source.webm", 3, (64, 36));
    let picture = Some(PictureWish { width: 320, height: 180, fps: 10 });
    let mut stage = Stage::of_film(grid(), Film { picture, silent: true }, 0);
    stage.join(1, "Ann", &AV);
    stage.play(&packets, seconds(0.0), seconds(2.0));
    let (reason, report) = stage.stop();
    assert_eq!((reason, report.size, &report.codecs), (EndReason::Requested, Some((320, 180)), &vec![Codec::H264]));
    assert_good(stage.dir.path(), &report, 10);
    assert_eq!(probe(&stage.dir.path().join(&report.file))["streams"].as_array().unwrap().len(), 1);
    let odd = Some(PictureWish { width: 321, height: 180, fps: 10 });
    let refused = Stage::of_film(grid(), Film { picture: odd, silent: false }, 0).ended().1;
    assert!(refused.detail.is_some_and(|words| words.contains("321x180")));
}

fn packets_of_video(probe: &serde_json::Value) -> usize {
    packets(probe, Kind::Video)
}

#[test]
fn a_mix_goes_on_without_anybody_and_layouts_switch() {
    let packets = source("source.webm", 4, (160, 90));
    let mut stage = Stage::new(grid());
    stage.play(&packets, seconds(0.0), seconds(0.5));
    for feed in 1..=3 {
        stage.join(feed, "Somebody", &AV);
    }
    stage.play(&packets, seconds(0.0), seconds(1.0));
    stage.mix.as_ref().unwrap().set_layout(Layout::Named("speaker".into()));
    stage.play(&packets, seconds(1.0), seconds(2.0));
    stage.mix.as_ref().unwrap().set_layout(Layout::Named("no such layout".into()));
    stage.leave(2);
    stage.play(&packets, seconds(2.0), seconds(3.0));
    stage.leave(1);
    stage.leave(3);
    stage.play(&packets, seconds(3.0), seconds(3.5));
    let (reason, report) = stage.stop();
    assert_eq!(reason, EndReason::Requested);
    assert_good(stage.dir.path(), &report, 25);
}

#[test]
fn a_pause_takes_no_time_in_the_file() {
    let packets = source("source.webm", 6, (160, 90));
    let mut stage = Stage::new(grid());
    stage.join(1, "Ann", &AV);
    stage.play(&packets, seconds(0.0), seconds(2.5));
    stage.mix.as_ref().unwrap().pause(true);
    stage.play(&packets, seconds(2.5), seconds(4.0));
    stage.mix.as_ref().unwrap().pause(false);
    stage.play(&packets, seconds(4.0), seconds(6.0));
    let (_, report) = stage.stop();
    assert_good(stage.dir.path(), &report, 25);
    let gaps = &report.facts.gaps;
    assert!(gaps.len() == 1 && gaps[0].why == "paused" && gaps[0].length_ms >= 1400, "{gaps:?}");
    let length = stage.begun.elapsed().as_millis() as u64 - gaps[0].length_ms;
    assert!((4300..=length).contains(&report.duration_ms), "{report:?} after {length} ms");
    assert_in_sync(&stage.dir.path().join(&report.file), Some("iw/2:ih/2:iw/4:ih/4"), 3);
}

#[test]
fn nine_feeds_are_mixed_without_a_picture_missing() {
    let packets = source("source.webm", 4, (160, 90));
    let mut stage = Stage::new(grid());
    for feed in 1..=9 {
        stage.join(feed, &format!("Number {feed}"), &AV);
    }
    stage.play(&packets, seconds(0.0), seconds(4.0));
    let (reason, report) = stage.stop();
    assert_eq!(reason, EndReason::Requested);
    assert_good(stage.dir.path(), &report, 25);
    for (column, row) in (0..9).map(|index| (index % 3, index / 3)) {
        let crop = format!("iw/6:ih/9:iw*{column}/3+iw/12:ih*{row}/3+ih/8");
        let found = flash_beep::find(&stage.dir.path().join(&report.file), Some(&crop)).unwrap();
        assert!(found.flashes.len() >= 3, "feed in column {column}, row {row}: {found:?}");
    }
}

#[test]
fn too_little_space_ends_the_mix_with_a_complete_file() {
    let stage = Stage::with(grid(), u64::MAX);
    let (reason, report) = stage.ended();
    assert_eq!(reason, EndReason::DiskFull);
    assert!(report.detail.as_deref().unwrap().contains("bytes are free"), "{report:?}");
    assert_good(stage.dir.path(), &report, 25);
}

#[test]
fn what_cannot_begin_is_told() {
    let stage = Stage::new(Some(Layout::Named("mosaic".into())));
    let (reason, report) = stage.ended();
    assert_eq!(reason, EndReason::StorageFailed);
    assert!(report.detail.unwrap().contains("mosaic"));
}

/// What a mix costs: 4 × 640×360 in one 1280×720 at 25 pictures per second. Run alone, with `--no-capture`, it tells the
/// split by threads.
#[test]
fn four_feeds_cost_less_than_a_core() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("source.webm");
    let mut ffmpeg = std::process::Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-f", "lavfi", "-i", "testsrc2=s=640x360:r=25:d=6", "-f", "lavfi", "-i", "sine=d=6"]);
    ffmpeg.args(["-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "800k", "-c:a", "libopus"]);
    assert!(ffmpeg.arg(&path).status().unwrap().success());
    let packets = rtp(&path, &AV);
    let mut stage = Stage::new(grid());
    (1..=4).for_each(|feed| stage.join(feed, &format!("Number {feed}"), &AV));
    stage.play(&packets, seconds(0.0), seconds(1.5));
    let before = millrace_bench::process::sample(std::process::id()).unwrap();
    stage.play(&packets, seconds(1.5), seconds(6.0));
    let after = millrace_bench::process::sample(std::process::id()).unwrap();
    eprintln!("{}", threads());
    let (_, report) = stage.stop();
    assert_good(stage.dir.path(), &report, 25);
    assert!(report.facts.gaps.is_empty(), "{:?}", report.facts);
    let cores = (after.cpu_ms - before.cpu_ms) / 4500.0;
    eprintln!("{cores:.2} cores");
    assert!(cores < 1.0, "{cores:.2} cores");
}

/// CPU time of this process's threads, by name.
fn threads() -> String {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let stats = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("stat")).ok());
    let used = stats.filter_map(|stat| {
        let (name, rest) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
        Some(format!("{} {} ms", name.split_once('(')?.1, ticks * 10))
    });
    used.collect::<Vec<_>>().join("\n")
}
