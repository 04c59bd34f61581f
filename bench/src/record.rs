//! What recording costs: publishers whose every stream is recorded, here and by Janus' videoroom (`.mjr`), in
//! alternating rounds, each also without recording: the difference is the recorder's.

use crate::Peer;
use crate::http;
use crate::janus::Janus;
use crate::load::Target;
use crate::process;
use crate::scene::Scene;
use crate::servers::{Kind, Server};
use anyhow::{Context, Result, ensure};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(20);
/// From the start of the recordings to the measurement.
const QUIET: Duration = Duration::from_secs(3);

/// How to measure.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Streams recorded at once (VP8-shaped 1.5 Mbit/s with Opus-sized audio, a room each).
    #[arg(long, value_delimiter = ',', default_value = "1,10,20")]
    pub streams: Vec<usize>,
    /// Rounds; medians need at least 5 to mean something.
    #[arg(long, default_value_t = 5)]
    pub rounds: usize,
    /// Seconds measured each time.
    #[arg(long, default_value_t = 8)]
    pub seconds: u64,
}

/// A publisher with its signaling.
enum Published {
    Millrace { scene: Box<Scene> },
    Janus { peer: Peer, _janus: Box<Janus> },
}

impl Published {
    fn peer(&self) -> &Peer {
        match self {
            Self::Millrace { scene } => &scene.publisher,
            Self::Janus { peer, .. } => peer,
        }
    }
}

/// One measurement in milliseconds of CPU per second and stream.
#[derive(Clone, Copy, Debug)]
struct Row {
    kind: Kind,
    streams: usize,
    recorded: f64,
    plain: f64,
}

/// Does it, and prints the table of medians.
pub fn run(millrace: &Path, ip: IpAddr, options: &Options) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let kinds = [Kind::Millrace, Kind::JanusTuned];
    let mut rows = Vec::new();
    for round in 0..options.rounds {
        for &streams in &options.streams {
            for turn in 0..kinds.len() {
                let kind = kinds[(turn + round) % kinds.len()];
                let one = |record| -> Result<f64> {
                    let server = Server::start(kind, millrace, ip)?;
                    let seconds = Duration::from_secs(options.seconds);
                    runtime.block_on(measure(&server, streams, record, seconds)).context(kind.name())
                };
                let row = Row { kind, streams, recorded: one(true)?, plain: one(false)? };
                eprintln!(
                    "{:12} {streams:3} streams: {:6.2} ms/s each, {:6.2} without recording",
                    kind.name(),
                    row.recorded,
                    row.plain
                );
                rows.push(row);
            }
        }
    }
    print(&rows, &kinds, options);
    Ok(())
}

async fn measure(server: &Server, streams: usize, record: bool, time: Duration) -> Result<f64> {
    let folder = tempfile::tempdir()?;
    let mut all = Vec::new();
    for number in 0..streams {
        all.push(publish(&server.target, number, record.then(|| folder.path().to_owned())).await?);
    }
    for one in &all {
        one.peer().until("sending", LIMIT, |seen| seen.sent.load(Relaxed) > 30).await?;
    }
    if let (true, Target::Millrace(url)) = (record, &server.target) {
        for one in &all {
            let Published::Millrace { scene } = one else { continue };
            let path = format!("/api/v1/rooms/{}/recordings", scene.room);
            http::call(url.trim_start_matches("ws://"), "POST", &path, None).await?;
        }
    }
    tokio::time::sleep(QUIET).await;
    let (before, begun) = (process::sample(server.pid())?, Instant::now());
    tokio::time::sleep(time).await;
    let after = process::sample(server.pid())?;
    let per_second = (after.cpu_ms - before.cpu_ms) / begun.elapsed().as_secs_f64() / streams as f64;
    if record {
        let written = size(folder.path()) + size(server.folder());
        let least = streams as u64 * time.as_secs() * 1_400_000 / 8;
        ensure!(written > least, "only {written} bytes were recorded, at least {least} were sent");
    }
    Ok(per_second)
}

async fn publish(target: &Target, number: usize, record: Option<PathBuf>) -> Result<Published> {
    let name = format!("bench-{number}");
    match target {
        Target::Millrace(url) => {
            let scene = Scene::enter(url, &name, &name, (true, true)).await?;
            Ok(Published::Millrace { scene: Box::new(scene) })
        }
        Target::Janus(url) => {
            let mut janus = Janus::connect(url).await?;
            let room = crate::source::now_ns() % 1_000_000_000;
            let (peer, _feed) = janus.publish_recorded(room, record.as_deref()).await?;
            Ok(Published::Janus { peer, _janus: Box::new(janus) })
        }
    }
}

/// Bytes of all files below a folder.
fn size(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| if entry.path().is_dir() { size(&entry.path()) } else { entry.metadata().map_or(0, |m| m.len()) })
        .sum()
}

fn print(rows: &[Row], kinds: &[Kind], options: &Options) {
    println!("\nMedians of {} alternating rounds, CPU in ms/s per stream\n", options.rounds);
    println!("| streams | server | recorded | not recorded | the recorder's share | recorded streams per core |");
    println!("| --- | --- | --- | --- | --- | --- |");
    for &streams in &options.streams {
        for &kind in kinds {
            let of = |figure: fn(&Row) -> f64| {
                let each = rows.iter().filter(|row| row.kind == kind && row.streams == streams).map(figure);
                median(each.collect())
            };
            let (recorded, plain) = (of(|row| row.recorded), of(|row| row.plain));
            let share = of(|row| row.recorded - row.plain);
            println!(
                "| {streams} | {} | {recorded:.2} | {plain:.2} | {share:.2} | {:.0} |",
                kind.name(),
                1000.0 / recorded.max(0.01)
            );
        }
    }
}

/// The middle one; of none not a number.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
