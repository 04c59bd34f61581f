//! One publisher, many viewers: what they cost the publisher and each other.

use crate::process::ServerProcess;
use crate::scene::{LIMIT, Scene, goes_on};
use anyhow::{Result, ensure};
use millrace_bench::{Client, Role};
use serde_json::json;
use std::sync::atomic::Ordering::Relaxed;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_viewers_at_once_cause_at_most_two_keyframe_requests() -> Result<()> {
    let server = ServerProcess::start()?;
    let scene = Scene::new(&server).await?;
    let _first = scene.viewer(&server, "first").await?;
    let before = scene.publisher.seen.keyframe_requests.load(Relaxed);
    let names: Vec<String> = (0..10).map(|n| format!("viewer-{n}")).collect();
    let viewers = futures::future::try_join_all(names.iter().map(|name| scene.viewer(&server, name))).await?;
    let requests = scene.publisher.seen.keyframe_requests.load(Relaxed) - before;
    ensure!(requests <= 2, "{requests} keyframe requests for ten viewers at once");
    for (_, viewer) in &viewers {
        viewer.until("sound", LIMIT, |seen| seen.audio.load(Relaxed) > 0).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn viewers_that_never_answer_stall_or_crash_disturb_nobody() -> Result<()> {
    let server = ServerProcess::start()?;
    let scene = Scene::new(&server).await?;
    let (_client, resident) = scene.viewer(&server, "resident").await?;
    let mut silent = Vec::new();
    for n in 0..5 {
        let mut client = Client::connect(&server.ws, Role::Web, &format!("silent-{n}"), "any").await?;
        client.join(scene.room, "silent").await?;
        client.send("join_as_subscriber", json!({"room_id": scene.room, "feed": scene.feed})).await?;
        client.expect("offer_to_subscriber").await?;
        silent.push(client);
    }
    for n in 0..5 {
        drop(scene.viewer(&server, &format!("crashing-{n}")).await?);
    }
    goes_on(&resident, 300).await?;
    drop(silent);
    goes_on(&resident, 300).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn audio_only_and_video_only_publishers_are_seen_and_heard() -> Result<()> {
    let server = ServerProcess::start()?;
    let mut console = Client::connect(&server.ws, Role::Web, "console", "any").await?;
    let room = console.make_room("console").await?;
    for (name, video) in [("camera", true), ("microphone", false)] {
        let mut device = Client::connect(&server.ws, Role::Device, name, "any").await?;
        device.join(room, "console").await?;
        let _publisher = device.publish(video, !video).await?;
        let live = console.expect("start_listening").await?;
        ensure!(live["kinds"] == json!([if video { "video" } else { "audio" }]), "{live}");
        let viewer = console.watch(room, &live["feed"]).await?;
        viewer.until(name, LIMIT, |seen| if video { &seen.video } else { &seen.audio }.load(Relaxed) > 50).await?;
        device.send("leave", json!({})).await?;
        console.expect("stop_listening").await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_socket_watches_several_feeds() -> Result<()> {
    let server = ServerProcess::start()?;
    let mut scene = Scene::new(&server).await?;
    let mut other = Client::connect(&server.ws, Role::Device, "other", "any").await?;
    other.join(scene.room, "console").await?;
    let _publisher = other.publish(true, true).await?;
    let second = scene.console.expect("start_listening").await?["feed"].clone();
    let one = scene.console.watch(scene.room, &scene.feed).await?;
    let two = scene.console.watch(scene.room, &second).await?;
    goes_on(&one, 60).await?;
    goes_on(&two, 60).await
}
