//! What a camera costs: one of 1080p and 4 Mbit/s over RTSP, forwarded as it comes, without viewers and with some.
//!
//! The camera is another server of ours that plays a file and serves it by RTSP; only the one that opens it is measured.

use crate::flash_beep::run as output;
use crate::local::Local;
use crate::record::median;
use crate::{Attended, Client, Peer, Role, http, process};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(30);
/// From the last join to the measurement.
const QUIET: Duration = Duration::from_secs(3);
const LOOK: Duration = Duration::from_millis(100);
const ROOM: u64 = 1;

/// How to measure.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Viewers.
    #[arg(long, value_delimiter = ',', default_value = "0,1,20")]
    pub viewers: Vec<usize>,
    /// Rounds; medians need at least 5 to mean something.
    #[arg(long, default_value_t = 5)]
    pub rounds: usize,
    /// Seconds measured each time.
    #[arg(long, default_value_t = 20)]
    pub seconds: u64,
}

/// One measurement.
#[derive(Clone, Copy, Debug)]
struct Row {
    viewers: usize,
    cores: f64,
    packets: f64,
    frames: f64,
}

/// Does it, and prints the table of medians.
pub async fn run(millrace: &Path, options: &Options) -> Result<()> {
    let folder = tempfile::tempdir()?;
    make_clip(folder.path())?;
    let (camera, uri) = Camera::start(millrace, folder.path()).await?;
    let mut rows = Vec::new();
    for _ in 0..options.rounds {
        for &viewers in &options.viewers {
            let row = measure(millrace, &uri, viewers, options.seconds).await?;
            let Row { cores, packets, frames, .. } = row;
            eprintln!("{viewers:3} viewers: {cores:.4} cores, {packets:.0} packets/s in, {frames:.1} pictures/s");
            rows.push(row);
        }
    }
    drop(camera);
    print(&rows, options);
    Ok(())
}

/// The server that plays the camera.
struct Camera {
    _server: Local,
}

impl Camera {
    async fn start(millrace: &Path, folder: &Path) -> Result<(Self, String)> {
        let listen = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let files = folder.display().to_string();
        let server =
            Local::start_with(millrace, &[("MILLRACE_RTSP__LISTEN", &listen), ("MILLRACE_REACH__FILES", &files)])?;
        add(&server, &json!({"name": "clip", "uri": "file:///clip.mp4", "repeat": true})).await?;
        Ok((Self { _server: server }, format!("rtsp://{listen}/{ROOM}/clip")))
    }
}

/// 1080p at 25 pictures and 4 Mbit a second, a keyframe every two seconds.
fn make_clip(folder: &Path) -> Result<()> {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=1920x1080:rate=25", "-t", "60"]);
    command.args(["-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-g", "50", "-pix_fmt", "yuv420p"]);
    command.args(["-b:v", "4M", "-minrate", "4M", "-maxrate", "4M", "-bufsize", "2M", "-nal-hrd", "cbr"]);
    output(command.arg(folder.join("clip.mp4"))).map(drop)
}

/// Adds a source to the room and waits until it is live.
async fn add(server: &Local, wish: &Value) -> Result<Value> {
    http::call(&server.address, "POST", "/api/v1/rooms", Some(&json!({"id": ROOM.to_string()}))).await?;
    let path = format!("/api/v1/rooms/{ROOM}/ingests");
    http::call(&server.address, "POST", &path, Some(wish)).await?;
    let live = async {
        loop {
            let all = http::call(&server.address, "GET", &path, None).await?;
            if all[0]["status"]["state"] == "live" {
                return Ok(all[0].clone());
            }
            ensure!(all[0]["status"]["trouble"].is_null(), "the source fails: {all}");
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(LIMIT, live).await.context("the source is not live")?
}

async fn measure(millrace: &Path, uri: &str, viewers: usize, seconds: u64) -> Result<Row> {
    let settings = [("MILLRACE_RTSP__LISTEN", ""), ("MILLRACE_REACH__SPECIAL", "127.0.0.0/8")];
    let server = Local::start_with(millrace, &settings)?;
    let ingest = add(&server, &json!({"name": "camera", "uri": uri})).await?;
    ensure!(ingest["status"]["tracks"][0]["passthrough"] == true, "it is not forwarded as it comes: {ingest}");
    let _audience = Audience::enter(&server, &ingest["feed"], viewers).await?;
    tokio::time::sleep(QUIET).await;
    let (first, before, begun) = (figures(&server).await?, process::sample(server.pid())?, Instant::now());
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let (after, elapsed, last) =
        (process::sample(server.pid())?, begun.elapsed().as_secs_f64(), figures(&server).await?);
    Ok(Row {
        viewers,
        cores: (after.cpu_ms - before.cpu_ms) / 1000.0 / elapsed,
        packets: (last.0 - first.0) / elapsed,
        frames: (last.1 - first.1) / elapsed,
    })
}

/// Packets and pictures that came in so far.
async fn figures(server: &Local) -> Result<(f64, f64)> {
    let feeds = http::call(&server.address, "GET", &format!("/api/v1/rooms/{ROOM}/feeds"), None).await?;
    let track = &feeds[0]["stats"]["tracks"][0];
    let number = |name: &str| track[name].as_f64().with_context(|| format!("no {name} in {feeds}"));
    Ok((number("packets")?, number("frames")?))
}

/// Who watches.
struct Audience {
    _watching: Vec<(Attended, Peer)>,
}

impl Audience {
    async fn enter(server: &Local, feed: &Value, viewers: usize) -> Result<Self> {
        let mut watching = Vec::new();
        for number in 0..viewers {
            let mut client = Client::connect(&server.ws(), Role::Web, &format!("viewer-{number}"), "any").await?;
            client.join(ROOM, "viewer").await?;
            let peer = client.watch(ROOM, feed).await?;
            peer.until("pictures", LIMIT, |seen| seen.video.load(Relaxed) > 0).await?;
            watching.push((client.attended(), peer));
        }
        Ok(Self { _watching: watching })
    }
}

fn print(rows: &[Row], options: &Options) {
    println!("\nMedians of {} rounds of {} s, CPU of the server in cores\n", options.rounds, options.seconds);
    println!("| viewers | cores | packets in a second | µs a packet and viewer beyond the camera's own |");
    println!("| --- | --- | --- | --- |");
    let of = |viewers, figure: fn(&Row) -> f64| {
        median(rows.iter().filter(|row| row.viewers == viewers).map(figure).collect())
    };
    let alone = options.viewers.contains(&0).then(|| of(0, |row| row.cores));
    for &viewers in &options.viewers {
        let (cores, packets) = (of(viewers, |row| row.cores), of(viewers, |row| row.packets));
        let each = alone.filter(|_| viewers > 0).map(|alone| (cores - alone) * 1e6 / packets / viewers as f64);
        let each = each.map_or_else(|| "–".into(), |each| format!("{each:.2}"));
        println!("| {viewers} | {cores:.4} | {packets:.0} | {each} |");
    }
}
