//! Clients whose address changes while media flows, and clients over IPv6.

use crate::process::ServerProcess;
use crate::relay::Relay;
use crate::scene::{LIMIT, Scene, goes_on};
use anyhow::{Result, ensure};
use millrace_bench::{Client, Peer, Role};
use std::net::Ipv6Addr;
use std::sync::atomic::Ordering::Relaxed;

/// A keyframe is requested of this publisher beyond those requested `before`.
async fn keyframe_is_requested(publisher: &Peer, before: u64) -> Result<()> {
    let requested = |seen: &millrace_bench::Received| seen.keyframe_requests.load(Relaxed) > before;
    publisher.until("keyframe request after the move", LIMIT, requested).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_whose_address_changes_goes_on_with_a_keyframe() -> Result<()> {
    let server = ServerProcess::start()?;
    let scene = Scene::new(&server).await?;
    let relay = Relay::to(scene.door(&server).await?.address).await?;
    let mut client = Client::connect(&server.ws, Role::Web, "wanderer", "any").await?;
    client.join(scene.room, "wanderer").await?;
    client.go_through(relay.front);
    let viewer = client.watch(scene.room, &scene.feed).await?;
    viewer.until("keyframe", LIMIT, |seen| seen.keyframes.load(Relaxed) > 0).await?;
    goes_on(&viewer, 100).await?;
    for _ in 0..2 {
        let before = scene.publisher.seen.keyframe_requests.load(Relaxed);
        relay.change_address().await?;
        goes_on(&viewer, 300).await?;
        keyframe_is_requested(&scene.publisher, before).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publisher_whose_address_changes_goes_on_with_a_keyframe() -> Result<()> {
    let server = ServerProcess::start()?;
    let mut scene = Scene::new(&server).await?;
    let relay = Relay::to(scene.door(&server).await?.address).await?;
    let mut device = Client::connect(&server.ws, Role::Device, "wanderer", "any").await?;
    device.join(scene.room, "console").await?;
    device.go_through(relay.front);
    let publisher = device.publish(true, true).await?;
    let feed = scene.console.expect("start_listening").await?["feed"].clone();
    let viewer = scene.console.watch(scene.room, &feed).await?;
    goes_on(&viewer, 100).await?;
    let before = publisher.seen.keyframe_requests.load(Relaxed);
    relay.change_address().await?;
    keyframe_is_requested(&publisher, before).await?;
    goes_on(&viewer, 300).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn peers_meet_over_ipv6() -> Result<()> {
    let server = ServerProcess::start_on(Ipv6Addr::LOCALHOST.into())?;
    let scene = Scene::new(&server).await?;
    ensure!(scene.door(&server).await?.address.is_ipv6(), "no IPv6 candidate");
    let (_client, viewer) = scene.viewer(&server, "viewer").await?;
    goes_on(&viewer, 100).await
}
