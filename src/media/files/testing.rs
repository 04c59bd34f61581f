//! Files for the tests, made by the real recorder, and judges of them that are not ours.

use super::clip::duration;
use crate::media::BranchReport;
use crate::media::branch::testing::{encode, source};
use crate::media::branch::{Recorder, RecorderEvent, RecorderSpec};
use crate::media::feed::TapItem;
use crate::media::rtp::Packet;
use crate::model::{Codec, EndReason, FeedId, RecordingId};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel, sync_channel};
use std::time::{Duration, Instant};

/// Packets as a tap gives them, in their order.
pub(in crate::media) fn items(tracks: Vec<Vec<(Duration, Packet)>>) -> Vec<TapItem> {
    let mut all: Vec<_> = tracks.into_iter().flatten().collect();
    all.sort_by_key(|(due, _)| *due);
    let begin = Instant::now();
    all.into_iter().map(|(due, packet)| TapItem::Packet(Arc::new(Packet { at: begin + due, ..packet }))).collect()
}

pub(super) fn encoded(codecs: &[Codec], seconds: u32) -> Vec<Vec<(Duration, Packet)>> {
    codecs.iter().map(|codec| encode(*codec, seconds, (320, 240))).collect()
}

/// A file as `kill -9` leaves it: a copy of one that is being written.
pub(super) fn killed(codecs: &[Codec], seconds: u32, dir: &Path) -> PathBuf {
    record(codecs, encoded(codecs, seconds), f64::from(seconds), dir, false)
}

/// A file that the recorder has finished.
pub(super) fn finished(codecs: &[Codec], seconds: u32, dir: &Path) -> PathBuf {
    record(codecs, encoded(codecs, seconds), f64::from(seconds), dir, true)
}

pub(super) fn record(
    codecs: &[Codec],
    tracks: Vec<Vec<(Duration, Packet)>>,
    seconds: f64,
    dir: &Path,
    finish: bool,
) -> PathBuf {
    let (tap, packets) = sync_channel(100_000);
    let (events, told) = channel();
    let recorder = Recorder::start(RecorderSpec {
        templates: None,
        paused: false,
        disk: Default::default(),
        recording: RecordingId::new("test"),
        feed: FeedId(7),
        tracks: codecs.iter().map(|codec| source(*codec, 96)).collect(),
        only: None,
        packets,
        stem: dir.join("live"),
        min_free_bytes: 0,
        request_keyframe: Box::new(|| {}),
        events: Box::new(move |event| drop(events.send(event))),
    })
    .unwrap();
    items(tracks).into_iter().for_each(|item| tap.send(item).unwrap());
    let extension = if codecs.contains(&Codec::H264) { "mp4" } else { "webm" };
    let (live, copy) = (dir.join("live").with_extension(extension), dir.join("feed-7").with_extension(extension));
    if finish {
        tap.send(TapItem::Ended).unwrap();
    } else {
        copy_growing(&live, &copy, seconds - 1.6);
        recorder.stop(EndReason::Requested);
    }
    let report = wait_for_end(&told);
    assert!(report.bytes > 0, "{report:?}");
    if finish {
        std::fs::rename(&live, &copy).unwrap();
    } else {
        std::fs::remove_file(&live).unwrap();
    }
    copy
}

fn copy_growing(live: &Path, copy: &Path, seconds: f64) {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        std::fs::copy(live, copy).unwrap();
        let found = duration(copy).map_or(0.0, |found| found.as_secs_f64());
        if found >= seconds {
            return;
        }
        assert!(Instant::now() < deadline, "only {found} of {seconds} s are in a file that is being written");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn wait_for_end(told: &Receiver<RecorderEvent>) -> BranchReport {
    let deadline = Instant::now() + Duration::from_secs(20);
    while let Ok(event) = told.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        if let RecorderEvent::Ended(_, report) = event {
            return report;
        }
    }
    panic!("the recorder told no end within 20 s");
}

/// What `ffprobe` says of it.
pub(in crate::media) fn probe(path: &Path) -> serde_json::Value {
    let out = Command::new("ffprobe")
        .args(["-v", "error", "-of", "json", "-show_format", "-show_streams", "-show_packets"])
        .arg(path)
        .output()
        .unwrap();
    serde_json::from_slice(&out.stdout).unwrap()
}

pub(super) fn seconds(probe: &serde_json::Value) -> f64 {
    probe["format"]["duration"].as_str().and_then(|text| text.parse().ok()).unwrap_or(0.0)
}

pub(super) fn packets<'a>(probe: &'a serde_json::Value, kind: &str) -> Vec<&'a serde_json::Value> {
    probe["packets"].as_array().unwrap().iter().filter(|packet| packet["codec_type"] == kind).collect()
}

pub(super) fn time(packet: &serde_json::Value) -> f64 {
    packet["pts_time"].as_str().and_then(|text| text.parse().ok()).unwrap_or(0.0)
}

/// Decodes all of it; what the decoder complains of.
pub(in crate::media) fn decode(path: &Path) -> String {
    let mut command = Command::new("ffmpeg");
    let command = command.args(["-v", "error", "-threads", "1", "-i"]).arg(path);
    // In the file's own time: by default pictures less than one of the nominal rate apart are complained about.
    let out = command.args(["-vsync", "passthrough", "-enc_time_base", "-1", "-f", "null", "-"]).output().unwrap();
    assert!(out.status.success(), "ffmpeg: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stderr).into_owned()
}
