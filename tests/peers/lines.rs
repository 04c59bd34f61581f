//! Weak viewers of another make (str0m): they share one transcode, keep to their line, and leave nothing behind.

use crate::line::Line;
use crate::process::ServerProcess;
use crate::scene::{Door, LIMIT, goes_on};
use anyhow::{Context, Result, ensure};
use millrace_bench::clip::Clip;
use millrace_bench::{Client, Peer, Role};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

const WEAK: usize = 20;
const SWITCHES: usize = 100;

/// A room with a device that plays a clip of 640×360 at 700 kbit/s.
struct Hall {
    console: Client,
    _device: Client,
    _publisher: Peer,
    room: u64,
    feed: Value,
    clip: Arc<Clip>,
}

impl Hall {
    async fn open(server: &ServerProcess) -> Result<Self> {
        let clip = Arc::new(tokio::task::spawn_blocking(Clip::make).await??);
        let mut console = Client::connect(&server.ws, Role::Web, "console", "any").await?;
        let room = console.make_room("console").await?;
        let mut device = Client::connect(&server.ws, Role::Device, "device", "any").await?;
        device.join(room, "console").await?;
        let publisher = device.publish_clip(clip.clone()).await?;
        let feed = console.expect("start_listening").await?["feed"].clone();
        Ok(Self { console, _device: device, _publisher: publisher, room, feed, clip })
    }

    async fn viewer(&self, server: &ServerProcess, name: &str) -> Result<(Client, Peer)> {
        let mut client = Client::connect(&server.ws, Role::Web, name, "any").await?;
        client.join(self.room, name).await?;
        let peer = client.watch(self.room, &self.feed).await?;
        peer.until("a keyframe", LIMIT, |seen| seen.keyframes.load(Relaxed) > 0).await?;
        Ok((client, peer))
    }

    /// All subscriptions with what they get.
    async fn subscriptions(&self, server: &ServerProcess) -> Result<Vec<Value>> {
        let path = format!("/api/v1/rooms/{}/subscriptions", self.room);
        Ok(get(server, &path).await?.as_array().context("a list")?.clone())
    }

    /// Waits until so many subscriptions get this rendition.
    async fn get_it(&self, server: &ServerProcess, rendition: &str, count: usize) -> Result<()> {
        let end = Instant::now() + LIMIT;
        loop {
            let all = self.subscriptions(server).await?;
            if all.iter().filter(|one| one["rendition"] == rendition).count() >= count {
                return Ok(());
            }
            ensure!(Instant::now() < end, "not {count} subscriptions get {rendition}: {all:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

async fn get(server: &ServerProcess, path: &str) -> Result<Value> {
    Ok(reqwest::get(format!("{}{path}", server.http)).await?.json().await?)
}

async fn limit(server: &ServerProcess, room: u64, peer: &Value, change: Value) -> Result<()> {
    let url = format!("{}/api/v1/rooms/{room}/subscriptions/{peer}", server.http);
    reqwest::Client::new().patch(url).json(&change).send().await?.error_for_status()?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_weak_viewers_share_one_transcode() -> Result<()> {
    let server = ServerProcess::start()?;
    let mut hall = Hall::open(&server).await?;
    let names: Vec<String> = (0..WEAK).map(|n| format!("weak-{n}")).collect();
    let mut viewers = futures::future::try_join_all(names.iter().map(|name| hall.viewer(&server, name))).await?;
    for (client, _) in &mut viewers {
        client.send("limit", json!({ "feed": hall.feed, "max_kbps": 250 })).await?;
    }
    hall.get_it(&server, "180p", WEAK).await?;
    for (_, viewer) in &viewers {
        goes_on(viewer, 30).await?;
    }
    let transcodes = get(&server, "/api/v1/transcodes").await?;
    let running = transcodes["running"].as_array().context("a list")?;
    ensure!(running.len() == 1 && running[0]["users"] == WEAK, "{transcodes}");
    drop(viewers);
    let end = Instant::now() + LIMIT;
    while get(&server, "/api/v1/transcodes").await?["running"] != json!([]) {
        ensure!(Instant::now() < end, "the transcode goes on for nobody");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    hall.console.send("leave", json!({})).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_keeps_to_its_line() -> Result<()> {
    let server = ServerProcess::start()?;
    let hall = Hall::open(&server).await?;
    let line = Line::start(Door::of(&server.ws, hall.room, &hall.feed).await?.address).await;
    line.limit(300_000);
    let mut client = Client::connect(&server.ws, Role::Web, "weak", "any").await?;
    client.go_through(line.address);
    client.join(hall.room, "weak").await?;
    let viewer = client.watch(hall.room, &hall.feed).await?;
    viewer.until("a keyframe", LIMIT, |seen| seen.keyframes.load(Relaxed) > 0).await?;
    hall.get_it(&server, "180p", 1).await?;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let (_, dropped, _) = line.figures();
    line.lose(0.01);
    goes_on(&viewer, 100).await?;
    line.lose(0.0);
    let (passed, after, _) = line.figures();
    ensure!(after - dropped < 12, "{} of {passed} datagrams did not fit the line", after - dropped);
    hall.get_it(&server, "180p", 1).await
}

/// Waits until the subscriptions to these feeds get something better and something worse, in this order.
async fn ranked(server: &ServerProcess, hall: &Hall, better: &Value, worse: &Value) -> Result<()> {
    let rank = |name: &Value| ["nothing", "sound", "180p", "360p", "source"].iter().position(|known| name == known);
    let end = Instant::now() + 2 * LIMIT;
    loop {
        let all = hall.subscriptions(server).await?;
        let of = |feed: &Value| all.iter().find(|one| one["feed"] == *feed && one["state"] == "connected");
        let ranks = [better, worse].map(|feed| of(feed).and_then(|one| rank(&one["rendition"])));
        if let [Some(better), Some(worse)] = ranks
            && better > worse
            && worse < 4
        {
            return Ok(());
        }
        ensure!(Instant::now() < end, "{better} is to be better than {worse}: {all:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_feeds_on_a_weak_line_the_pinned_one_comes_first() -> Result<()> {
    let server = ServerProcess::start()?;
    let mut hall = Hall::open(&server).await?;
    let mut device = Client::connect(&server.ws, Role::Device, "other", "any").await?;
    device.join(hall.room, "console").await?;
    let _publisher = device.publish_clip(hall.clip.clone()).await?;
    let (one, two) = (hall.feed.clone(), hall.console.expect("start_listening").await?["feed"].clone());
    let line = Line::start(Door::of(&server.ws, hall.room, &one).await?.address).await;
    let mut client = Client::connect(&server.ws, Role::Web, "weak", "any").await?;
    client.go_through(line.address);
    client.join(hall.room, "weak").await?;
    let _one = client.watch(hall.room, &one).await?;
    let _two = client.watch(hall.room, &two).await?;
    client.send("limit", json!({ "feed": two, "pinned": true })).await?;
    line.limit(700_000);
    ranked(&server, &hall, &two, &one).await?;
    client.send("limit", json!({ "feed": two, "pinned": false })).await?;
    client.send("limit", json!({ "feed": one, "pinned": true })).await?;
    ranked(&server, &hall, &one, &two).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_switches_leave_nothing_behind() -> Result<()> {
    let server = ServerProcess::start()?;
    let hall = Hall::open(&server).await?;
    let (_client, viewer) = hall.viewer(&server, "one").await?;
    let peer = hall.subscriptions(&server).await?[0]["peer"].clone();
    let switch = async |to: &str| {
        let most = if to == "180p" { json!(250) } else { json!(null) };
        limit(&server, hall.room, &peer, json!({ "max_kbps": most })).await?;
        let height = if to == "180p" { 180 } else { 360 };
        viewer.until(to, LIMIT, |seen| seen.height.load(Relaxed) == height).await
    };
    switch("180p").await?;
    switch("source").await?;
    switch("180p").await?;
    let before = server.settled_census().await?;
    for _ in 0..SWITCHES / 2 {
        switch("source").await?;
        switch("180p").await?;
    }
    server.until_census(&before).await?;
    goes_on(&viewer, 100).await
}
