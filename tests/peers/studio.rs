//! Real recordings over REST: the binary, synthetic devices (webrtcbin, so that files decode), files judged by ffmpeg.

use crate::process::ServerProcess;
use anyhow::{Context, Result, bail, ensure};
use millrace::demo::publisher::PublisherSpec;
use millrace::demo::{self, Demo, DemoSpec};
use millrace::model::{Recording, RecordingState};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Every wait ends after this.
pub const LIMIT: Duration = Duration::from_secs(30);

/// Small enough for twenty at once on two cores.
pub fn small() -> PublisherSpec {
    PublisherSpec { width: 160, height: 120, fps: 25, ..PublisherSpec::default() }
}

/// One REST request; refusals are errors with the server's words.
pub async fn call(server: &ServerProcess, method: Method, path: &str, body: Option<Value>) -> Result<Value> {
    let request = Client::new().request(method, format!("{}/api/v1{path}", server.http)).timeout(LIMIT);
    let request = if let Some(body) = body { request.json(&body) } else { request };
    let answer = request.send().await.with_context(|| format!("{path}: no answer"))?;
    let (status, text) = (answer.status(), answer.text().await?);
    ensure!(status.is_success(), "{path}: {status} {text}");
    Ok(serde_json::from_str(&text).unwrap_or_default())
}

/// A device that publishes in a room of this name, live.
pub async fn device(server: &ServerProcess, room: &str, media: PublisherSpec) -> Result<Demo> {
    let (url, id, token) = (server.ws.clone(), format!("in-{room}"), "any".into());
    let device = demo::start(DemoSpec { url, id: id.clone(), token, media });
    call(server, Method::POST, "/rooms", Some(json!({"id": room}))).await?;
    until("the device is listed", || async {
        let devices = call(server, Method::GET, "/devices", None).await?;
        Ok(devices.to_string().contains(&id).then_some(()))
    })
    .await?;
    call(server, Method::POST, &format!("/rooms/{room}/invite"), None).await?;
    until("its feed is live", || async {
        let feeds = call(server, Method::GET, &format!("/rooms/{room}/feeds"), None).await?;
        Ok(feeds.as_array().is_some_and(|all| all.iter().any(|feed| feed["live"] == true)).then_some(()))
    })
    .await?;
    Ok(device)
}

/// One more device in a room that has one already, live under this name.
pub async fn join(server: &ServerProcess, room: &str, name: &str, media: PublisherSpec) -> Result<Demo> {
    let (url, id, token) = (server.ws.clone(), name.to_owned(), "any".into());
    let device = demo::start(DemoSpec { url, id, token, media });
    until("the device is listed", || async {
        let devices = call(server, Method::GET, "/devices", None).await?;
        Ok(devices.to_string().contains(name).then_some(()))
    })
    .await?;
    call(server, Method::POST, &format!("/rooms/{room}/invite"), None).await?;
    until("its feed is live", || async {
        let feeds = call(server, Method::GET, &format!("/rooms/{room}/feeds"), None).await?;
        let its = |feed: &Value| feed["live"] == true && feed["name"] == name;
        Ok(feeds.as_array().is_some_and(|all| all.iter().any(its)).then_some(()))
    })
    .await?;
    Ok(device)
}

/// Starts a recording and returns its id.
pub async fn start(server: &ServerProcess, room: &str, wish: Value) -> Result<String> {
    let begun = call(server, Method::POST, &format!("/rooms/{room}/recordings"), Some(wish)).await?;
    Ok(begun["id"].as_str().with_context(|| format!("no id in {begun}"))?.to_owned())
}

/// The recording as the API tells it.
pub async fn recording(server: &ServerProcess, id: &str) -> Result<Recording> {
    let told = call(server, Method::GET, &format!("/recordings/{id}"), None).await?;
    serde_json::from_value(told.clone()).with_context(|| told.to_string())
}

/// Waits until it is in this state.
pub async fn until_state(server: &ServerProcess, id: &str, state: RecordingState) -> Result<Recording> {
    let wait = until(state.as_str(), || async {
        let now = recording(server, id).await?;
        let over = now.state.is_over() && !state.is_over();
        ensure!(!over && (now.state != RecordingState::Failed || state == RecordingState::Failed), "{now:?}");
        Ok((now.state == state).then_some(now))
    });
    wait.await
}

/// Asks the server for one thing with a recording: `stop`, `pause`, `resume`.
pub async fn tell(server: &ServerProcess, id: &str, what: &str) -> Result<()> {
    call(server, Method::POST, &format!("/recordings/{id}/{what}"), None).await.map(drop)
}

/// Looks again until it is so.
pub async fn until<T, F: Future<Output = Result<Option<T>>>>(what: &str, look: impl Fn() -> F) -> Result<T> {
    let end = Instant::now() + LIMIT;
    while Instant::now() < end {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    bail!("waited {LIMIT:?} in vain for: {what}")
}

/// Where a file of a recording lies.
pub fn path(server: &ServerProcess, recording: &Recording, file: usize) -> PathBuf {
    server.data().join("recordings").join(recording.id.as_str()).join(&recording.files[file].name)
}

/// Length in seconds by its last packet; fails when anything in it does not decode.
pub fn plays(path: &Path) -> Result<f64> {
    let decoded = Command::new("ffmpeg").args(["-v", "error", "-i"]).arg(path).args(["-f", "null", "-"]).output()?;
    let complaint = String::from_utf8_lossy(&decoded.stderr);
    ensure!(decoded.status.success() && complaint.is_empty(), "{}: {complaint}", path.display());
    let entries = ["-v", "error", "-show_entries", "packet=pts_time", "-of", "csv=p=0"];
    let output = Command::new("ffprobe").args(entries).arg(path).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let times = text.lines().filter_map(|line| line.trim_end_matches(',').parse::<f64>().ok());
    Ok(times.fold(0.0, f64::max))
}
