//! Sound against picture, as a viewer of the file sees and hears it: a device that flashes and beeps, through the whole
//! service, into an individual and a composed file at once.

use crate::process::ServerProcess;
use crate::studio::{device, path, small, start, tell, until_state};
use anyhow::{Context, Result, ensure};
use millrace::demo::publisher::PublisherSpec;
use millrace::model::{Recording, RecordingState};
use millrace_bench::flash_beep;
use serde_json::json;
use std::time::Duration;

/// As the promise has it; `MILLRACE_SYNC_SECONDS` shortens it while one works on it.
const LENGTH: u64 = 300;
/// Milliseconds between sound and picture that nobody notices.
const MOST: f64 = 40.0;
/// Flashes that are looked at, at the start and at the end.
const FLASHES: usize = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sound_and_picture_stay_together_for_five_minutes() -> Result<()> {
    let length = std::env::var("MILLRACE_SYNC_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(LENGTH);
    let server = ServerProcess::start()?;
    let device = device(&server, "hall", PublisherSpec { flash: true, ..small() }).await?;
    // A meeting that has begun: the device's clocks have been told by sender reports. Not synchronisation.
    tokio::time::sleep(Duration::from_secs(6)).await;
    let ids = [start(&server, "hall", json!({})).await?, start(&server, "hall", json!({"kind": "composed"})).await?];
    for id in &ids {
        until_state(&server, id, RecordingState::Recording).await?;
    }
    // The length of the recordings, not synchronisation.
    tokio::time::sleep(Duration::from_secs(length)).await;
    for id in &ids {
        tell(&server, id, "stop").await?;
    }
    for id in &ids {
        let done = until_state(&server, id, RecordingState::Ready).await?;
        let kind = done.wish.kind.as_str();
        judge(&server, &done, length).with_context(|| format!("{kind}: {done:#?}"))?;
    }
    device.stop().await;
    Ok(())
}

fn judge(server: &ServerProcess, done: &Recording, length: u64) -> Result<()> {
    let facts = &done.files[0].facts;
    for (name, told) in [("start", facts.offset_start_ms), ("end", facts.offset_end_ms)] {
        ensure!(told.is_none_or(|ms| ms.abs() <= MOST), "the facts say {told:?} ms at the {name}");
    }
    let offsets = flash_beep::find(&path(server, done, 0), None)?.offsets_ms();
    ensure!(offsets.len() as u64 + 5 >= length, "only {} flashes with a beep in {length} s", offsets.len());
    let (start, end) = (&offsets[..FLASHES], &offsets[offsets.len() - FLASHES..]);
    println!("{}: {start:.0?} … {end:.0?} ms", done.wish.kind.as_str());
    let worst = |some: &[f64]| some.iter().map(|ms| ms.abs()).fold(0.0, f64::max);
    ensure!(
        worst(start) <= MOST && worst(end) <= MOST,
        "sound is off by {start:.0?} at the start, {end:.0?} at the end"
    );
    Ok(())
}
