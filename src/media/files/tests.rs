//! Real files of the real recorder, cut off and repaired, clipped; judged by `ffprobe` and a full decode.

use super::testing::*;
use super::*;
use crate::media::branch::testing::source;
use crate::media::feed::TapItem;
use crate::model::Codec;
use std::path::PathBuf;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

const WEBM: [Codec; 2] = [Codec::Vp8, Codec::Opus];
const MP4: [Codec; 2] = [Codec::H264, Codec::Opus];

fn names(dir: &Path) -> Vec<String> {
    let names = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.collect()
}

/// No picture or sound has moved, or is missing.
fn same_times(before: &serde_json::Value, after: &serde_json::Value) {
    for kind in ["video", "audio"] {
        let (before, after) = (packets(before, kind), packets(after, kind));
        assert_eq!(before.len(), after.len(), "{kind}");
        let moved = before.iter().zip(&after).map(|(old, new)| (time(old) - time(new)).abs()).fold(0.0, f64::max);
        assert!(moved < 0.002, "{kind} moved by {moved} s");
    }
}

fn repairs(codecs: &[Codec]) {
    let dir = tempfile::tempdir().unwrap();
    let path = killed(codecs, 5, dir.path());
    let found = duration(&path).unwrap().as_secs_f64();
    let before = probe(&path);
    // A repair that a crash ended left this.
    std::fs::write(path.with_extension(format!("{}.part", path.extension().unwrap().display())), "half").unwrap();
    let repaired = repair(&path).unwrap();
    let probe = probe(&path);
    same_times(&before, &probe);
    assert!((seconds(&probe) - found).abs() < 0.1, "{found} s became {} s, {repaired:?}", seconds(&probe));
    assert!((repaired.duration_ms as f64 / 1000.0 - found).abs() < 0.1, "{repaired:?}");
    assert_eq!((repaired.bytes, repaired.codecs.len()), (path.metadata().unwrap().len(), codecs.len()));
    assert_eq!((repaired.width, repaired.height), (Some(320), Some(240)));
    assert_eq!(repaired.facts.pictures as usize, packets(&probe, "video").len());
    assert!((repaired.facts.framerate - 25.0).abs() < 0.5, "{repaired:?}");
    assert!(repaired.facts.gaps.is_empty() && repaired.facts.bitrate > 0, "{repaired:?}");
    assert_eq!(decode(&path), "");
    assert_eq!(names(dir.path()).len(), 1, "{:?}", names(dir.path()));
    let again = repair(&path).unwrap();
    assert_eq!(again.facts.pictures, repaired.facts.pictures);
    assert!(again.duration_ms.abs_diff(repaired.duration_ms) <= 40, "{again:?} {repaired:?}");
}

#[test]
fn a_killed_webm_is_repaired_twice() {
    repairs(&WEBM);
}

#[test]
fn a_killed_mp4_is_repaired_twice() {
    repairs(&MP4);
}

#[test]
fn one_track_alone_is_repaired() {
    for codec in [Codec::Opus, Codec::Vp8, Codec::H264] {
        let dir = tempfile::tempdir().unwrap();
        let path = killed(&[codec], 4, dir.path());
        let repaired = repair(&path).unwrap();
        assert!(repaired.duration_ms >= 2400, "{codec:?} {repaired:?}");
        assert_eq!((decode(&path).as_str(), repaired.codecs), ("", vec![codec]));
    }
}

/// Where the packets of a file stand, by ffprobe: first byte behind each, and its time.
fn places(path: &Path) -> Vec<(u64, f64)> {
    let number = |packet: &serde_json::Value, name: &str| packet[name].as_str().unwrap().parse::<u64>().unwrap();
    let probe = probe(path);
    let all = probe["packets"].as_array().unwrap().iter();
    all.map(|packet| (number(packet, "pos") + number(packet, "size"), time(packet))).collect()
}

fn survives_any_cut(codecs: &[Codec]) {
    let dir = tempfile::tempdir().unwrap();
    let whole = killed(codecs, 4, dir.path());
    let (bytes, places) = (std::fs::read(&whole).unwrap(), places(&whole));
    let cut = dir.path().join("cut").with_extension(whole.extension().unwrap());
    let begin = bytes.len().saturating_sub(64 << 10);
    let (mut good, mut refused) = (0, 0);
    for length in (begin..bytes.len()).step_by(1499) {
        std::fs::write(&cut, &bytes[..length]).unwrap();
        let kept = places.iter().filter(|(end, _)| *end <= length as u64).map(|(_, at)| *at).fold(-1.0, f64::max);
        match repair(&cut) {
            Ok(repaired) => {
                good += 1;
                assert_eq!(decode(&cut), "", "cut at {length}");
                let length_now = seconds(&probe(&cut));
                assert!(length_now >= kept - 1.0, "cut at {length}: {length_now} s of {kept}, {repaired:?}");
            }
            Err(error) => {
                refused += 1;
                assert!(kept < 1.0, "cut at {length} with {kept} s: {error}");
                assert_eq!(std::fs::read(&cut).unwrap().len(), length, "it is as it was");
            }
        }
    }
    assert!(good > 20, "{good} repaired, {refused} refused, {} bytes", bytes.len());
}

#[test]
fn a_webm_survives_any_cut() {
    survives_any_cut(&WEBM);
}

#[test]
fn an_mp4_survives_any_cut() {
    survives_any_cut(&MP4);
}

#[test]
fn a_change_of_resolution_survives_the_repair() {
    for codec in [Codec::Vp8, Codec::H264] {
        let dir = tempfile::tempdir().unwrap();
        let first = crate::media::branch::testing::encode(codec, 2, (640, 360));
        let shift = first.last().unwrap().0 + Duration::from_millis(40);
        let mut second = crate::media::branch::testing::encode(codec, 2, (320, 180));
        for (due, packet) in &mut second {
            *due += shift;
            packet.data[11] ^= 0x55;
        }
        let path = record(&[codec], vec![first, second], 4.0, dir.path(), false);
        let before = packets(&probe(&path), "video").len();
        let repaired = repair(&path).unwrap();
        assert_eq!(decode(&path), "", "{codec:?}");
        assert_eq!((repaired.facts.pictures as usize, repaired.width), (before, Some(640)), "{codec:?}");
    }
}

#[test]
fn what_is_no_recording_is_refused_in_words() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("feed-1.webm");
    assert!(matches!(repair(&path), Err(MediaError::NotReady(_))), "missing");
    for (content, words) in [
        (vec![], "nothing is in it"),
        (vec![7; 5000], "neither WebM nor MP4"),
        ([vec![0x1a, 0x45, 0xdf, 0xa3], vec![9; 5000]].concat(), "whole"),
        ([b"\0\0\0\x18ftypiso5".to_vec(), vec![9; 5000]].concat(), "whole"),
    ] {
        std::fs::write(&path, &content).unwrap();
        let error = repair(&path).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
        assert_eq!((std::fs::read(&path).unwrap(), names(dir.path()).len()), (content, 1));
    }
}

fn clips(source: &Path, codec: &str, growing: bool) {
    let out = source.with_file_name("clip").with_extension(source.extension().unwrap());
    let clip = clip(source, Duration::from_millis(2500), Duration::from_millis(4000), &out).unwrap();
    // Keyframes are at 0, 2 and 4 s.
    assert!(clip.from_ms.abs_diff(2000) < 50 && clip.to_ms.abs_diff(4000) < 50, "{growing} {clip:?}");
    let probe = probe(&out);
    assert!((seconds(&probe) - 2.0).abs() < 0.1, "{growing}: {} s, {clip:?}", seconds(&probe));
    assert_eq!((clip.holds.duration_ms.abs_diff(2000) < 50, clip.holds.facts.pictures), (true, 50), "{clip:?}");
    let video = packets(&probe, "video");
    assert!(video[0]["flags"].as_str().unwrap().starts_with('K') && video.len() == 50, "{codec}");
    assert!(time(video[0]) < 0.05 && time(packets(&probe, "audio")[0]) < 0.05);
    assert_eq!(decode(&out), "");
}

#[test]
fn clips_are_cut_at_keyframes_of_finished_and_growing_files() {
    for (codecs, name) in [(WEBM, "vp8"), (MP4, "h264")] {
        let dir = tempfile::tempdir().unwrap();
        clips(&finished(&codecs, 6, dir.path()), name, false);
        let growing = killed(&codecs, 6, dir.path());
        clips(&growing, name, true);
        repair(&growing).unwrap();
        clips(&growing, name, false);
    }
}

#[test]
fn a_clip_of_nothing_is_refused_and_leaves_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let source = finished(&[Codec::Opus], 2, dir.path());
    let out = dir.path().join("clip.webm");
    let at = Duration::from_secs;
    assert!(matches!(clip(&source, at(50), at(60), &out), Err(MediaError::NotReady(_))));
    assert!(matches!(clip(&source, at(1), at(1), &out), Err(MediaError::Fatal(_))));
    assert_eq!(names(dir.path()).len(), 1, "{:?}", names(dir.path()));
    let clip = clip(&source, at(1), at(60), &out).unwrap();
    assert!(clip.from_ms == 1000 && clip.to_ms.abs_diff(2000) < 50, "{clip:?}");
    assert_eq!(decode(&out), "");
}

#[test]
fn the_past_of_a_feed_becomes_a_clip() {
    for codecs in [WEBM, MP4] {
        let dir = tempfile::tempdir().unwrap();
        let (tap, packets) = sync_channel(10_000);
        items(encoded(&codecs, 3)).into_iter().for_each(|item| tap.send(item).unwrap());
        drop(tap);
        let tracks = codecs.iter().map(|codec| source(*codec, 96)).collect();
        let clip = clip_of_tap(tracks, packets, &dir.path().join("clip")).unwrap();
        assert!((seconds(&probe(&clip.path)) - 3.0).abs() < 0.3, "{clip:?}");
        assert_eq!((decode(&clip.path).as_str(), clip.holds.codecs.len()), ("", 2));
    }
    let dir = tempfile::tempdir().unwrap();
    let (tap, packets) = sync_channel(1);
    tap.send(TapItem::Ended).unwrap();
    let nothing = clip_of_tap(vec![source(Codec::Vp8, 96)], packets, &dir.path().join("clip"));
    assert!(matches!(nothing, Err(MediaError::NotReady(_))), "{nothing:?}");
    assert_eq!(names(dir.path()), Vec::<String>::new());
}

/// So that the compiler keeps the type of what is told.
#[test]
fn nothing_is_waited_for_in_a_missing_file() {
    assert!(matches!(duration(&PathBuf::from("/nonexistent/x.webm")), Err(MediaError::NotReady(_))));
}

/// Nothing is thrown away that somebody might still want to rescue.
#[test]
fn damage_in_the_middle_keeps_the_old_file() {
    for (codecs, options) in [(WEBM, "+faststart"), (MP4, "frag_keyframe+empty_moov")] {
        let dir = tempfile::tempdir().unwrap();
        let short = finished(&codecs, 6, dir.path());
        let path = short.with_file_name("long").with_extension(short.extension().unwrap());
        let mut ffmpeg = std::process::Command::new("ffmpeg");
        let looped = ffmpeg.args(["-v", "error", "-stream_loop", "120", "-i"]).arg(&short).args(["-c", "copy"]);
        assert!(looped.args(["-movflags", options]).arg(&path).status().unwrap().success());
        let mut bytes = std::fs::read(&path).unwrap();
        let quarter = bytes.len() / 4;
        bytes[quarter..quarter + 100_000].fill(0x7f);
        std::fs::write(&path, &bytes).unwrap();
        let repaired = repair(&path).unwrap();
        let kept = path.with_extension(format!("{}.damaged", path.extension().unwrap().display()));
        let whole = repaired.duration_ms > 700_000 && repaired.facts.pictures > 17_000;
        println!("{codecs:?}: {} bytes, {repaired:?}", bytes.len());
        assert!(whole || std::fs::read(&kept).is_ok_and(|old| old == bytes), "{repaired:?}");
    }
}
