//! A service with a room called `hall`, its devices, and what players say of it.

use millrace::app::{App, Running};
use millrace::auth::TokenRole;
use millrace::config::Config;
use millrace::demo::publisher::PublisherSpec;
use millrace::demo::{self, Demo, DemoSpec};
use millrace::model::{Codec, RoomId};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::process::Command;

/// Every wait ends after this.
pub const LIMIT: Duration = Duration::from_secs(30);
pub const SECRET: &str = "a secret of at least sixteen bytes";

pub struct Hall {
    pub running: Running,
    _data: tempfile::TempDir,
}

impl Hall {
    pub async fn open() -> Self {
        Self::with(|_| ()).await
    }

    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.server.http = "127.0.0.1:0".parse().unwrap();
        config.server.https = None;
        config.server.data_dir = data.path().into();
        config.media.bind = [127, 0, 0, 1].into();
        config.media.port = 0;
        config.rtsp.listen = Some("127.0.0.1:0".parse().unwrap());
        (config.turn.listen, config.turn.listen_tls) = (Vec::new(), Vec::new());
        change(&mut config);
        let running = App::start(config).await.unwrap();
        let hall = Self { running, _data: data };
        hall.call(Method::POST, "/rooms", Some(json!({"id": "hall"}))).await;
        hall
    }

    pub fn token(&self, role: TokenRole, room: &str) -> String {
        let hour = Duration::from_secs(3600);
        self.running.auth().issue(role, Some(RoomId::new(room)), hour).unwrap_or_else(|| "any".into())
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let token = self.running.auth().issue(TokenRole::Admin, None, LIMIT * 10).unwrap_or_default();
        let url = format!("http://{}/api/v1{path}", self.running.http());
        let request = Client::new().request(method, url).bearer_auth(token).timeout(LIMIT);
        let request = if let Some(body) = body { request.json(&body) } else { request };
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default()
    }

    /// A device in the room, live under this name.
    pub async fn device(&self, name: &str, video: Option<Codec>) -> Demo {
        let media = PublisherSpec { video, width: 320, height: 240, fps: 25, ..PublisherSpec::default() };
        let token = self.running.auth().issue(TokenRole::Device, None, LIMIT * 10).unwrap_or_else(|| "any".into());
        let url = format!("ws://{}", self.running.http());
        let device = demo::start(DemoSpec { url, id: name.into(), token, media });
        until("the device is listed", async || {
            self.call(Method::GET, "/devices", None).await.to_string().contains(name)
        })
        .await;
        self.call(Method::POST, "/rooms/hall/invite", None).await;
        until("its feed is live", async || {
            let feeds = self.call(Method::GET, "/rooms/hall/feeds", None).await;
            let its = |feed: &Value| feed["live"] == true && feed["name"] == name;
            feeds.as_array().is_some_and(|all| all.iter().any(its))
        })
        .await;
        device
    }

    /// The address of a path, with credentials before the host when there are any.
    pub fn url(&self, credentials: &str, path: &str) -> String {
        format!("rtsp://{credentials}{}{path}", self.running.rtsp().unwrap())
    }

    pub async fn metric(&self, name: &str) -> f64 {
        let url = format!("http://{}/metrics", self.running.http());
        let text = reqwest::get(url).await.unwrap().text().await.unwrap();
        let line = text.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.rsplit(' ').next()).and_then(|value| value.parse().ok()).unwrap_or(0.0)
    }
}

pub async fn until(what: &str, mut so: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + LIMIT;
    while !so().await {
        assert!(Instant::now() < end, "waited in vain until: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Runs a program to its end, within the limit: whether it succeeded, and all it said.
pub async fn run(program: &str, args: &[&str]) -> (bool, String) {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(LIMIT, command.output()).await;
    let output = output.unwrap_or_else(|_| panic!("{program} {args:?} did not end")).unwrap();
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    (output.status.success(), said)
}

/// Pulls so many seconds into a file.
pub async fn pull(url: &str, options: &[&str], seconds: &str, file: &Path) -> (bool, String) {
    let before = [&["-v", "error", "-nostdin", "-y"], options, &["-i", url, "-t", seconds]].concat();
    run("ffmpeg", &[&before[..], &["-c", "copy", file.to_str().unwrap()]].concat()).await
}

/// Codecs of a file, and how many pictures and sounds decode without a complaint.
pub async fn judge(file: &Path) -> (Vec<String>, [usize; 2]) {
    let path = file.to_str().unwrap();
    let (good, complaint) = run("ffmpeg", &["-v", "error", "-i", path, "-f", "null", "-"]).await;
    assert!(good && complaint.is_empty(), "{path}: {complaint}");
    let entries = ["-v", "error", "-count_frames", "-show_entries", "stream=codec_name,codec_type,nb_read_frames"];
    let (_, text) = run("ffprobe", &[&entries[..], &["-of", "json", path]].concat()).await;
    let streams: Value = serde_json::from_str(&text).unwrap();
    let streams = streams["streams"].as_array().unwrap();
    let mut codecs: Vec<String> = streams.iter().map(|s| s["codec_name"].as_str().unwrap().to_owned()).collect();
    codecs.sort();
    let frames = |kind: &str| {
        let stream = streams.iter().find(|s| s["codec_type"] == kind);
        stream.and_then(|s| s["nb_read_frames"].as_str()).map_or(0, |count| count.parse().unwrap())
    };
    (codecs, [frames("video"), frames("audio")])
}
