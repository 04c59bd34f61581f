//! The real binary as a child process, and what the kernel and `/metrics` say of it.

use anyhow::{Context, Result, bail, ensure};
use std::io::{BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long counts may take to settle: teardown of peers is bounded by a few seconds.
const SETTLE: Duration = Duration::from_secs(20);

/// A server of this test's own, on free ports of 127.0.0.1; killed when dropped.
pub struct ServerProcess {
    child: Child,
    /// `http://127.0.0.1:PORT`
    pub http: String,
    /// `ws://127.0.0.1:PORT`
    pub ws: String,
    data: tempfile::TempDir,
    ip: IpAddr,
    settings: Vec<(String, String)>,
}

/// What a process holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Census {
    /// Threads, without tokio's blocking ones (they end by themselves after 10 s of rest).
    pub threads: usize,
    /// Open file descriptors.
    pub descriptors: usize,
    /// Live media objects as `/metrics` counts them.
    pub objects: u64,
}

impl Census {
    /// Whether nothing has grown.
    pub fn no_more_than(&self, other: &Self) -> bool {
        self.threads <= other.threads && self.descriptors <= other.descriptors && self.objects <= other.objects
    }
}

impl ServerProcess {
    /// Starts `millrace serve` and waits until it says where it listens.
    pub fn start() -> Result<Self> {
        Self::start_on(Ipv4Addr::LOCALHOST.into())
    }

    /// The same on a loopback address of the caller's choice.
    pub fn start_on(ip: IpAddr) -> Result<Self> {
        Self::start_so(ip, &[])
    }

    /// The same with settings, as environment variables without their `MILLRACE_`.
    pub fn start_with(settings: &[(&str, &str)]) -> Result<Self> {
        Self::start_so(Ipv4Addr::LOCALHOST.into(), settings)
    }

    fn start_so(ip: IpAddr, settings: &[(&str, &str)]) -> Result<Self> {
        let data = tempfile::tempdir()?;
        let settings: Vec<_> =
            settings.iter().map(|(key, value)| (format!("MILLRACE_{key}"), (*value).to_owned())).collect();
        let (child, http) = spawn(ip, data.path(), &settings)?;
        Ok(Self { child, ws: http.replacen("http", "ws", 1), http, data, ip, settings })
    }

    /// Kills it as a crash would (SIGKILL), and starts it again on the same folder, on other ports.
    pub fn kill_and_start_again(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        (self.child, self.http) = spawn(self.ip, self.data.path(), &self.settings)?;
        self.ws = self.http.replacen("http", "ws", 1);
        Ok(())
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its folder for lasting files.
    pub fn data(&self) -> &std::path::Path {
        self.data.path()
    }

    /// How it ended, if it does in time.
    pub async fn exited_within(&mut self, limit: Duration) -> Result<std::process::ExitStatus> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            ensure!(Instant::now() < deadline, "the server still runs after {limit:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// A figure of `/metrics`, by the beginning of its line.
    pub async fn metric(&self, name: &str) -> Result<u64> {
        let metrics = reqwest::get(format!("{}/metrics", self.http)).await?.text().await?;
        let value = metrics.lines().find(|line| line.starts_with(name)).and_then(|line| line.rsplit(' ').next());
        Ok(value.unwrap_or("0").parse::<f64>()? as u64)
    }

    /// What it holds now.
    pub async fn census(&self) -> Result<Census> {
        let process = format!("/proc/{}", self.child.id());
        let mut threads = 0;
        for task in std::fs::read_dir(format!("{process}/task"))? {
            let name = std::fs::read_to_string(task?.path().join("comm")).unwrap_or_default();
            threads += usize::from(!name.starts_with("blocking"));
        }
        // Without the connection that reads `/metrics` itself.
        let descriptors = std::fs::read_dir(format!("{process}/fd"))?.count();
        let metrics = reqwest::get(format!("{}/metrics", self.http)).await?.text().await?;
        let objects = metrics.lines().filter(|l| l.starts_with("media_live_objects"));
        let objects = objects.filter_map(|l| l.rsplit(' ').next()?.parse::<f64>().ok()).sum::<f64>() as u64;
        ensure!(metrics.contains("media_live_objects"), "no media_live_objects in /metrics");
        Ok(Census { threads, descriptors, objects })
    }

    /// What it holds once two looks a second apart agree.
    pub async fn settled_census(&self) -> Result<Census> {
        let mut last = self.census().await?;
        let deadline = Instant::now() + SETTLE;
        while Instant::now() < deadline {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let now = self.census().await?;
            if now == last {
                return Ok(now);
            }
            last = now;
        }
        bail!("the server's counts do not settle within {SETTLE:?}: {last:?}")
    }

    /// Waits until it holds no more than before.
    pub async fn until_census(&self, before: &Census) -> Result<()> {
        let deadline = Instant::now() + SETTLE;
        loop {
            let now = self.census().await?;
            if now.no_more_than(before) {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "left behind after {SETTLE:?}: {now:?}, before: {before:?}");
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
}

/// `millrace serve` on this address and folder, once it listens; and where.
fn spawn(ip: IpAddr, data: &Path, settings: &[(String, String)]) -> Result<(Child, String)> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_millrace"))
        .args(["serve", "--http", &SocketAddr::new(ip, 0).to_string(), "--https", "", "--media-port", "0"])
        .env("MILLRACE_MEDIA__BIND", ip.to_string())
        .env("MILLRACE_SERVER__DATA_DIR", data)
        .env("MILLRACE_RTSP__LISTEN", "")
        .env("MILLRACE_TURN__LISTEN", "")
        .env("G_DEBUG", "fatal-criticals")
        // Means the test; the server refuses settings it does not know.
        .env_remove("MILLRACE_CRASH_ROUNDS")
        .env_remove("MILLRACE_SYNC_SECONDS")
        .envs(settings.iter().map(|(key, value)| (key, value)))
        .current_dir(data)
        .stdout(Stdio::piped())
        .spawn()
        .context("starting the server")?;
    let http = address(&mut child)?.replace("localhost:", &SocketAddr::new(ip, 0).to_string().replace(":0", ":"));
    Ok((child, http))
}

/// Reads the server's greeting up to its address; the rest is drained by a thread so that it never blocks.
fn address(child: &mut Child) -> Result<String> {
    let mut lines = BufReader::new(child.stdout.take().context("no stdout")?).lines();
    for line in lines.by_ref() {
        let line = line?;
        if let Some(at) = line.find("http://") {
            let url = line[at..].split_whitespace().next().unwrap_or_default().trim_end_matches('/').to_owned();
            std::thread::spawn(move || lines.for_each(drop));
            return Ok(url);
        }
    }
    bail!("the server ended before it said where it listens")
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
