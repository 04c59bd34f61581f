//! `kill -9` while twenty recordings run: what a start on the same folder makes of them.

use crate::process::ServerProcess;
use crate::studio::{call, device, path, plays, recording, small, start, until, until_state};
use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use jiff::Timestamp;
use millrace::demo::Demo;
use millrace::model::{Recording, RecordingState};
use reqwest::Method;
use serde_json::json;
use std::time::Duration;

/// As many as the promise names.
const RECORDINGS: usize = 20;
/// Rounds without `MILLRACE_CRASH_ROUNDS`.
const ROUNDS: usize = 3;
/// What may be missing at the end of a file, in seconds.
const MAY_MISS: f64 = 2.0;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_during_twenty_recordings_costs_two_seconds_of_each_at_most() -> Result<()> {
    let wanted = std::env::var("MILLRACE_CRASH_ROUNDS").ok().and_then(|count| count.parse().ok());
    for round in 1..=wanted.unwrap_or(ROUNDS) {
        crash().await.with_context(|| format!("round {round}"))?;
    }
    Ok(())
}

async fn crash() -> Result<()> {
    let mut server = ServerProcess::start()?;
    let (mut devices, mut ids) = (Vec::new(), Vec::new());
    // One after the other: an invitation calls all devices that are in no room yet.
    for index in 0..RECORDINGS {
        let (device, id) = recorded(&server, index).await?;
        devices.push(device);
        ids.push(id);
    }
    try_join_all(ids.iter().map(|id| until_state(&server, id, RecordingState::Recording))).await?;
    // The length of the recordings, not synchronisation.
    tokio::time::sleep(Duration::from_millis(rand::random_range(3000..8000))).await;
    let killed = Timestamp::now();
    server.kill_and_start_again()?;
    for id in &ids {
        judge(&server, &over(&server, id).await?, killed).with_context(|| id.clone())?;
    }
    for device in devices {
        device.stop().await;
    }
    call(&server, Method::POST, "/rooms", Some(json!({"id": "after"}))).await.map(drop)
}

/// A device in a room of its own, and the recording of it.
async fn recorded(server: &ServerProcess, index: usize) -> Result<(Demo, String)> {
    let room = format!("room-{index}");
    let device = device(server, &room, small()).await?;
    Ok((device, start(server, &room, json!({})).await?))
}

/// The recording once the repair is through with it: no state in which it waits for something.
async fn over(server: &ServerProcess, id: &str) -> Result<Recording> {
    until("the recording is repaired", || async {
        let now = recording(server, id).await?;
        Ok(now.state.is_over().then_some(now))
    })
    .await
}

fn judge(server: &ServerProcess, made: &Recording, killed: Timestamp) -> Result<()> {
    ensure!(made.state == RecordingState::Ready && made.repaired, "{made:?}");
    ensure!(!made.files.is_empty() && made.files.iter().all(|file| file.state == RecordingState::Ready), "{made:?}");
    for (index, file) in made.files.iter().enumerate() {
        let began = file.started_at.with_context(|| format!("no beginning: {file:?}"))?;
        let (length, lasted) = (plays(&path(server, made, index))?, killed.duration_since(began).as_secs_f64());
        ensure!(length >= lasted - MAY_MISS, "{length:.2} s of {lasted:.2} s: {file:?}");
        let told = file.duration_ms as f64 / 1000.0;
        ensure!((told - length).abs() < 0.5, "{length:.2} s in the file, {told:.2} s told: {file:?}");
    }
    Ok(())
}
