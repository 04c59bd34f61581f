//! Real RTP through a real recorder; the files are judged as a player would, by `ffprobe` and a full decode.

use super::testing::{encode, encode_with, source};
use super::*;
use crate::media::rtp::Packet;
use crate::model::Codec;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::time::{Duration, Instant};

mod keeps;

struct Run {
    tap: SyncSender<TapItem>,
    events: Receiver<RecorderEvent>,
    keyframes: Arc<AtomicUsize>,
    recorder: Recorder,
    dir: tempfile::TempDir,
}

fn start(codecs: &[Codec]) -> Run {
    start_in(tempfile::tempdir().unwrap(), codecs, 0)
}

fn start_in(dir: tempfile::TempDir, codecs: &[Codec], min_free_bytes: u64) -> Run {
    start_as(dir, codecs.iter().map(|c| source(*c, 96)).collect(), min_free_bytes, false)
}

fn start_as(dir: tempfile::TempDir, tracks: Vec<SourceTrack>, min_free_bytes: u64, paused: bool) -> Run {
    crate::media::start().unwrap();
    let (tap, packets) = sync_channel(100_000);
    let (sender, events): (Sender<RecorderEvent>, _) = channel();
    let keyframes = Arc::new(AtomicUsize::new(0));
    let counted = keyframes.clone();
    let recorder = Recorder::start(RecorderSpec {
        recording: RecordingId::new("test"),
        feed: FeedId(7),
        tracks,
        only: None,
        packets,
        stem: dir.path().join("feed-7"),
        min_free_bytes,
        templates: None,
        paused,
        disk: Arc::default(),
        request_keyframe: Box::new(move || {
            counted.fetch_add(1, Ordering::SeqCst);
        }),
        events: Box::new(move |event| drop(sender.send(event))),
    })
    .unwrap();
    Run { tap, events, keyframes, recorder, dir }
}

impl Run {
    /// Hands packets over as if they had come in their own time, all at once.
    fn feed(&self, tracks: Vec<Vec<(Duration, Packet)>>) {
        self.feed_from(Instant::now(), tracks);
    }

    fn feed_from(&self, begin: Instant, tracks: Vec<Vec<(Duration, Packet)>>) {
        let mut all: Vec<_> = tracks.into_iter().flatten().collect();
        all.sort_by_key(|(due, _)| *due);
        for (due, packet) in all {
            self.tap.send(TapItem::Packet(Arc::new(Packet { at: begin + due, ..packet }))).unwrap();
        }
    }

    fn ended(&self) -> (EndReason, BranchReport) {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.events.recv_timeout(left).expect("the recorder told no end within 20 s") {
                RecorderEvent::Ended(reason, report) => return (reason, report),
                RecorderEvent::Started(report) => assert!(report.started_at.is_some()),
            }
        }
    }

    /// The feed ends; the file's facts.
    fn finish(self) -> (EndReason, BranchReport, tempfile::TempDir) {
        self.tap.send(TapItem::Ended).unwrap();
        let (reason, report) = self.ended();
        assert!(self.events.recv_timeout(Duration::from_millis(20)).is_err(), "Ended is the last event");
        (reason, report, self.dir)
    }
}

fn probe(path: &Path) -> serde_json::Value {
    let out = Command::new("ffprobe")
        .args(["-v", "error", "-of", "json", "-show_format", "-show_streams", "-show_packets"])
        .arg(path)
        .output()
        .unwrap();
    serde_json::from_slice(&out.stdout).unwrap()
}

/// Decodes all of it; what the decoder complains of.
fn decode(path: &Path) -> String {
    let out = Command::new("ffmpeg").args(["-v", "error", "-i"]).arg(path).args(["-f", "null", "-"]).output().unwrap();
    assert!(out.status.success(), "ffmpeg: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stderr).into_owned()
}

fn duration(probe: &serde_json::Value) -> f64 {
    probe["format"]["duration"].as_str().and_then(|t| t.parse().ok()).unwrap_or(0.0)
}

fn packets<'a>(probe: &'a serde_json::Value, kind: &str) -> Vec<&'a serde_json::Value> {
    probe["packets"].as_array().unwrap().iter().filter(|p| p["codec_type"] == kind).collect()
}

fn first_time(probe: &serde_json::Value, kind: &str) -> f64 {
    packets(probe, kind)[0]["pts_time"].as_str().unwrap().parse().unwrap()
}

fn assert_good(dir: &Path, report: &BranchReport, seconds: f64, codecs: &[&str]) -> serde_json::Value {
    let path = dir.join(&report.file);
    let probe = probe(&path);
    let found: Vec<_> =
        probe["streams"].as_array().unwrap().iter().map(|s| s["codec_name"].as_str().unwrap()).collect();
    assert_eq!(found, codecs);
    let length = duration(&probe);
    assert!((length - seconds).abs() < 0.3, "{length} s on disk instead of {seconds}");
    assert!((report.duration_ms as f64 / 1000.0 - length).abs() < 0.2, "{report:?} but {length} s");
    assert_eq!(report.bytes, path.metadata().unwrap().len());
    assert_eq!(decode(&path), "");
    probe
}

fn records_both(video: Codec, names: &[&str]) {
    let run = start(&[Codec::Opus, video]);
    run.feed(vec![encode(video, 4, (320, 240)), encode(Codec::Opus, 4, (0, 0))]);
    let (reason, report, dir) = run.finish();
    assert_eq!((reason, report.size), (EndReason::FeedEnded, Some((320, 240))), "{report:?}");
    let probe = assert_good(dir.path(), &report, 4.0, names);
    assert_eq!(packets(&probe, "video").len(), 100, "every frame");
    assert!(packets(&probe, "video")[0]["flags"].as_str().unwrap().starts_with('K'));
    let apart = (first_time(&probe, "video") - first_time(&probe, "audio")).abs();
    assert!(apart <= 0.040, "audio and video begin {apart} s apart");
}

#[test]
fn vp8_and_opus_make_a_webm() {
    records_both(Codec::Vp8, &["opus", "vp8"]);
}

#[test]
fn vp9_and_opus_make_a_webm() {
    records_both(Codec::Vp9, &["opus", "vp9"]);
}

#[test]
fn av1_and_opus_make_a_webm() {
    records_both(Codec::Av1, &["opus", "av1"]);
}

#[test]
fn h264_and_opus_make_an_mp4() {
    records_both(Codec::H264, &["opus", "h264"]);
}

#[test]
fn g711_becomes_opus_in_files() {
    for (sound, video, picture) in [(Codec::Pcma, Codec::H264, "h264"), (Codec::Pcmu, Codec::Vp8, "vp8")] {
        let run = start(&[sound, video]);
        run.feed(vec![encode(video, 4, (320, 240)), encode(sound, 4, (0, 0))]);
        let (_, report, dir) = run.finish();
        let probe = assert_good(dir.path(), &report, 4.0, &["opus", picture]);
        assert!(report.codecs.contains(&Codec::Opus), "{report:?}");
        let apart = (first_time(&probe, "video") - first_time(&probe, "audio")).abs();
        assert!(apart <= 0.040, "audio and video begin {apart} s apart");
    }
}

#[test]
fn sound_alone_and_pictures_alone_are_recorded() {
    for (codec, name) in
        [(Codec::Opus, "opus"), (Codec::Vp8, "vp8"), (Codec::H264, "h264"), (Codec::Vp9, "vp9"), (Codec::Av1, "av1")]
    {
        let run = start(&[codec]);
        run.feed(vec![encode(codec, 2, (320, 240))]);
        let (_, report, dir) = run.finish();
        assert_good(dir.path(), &report, 2.0, &[name]);
    }
}

#[test]
fn shuffled_packets_make_the_same_file_and_lost_ones_ask_for_a_keyframe() {
    let run = start(&[Codec::Vp8]);
    let mut video = encode(Codec::Vp8, 6, (320, 240));
    for pair in video[1..].chunks_exact_mut(2) {
        let (a, b) = pair.split_at_mut(1);
        std::mem::swap(&mut a[0].1, &mut b[0].1);
    }
    let lost = video.iter().position(|(due, p)| *due > Duration::from_secs(3) && !p.keyframe).unwrap();
    video.remove(lost);
    let rest = video.split_off(video.iter().position(|(due, _)| *due > Duration::from_millis(3500)).unwrap());
    let begin = Instant::now();
    run.feed_from(begin, vec![video]);
    let deadline = begin + Duration::from_secs(6);
    while run.keyframes.load(Ordering::SeqCst) < 2 {
        assert!(Instant::now() < deadline, "a loss at 3 s asked for no keyframe until second 6");
        std::thread::sleep(Duration::from_millis(20));
    }
    run.feed_from(begin, vec![rest]);
    let (_, report, dir) = run.finish();
    let probe = assert_good(dir.path(), &report, 6.0, &["vp8"]);
    let frames = packets(&probe, "video").len();
    assert!((100..150).contains(&frames), "{frames} frames: still from the loss to the next keyframe, not longer");
}

#[test]
fn the_file_begins_at_a_keyframe_and_asks_for_one() {
    let run = start(&[Codec::Vp8, Codec::Opus]);
    let late = |track: Vec<(Duration, Packet)>| -> Vec<_> {
        track.into_iter().filter(|(due, _)| *due >= Duration::from_millis(500)).collect()
    };
    run.feed(vec![late(encode(Codec::Vp8, 4, (320, 240))), late(encode(Codec::Opus, 4, (0, 0)))]);
    let asked = run.keyframes.clone();
    let (_, report, dir) = run.finish();
    // Keyframes are at 0 and 2 s.
    let probe = assert_good(dir.path(), &report, 2.0, &["vp8", "opus"]);
    assert!(packets(&probe, "video")[0]["flags"].as_str().unwrap().starts_with('K'));
    assert!(first_time(&probe, "audio") <= 0.040);
    assert!(asked.load(Ordering::SeqCst) >= 1);
}

#[test]
fn a_silent_track_does_not_stall_the_file() {
    let run = start(&[Codec::Vp8, Codec::Opus]);
    run.feed(vec![encode(Codec::Vp8, 4, (320, 240))]);
    let deadline = Instant::now() + Duration::from_secs(5);
    let path = run.dir.path().join("feed-7.webm");
    while path.metadata().map_or(0, |m| m.len()) < 20_000 {
        assert!(Instant::now() < deadline, "nothing was written while the sound was missing");
        std::thread::sleep(Duration::from_millis(20));
    }
    let (_, report, dir) = run.finish();
    assert_good(dir.path(), &report, 4.0, &["vp8", "opus"]);
}

#[test]
fn silence_is_filled_in_for_g711_too() {
    let run = start(&[Codec::Pcma, Codec::H264]);
    run.feed(vec![encode(Codec::H264, 4, (320, 240)), encode(Codec::Pcma, 1, (0, 0))]);
    let (_, report, dir) = run.finish();
    assert_good(dir.path(), &report, 4.0, &["opus", "h264"]);
}

#[test]
fn a_picture_that_never_comes_leaves_a_file_of_sound_and_one_that_comes_too_late_ends_it() {
    let run = start(&[Codec::Vp8, Codec::Opus]);
    run.feed(vec![encode(Codec::Opus, 6, (0, 0))]);
    let Ok(RecorderEvent::Started(report)) = run.events.recv_timeout(Duration::from_secs(5)) else {
        panic!("the sound was not written within 5 s")
    };
    assert_eq!(report.codecs, [Codec::Opus]);
    run.feed(vec![encode(Codec::Vp8, 1, (320, 240))]);
    let (reason, report) = run.ended();
    assert_eq!(reason, EndReason::CodecChanged);
    assert_good(run.dir.path(), &report, 6.0, &["opus"]);
}

#[test]
fn sound_goes_on_over_a_pause_of_the_picture() {
    let run = start(&[Codec::Vp8, Codec::Opus]);
    let mut video = encode(Codec::Vp8, 8, (320, 240));
    video.retain(|(due, _)| due.as_secs() < 2 || due.as_secs() >= 6);
    for (index, (_, packet)) in video.iter_mut().enumerate() {
        packet.sequence = 65_500 + index as u64;
    }
    let sound = encode(Codec::Opus, 8, (0, 0));
    let sounds = sound.len();
    run.feed(vec![video, sound]);
    let (_, report, dir) = run.finish();
    let probe = assert_good(dir.path(), &report, 8.0, &["vp8", "opus"]);
    assert_eq!(packets(&probe, "audio").len(), sounds);
}

#[test]
fn a_change_of_resolution_is_carried_on() {
    for codec in [Codec::Vp8, Codec::H264, Codec::Vp9, Codec::Av1] {
        let run = start(&[codec]);
        let first = encode(codec, 2, (640, 360));
        let shift = first.last().unwrap().0 + Duration::from_millis(40);
        let mut second = encode(codec, 2, (320, 180));
        for (due, packet) in &mut second {
            *due += shift;
            packet.data[11] ^= 0x55;
        }
        run.feed(vec![first, second]);
        let (reason, report, dir) = run.finish();
        assert_eq!((reason, report.size), (EndReason::FeedEnded, Some((640, 360))), "{codec:?} {report:?}");
        let path = dir.path().join(&report.file);
        assert_eq!(decode(&path), "", "{codec:?}");
        assert!((duration(&probe(&path)) - 4.0).abs() < 0.3);
    }
}

#[test]
fn another_codec_ends_the_file() {
    let run = start(&[Codec::Vp8, Codec::Opus]);
    run.feed(vec![encode(Codec::Vp8, 2, (320, 240)), encode(Codec::Opus, 2, (0, 0))]);
    run.tap.send(TapItem::TracksChanged(vec![source(Codec::Opus, 111), source(Codec::Vp8, 97)])).unwrap();
    run.tap.send(TapItem::TracksChanged(vec![source(Codec::H264, 102)])).unwrap();
    let (reason, report) = run.ended();
    assert_eq!(reason, EndReason::CodecChanged);
    assert_good(run.dir.path(), &report, 2.0, &["vp8", "opus"]);
}

/// A copy of the file as a crash in the middle would leave it: no keyframe comes but the first.
fn cut_off(codecs: &[Codec], name: &str) {
    let run = start(codecs);
    run.feed(codecs.iter().map(|c| encode_with(*c, 6, (320, 240), 1000)).collect());
    let path = run.dir.path().join(name);
    let copy = run.dir.path().join(format!("copy-{name}"));
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        std::fs::copy(&path, &copy).unwrap();
        if duration_of_packets(&copy) >= 3.0 {
            break;
        }
        assert!(Instant::now() < deadline, "no 3 s readable in a file that is being written");
        std::thread::sleep(Duration::from_millis(100));
    }
    decode(&copy);
    run.recorder.stop(EndReason::Shutdown);
}

fn duration_of_packets(path: &Path) -> f64 {
    let out = Command::new("ffprobe").args(["-v", "quiet", "-of", "json", "-show_packets"]).arg(path).output().unwrap();
    let probe: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap_or_default();
    let times = probe["packets"].as_array().into_iter().flatten();
    times.filter_map(|p| p["pts_time"].as_str()?.parse().ok()).fold(0.0, f64::max)
}

#[test]
fn an_mp4_cut_off_in_the_middle_plays() {
    cut_off(&[Codec::H264, Codec::Opus], "feed-7.mp4");
}

#[test]
fn a_webm_cut_off_in_the_middle_plays() {
    cut_off(&[Codec::Vp8, Codec::Opus], "feed-7.webm");
}

#[test]
fn vp9_and_av1_cut_off_in_the_middle_play() {
    cut_off(&[Codec::Vp9, Codec::Opus], "feed-7.webm");
    cut_off(&[Codec::Av1, Codec::Opus], "feed-7.webm");
}

#[test]
fn stop_finishes_the_file_in_time() {
    let run = start(&[Codec::Vp8, Codec::Opus]);
    run.feed(vec![encode(Codec::Vp8, 3, (320, 240)), encode(Codec::Opus, 3, (0, 0))]);
    assert!(matches!(run.events.recv_timeout(Duration::from_secs(5)), Ok(RecorderEvent::Started(_))));
    assert!(run.recorder.graph().contains("GstWebMMux"), "the graph shows the muxer");
    let asked = Instant::now();
    let Run { recorder, events, dir, tap: _tap, .. } = run;
    recorder.stop(EndReason::Requested);
    let Ok(RecorderEvent::Ended(reason, report)) = events.recv_timeout(Duration::from_secs(5)) else {
        panic!("not finished within 5 s of stop")
    };
    assert!(asked.elapsed() < Duration::from_secs(5));
    assert_eq!(reason, EndReason::Requested);
    assert_good(dir.path(), &report, 3.0, &["vp8", "opus"]);
}

#[test]
fn a_recorder_without_media_leaves_no_file() {
    let run = start(&[Codec::Vp8]);
    let (reason, report, dir) = run.finish();
    assert_eq!((reason, report.bytes, report.started_at), (EndReason::FeedEnded, 0, None));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_dropped_recorder_finishes_its_file() {
    let run = start(&[Codec::Opus]);
    run.feed(vec![encode(Codec::Opus, 2, (0, 0))]);
    assert!(matches!(run.events.recv_timeout(Duration::from_secs(5)), Ok(RecorderEvent::Started(_))));
    let Run { recorder, events, dir, tap: _tap, .. } = run;
    drop(recorder);
    let Ok(RecorderEvent::Ended(EndReason::EngineError, report)) = events.recv_timeout(Duration::from_secs(5)) else {
        panic!("a dropped recorder did not end")
    };
    assert_eq!(decode(&dir.path().join(report.file)), "");
}

#[test]
fn too_little_free_space_ends_with_a_complete_file() {
    let run = start_in(tempfile::tempdir().unwrap(), &[Codec::Opus], u64::MAX);
    run.feed(vec![encode(Codec::Opus, 2, (0, 0))]);
    let (reason, report) = run.ended();
    assert_eq!(reason, EndReason::DiskFull);
    assert!(report.detail.as_deref().unwrap().contains("bytes are free"), "{report:?}");
    assert_good(run.dir.path(), &report, 2.0, &["opus"]);
}

#[test]
fn a_full_disk_ends_the_recording_in_words() {
    let dir = tempfile::tempdir().unwrap();
    // What a full disk says, without a disk to fill: every write to this device fails with ENOSPC.
    std::os::unix::fs::symlink("/dev/full", dir.path().join("feed-7.webm")).unwrap();
    let run = start_in(dir, &[Codec::Vp8], 0);
    run.feed(vec![encode(Codec::Vp8, 2, (320, 240))]);
    let (reason, report) = run.ended();
    assert_eq!(reason, EndReason::DiskFull, "{report:?}");
    assert!(report.detail.is_some());
}

#[test]
fn a_folder_that_is_not_there_is_refused_at_start() {
    crate::media::start().unwrap();
    let (_tap, packets) = sync_channel(1);
    let refused = Recorder::start(RecorderSpec {
        recording: RecordingId::new("test"),
        feed: FeedId(1),
        tracks: vec![source(Codec::Opus, 111)],
        only: None,
        packets,
        stem: "/nonexistent/feed-1".into(),
        min_free_bytes: 0,
        templates: None,
        paused: false,
        disk: Arc::default(),
        request_keyframe: Box::new(|| {}),
        events: Box::new(|_| {}),
    });
    assert!(refused.err().unwrap().to_string().contains("/nonexistent/feed-1.webm"));
}
