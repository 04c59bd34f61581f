//! chromedriver and its Chromium as processes: started on a free port, ended with all their children.

use serde_json::{Value, json};
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const FLAGS: [&str; 13] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream=fps=30",
    "--use-fake-ui-for-media-stream",
    "--allow-loopback-in-peer-connection",
    "--window-size=1280,900",
];

/// A running chromedriver with a folder of its own.
pub struct Driver {
    process: Child,
    url: String,
    folder: TempDir,
    http: reqwest::Client,
}

impl Driver {
    /// Starts it in a process group of its own and waits until it answers.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder for the browser");
        let log = folder.path().join("chromedriver.log");
        let out = File::create(&log).expect("chromedriver's log");
        let mut command = Command::new("/usr/bin/chromedriver");
        command.arg("--port=0").stdout(out.try_clone().expect("a second handle")).stderr(out).process_group(0);
        let process = command.spawn().expect("chromedriver (Debian package chromium-driver) starts");
        let mut driver = Self { process, url: String::new(), folder, http: reqwest::Client::new() };
        driver.url = format!("http://127.0.0.1:{}", driver.port(&log).await);
        driver
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What a session is asked for with.
    pub fn capabilities(&self, further: &[&str]) -> Value {
        let profile = format!("--user-data-dir={}", self.folder.path().join("profile").display());
        let args: Vec<&str> = FLAGS.into_iter().chain(further.iter().copied()).chain([profile.as_str()]).collect();
        json!({
            "goog:chromeOptions": { "binary": "/usr/bin/chromium", "args": args },
            "goog:loggingPrefs": { "browser": "ALL" },
            "timeouts": { "script": 10_000 },
        })
    }

    /// Sends a command.
    pub async fn post(&self, path: &str, body: &Value) -> Value {
        let answer = self.http.post(format!("{}/{path}", self.url)).json(body).send().await;
        answer.expect("chromedriver answers").json().await.expect("chromedriver answers in JSON")
    }

    /// chromedriver chooses its port itself, so none can be taken in between; it says which in its first lines.
    async fn port(&mut self, log: &std::path::Path) -> u16 {
        let begun = Instant::now();
        loop {
            let text = std::fs::read_to_string(log).unwrap_or_default();
            let told = text.split("started successfully on port ").nth(1);
            if let Some(port) = told.and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()) {
                return port;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "chromedriver told no port within 20 s: {text}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        for process in with_descendants(self.process.id()) {
            let _ =
                Command::new("kill").args(["-KILL", &process.to_string()]).stderr(std::process::Stdio::null()).status();
        }
        let _ = self.process.wait();
    }
}

/// A process and everything it started, found before any of it ends: Chromium makes process groups of its own.
fn with_descendants(root: u32) -> Vec<u32> {
    let parents = parents();
    let mut found = vec![root];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        found.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(child, _)| *child));
        next += 1;
    }
    found
}

/// Every process with its parent, from `/proc/PID/stat` (proc(5): the field behind the state, behind the name's `)`).
fn parents() -> Vec<(u32, u32)> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let parent = |pid: u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat.rsplit(") ").next()?.split(' ').nth(1)?.parse().ok()
    };
    pids.filter_map(|pid| Some((pid, parent(pid)?))).collect()
}
