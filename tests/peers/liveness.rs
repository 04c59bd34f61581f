//! Who is gone is noticed, who comes back in time is not.

use crate::process::ServerProcess;
use crate::scene::{Scene, goes_on};
use anyhow::{Result, ensure};
use millrace::demo::DemoSpec;
use millrace::demo::publisher::PublisherSpec;
use millrace_bench::{Client, Role};
use serde_json::json;
use std::time::{Duration, Instant};

/// `media.liveness` is 10 s; the rest is the test's own slack.
const GONE: Duration = Duration::from_secs(16);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publisher_whose_media_stops_is_gone_after_ten_seconds() -> Result<()> {
    let server = ServerProcess::start()?;
    let scene = Scene::new(&server).await?;
    let Scene { mut console, mut device, publisher, room, feed } = scene;
    drop(publisher);
    let begun = Instant::now();
    let ended = console.expect_within("stop_listening", GONE).await?;
    ensure!(ended["feed"] == feed, "{ended}");
    ensure!(begun.elapsed() > Duration::from_secs(5), "gone too soon: {:?}", begun.elapsed());
    // The device's socket is alive: it is told, and free to be invited again.
    let told = device.expect("error").await?;
    ensure!(told["code"] == "media_lost", "{told}");
    console.send("invite_devices", json!({"room_id": room})).await?;
    device.expect("start_streaming").await.map(drop)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_that_come_back_in_time_find_their_peers_alive() -> Result<()> {
    let server = ServerProcess::start()?;
    let mut scene = Scene::new(&server).await?;
    let (client, viewer) = scene.viewer(&server, "viewer").await?;
    drop(client);
    scene.device.cut().await;
    goes_on(&viewer, 100).await?;
    let mut viewers_new = Client::connect(&server.ws, Role::Web, "viewer", "any").await?;
    let mut device = Client::connect(&server.ws, Role::Device, "cam", "any").await?;
    // Beyond the ten seconds of grace, measured from the cut: what came back stays.
    tokio::time::sleep(Duration::from_secs(11)).await;
    goes_on(&viewer, 100).await?;
    device.send("unpublish", json!({})).await?;
    let ended = viewers_new.expect("stop_listening").await?;
    ensure!(ended["reason"] == "unpublished", "{ended}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_whose_socket_stays_away_ends_after_its_grace() -> Result<()> {
    let server = ServerProcess::start()?;
    let Scene { mut console, mut device, publisher, feed, .. } = Scene::new(&server).await?;
    device.cut().await;
    let begun = Instant::now();
    let ended = console.expect_within("stop_listening", GONE).await?;
    ensure!(ended["feed"] == feed && ended["reason"] == "connection_lost", "{ended}");
    ensure!(begun.elapsed() > Duration::from_secs(9), "gone too soon: {:?}", begun.elapsed());
    drop(publisher);
    Ok(())
}

/// libnice 0.1.21, so every GStreamer device, sends no ICE checks once it is connected: its media must do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gstreamer_device_stays_though_it_checks_no_more() -> Result<()> {
    let server = ServerProcess::start()?;
    let media = PublisherSpec { fps: 5, ..PublisherSpec::default() };
    let spec = DemoSpec { url: server.ws.clone(), id: "nice".into(), token: "any".into(), media };
    let device = millrace::demo::start(spec);
    let mut console = Client::connect(&server.ws, Role::Web, "console", "any").await?;
    let room = console.make_room("console").await?;
    let begun = Instant::now();
    while console.pending("start_listening").await?.is_none() {
        ensure!(begun.elapsed() < GONE, "the device never came");
        console.send("invite_devices", json!({"room_id": room})).await?;
    }
    // Longer than the 30 s after which ICE without consent fails.
    let ended = console.expect_within("stop_listening", Duration::from_secs(34)).await;
    ensure!(ended.is_err(), "the device was given up: {ended:?}");
    device.stop().await;
    console.expect("stop_listening").await.map(drop)
}
