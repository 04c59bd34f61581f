//! A viewer on a bad line: what is lost is sent again, in time to be shown.

use crate::browser::Browser;
use crate::relay::{ADDRESS, Path, Relay};
use crate::service::{Service, start_server_with};
use crate::stage::{PATIENCE, live, plays_on};
use millrace::config::PublicIps;
use millrace::demo::DemoSpec;
use millrace::demo::publisher::PublisherSpec;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// Pictures that the server has of the room's one feed.
async fn published(service: &Service, room: &str) -> u64 {
    let feeds = reqwest::get(service.at(&format!("/api/v1/rooms/{room}/feeds"))).await.expect("an answer");
    let feeds: serde_json::Value = feeds.json().await.expect("JSON");
    let tracks = feeds[0]["stats"]["tracks"].as_array().unwrap_or_else(|| panic!("no tracks in {feeds}"));
    let video = tracks.iter().find(|track| track["codec"] == "vp8").expect("a video track");
    video["frames"].as_u64().expect("a number")
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

#[tokio::test(flavor = "multi_thread")]
#[ignore = "open, issue 3: 616 of 629 pictures in one run beside other tests, 627 of 627 alone; cause not found"]
async fn five_percent_loss_costs_less_than_one_percent_of_the_pictures() {
    let port = Relay::free_port();
    let service = start_server_with(|config| {
        config.media.port = port;
        config.media.public_ips = PublicIps::Listed(vec![ADDRESS.parse().expect("an address")]);
    })
    .await;
    let path = Path { loss: 0.05, delay: Duration::from_millis(15), jitter: Duration::from_millis(10) };
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
    let before = (published(&service, &room).await, console.received().await);
    let longest = longest_freeze(&console, Duration::from_secs(25)).await;
    let after = (published(&service, &room).await, console.received().await);
    let (sent, decoded) = (after.0 - before.0, after.1.frames_decoded - before.1.frames_decoded);
    let (passed, lost) = (relay.passed.load(Relaxed), relay.lost.load(Relaxed));
    let told = format!(
        "{decoded} of {sent} pictures, longest freeze {longest:.2} s, {} packets came again, {lost} of {} lost",
        after.1.retransmitted,
        passed + lost
    );
    println!("{told}");
    assert!(lost * 100 > (passed + lost) * 3, "the line was better than meant: {told}");
    assert!(decoded * 100 >= sent * 99, "{told}");
    assert!(longest < 1.0, "{told}");
    device.stop().await;
}
