//! The server under test: a service of this test's own, or the one that `MILLRACE_E2E_URL` names.

#![allow(dead_code)]

use millrace::app::{App, Running};
use millrace::auth::TokenRole;
use millrace::config::Config;
use std::time::Duration;
use tempfile::TempDir;

/// A server to open pages of.
pub struct Service {
    url: String,
    /// Ends with the test.
    own: Option<Own>,
}

/// A service of the test's own.
struct Own {
    running: Running,
    config: Config,
    _data: TempDir,
}

impl Service {
    /// A token of this service's own.
    pub fn token(&self, role: TokenRole) -> Option<String> {
        self.own.as_ref()?.running.auth().issue(role, None, Duration::from_secs(600))
    }

    /// Shuts it down while its pages are open.
    pub async fn stop(self) {
        if let Some(Own { running, .. }) = self.own {
            running.shutdown().await;
        }
    }

    /// The address of one of its pages or API paths.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// The same by TLS, where `server.https` is on.
    pub fn secure_at(&self, path: &str) -> String {
        let own = self.own.as_ref().expect("a service of the test's own: unset MILLRACE_E2E_URL");
        format!("https://{}{path}", own.running.https().expect("HTTPS is on"))
    }

    /// Ends the service, does something, and starts it again where it was.
    pub async fn restart_after(&mut self, meanwhile: impl Future<Output = ()>) {
        let Own { running, mut config, _data } = self.own.take().expect("a service of the test's own");
        config.server.http = running.http();
        running.shutdown().await;
        meanwhile.await;
        let running = App::start(config.clone()).await.expect("the service starts again");
        self.own = Some(Own { running, config, _data });
    }

    /// The rooms of a service of the test's own.
    pub fn rooms(&self) -> &millrace::room::Rooms {
        self.own.as_ref().expect("a service of the test's own: unset MILLRACE_E2E_URL").running.rooms()
    }
}

/// Starts the service with real media on free loopback ports.
pub async fn start_server() -> Service {
    start_server_with(|_| ()).await
}

/// The same with changed settings. The one place where the tests touch `millrace::app`.
pub async fn start_server_with(change: impl FnOnce(&mut Config)) -> Service {
    if let Ok(url) = std::env::var("MILLRACE_E2E_URL") {
        return Service { url, own: None };
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
    let running = App::start(config.clone()).await.expect("the service starts");
    Service { url: format!("http://{}", running.http()), own: Some(Own { running, config, _data: data }) }
}
