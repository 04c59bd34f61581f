//! Nothing is left behind: 200 viewers and 50 publishers come and go, and the server's threads, descriptors and live
//! media objects are where they were.

use crate::process::ServerProcess;
use crate::scene::{Scene, goes_on};
use anyhow::{Context, Result, ensure};
use millrace_bench::{Client, Role};
use serde_json::json;

const VIEWERS: usize = 200;
const PUBLISHERS: usize = 50;
/// Viewers that come and go side by side.
const AT_ONCE: usize = 10;

/// One viewer comes, sees a keyframe, goes.
async fn visit(server: &ServerProcess, scene: &Scene, name: String) -> Result<()> {
    let (mut client, _viewer) = scene.viewer(server, &name).await?;
    client.send("leave", json!({})).await
}

async fn visits(server: &ServerProcess, scene: &Scene, count: usize, name: &str) -> Result<()> {
    for round in 0..count / AT_ONCE {
        let each = (0..AT_ONCE).map(|n| visit(server, scene, format!("{name}-{round}-{n}")));
        futures::future::try_join_all(each).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_viewers_leave_nothing_behind() -> Result<()> {
    let server = ServerProcess::start()?;
    let scene = Scene::new(&server).await?;
    let (_client, resident) = scene.viewer(&server, "resident").await?;
    visits(&server, &scene, AT_ONCE, "warm-up").await?;
    let before = server.settled_census().await?;
    visits(&server, &scene, VIEWERS, "viewer").await?;
    server.until_census(&before).await?;
    goes_on(&resident, 100).await
}

async fn publish_once(server: &ServerProcess, console: &mut Client, room: u64, name: &str) -> Result<()> {
    let mut device = Client::connect(&server.ws, Role::Device, name, "any").await?;
    device.join(room, "console").await?;
    let _publisher = device.publish(true, true).await?;
    let live = console.expect("start_listening").await.with_context(|| name.to_owned())?;
    device.send("leave", json!({})).await?;
    let ended = console.expect("stop_listening").await.with_context(|| name.to_owned())?;
    ensure!(ended["feed"] == live["feed"], "another feed ended: {ended} after {live}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_publishers_leave_nothing_behind() -> Result<()> {
    let server = ServerProcess::start()?;
    let mut console = Client::connect(&server.ws, Role::Web, "console", "any").await?;
    let room = console.make_room("console").await?;
    for n in 0..3 {
        publish_once(&server, &mut console, room, &format!("warm-up-{n}")).await?;
    }
    let before = server.settled_census().await?;
    for n in 0..PUBLISHERS {
        publish_once(&server, &mut console, room, &format!("device-{n}")).await?;
    }
    server.until_census(&before).await
}
