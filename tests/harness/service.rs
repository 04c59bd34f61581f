//! The server under test: a service of this test's own, or the one that `MILLRACE_E2E_URL` names.

/// A server to open pages of.
pub struct Service {
    url: String,
}

impl Service {
    /// The address of one of its pages or API paths.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }
}

/// Starts the service with real media on free loopback ports. The one place where the tests touch `millrace::app`.
pub async fn start_server() -> Service {
    let url = std::env::var("MILLRACE_E2E_URL");
    // At the merge, instead of the panic (and `running: millrace::app::Running`, `data: TempDir` kept in `Service`):
    //     let data = tempfile::tempdir().expect("a data folder");
    //     let mut config = millrace::config::Config::default();
    //     config.server.http = "127.0.0.1:0".parse().expect("an address");
    //     config.server.https = None;
    //     config.server.data_dir = data.path().into();
    //     config.media.bind = "127.0.0.1".parse().expect("an address");
    //     config.media.port = 0;
    //     let running = millrace::app::App::start(config).await.expect("the service starts");
    //     let url = format!("http://{}", running.http());
    Service { url: url.expect("set MILLRACE_E2E_URL: the service itself is wired in at the merge") }
}
