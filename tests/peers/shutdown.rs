//! Ending the service in order: clients are told, recordings are finished, the process is gone in time.

use crate::process::ServerProcess;
use crate::scene::Scene;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::process::Command;
use std::time::Duration;

/// `server.shutdown_limit` is 10 s.
const LIMIT: Duration = Duration::from_secs(11);

async fn post(server: &ServerProcess, path: &str) -> Result<Value> {
    let answer = reqwest::Client::new().post(format!("{}/api/v1{path}", server.http)).send().await?;
    Ok(answer.error_for_status()?.json().await?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_finishes_the_recording_and_tells_the_clients() -> Result<()> {
    let mut server = ServerProcess::start()?;
    let mut scene = Scene::new(&server).await?;
    let recording = post(&server, &format!("/rooms/{}/recordings", scene.room)).await?;
    let id = recording["id"].as_str().context("no id")?.to_owned();
    // The length of the recording, not synchronisation.
    tokio::time::sleep(Duration::from_secs(3)).await;
    ensure!(Command::new("kill").arg("-TERM").arg(server.pid().to_string()).status()?.success(), "no signal sent");
    let told = scene.console.expect("error").await?;
    ensure!(told["code"] == "shutting_down", "{told}");
    ensure!(server.exited_within(LIMIT).await?.success(), "the service did not end well");
    let manifest = std::fs::read(server.data().join("recordings").join(&id).join("manifest.json"))?;
    let manifest: Value = serde_json::from_slice(&manifest)?;
    ensure!(manifest["state"] == "ready", "{manifest}");
    let name = manifest["files"][0]["name"].as_str().with_context(|| format!("no file in {manifest}"))?;
    packets(&server.data().join("recordings").join(&id).join(name))
}

/// The file can be read to its end and holds what was sent.
fn packets(file: &std::path::Path) -> Result<()> {
    let entries = "stream=nb_read_packets,codec_type";
    let arguments = ["-v", "error", "-count_packets", "-show_entries", entries, "-of", "json"];
    let output = Command::new("ffprobe").args(arguments).arg(file).output()?;
    let found: Value = serde_json::from_slice(&output.stdout)?;
    let count = |kind: &str| -> Option<u64> {
        let streams = found["streams"].as_array()?;
        streams.iter().find(|s| s["codec_type"] == kind)?["nb_read_packets"].as_str()?.parse().ok()
    };
    ensure!(count("video") > Some(40) && count("audio") > Some(60), "too little in the file: {found}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_graph_of_a_live_room_can_be_drawn() -> Result<()> {
    let server = ServerProcess::start()?;
    let scene = Scene::new(&server).await?;
    let _viewer = scene.viewer(&server, "viewer").await?;
    let at = |format: &str| format!("{}/api/v1/rooms/{}/graph?format={format}", server.http, scene.room);
    let dot = reqwest::get(at("dot")).await?.error_for_status()?.text().await?;
    ensure!(dot.starts_with("digraph") && dot.matches("GstWebRTCBin").count() >= 2, "no two webrtcbins: {dot:.300}");
    let svg = reqwest::get(at("svg")).await?.error_for_status()?.text().await?;
    ensure!(svg.contains("<svg") && svg.contains("GstWebRTCBin"), "not the room's graph: {svg:.300}");
    let stats = format!("{}/api/v1/rooms/{}/feeds", server.http, scene.room);
    let stats: Value = reqwest::get(stats).await?.json().await?;
    ensure!(stats[0]["id"] == scene.feed && stats[0]["live"] == json!(true), "{stats}");
    Ok(())
}
