//! This server alone, on free ports of 127.0.0.1, and what the kernel and its `/metrics` say of it.

use crate::process;
use anyhow::{Context, Result, bail, ensure};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A running server; killed when dropped.
pub struct Local {
    child: Child,
    /// `127.0.0.1:PORT` of HTTP and WebSocket.
    pub address: String,
    folder: tempfile::TempDir,
}

/// What a process holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Census {
    /// Threads, without tokio's blocking ones (they end by themselves after 10 s of rest).
    pub threads: u64,
    /// Open file descriptors.
    pub descriptors: u64,
    /// Live media objects as `/metrics` counts them.
    pub objects: u64,
    /// Private dirty memory in kilobytes.
    pub private_kb: u64,
}

impl Census {
    /// Whether no count has grown; memory is judged apart.
    pub fn no_more_than(&self, other: &Self) -> bool {
        self.threads <= other.threads && self.descriptors <= other.descriptors && self.objects <= other.objects
    }
}

impl std::fmt::Display for Census {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { threads, descriptors, objects, private_kb } = self;
        write!(f, "{threads:4} threads  {descriptors:4} descriptors  {objects:4} objects  {private_kb:7} kB")
    }
}

impl Local {
    /// Starts it and waits until it says where it listens. A GLib critical kills it. Lost clients have two seconds to
    /// come back, so that counts settle soon.
    pub fn start(millrace: &Path) -> Result<Self> {
        Self::start_with(millrace, &[])
    }

    /// The same with settings in its environment.
    pub fn start_with(millrace: &Path, settings: &[(&str, &str)]) -> Result<Self> {
        Self::start_by(Command::new(millrace), settings).with_context(|| format!("starting {}", millrace.display()))
    }

    /// The same on one of the machine's cores.
    pub fn start_on(core: usize, millrace: &Path, settings: &[(&str, &str)]) -> Result<Self> {
        let mut command = Command::new("taskset");
        command.args(["--cpu-list", &core.to_string()]).arg(millrace);
        Self::start_by(command, settings).with_context(|| format!("starting {} by taskset", millrace.display()))
    }

    fn start_by(mut command: Command, settings: &[(&str, &str)]) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut child = command
            .args(["serve", "--http", "127.0.0.1:0", "--https", "", "--media-port", "0"])
            .env("MILLRACE_SERVER__DATA_DIR", folder.path())
            .env("MILLRACE_ROOMS__RECONNECT_GRACE", "2s")
            .env("MILLRACE_RTSP__LISTEN", "")
            .env("G_DEBUG", "fatal-criticals")
            .envs(settings.iter().copied())
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let address = address(&mut child)?;
        Ok(Self { child, address, folder })
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where it keeps its files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Base of its WebSocket addresses.
    pub fn ws(&self) -> String {
        format!("ws://{}", self.address)
    }

    /// What it holds now.
    pub async fn census(&self) -> Result<Census> {
        let pid = self.child.id();
        let mut threads = 0;
        for task in std::fs::read_dir(format!("/proc/{pid}/task")).context("the server has ended")? {
            let name = std::fs::read_to_string(task?.path().join("comm")).unwrap_or_default();
            threads += u64::from(!name.starts_with("blocking"));
        }
        // Before the connection that reads `/metrics`.
        let sample = process::sample(pid)?;
        let objects = self.metric("media_live_objects").await? as u64;
        Ok(Census { threads, descriptors: sample.descriptors, objects, private_kb: sample.private_kb })
    }

    /// The sum of a metric's lines.
    pub async fn metric(&self, name: &str) -> Result<f64> {
        let mut stream = TcpStream::connect(&self.address).await.context("the server has ended")?;
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await?;
        ensure!(text.contains(name), "no {name} in /metrics");
        let lines = text.lines().filter(|l| l.starts_with(name));
        Ok(lines.filter_map(|l| l.rsplit(' ').next()?.parse::<f64>().ok()).sum())
    }

    /// Waits until its counts are no more than `base`, at most so long; returns the last ones.
    pub async fn settled(&self, base: &Census, limit: Duration) -> Result<Census> {
        let deadline = Instant::now() + limit;
        loop {
            let now = self.census().await?;
            if now.no_more_than(base) || Instant::now() > deadline {
                return Ok(now);
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Reads the server's greeting up to its address; the rest is drained by a thread so that it never blocks.
fn address(child: &mut Child) -> Result<String> {
    let mut lines = BufReader::new(child.stdout.take().context("no stdout")?).lines();
    for line in lines.by_ref() {
        let line = line?;
        if let Some((_, rest)) = line.split_once("http://") {
            let address = rest.split(['/', ' ']).next().unwrap_or_default().replace("localhost", "127.0.0.1");
            std::thread::spawn(move || lines.for_each(drop));
            return Ok(address);
        }
    }
    bail!("the server ended before it said where it listens")
}
