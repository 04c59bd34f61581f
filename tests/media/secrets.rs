//! Passwords of cameras and keys of broadcasts are in no log, answer, graph or file of the real binary.

use crate::camera::{Camera, H264};
use serde_json::{Value, json};
use std::fs::File;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt;

const LIMIT: Duration = Duration::from_secs(20);
/// In all that must not be shown.
const SECRET: &str = "hunter2xyzzy";

/// The server, all that it says in a file; killed when dropped.
struct Server(Child, String);

impl Server {
    /// Logs of everything that is ours at `debug`; a camera of the settings, too.
    async fn start(folder: &Path) -> Self {
        let settings = format!(
            "[reach]\nspecial = [\"127.0.0.0/8\"]\n[rtsp]\nlisten = \"\"\n[log]\nfilter = \"info,millrace=trace\"\n\
             [[cameras.hall]]\nname = \"settings\"\nuri = \"rtsp://u:{SECRET}@127.0.0.1:9/x?token={SECRET}\"\n"
        );
        std::fs::write(folder.join("millrace.toml"), settings).expect("settings");
        let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port();
        let log = File::create(folder.join("log")).expect("a log");
        let child = Command::new(env!("CARGO_BIN_EXE_millrace"))
            .args(["serve", "--config", "millrace.toml", "--https", "", "--media-port", "0", "--http"])
            .arg(format!("127.0.0.1:{port}"))
            .current_dir(folder)
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .spawn()
            .expect("the server starts");
        let server = Self(child, format!("http://127.0.0.1:{port}"));
        let end = Instant::now() + LIMIT;
        while reqwest::get(server.at("/health")).await.is_err() {
            assert!(Instant::now() < end, "the server does not listen");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        server
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.1)
    }

    async fn get(&self, path: &str) -> String {
        reqwest::get(self.at(path)).await.expect("an answer").text().await.expect("text")
    }

    /// What is answered to it is looked through as well.
    async fn post(&self, path: &str, body: &Value) -> String {
        let sent = reqwest::Client::new().post(self.at(path)).json(body).send().await.expect("an answer");
        assert!(sent.status().is_success(), "{path}: {}", sent.status());
        sent.text().await.expect("text")
    }

    /// Until a source's state is this.
    async fn until(&self, name: &str, state: &str) {
        let end = Instant::now() + LIMIT;
        loop {
            let ingest: Value =
                serde_json::from_str(&self.get(&format!("/api/v1/rooms/hall/ingests/{name}")).await).expect("JSON");
            if ingest["status"]["state"] == state {
                return;
            }
            assert!(Instant::now() < end, "{name} is not {state}: {ingest}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn secrets_are_shown_nowhere() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path()).await;
    let mut events = reqwest::get(server.at("/api/v1/events")).await.expect("events");
    let camera = Camera { user: Some(("viewer".into(), SECRET.into(), true)), ..Camera::of(&[H264]) }.start();
    let door = camera.uri().replace("rtsp://", &format!("rtsp://viewer:{SECRET}@"));
    let ingests = "/api/v1/rooms/hall/ingests";
    let mut seen = vec![
        server.post(ingests, &json!({"name": "door", "uri": door})).await,
        server.post(ingests, &json!({"name": "refused", "uri": camera.uri(), "user": "viewer", "password": format!("not {SECRET}")})).await,
        server.post(ingests, &json!({"name": "web", "uri": format!("http://u:{SECRET}@127.0.0.1:9/a.mjpg?token={SECRET}")})).await,
        server.post(ingests, &json!({"name": "srt", "uri": "srt://127.0.0.1:9", "password": SECRET})).await,
        server.post(ingests, &json!({"name": "rtmp", "uri": format!("rtmp://127.0.0.1:9/live/cam?k={SECRET}"), "user": "u", "password": SECRET})).await,
    ];
    server.until("door", "live").await;
    server.until("refused", "waiting").await;
    let broadcasts = "/api/v1/rooms/hall/broadcasts";
    for to in [
        json!({"to": "rtmp://127.0.0.1:9/live", "key": SECRET, "feed": "door"}),
        json!({"to": format!("rtmp://127.0.0.1:9/live/{SECRET}"), "feed": "door"}),
        json!({"to": "srt://127.0.0.1:9", "key": SECRET, "password": SECRET, "feed": "door"}),
    ] {
        seen.push(server.post(broadcasts, &to).await);
    }
    // They have been tried by then.
    tokio::time::sleep(Duration::from_secs(3)).await;
    for path in
        [ingests, broadcasts, "/api/v1/rooms", "/api/v1/rooms/hall/graph", "/metrics", "/api/v1/rooms/hall/feeds"]
    {
        let text = server.get(path).await;
        assert!(text.len() > 20, "{path}: {text}");
        seen.push(text);
    }
    let mut told = Vec::new();
    while let Ok(Ok(Some(chunk))) = tokio::time::timeout(Duration::from_millis(300), events.chunk()).await {
        told.extend(chunk);
    }
    let told = String::from_utf8_lossy(&told).into_owned();
    assert!(told.contains("ingest_changed") && told.contains("broadcast_changed"), "{told}");
    seen.push(told);
    for text in &seen {
        assert!(!text.contains(SECRET), "{text}");
    }
    let log = std::fs::read_to_string(folder.path().join("log")).expect("a log");
    assert!(log.contains("door") && log.contains("refused"), "{log}");
    let line = log.lines().find(|line| line.contains(SECRET));
    assert!(line.is_none(), "{line:?}");
    files_hold_no_secret(&folder.path().join("data"), &mut Vec::new()).await;
}

async fn files_hold_no_secret(folder: &Path, bytes: &mut Vec<u8>) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        if entry.path().is_dir() {
            Box::pin(files_hold_no_secret(&entry.path(), bytes)).await;
            continue;
        }
        bytes.clear();
        tokio::fs::File::open(entry.path()).await.expect("a file").read_to_end(bytes).await.expect("its bytes");
        let found = bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes());
        assert!(!found, "{}", entry.path().display());
    }
}
