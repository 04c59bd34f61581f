//! Cameras from the console: added by the dialog, seen, explained, broadcast.

use crate::browser::{Browser, found};
use crate::camera::{Camera, H264, OPUS, PCMA, STAMPED};
use crate::service::{Service, start_server_with};
use crate::stage::{PATIENCE, connected, live, plays_on, quiet};
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};

const FIRST_PICTURE: &str = "document.querySelector('[data-testid=camera-first-snapshot]').naturalWidth > 0";
const ADDED: &str = "document.querySelector('[data-testid=camera]')";
const SECRET: &str = "abcd-efgh-secret";

#[tokio::test(flavor = "multi_thread")]
async fn a_camera_added_in_the_dialog_is_seen_and_said_what_it_is() {
    let rtsp = free_port();
    let (_service, console) = in_a_room_with_rtsp_at(rtsp).await;
    add_test_picture(&console, "bars").await;
    console.wait(PATIENCE, "the dialog shows the first picture", FIRST_PICTURE).await;
    console.press("camera-done").await;
    live(&console).await;
    plays_on(&console, 50).await;
    assert_eq!(console.text("tile-name").await, "bars");
    row_says(&console, "camera-state", "/^live$/").await;
    row_says(&console, "camera-stream", r"/^\w+ 640×360, 2[3-7] fps, .*bit\/s.* · /").await;
    console.wait(PATIENCE, "its small picture", &shows("camera-snapshot")).await;
    links_of_the_tile(&console, rtsp).await;
    for (width, scheme) in [(390, "dark"), (1280, "light")] {
        console.look(width, 844, scheme).await;
        console.screenshot(&format!("cameras-{width}-{scheme}")).await;
        let overflow =
            console.value("document.documentElement.scrollWidth - document.documentElement.clientWidth").await;
        assert_eq!(overflow, 0, "at {width} px the page is wider than the screen");
    }
    console.value("(() => { window.confirm = () => true; })()").await; // the visitor says yes
    console.press("camera-menu").await;
    console.press("camera-remove").await;
    console.wait(PATIENCE, "the camera is gone", &format!("!{ADDED} && !{}", found("tile"))).await;
    quiet(&[&console]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_camera_that_cannot_be_opened_says_why_and_is_put_right() {
    let (_service, console) = in_a_room().await;
    console.press("add-camera").await;
    console.type_into("camera-uri", "rtsp://viewer:hunter2@127.0.0.1:9/stream1").await;
    console.type_into("camera-name", "door").await;
    console.press("camera-add").await;
    let told = format!("/does not answer/.test({}.textContent)", found("camera-progress-text"));
    console.wait(PATIENCE, "the dialog says that it does not answer", &told).await;
    let remedy = format!(r"/\w{{3,}}.*\. The server keeps trying/.test({}.textContent)", found("camera-progress-todo"));
    console.wait(PATIENCE, "and what to do about it", &remedy).await;
    row_says(&console, "camera-why", r"/does not answer\. (Next try in \d+ s|Trying again)/").await;
    let shown = console.value("document.body.textContent.includes('hunter2')").await;
    assert_eq!(shown, false, "the password is nowhere in the page");
    console.press("camera-change").await;
    console.press("camera-test").await;
    console.press("camera-add").await;
    console.wait(PATIENCE, "put right, it has a picture", FIRST_PICTURE).await;
    console.press("camera-done").await;
    live(&console).await;
    quiet(&[&console]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_camera_that_goes_away_and_comes_back_is_told_on_its_tile() {
    let (_service, console) = in_a_room().await;
    let camera = Camera::of(&[H264, OPUS]).start();
    add(&console, &camera.uri(), "yard").await;
    let away = camera.cut();
    row_says(&console, "tile-badge", "/^NO SIGNAL since .*:/").await;
    row_says(&console, "camera-why", "/Next try in|Trying again/").await;
    let camera = away.start();
    row_says(&console, "tile-badge", "/^LIVE$/").await;
    row_says(&console, "camera-past", r"/\d+ reconnect/").await;
    plays_on(&console, 30).await;
    quiet(&[&console]).await;
    drop(camera);
}

/// Reads the time out of each picture when it is shown: 200 of them, `late` in milliseconds.
const READ_TIMES: &str = "(() => { \
    const video = document.querySelector('[data-testid=tile] video'), canvas = new OffscreenCanvas(640, 40); \
    const context = canvas.getContext('2d', { willReadFrequently: true }); \
    window.late = []; \
    const shown = () => { \
      context.drawImage(video, 0, 0, 640, 40, 0, 0, 640, 40); \
      const pixels = context.getImageData(0, 20, 640, 1).data; \
      let stamp = 0; \
      for (let bit = 0; bit < 16; bit += 1) if (pixels[4 * (40 * bit + 20)] > 127) stamp |= 1 << bit; \
      window.late.push((Date.now() - stamp) & 0xffff); \
      if (window.late.length < 200) video.requestVideoFrameCallback(shown); \
    }; \
    video.requestVideoFrameCallback(shown); })()";

/// The figure is printed, the limit only tells a camera from a recording of one. G.711 is heard as it comes.
#[tokio::test(flavor = "multi_thread")]
async fn a_camera_is_seen_and_heard_as_it_happens() {
    let (_service, console) = in_a_room().await;
    let camera = Camera::of(&[STAMPED, PCMA]).start();
    add(&console, &camera.uri(), "yard").await;
    row_says(&console, "camera-stream", "/PCMA/").await;
    plays_on(&console, 25).await;
    console.value(READ_TIMES).await;
    console.wait(PATIENCE, "200 pictures with their times", "window.late.length === 200").await;
    let late = console.value("window.late.sort((a, b) => a - b)").await;
    let late: Vec<u64> = serde_json::from_value(late).expect("numbers");
    println!("camera to screen: median {} ms, 95 % {} ms", late[100], late[190]);
    assert!(late[100] < 1000, "{late:?}");
    console.press("sound").await; // pictures start muted, as browsers demand
    console.receives(PATIENCE, "sound with energy", |now| now.audio_energy > 0.0).await;
    quiet(&[&console]).await;
    drop(camera);
}

/// Adds a camera by its address, until it is live.
async fn add(console: &Browser, uri: &str, name: &str) {
    console.press("add-camera").await;
    console.type_into("camera-uri", uri).await;
    console.type_into("camera-name", name).await;
    console.press("camera-add").await;
    console.wait(PATIENCE, "it has a picture", FIRST_PICTURE).await;
    console.press("camera-done").await;
    live(console).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_of_the_server_stands_at_its_field() {
    let (_service, console) = in_a_room().await;
    console.press("add-camera").await;
    console.press("camera-add").await;
    console.wait(PATIENCE, "an address is asked for", &found("error-uri")).await;
    console.type_into("camera-name", "front door").await;
    console.type_into("camera-uri", "test://smpte").await;
    console.press("camera-add").await;
    console.wait(PATIENCE, "the name is refused", &found("error-name")).await;
    assert!(console.value(&format!("document.activeElement === {}", found("camera-name"))).await == true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broadcast_started_in_the_dialog_reaches_ffmpeg() {
    let (_service, console) = in_a_room().await;
    add_test_picture(&console, "bars").await;
    console.wait(PATIENCE, "it has a picture", FIRST_PICTURE).await;
    console.press("camera-done").await;
    live(&console).await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("received.ts");
    let (port, mut receiver) = rtmp_receiver(&file);
    console.press("broadcast").await;
    console.type_into("broadcast-to", &format!("rtmp://127.0.0.1:{port}/live")).await;
    console.type_into("broadcast-key", SECRET).await;
    console.press("broadcast-start").await;
    let strip = "document.querySelector('[data-testid=broadcast-strip][data-state=live]')";
    console.wait(PATIENCE, "the strip says that it is on air", strip).await;
    let size = format!("/MB · .*bit\\/s/.test({}.textContent)", found("broadcast-size"));
    console.wait(PATIENCE, "what was sent grows", &size).await;
    console.screenshot("broadcast").await;
    let shown = console.value(&format!("document.documentElement.outerHTML.includes('{SECRET}')")).await;
    assert_eq!(shown, false, "the stream key is nowhere in the page");
    console.press("broadcast-stop").await;
    console.wait(PATIENCE, "its strip is gone", "!document.querySelector('[data-testid=broadcast-strip]')").await;
    let ended = tokio::time::timeout(PATIENCE, receiver.wait()).await.expect("ffmpeg ends with the broadcast");
    assert!(ended.is_ok());
    assert!(pictures(&file).await >= 50, "pictures that decode");
    quiet(&[&console]).await;
}

/// A console in a room of its own, on a server that may open addresses of this machine.
async fn in_a_room() -> (Service, Browser) {
    in_a_room_with_rtsp_at(free_port()).await
}

async fn in_a_room_with_rtsp_at(port: u16) -> (Service, Browser) {
    let local = |config: &mut millrace::config::Config| {
        config.reach.special = vec!["127.0.0.0/8".parse().expect("a network")];
        config.rtsp.listen = Some(([127, 0, 0, 1], port).into());
    };
    let (service, console) = tokio::join!(start_server_with(local), Browser::start("console"));
    console.open(&service.at("/console")).await;
    connected(&console).await;
    console.press("create-and-invite").await;
    console.wait(PATIENCE, "the console is in a room", &format!("!{}.hidden", found("cameras-panel"))).await;
    (service, console)
}

async fn add_test_picture(console: &Browser, name: &str) {
    console.press("add-camera").await;
    console.press("camera-test").await;
    console.type_into("camera-name", name).await;
    console.press("camera-add").await;
}

async fn row_says(console: &Browser, part: &str, pattern: &str) {
    let there = format!("{pattern}.test({}.textContent)", found(part));
    console.wait(PATIENCE, &format!("{part} is like {pattern}"), &there).await;
}

fn shows(image: &str) -> String {
    format!("{0}.naturalWidth > 0 && !{0}.hidden", found(image))
}

/// The menu of a tile names the camera in each address.
async fn links_of_the_tile(console: &Browser, rtsp: u16) {
    let room = console.text("room-id").await;
    console.press("share").await;
    for (link, end) in [
        ("watch", format!("/watch/{room}/bars")),
        ("hls", format!("/hls/{room}/bars/index.m3u8")),
        ("rtsp", format!(":{rtsp}/{room}/bars")),
        ("whep", format!("/whep/{room}/bars")),
    ] {
        let url = console.value(&format!("{}.value", found(&format!("link-{link}")))).await;
        let url = url.as_str().unwrap_or_default();
        assert!(url.ends_with(&end), "{link}: {url}");
    }
    console.press("copy-hls").await;
    console.wait(PATIENCE, "the copy is told", &found("toast")).await;
    console.press("share").await;
    console.wait(PATIENCE, "the menu closes", "!document.querySelector('.popup:popover-open')").await;
}

/// `ffmpeg` as an RTMP server that writes what it gets, as it comes.
fn rtmp_receiver(file: &Path) -> (u16, Child) {
    let port = free_port();
    let url = format!("rtmp://127.0.0.1:{port}/live/{SECRET}");
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-listen", "1", "-i", &url, "-c", "copy", "-f", "mpegts", "-y"]).arg(file);
    let child = ffmpeg.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).spawn();
    (port, child.expect("ffmpeg (Debian package ffmpeg) starts"))
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port()
}

/// Pictures of a file that decode.
async fn pictures(file: &Path) -> u64 {
    let mut ffprobe = Command::new("ffprobe");
    ffprobe.args(["-v", "error", "-select_streams", "v:0", "-count_frames", "-show_entries", "stream=nb_read_frames"]);
    ffprobe.args(["-of", "csv=p=0"]).arg(file);
    let output = tokio::time::timeout(Duration::from_secs(60), ffprobe.output()).await.expect("ffprobe ends");
    let text = String::from_utf8_lossy(&output.expect("ffprobe runs").stdout).into_owned();
    text.lines().find_map(|line| line.trim_matches([',', ' ']).parse().ok()).unwrap_or(0)
}
