//! A browser that publishes three layers at once (RFC 8853): all come in, the best that flows is the feed.

use crate::browser::Browser;
use crate::page::serve;
use crate::service::{Service, start_server};
use crate::stage::{PATIENCE, plays_on};
use crate::whip::{PAGE, run};
use serde_json::Value;
use std::time::{Duration, Instant};

/// The room's one feed, as the REST API shows it.
async fn feed(service: &Service) -> Value {
    let answer = reqwest::get(service.at("/api/v1/rooms/hall/feeds")).await.expect("an answer");
    let mut feeds: Value = answer.json().await.expect("JSON");
    feeds[0].take()
}

/// Name, width, and whether it flows, of each layer.
fn layers(feed: &Value) -> Vec<(String, u64, bool)> {
    let layer = |layer: &Value| {
        let name = layer["rid"].as_str().unwrap_or_default().to_owned();
        (name, layer["width"].as_u64().unwrap_or_default(), layer["bitrate"].as_u64().unwrap_or_default() > 0)
    };
    feed["stats"]["layers"].as_array().map(|all| all.iter().map(layer).collect()).unwrap_or_default()
}

/// Width of what the feed carries.
fn width(feed: &Value) -> u64 {
    let tracks = feed["stats"]["tracks"].as_array().cloned().unwrap_or_default();
    tracks.iter().filter_map(|track| track["width"].as_u64()).max().unwrap_or_default()
}

async fn until(service: &Service, what: &str, done: impl Fn(&Value) -> bool) -> Duration {
    let start = Instant::now();
    loop {
        let now = feed(service).await;
        if done(&now) {
            return start.elapsed();
        }
        assert!(start.elapsed() < PATIENCE * 2, "waited in vain until {what}: {now:#}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn publishes_in(codec: &str) {
    let service = start_server().await;
    let url = serve(PAGE).await;
    let (publisher, viewer) = tokio::join!(Browser::start("publisher"), Browser::start("viewer"));
    publisher.open(&url).await;
    viewer.open(&url).await;
    let call = format!("publishLayers('{}', '', '{codec}')", service.at("/whip/hall?name=page"));
    run(&publisher, "publish", &call, "done").await;
    let names = |now: &Value| layers(now).into_iter().map(|(rid, ..)| rid).collect::<Vec<_>>();
    let flowing = |now: &Value| layers(now).iter().filter(|(_, width, flows)| *flows && *width > 0).count();
    let took = until(&service, "three layers flow", |now| flowing(now) == 3 && names(now) == ["h", "m", "l"]).await;
    println!("{codec}: three layers after {took:?}");
    until(&service, "the best is carried", |now| width(now) == layers(now)[0].1).await;
    watches_the_best_go_and_come(&service, &publisher, &viewer, codec).await;
}

async fn watches_the_best_go_and_come(service: &Service, publisher: &Browser, viewer: &Browser, codec: &str) {
    let is_large = "document.getElementById('video').videoWidth > 640";
    run(viewer, "watch", &format!("watch('{}', '')", service.at("/whep/hall/page")), "done").await;
    viewer.wait(PATIENCE, "a large picture", is_large).await;
    plays_on(viewer, 30).await;
    let before = viewer.received().await.freeze_seconds;
    run(publisher, "less", "send(['m', 'l'])", "done").await;
    let took = until(service, "the middle layer is carried", |now| width(now) == layers(now)[1].1).await;
    println!("{codec}: the middle one is carried after {took:?}");
    viewer.wait(PATIENCE, "a middle picture", &format!("!({is_large})")).await;
    plays_on(viewer, 30).await;
    run(publisher, "more", "send(['h', 'm', 'l'])", "done").await;
    let took = until(service, "the best is carried again", |now| width(now) > 640).await;
    println!("{codec}: the best is carried again after {took:?}");
    viewer.wait(PATIENCE, "a large picture", is_large).await;
    plays_on(viewer, 30).await;
    println!("{codec}: froze for {:.2} s in all", viewer.received().await.freeze_seconds - before);
}

#[tokio::test(flavor = "multi_thread")]
async fn three_layers_of_vp8_flow_and_the_best_of_them_is_the_feed() {
    publishes_in("video/VP8").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_layers_of_h264_flow_and_the_best_of_them_is_the_feed() {
    publishes_in("video/H264").await;
}
