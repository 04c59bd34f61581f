//! A service on real sockets with an engine that does nothing, and a client that speaks JSON.

use futures::FutureExt;
use futures::future::BoxFuture;
use millrace::app::{App, Running};
use millrace::config::Config;
use millrace::media::{Engine, FeedStats, MediaError, MediaRequest, MediaSink, PeerStats};
use millrace::model::{FeedId, PeerId};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// The REST API needs an engine for figures and graphs only.
struct IdleEngine;

impl Engine for IdleEngine {
    fn request(&self, _: MediaRequest, _: &MediaSink) {}
    fn feed_stats(&self, _: FeedId) -> Option<FeedStats> {
        None
    }
    fn peer_stats(&self, _: PeerId) -> Option<PeerStats> {
        None
    }
    fn graph(&self, _: &[PeerId], _: &[FeedId]) -> String {
        "digraph idle { a -> b }".into()
    }
    fn snapshot(&self, _: FeedId, _: Option<u32>) -> BoxFuture<'static, Result<bytes::Bytes, MediaError>> {
        std::future::ready(Err(MediaError::NotReady("there is no feed".into()))).boxed()
    }
    fn shutdown(&self, _: Duration) -> usize {
        0
    }
}

pub struct Service {
    pub running: Running,
    pub http: reqwest::Client,
    pub dir: TempDir,
}

pub const SECRET: &str = "0123456789abcdef0123456789abcdef";

impl Service {
    pub async fn open() -> Self {
        Self::start(tempfile::tempdir().unwrap(), |_| ()).await
    }

    pub async fn with_secret() -> Self {
        Self::start(tempfile::tempdir().unwrap(), |config| config.auth.secret = Some(SECRET.into())).await
    }

    pub async fn start(dir: TempDir, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::default();
        config.server.http = "127.0.0.1:0".parse().unwrap();
        config.server.https = Some("127.0.0.1:0".parse().unwrap());
        config.server.data_dir = dir.path().into();
        config.recording.min_free_bytes = 0;
        change(&mut config);
        let running = App::start_with(config, Arc::new(IdleEngine)).await.expect("the service starts");
        let http = reqwest::Client::builder()
            .tls_danger_accept_invalid_certs(true)
            .no_proxy()
            .timeout(Duration::from_secs(10))
            .build()
            .unwrap();
        Self { running, http, dir }
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("http://{}{path}", self.running.http()))
    }

    pub fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    /// Sends, and reads the answer as JSON (`Null` when there is none).
    pub async fn call(&self, method: Method, path: &str) -> (StatusCode, Value) {
        answer(self.request(method, path)).await
    }

    pub async fn make_room(&self, name: &str) {
        let body = serde_json::json!({ "id": name });
        let (status, room) = answer(self.request(Method::POST, "/api/v1/rooms").json(&body)).await;
        assert_eq!((status, room["id"].as_str()), (StatusCode::CREATED, Some(name)), "{room}");
    }
}

pub async fn answer(request: RequestBuilder) -> (StatusCode, Value) {
    let response = request.send().await.expect("the service answers");
    let status = response.status();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or_default())
}

pub fn idle_engine() -> Arc<dyn Engine> {
    Arc::new(IdleEngine)
}
