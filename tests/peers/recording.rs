//! What a recording promises, with the binary and real devices.

use crate::process::ServerProcess;
use crate::studio::{call, device, path, plays, recording, small, start, tell, until, until_state};
use anyhow::{Result, ensure};
use millrace::demo::publisher::PublisherSpec;
use millrace::model::{EndReason, Happening, RecordingState};
use reqwest::Method;
use serde_json::json;
use std::time::Duration;

/// The length of a piece of a recording, not synchronisation.
async fn record_for(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_takes_no_time_in_the_file() -> Result<()> {
    let server = ServerProcess::start()?;
    let device = device(&server, "hall", small()).await?;
    let id = start(&server, "hall", json!({})).await?;
    until_state(&server, &id, RecordingState::Recording).await?;
    record_for(3).await;
    tell(&server, &id, "pause").await?;
    until_state(&server, &id, RecordingState::Paused).await?;
    record_for(4).await;
    tell(&server, &id, "resume").await?;
    record_for(3).await;
    tell(&server, &id, "stop").await?;
    let done = until_state(&server, &id, RecordingState::Ready).await?;
    let length = plays(&path(&server, &done, 0))?;
    ensure!((5.0..8.0).contains(&length), "{length} s in the file of 3 + 3 s");
    let gaps = &done.files[0].facts.gaps;
    ensure!(gaps.iter().any(|gap| gap.why == "paused" && (3000..6000).contains(&gap.length_ms)), "{gaps:?}");
    device.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_comes_back_goes_on_in_the_next_segment() -> Result<()> {
    let server = ServerProcess::start()?;
    let first = device(&server, "hall", small()).await?;
    let id = start(&server, "hall", json!({})).await?;
    until_state(&server, &id, RecordingState::Recording).await?;
    record_for(2).await;
    first.stop().await;
    until("the first file is complete", || async {
        let now = recording(&server, &id).await?;
        Ok((now.files.len() == 1 && now.files[0].state == RecordingState::Ready).then_some(()))
    })
    .await?;
    let again = device(&server, "hall", small()).await?;
    until("the next segment", || async { Ok((recording(&server, &id).await?.files.len() == 2).then_some(())) }).await?;
    record_for(2).await;
    tell(&server, &id, "stop").await?;
    let done = until_state(&server, &id, RecordingState::Ready).await?;
    ensure!(done.files[1].segment == 2 && done.files[1].publisher == done.files[0].publisher, "{done:?}");
    ensure!(done.files[1].facts.gaps[0].why == "reconnect", "{done:?}");
    for file in 0..2 {
        ensure!(plays(&path(&server, &done, file))? > 1.0, "{done:?}");
    }
    ensure!(done.events.iter().filter(|e| matches!(e.what, Happening::Joined { .. })).count() >= 2, "{done:?}");
    again.stop().await;
    Ok(())
}

/// Sound alone, and nobody asks for anything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_that_always_records_begins_and_ends_by_itself() -> Result<()> {
    let server = ServerProcess::start()?;
    let settings = json!({"record": "always", "recording": {"stop_when_empty_ms": 1000}});
    call(&server, Method::POST, "/rooms", Some(json!({"id": "hall", "settings": settings}))).await?;
    let sound = PublisherSpec { video: None, ..small() };
    let device = device(&server, "hall", sound).await?;
    let id = until("a recording", || async {
        let all = call(&server, Method::GET, "/rooms/hall/recordings", None).await?;
        Ok(all[0]["id"].as_str().map(str::to_owned))
    })
    .await?;
    until_state(&server, &id, RecordingState::Recording).await?;
    record_for(2).await;
    device.stop().await;
    let done = until_state(&server, &id, RecordingState::Ready).await?;
    ensure!(done.reason == Some(EndReason::RoomEmpty), "{done:?}");
    ensure!(plays(&path(&server, &done, 0))? > 1.0, "{done:?}");
    Ok(())
}
