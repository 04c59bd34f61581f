//! Films of several people: live, refused, and made afterwards.

use super::{let_pass, recorded, refused, streams};
use crate::process::ServerProcess;
use crate::studio::{call, device, join, path, plays, small, start, tell, until_state};
use anyhow::{Context, Result, ensure};
use millrace::model::{Happening, RecordingState};
use reqwest::Method;
use serde_json::json;
use std::path::Path;
use std::process::{Command, Output};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mix_is_one_film_whatever_happens() -> Result<()> {
    let server = ServerProcess::start()?;
    let ada = device(&server, "hall", small()).await?;
    let bob = join(&server, "hall", "bob", small()).await?;
    let id = start(&server, "hall", json!({"kind": "composed", "layout": "grid"})).await?;
    until_state(&server, &id, RecordingState::Recording).await?;
    let_pass(3).await;
    let speaker = Some(json!({"layout": "speaker"}));
    call(&server, Method::PUT, &format!("/recordings/{id}/layout"), speaker).await?;
    let_pass(2).await;
    bob.stop().await;
    let_pass(2).await;
    tell(&server, &id, "stop").await?;
    let done = until_state(&server, &id, RecordingState::Ready).await?;
    ensure!(done.files.len() == 1 && done.files[0].name.ends_with(".mp4"), "{done:?}");
    let film = path(&server, &done, 0);
    let mut streams = streams(&film)?;
    streams.sort();
    ensure!(streams == ["h264,1280,720", "opus"], "{streams:?}");
    let length = plays(&film)?;
    ensure!((6.0..12.0).contains(&length), "{length} s: {done:?}");
    ensure!(done.events.iter().any(|event| matches!(event.what, Happening::LayoutChanged { .. })), "{done:?}");
    ada.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mix_of_sound_is_one_file_of_sound() -> Result<()> {
    let server = ServerProcess::start()?;
    let ada = device(&server, "hall", small()).await?;
    let bob = join(&server, "hall", "bob", small()).await?;
    let done = recorded(&server, json!({"kind": "audio"}), 3).await?;
    ensure!(done.files.len() == 1 && done.files[0].name.ends_with(".webm"), "{done:?}");
    let sound = path(&server, &done, 0);
    let (streams, length) = (streams(&sound)?, plays(&sound)?);
    ensure!(streams == ["opus"] && (2.0..6.0).contains(&length), "{streams:?}, {length} s: {done:?}");
    ada.stop().await;
    bob.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mix_tells_its_cost_and_one_too_many_is_refused() -> Result<()> {
    let server = ServerProcess::start_with(&[("RECORDING__MIX_CPU_PERCENT", "1")])?;
    let device = device(&server, "hall", small()).await?;
    let cost = call(&server, Method::GET, "/rooms/hall/recordings/cost?kind=composed", None).await?;
    let cores = cost["cores"].as_f64().with_context(|| cost.to_string())?;
    ensure!((0.05..4.0).contains(&cores) && cost["feeds"] == 1 && cost["possible"] == false, "{cost}");
    let words: &[&str] = &["millrace compose", "cores", "recording.mix_cpu_percent"];
    let composed = Some(json!({"kind": "composed"}));
    refused(&server, "/rooms/hall/recordings", composed, (503, "no_capacity", words)).await?;
    let done = recorded(&server, json!({}), 2).await?;
    ensure!(plays(&path(&server, &done, 0))? > 1.0, "{done:?}");
    device.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_film_is_made_afterwards() -> Result<()> {
    let (server, folder) = (ServerProcess::start()?, tempfile::tempdir()?);
    let ada = device(&server, "hall", small()).await?;
    let bob = join(&server, "hall", "bob", small()).await?;
    let done = recorded(&server, json!({}), 4).await?;
    ensure!(done.files.len() == 2, "{done:?}");
    let film = folder.path().join("film.mp4");
    let id = done.id.as_str();
    let made = compose(&server, id, "side-by-side", &film)?;
    ensure!(made.status.success(), "{made:?}");
    let mut streams = streams(&film)?;
    streams.sort();
    ensure!(streams == ["h264,1280,720", "opus"], "{streams:?}");
    let longest = plays(&path(&server, &done, 0))?.max(plays(&path(&server, &done, 1))?);
    let length = plays(&film)?;
    ensure!((length - longest).abs() < 1.0, "{length:.2} s of {longest:.2} s: {done:?}");
    for (layout, words) in [("mosaic", "side-by-side"), ("grid", "exists already")] {
        let refused = compose(&server, id, layout, &film)?;
        let told = String::from_utf8_lossy(&refused.stderr);
        ensure!(!refused.status.success() && told.contains(words), "{layout}: {refused:?}");
    }
    ada.stop().await;
    bob.stop().await;
    Ok(())
}

/// `millrace compose` as an operator has it: in the same environment as the server.
fn compose(server: &ServerProcess, id: &str, layout: &str, out: &Path) -> Result<Output> {
    let command = Command::new(env!("CARGO_BIN_EXE_millrace"))
        .args(["compose", id, "--layout", layout, "--out"])
        .arg(out)
        .env("MILLRACE_SERVER__DATA_DIR", server.data())
        .env("G_DEBUG", "fatal-criticals")
        .env_remove("MILLRACE_CRASH_ROUNDS")
        .env_remove("MILLRACE_SYNC_SECONDS")
        .current_dir(server.data())
        .output();
    command.context("starting millrace compose")
}
