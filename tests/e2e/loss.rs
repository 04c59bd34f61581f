//! A viewer on a bad line: what is lost is sent again, in time to be shown.

use crate::browser::Browser;
use crate::relay::{ADDRESS, Path, Relay};
use crate::service::{Service, start_server_with};
use crate::stage::{PATIENCE, Stage, live, plays_on, quiet};
use millrace::config::PublicIps;
use millrace::demo::DemoSpec;
use millrace::demo::publisher::PublisherSpec;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// Pictures under way at the best of moments, which are not to count for us: 80 ms.
const UNDER_WAY: u64 = 2;

/// Pictures that the server sent to the room's one viewer since it came.
async fn sent(service: &Service, room: &str) -> u64 {
    let all = reqwest::get(service.at(&format!("/api/v1/rooms/{room}/subscriptions"))).await.expect("an answer");
    let all: serde_json::Value = all.json().await.expect("JSON");
    all[0]["stats"]["pictures"].as_u64().unwrap_or_else(|| panic!("no viewer in {all}"))
}

/// Pictures sent and decoded so far, at the one of some moments when the fewest were under way. At join, those that
/// were sent before the viewer had a keyframe stay undecoded for good: it takes the newest instead.
async fn under_way_least(service: &Service, room: &str, console: &Browser) -> (u64, u64) {
    let mut least = (u64::MAX, 0);
    for _ in 0..10 {
        let now = (sent(service, room).await, console.received().await.frames_decoded);
        least = if now.0 - now.1 < least.0.saturating_sub(least.1) { now } else { least };
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    least
}

/// Watches for so long. A freeze is told when it is over; two between two looks count as one.
async fn longest_freeze(console: &Browser, length: Duration) -> f64 {
    let begun = Instant::now();
    let (mut longest, mut last) = (0f64, console.received().await.freeze_seconds);
    while begun.elapsed() < length {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let now = console.received().await.freeze_seconds;
        longest = longest.max(now - last);
        last = now;
    }
    longest
}

/// A server that tells clients the relay's address, and the port of both.
async fn behind_relay() -> (Service, u16) {
    let port = Relay::free_port();
    let service = start_server_with(|config| {
        config.media.port = port;
        config.media.public_ips = PublicIps::Listed(vec![ADDRESS.parse().expect("an address")]);
    })
    .await;
    (service, port)
}

#[tokio::test(flavor = "multi_thread")]
async fn five_percent_loss_costs_less_than_one_percent_of_the_pictures() {
    let (service, port) = behind_relay().await;
    let path =
        Path { loss: 0.05, delay: Duration::from_millis(15), jitter: Duration::from_millis(10), ..Path::default() };
    let relay = Relay::start(port, path).await;
    let url = service.at("").replacen("http", "ws", 1);
    let device = millrace::demo::start(DemoSpec {
        url,
        id: "lossy".into(),
        token: "any".into(),
        media: PublisherSpec::default(),
    });
    let console = Browser::start("console").await;
    console.open(&service.at("/console")).await;
    console.wait(PATIENCE, "the device is listed", "document.querySelector('[data-testid=device]')").await;
    console.press("create-and-invite").await;
    live(&console).await;
    plays_on(&console, 50).await;
    let room = console.text("room-id").await;
    let before = under_way_least(&service, &room, &console).await;
    let longest = longest_freeze(&console, Duration::from_secs(25)).await;
    // Pictures under way at the end would count as lost: no new ones, and those arrive.
    relay.hold_media();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let received = console.received().await;
    let sent = sent(&service, &room).await - before.0;
    let decoded = received.frames_decoded - before.1 - UNDER_WAY;
    let (passed, lost) = (relay.passed.load(Relaxed), relay.lost.load(Relaxed));
    let told = format!(
        "{decoded} of {sent} pictures, longest freeze {longest:.2} s, {} packets came again, {lost} of {} lost",
        received.retransmitted,
        passed + lost
    );
    println!("{told}");
    assert!(lost * 100 > (passed + lost) * 3, "the line was better than meant: {told}");
    // Enough to judge by: Chromium's encoder leaves pictures out under loss, some 20 a second remain.
    assert!(sent > 400, "the publisher sent little: {told}");
    assert!(decoded * 100 >= sent * 99, "{told}");
    assert!(longest < 1.0, "{told}");
    device.stop().await;
}

/// Of several layers Chromium sends pictures that no other one needs, half of them, and repeats none of these.
const ONE_LAYER: &str = "localStorage.setItem('millrace.layers', '0')";

/// Chromium publishes over a line that loses 5 % of its packets: what is missing is asked for again, so that viewers see
/// whole pictures, and the feedback does not make the browser give up.
#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_on_a_bad_line_is_seen_without_freezes() {
    let (service, port) = behind_relay().await;
    let path = Path { loss_up: 0.05, delay: Duration::from_millis(15), ..Path::default() };
    let relay = Relay::start(port, path).await;
    let (device, console) = tokio::join!(Browser::start_after("device", ONE_LAYER), Browser::start("console"));
    let stage = Stage::live_on(service, device, console).await;
    plays_on(&stage.console, 60).await;
    let before = under_way_least(&stage.service, &stage.room, &stage.console).await;
    let longest = longest_freeze(&stage.console, Duration::from_secs(15)).await;
    relay.hold_media();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let decoded = stage.console.received().await.frames_decoded - before.1 - UNDER_WAY;
    let sent = sent(&stage.service, &stage.room).await - before.0;
    let lost = relay.lost_up.load(Relaxed);
    let told = format!("{decoded} of {sent} pictures, longest freeze {longest:.2} s, {lost} packets lost");
    println!("{told}");
    assert!(lost > 20 && sent > 150, "the line was better than meant, or the publisher sent little: {told}");
    assert!(decoded * 100 >= sent * 97, "{told}");
    assert!(longest < 1.0, "{told}");
    quiet(&[&stage.console]).await;
}
