//! Recording from the console's button, and playing what came of it.

use crate::browser::Browser;
use crate::service::{Service, start_server};
use crate::stage::{PATIENCE, Stage, live, plays_on, quiet};
use millrace::demo::DemoSpec;
use millrace::demo::publisher::PublisherSpec;
use millrace::model::Codec;
use std::process::Command;
use std::time::Duration;

const PRESSED: &str = "document.querySelector('[data-testid=record][aria-pressed=true]')";
const READY: &str = "document.querySelector('[data-testid=recording][data-state=ready] [data-testid=play]')";
const PLAYS: &str = "(() => { const v = document.querySelector('[data-testid=player]'); return v.videoWidth > 0 && v.currentTime > 1; })()";

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_made_with_the_button_plays_in_the_page() {
    let stage = Stage::live().await;
    record_and_play(&stage.service, &stage.console, ".webm").await;
    quiet(&[&stage.device, &stage.console]).await;
}

/// An H264 device (the demo's own, with another codec) is seen in Chromium, and its MP4 plays there.
#[tokio::test(flavor = "multi_thread")]
async fn an_h264_device_is_seen_and_its_recording_plays_in_the_page() {
    let (service, console) = (start_server().await, Browser::start("console").await);
    let media = PublisherSpec { video: Some(Codec::H264), ..PublisherSpec::default() };
    let spec =
        DemoSpec { url: service.at("").replacen("http", "ws", 1), id: "h264".into(), token: "any".into(), media };
    let device = millrace::demo::start(spec);
    console.open(&service.at("/console")).await;
    const THERE: &str = "document.querySelector('[data-testid=device]')";
    console.wait(PATIENCE, "the device is listed", THERE).await;
    console.press("create-and-invite").await;
    live(&console).await;
    record_and_play(&service, &console, ".mp4").await;
    quiet(&[&console]).await;
    device.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vp9_publisher_is_seen_and_its_recording_plays_in_the_page() {
    seen_and_recorded_in("video/VP9").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_av1_publisher_is_seen_and_its_recording_plays_in_the_page() {
    seen_and_recorded_in("video/AV1").await;
}

/// The device's Chromium prefers this codec, so it is what the console gets and what the file holds.
async fn seen_and_recorded_in(codec: &str) {
    let (device, console) = tokio::join!(Browser::start_preferring("device", codec), Browser::start("console"));
    let stage = Stage::live_with(device, console).await;
    let received = stage.console.received().await;
    assert_eq!(received.codecs, [codec], "{received:?}");
    record_and_play(&stage.service, &stage.console, ".webm").await;
    quiet(&[&stage.device, &stage.console]).await;
}

async fn record_and_play(service: &Service, console: &Browser, extension: &str) {
    console.press("record").await;
    console.wait(PATIENCE, "the button says that it records", PRESSED).await;
    plays_on(console, 60).await;
    tokio::time::sleep(Duration::from_secs(5)).await; // the length of the recording, not synchronisation
    console.press("record").await;
    console.wait(PATIENCE, "the recording is ready", READY).await;
    console.press("play").await;
    console.wait(PATIENCE, "the player plays", PLAYS).await;
    console.screenshot("player").await;
    let path = console.value("new URL(document.querySelector('[data-testid=player]').src).pathname").await;
    let path = path.as_str().expect("a path");
    assert!(path.ends_with(extension), "{path} is no {extension}");
    probe(&service.at(path)).await;
    console.press("player-close").await;
    plays_on(console, 10).await; // recording and playing disturb nobody
}

/// `ffprobe` reads the downloaded file and counts its packets; a header alone proves nothing.
async fn probe(url: &str) {
    let bytes = reqwest::get(url).await.expect("a download").error_for_status().expect("the file").bytes().await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("recording");
    std::fs::write(&file, bytes.expect("the whole file")).expect("the file is written");
    let mut ffprobe = Command::new("ffprobe");
    ffprobe.args([
        "-v",
        "error",
        "-count_packets",
        "-show_entries",
        "stream=codec_type,width,nb_read_packets",
        "-of",
        "json",
    ]);
    let output = ffprobe.arg(&file).output().expect("ffprobe runs");
    assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    for (kind, least) in [("video", 60), ("audio", 150)] {
        let streams = found["streams"].as_array().expect("streams");
        let stream =
            streams.iter().find(|one| one["codec_type"] == kind).unwrap_or_else(|| panic!("no {kind}: {found}"));
        let packets: u64 = stream["nb_read_packets"].as_str().and_then(|n| n.parse().ok()).unwrap_or_default();
        assert!(packets >= least, "{kind}: {packets} packets in 5 s and more");
    }
}
