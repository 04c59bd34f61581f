//! The server under test: a service of this test's own, or the one that `MILLRACE_E2E_URL` names.

use millrace::app::{App, Running};
use millrace::config::Config;
use tempfile::TempDir;

/// A server to open pages of.
pub struct Service {
    url: String,
    /// Ends with the test.
    _own: Option<(Running, TempDir)>,
}

impl Service {
    /// The address of one of its pages or API paths.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// The rooms of a service of the test's own.
    #[allow(dead_code)]
    pub fn rooms(&self) -> &millrace::room::Rooms {
        let (running, _) = self._own.as_ref().expect("a service of the test's own: unset MILLRACE_E2E_URL");
        running.rooms()
    }
}

/// Starts the service with real media on free loopback ports.
pub async fn start_server() -> Service {
    start_server_with(|_| ()).await
}

/// The same with changed settings. The one place where the tests touch `millrace::app`.
pub async fn start_server_with(change: impl FnOnce(&mut Config)) -> Service {
    if let Ok(url) = std::env::var("MILLRACE_E2E_URL") {
        return Service { url, _own: None };
    }
    let data = tempfile::tempdir().expect("a data folder");
    let mut config = Config::default();
    config.server.http = "127.0.0.1:0".parse().expect("an address");
    config.server.https = None;
    config.rtsp.listen = None;
    (config.turn.listen, config.turn.listen_tls) = (Vec::new(), Vec::new());
    config.server.data_dir = data.path().into();
    config.media.bind = "127.0.0.1".parse().expect("an address");
    config.media.port = 0;
    change(&mut config);
    let running = App::start(config).await.expect("the service starts");
    Service { url: format!("http://{}", running.http()), _own: Some((running, data)) }
}
