//! What else the API makes of feeds and recordings: beginnings in the past, clips, pictures, mixes, copies. Through the
//! whole binary, with real devices; what comes back is judged by ffmpeg.

mod changes;
mod clips;
mod copies;
mod mixes;
mod pictures;

use crate::process::ServerProcess;
use crate::studio::{LIMIT, call, start, tell, until_state};
use anyhow::{Context, Result, ensure};
use millrace::model::{Recording, RecordingState};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The length of a piece of a recording, not synchronisation.
async fn let_pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

/// A recording of so many seconds, complete.
async fn recorded(server: &ServerProcess, wish: Value, seconds: u64) -> Result<Recording> {
    let id = start(server, "hall", wish).await?;
    until_state(server, &id, RecordingState::Recording).await?;
    let_pass(seconds).await;
    tell(server, &id, "stop").await?;
    until_state(server, &id, RecordingState::Ready).await
}

/// The id of the one feed of the room.
async fn feed(server: &ServerProcess) -> Result<u64> {
    let feeds = call(server, Method::GET, "/rooms/hall/feeds", None).await?;
    feeds[0]["id"].as_u64().with_context(|| format!("no feed in {feeds}"))
}

/// A room that keeps the last seconds of its feeds.
async fn room_with_past(server: &ServerProcess, seconds: u64) -> Result<()> {
    let room = json!({"id": "hall", "settings": {"preroll_ms": seconds * 1000}});
    call(server, Method::POST, "/rooms", Some(room)).await.map(drop)
}

/// Gets a file from the API and keeps it in this folder.
async fn fetched(server: &ServerProcess, path: &str, kind: &str, folder: &Path) -> Result<PathBuf> {
    let answer = Client::new().get(format!("{}/api/v1{path}", server.http)).timeout(LIMIT).send().await?;
    let (status, told) = (answer.status(), answer.headers().get("content-type").cloned());
    let body = answer.bytes().await?;
    ensure!(status.is_success(), "{path}: {status} {}", String::from_utf8_lossy(&body));
    ensure!(told.as_ref().is_some_and(|told| told == kind), "{path} is {told:?}, not {kind}");
    let file = folder.join(format!("{:08x}", rand::random::<u32>()));
    std::fs::write(&file, body)?;
    Ok(file)
}

/// A refusal must have this status and code, and say all of these words.
async fn refused(server: &ServerProcess, path: &str, body: Option<Value>, told: (u16, &str, &[&str])) -> Result<()> {
    let method = if body.is_some() { Method::POST } else { Method::GET };
    let request = Client::new().request(method, format!("{}/api/v1{path}", server.http)).timeout(LIMIT);
    let answer = if let Some(body) = body { request.json(&body) } else { request }.send().await?;
    let (status, refusal) = (answer.status().as_u16(), answer.json::<Value>().await?);
    let (expected, code, words) = told;
    let message = refusal["message"].as_str().unwrap_or_default();
    let says_it = words.iter().all(|word| message.contains(word));
    ensure!(status == expected && refusal["code"] == code && says_it, "{path}: {status} {refusal}, not {told:?}");
    Ok(())
}

/// What ffprobe says of the streams, a line for each: codec, width, height.
fn streams(path: &Path) -> Result<Vec<String>> {
    let entries = ["-v", "error", "-show_entries", "stream=codec_name,width,height", "-of", "csv=p=0"];
    let output = Command::new("ffprobe").args(entries).arg(path).output()?;
    ensure!(output.status.success(), "{}: {}", path.display(), String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().map(|line| line.trim_end_matches(',').to_owned()).collect())
}

/// Fails unless it is a JPEG of this size that decodes.
fn is_jpeg(path: &Path, width: u32, height: u32) -> Result<()> {
    let bytes = std::fs::read(path)?;
    ensure!(
        bytes.starts_with(&[0xff, 0xd8, 0xff]),
        "{} begins with {:x?}",
        path.display(),
        &bytes[..bytes.len().min(4)]
    );
    let streams = streams(path)?;
    ensure!(streams == [format!("mjpeg,{width},{height}")], "{}: {streams:?}, not {width}x{height}", path.display());
    let decoded = Command::new("ffmpeg").args(["-v", "error", "-i"]).arg(path).args(["-f", "null", "-"]).output()?;
    ensure!(decoded.status.success() && decoded.stderr.is_empty(), "{}", String::from_utf8_lossy(&decoded.stderr));
    Ok(())
}
