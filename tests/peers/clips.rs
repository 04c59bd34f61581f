//! Beginnings in the past, and parts of feeds and of recordings.

use super::{feed, fetched, let_pass, recorded, refused, room_with_past};
use crate::process::ServerProcess;
use crate::studio::{device, path, plays, recording, small, start, tell, until_state};
use anyhow::{Context, Result, ensure};
use millrace::model::RecordingState;
use serde_json::json;
use std::time::Instant;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recording_begins_in_the_past() -> Result<()> {
    let server = ServerProcess::start()?;
    room_with_past(&server, 5).await?;
    let device = device(&server, "hall", small()).await?;
    let_pass(7).await;
    let asked = Instant::now();
    let id = start(&server, "hall", json!({"preroll_ms": 5000})).await?;
    until_state(&server, &id, RecordingState::Recording).await?;
    let_pass(2).await;
    tell(&server, &id, "stop").await?;
    let passed = asked.elapsed().as_secs_f64();
    let done = until_state(&server, &id, RecordingState::Ready).await?;
    let length = plays(&path(&server, &done, 0))?;
    ensure!(length >= passed + 4.0, "{length:.2} s in the file, {passed:.2} s passed: {done:?}");
    let began = done.files[0].started_at.context("no beginning")?;
    let before = done.started_at.duration_since(began).as_secs_f64();
    ensure!(before >= 4.0, "the file begins {before:.2} s before it was asked for: {done:?}");
    // The place in time and the length agree.
    ensure!((length - passed - before).abs() < 1.5, "{length:.2} s, {passed:.2} + {before:.2} s: {done:?}");
    device.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_seconds_of_a_feed_are_a_file() -> Result<()> {
    let (server, folder) = (ServerProcess::start()?, tempfile::tempdir()?);
    room_with_past(&server, 5).await?;
    let device = device(&server, "hall", small()).await?;
    let_pass(6).await;
    let feed = feed(&server).await?;
    let clip = fetched(&server, &format!("/rooms/hall/feeds/{feed}/clip?last=4"), "video/webm", folder.path()).await?;
    let length = plays(&clip)?;
    ensure!((3.0..8.0).contains(&length), "{length} s");
    let nobody = (404, "feed_not_found", &[] as &[&str]);
    refused(&server, "/rooms/hall/feeds/999999/clip?last=4", None, nobody).await?;
    device.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_that_keeps_nothing_says_how_to() -> Result<()> {
    let server = ServerProcess::start()?;
    let device = device(&server, "hall", small()).await?;
    let clip = format!("/rooms/hall/feeds/{}/clip?last=4", feed(&server).await?);
    refused(&server, &clip, None, (409, "not_ready", &["preroll_ms", "settings"])).await?;
    device.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_recording_gives_its_last_seconds() -> Result<()> {
    let (server, folder) = (ServerProcess::start()?, tempfile::tempdir()?);
    let device = device(&server, "hall", small()).await?;
    let id = start(&server, "hall", json!({})).await?;
    until_state(&server, &id, RecordingState::Recording).await?;
    let_pass(5).await;
    let name = recording(&server, &id).await?.files[0].name.clone();
    let clip = format!("/recordings/{id}/files/{name}/clip?last=3");
    let length = plays(&fetched(&server, &clip, "video/webm", folder.path()).await?)?;
    ensure!((2.0..8.0).contains(&length), "{length} s");
    ensure!(recording(&server, &id).await?.state == RecordingState::Recording, "the clip ended the recording");
    tell(&server, &id, "stop").await?;
    let done = until_state(&server, &id, RecordingState::Ready).await?;
    ensure!(plays(&path(&server, &done, 0))? > 4.0, "{done:?}");
    device.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_finished_recording_gives_any_part_of_it() -> Result<()> {
    let (server, folder) = (ServerProcess::start()?, tempfile::tempdir()?);
    let device = device(&server, "hall", small()).await?;
    let done = recorded(&server, json!({}), 5).await?;
    let clip = |part: &str| format!("/recordings/{}/files/{}/clip?{part}", done.id, done.files[0].name);
    let length = plays(&fetched(&server, &clip("from=1&to=3"), "video/webm", folder.path()).await?)?;
    ensure!((1.5..4.5).contains(&length), "{length} s");
    refused(&server, &clip("from=5&to=2"), None, (422, "not_possible", &["ends before it begins"])).await?;
    refused(&server, &clip("from=-1"), None, (400, "bad_request", &["from", "seconds"])).await?;
    refused(&server, &clip("last=2&from=1"), None, (400, "bad_request", &["either"])).await?;
    let none = format!("/recordings/{}/files/none.webm/clip?last=3", done.id);
    refused(&server, &none, None, (404, "recording_not_found", &[])).await?;
    let left = std::fs::read_dir(server.data().join("recordings/.clips"))?.count();
    ensure!(left == 0, "{left} clips are left on the disk");
    device.stop().await;
    Ok(())
}
