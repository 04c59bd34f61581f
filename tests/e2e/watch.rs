//! The page that plays a feed by HLS, in Chromium.

use crate::browser::{Browser, found};
use crate::service::{Service, start_server};
use crate::stage::{PATIENCE, quiet};
use millrace::demo::publisher::PublisherSpec;
use millrace::demo::{Demo, DemoSpec};
use millrace::model::Codec;
use serde_json::json;
use std::time::{Duration, Instant};

/// A room `hall` with one synthetic device, live.
async fn hall(service: &Service, codec: Codec) -> Demo {
    let media = PublisherSpec { video: Some(codec), width: 320, height: 240, ..PublisherSpec::default() };
    let spec =
        DemoSpec { url: service.at("").replacen("http", "ws", 1), id: "door".into(), token: "any".into(), media };
    let device = millrace::demo::start(spec);
    let client = reqwest::Client::new();
    let room = client.post(service.at("/api/v1/rooms")).json(&json!({"id": "hall"})).send().await;
    room.and_then(reqwest::Response::error_for_status).expect("a room");
    until(service, "/api/v1/devices", "\"door\"").await;
    let invited = client.post(service.at("/api/v1/rooms/hall/invite")).send().await;
    invited.and_then(reqwest::Response::error_for_status).expect("an invitation");
    until(service, "/api/v1/rooms/hall/feeds", "\"live\":true").await;
    device
}

async fn until(service: &Service, path: &str, words: &str) {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        let answer = reqwest::get(service.at(path)).await.expect("an answer").text().await.expect("words");
        if answer.contains(words) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{path} never said {words}");
}

/// Pictures go on, near the live edge.
async fn plays(codec: Codec, screenshot: &str) {
    let (service, page) = (start_server().await, Browser::start("watch").await);
    let device = hall(&service, codec).await;
    page.open(&service.at("/watch/hall/door")).await;
    page.wait(PATIENCE, "it is live", "document.querySelector('[data-testid=status][data-state=live]')").await;
    let frames = format!("{}.getVideoPlaybackQuality().totalVideoFrames", found("player"));
    let before = page.value(&frames).await.as_u64().unwrap_or(0);
    let more = format!("{frames} >= {}", before + 150);
    page.wait(PATIENCE, "150 more pictures are decoded", &more).await;
    let sound = format!("{}.webkitAudioDecodedByteCount > 10000", found("player"));
    page.wait(PATIENCE, "sound is decoded", &sound).await;
    let latency = page.text("latency").await;
    let seconds: f64 = latency.trim_end_matches(" s").parse().unwrap_or_else(|_| panic!("no latency: {latency}"));
    assert!((0.2..5.0).contains(&seconds), "{latency} behind live");
    println!("{codec:?}: {latency} behind live");
    for (width, scheme) in [(1280, "light"), (390, "dark")] {
        page.look(width, 844, scheme).await;
        page.screenshot(&format!("{screenshot}-{width}-{scheme}")).await;
        let overflow = page.value("document.documentElement.scrollWidth - document.documentElement.clientWidth").await;
        assert_eq!(overflow, 0, "at {width} px the page is wider than the screen");
    }
    device.stop().await;
    page.wait(PATIENCE, "the end is told", "document.querySelector('[data-testid=status][data-state=ended]')").await;
    quiet(&[&page]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_plays_an_h264_device_by_hls() {
    plays(Codec::H264, "watch-h264").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_plays_a_vp8_device_by_hls() {
    plays(Codec::Vp8, "watch-vp8").await;
}
