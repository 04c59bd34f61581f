//! Recording from the console's button, and playing what came of it.

use crate::browser::{Browser, found};
use crate::service::{Service, start_server};
use crate::stage::{PATIENCE, Stage, live, plays_on, quiet};
use millrace::demo::DemoSpec;
use millrace::demo::publisher::PublisherSpec;
use millrace::model::Codec;
use std::process::Command;
use std::time::Duration;

const PRESSED: &str = "document.querySelector('[data-testid=record][aria-pressed=true]')";
const STRIP: &str = "document.querySelector('[data-testid=strip]')";
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

/// The strip of a running recording: its clock stands while it is paused, and goes on in the same file.
#[tokio::test(flavor = "multi_thread")]
async fn a_recording_is_paused_resumed_and_stopped_in_its_strip() {
    let stage = Stage::live().await;
    stage.console.press("record").await;
    strip_is(&stage.console, "recording").await;
    plays_on(&stage.console, 60).await;
    stage.console.press("pause").await;
    strip_is(&stage.console, "paused").await;
    let paused = stage.console.text("strip-time").await;
    plays_on(&stage.console, 60).await;
    assert_eq!(stage.console.text("strip-time").await, paused, "the clock stands while it is paused");
    stage.console.press("pause").await;
    strip_is(&stage.console, "recording").await;
    plays_on(&stage.console, 30).await;
    stage.console.press("stop").await;
    stage.console.wait(PATIENCE, "the recording is ready", READY).await;
    stage.console.wait(PATIENCE, "the strip is gone", &format!("!{STRIP}")).await;
    let files = stage.console.value("document.querySelectorAll('[data-testid=file]').length").await;
    assert_eq!(files, 1, "it went on in the same file");
    quiet(&[&stage.console]).await;
}

/// The menu beside the button: a mix with its cost told before, in a layout that is changed while it runs.
#[tokio::test(flavor = "multi_thread")]
async fn the_menu_records_a_mix_and_tells_what_it_costs() {
    let stage = Stage::live().await;
    let console = &stage.console;
    console.press("record-more").await;
    console.press("kind-composed").await;
    let told = format!("/cores/.test({}.textContent)", found("record-cost"));
    console.wait(PATIENCE, "the cost is told in words", &told).await;
    console.press("layout-side-by-side").await;
    console.press("record-start").await;
    strip_is(console, "recording").await;
    assert_eq!(console.value(&format!("{}.value", found("strip-layout"))).await, "side-by-side");
    choose(console, "strip-layout", "grid").await;
    console.wait(PATIENCE, "the other layout is told", "document.querySelector('[data-text=\"Layout: Grid.\"]')").await;
    plays_on(console, 60).await;
    console.press("stop").await;
    console.wait(PATIENCE, "the mix is ready", READY).await;
    console.press("play").await;
    console.wait(PATIENCE, "the mix plays", PLAYS).await;
    quiet(&[console]).await;
}

/// What a recording is, on its own page: it plays, it can be moved in, and what was measured is told in words.
#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_a_recording_plays_and_shows_facts() {
    let stage = Stage::live().await;
    let page = recorded(&stage).await;
    page.press("play-pause").await;
    page.wait(PATIENCE, "the page plays", PLAYS).await;
    page.press("play-pause").await;
    page.press("timeline").await; // its middle
    let middle = "document.querySelector('[data-testid=player]').currentTime >= 1.4";
    page.wait(PATIENCE, "a press on the timeline goes there", middle).await;
    assert_eq!(fact(&page, "Codecs").await, "Opus + VP8");
    assert!(fact(&page, "Picture").await.contains('×'), "the picture's size");
    let length = fact(&page, "Length").await;
    assert!(length.starts_with("0:0") && length.as_str() > "0:02", "{length}");
    let lane = format!("document.querySelector('[data-testid=lane][data-name=\"{}\"] .mark.sent')", stage.name);
    page.wait(PATIENCE, "the lane of the device", &lane).await;
    for (width, scheme) in [(1280, "light"), (390, "dark")] {
        page.look(width, 844, scheme).await;
        page.screenshot(&format!("recording-{width}-{scheme}")).await;
        let overflow = page.value("document.documentElement.scrollWidth - document.documentElement.clientWidth").await;
        assert_eq!(overflow, 0, "at {width} px the page is wider than the screen");
    }
    quiet(&[&page]).await;
}

/// Deleting can be undone at once, and later from the list of what was deleted; there it can be ended for good.
#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_recording_comes_back_until_it_is_deleted_for_good() {
    let stage = Stage::live().await;
    let page = recorded(&stage).await;
    page.press("delete").await;
    page.wait(PATIENCE, "the page says that it is in the bin", &format!("!{}.hidden", found("restore"))).await;
    page.press("toast-action").await;
    page.wait(PATIENCE, "undone, it can be played again", &format!("!{}.hidden", found("columns"))).await;
    page.press("delete").await;
    page.wait(PATIENCE, "it is in the bin again", &format!("!{}.hidden", found("restore"))).await;
    page.open(&stage.service.at("/recordings?state=deleted")).await;
    page.press("restore").await;
    page.wait(PATIENCE, "the bin is empty", &format!("!{}.hidden", found("recordings-empty"))).await;
    choose(&page, "filter-state", "all").await;
    page.wait(PATIENCE, "it is listed again", "document.querySelector('[data-testid=recording]')").await;
    page.press("delete").await;
    choose(&page, "filter-state", "deleted").await;
    page.value("(() => { window.confirm = () => true; })()").await; // the visitor says yes
    page.press("purge").await;
    page.wait(PATIENCE, "it is gone for good", &format!("!{}.hidden", found("recordings-empty"))).await;
    quiet(&[&page]).await;
}

/// A recording of some seconds, in a browser that shows its page.
async fn recorded(stage: &Stage) -> Browser {
    stage.console.press("record").await;
    strip_is(&stage.console, "recording").await;
    plays_on(&stage.console, 100).await;
    stage.console.press("record").await;
    stage.console.wait(PATIENCE, "the recording is ready", READY).await;
    let path = stage.console.value("document.querySelector('[data-testid=open-recording]').pathname").await;
    let page = Browser::start("page").await;
    page.open(&stage.service.at(path.as_str().expect("a path"))).await;
    let ready = "document.querySelector('[data-testid=player]').readyState >= 1";
    page.wait(PATIENCE, "the page can play it", ready).await;
    page
}

async fn strip_is(console: &Browser, state: &str) {
    let there = format!("{STRIP}?.dataset.state === '{state}'");
    console.wait(PATIENCE, &format!("the strip says {state}"), &there).await;
}

/// The first file's value in a row of the table.
async fn fact(page: &Browser, name: &str) -> String {
    let cell = format!("document.querySelector('[data-fact=\"{name}\"] td').textContent");
    page.value(&cell).await.as_str().unwrap_or_default().to_owned()
}

/// Chooses in a list as a visitor would.
async fn choose(page: &Browser, list: &str, value: &str) {
    let change = "dispatchEvent(new Event('change', { bubbles: true }))";
    page.value(&format!("(() => {{ const l = {}; l.value = '{value}'; l.{change}; }})()", found(list))).await;
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
