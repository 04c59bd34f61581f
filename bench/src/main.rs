//! `millrace-bench`: this server and Janus under the same load, in alternating rounds.

use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand};
use millrace_bench::load::{self, Figures, Load};
use millrace_bench::servers::{Kind, Server};
use millrace_bench::{camera, compose, namespace, openvidu, record, report, soak, strangers, transcode};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Compares Millrace with Janus on this machine.
///
/// Publishers (VP8-shaped 1.5 Mbit/s at 30 frames a second, and Opus-sized audio) and viewers, on an independent WebRTC
/// implementation (str0m). Servers and load run in a network namespace of the benchmark's own, since Janus skips
/// loopback: it needs root. The servers alternate within each round; the table shows medians over the rounds.
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Options {
    #[command(subcommand)]
    task: Option<Task>,
    /// The server's binary, built with `cargo build --release`.
    #[arg(long, default_value = "target/release/millrace")]
    millrace: PathBuf,
    /// Servers to compare.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "millrace,janus-tuned,janus")]
    servers: Vec<Kind>,
    /// Loads: `1x50` is one publisher with 50 viewers, `20x4` twenty rooms of one publisher and four viewers each,
    /// `1x50@50` lets fifty join at once instead of ten.
    #[arg(long, value_delimiter = ',', default_value = "1x1,1x10,1x50,1x50@50,1x100,1x200,20x4,7x7,1x0")]
    loads: Vec<Load>,
    /// Rounds; medians need at least 5 to mean something.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds measured each time.
    #[arg(long, default_value_t = 8)]
    seconds: u64,
    /// Folder for `benchmark.md`, `benchmark.svg` and `benchmark.json`.
    #[arg(long, default_value = "target/benchmark")]
    out: PathBuf,
    /// Measure inside this namespace's address (set by the benchmark itself).
    #[arg(long, hide = true)]
    inside: Option<IpAddr>,
}

/// What else it can do.
#[derive(Subcommand)]
enum Task {
    /// Joins and leaves of viewers and publishers by the thousand; fails if the server keeps anything of them.
    Soak {
        /// The server's binary, built with `cargo build --release`.
        #[arg(long, default_value = "target/release/millrace")]
        millrace: PathBuf,
        #[command(flatten)]
        options: soak::Options,
    },
    /// What recording a stream costs, against Janus' `.mjr` files. Needs root, as the comparison does.
    Record {
        /// The server's binary, built with `cargo build --release`.
        #[arg(long, default_value = "target/release/millrace")]
        millrace: PathBuf,
        /// Measure inside this namespace's address (set by the benchmark itself).
        #[arg(long, hide = true)]
        inside: Option<IpAddr>,
        #[command(flatten)]
        options: record::Options,
    },
    /// What a composed recording costs: several publishers of pictures that decode, in one room. Needs `ffmpeg`.
    Compose {
        /// The server's binary, built with `cargo build --release`.
        #[arg(long, default_value = "target/release/millrace")]
        millrace: PathBuf,
        #[command(flatten)]
        options: compose::Options,
    },
    /// What a camera over RTSP costs, without viewers and with some. Needs `ffmpeg`.
    Camera {
        /// The server's binary, built with `cargo build --release`.
        #[arg(long, default_value = "target/release/millrace")]
        millrace: PathBuf,
        #[command(flatten)]
        options: camera::Options,
    },
    /// What a smaller picture for weak viewers costs, for 1 and for 20 of them, and done by `ffmpeg`. Needs `ffmpeg`.
    Transcode {
        /// The server's binary, built with `cargo build --release`.
        #[arg(long, default_value = "target/release/millrace")]
        millrace: PathBuf,
        #[command(flatten)]
        options: transcode::Options,
    },
    /// A meeting over the dialect of OpenVidu 2, the server on one core: what 49 streams cost, how soon a newcomer sees,
    /// and what the messages of a large session cost. Needs `ffmpeg`.
    Openvidu {
        /// The server's binary, built with `cargo build --release`.
        #[arg(long, default_value = "target/release/millrace")]
        millrace: PathBuf,
        #[command(flatten)]
        options: openvidu::Options,
    },
    /// What datagrams of strangers cost the server, kind by kind.
    Strangers {
        /// The server's binary, built with `cargo build --release`.
        #[arg(long, default_value = "target/release/millrace")]
        millrace: PathBuf,
        #[command(flatten)]
        options: strangers::Options,
    },
}

fn main() -> Result<()> {
    let options = Options::parse();
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build();
    match options.task {
        Some(Task::Soak { millrace, options }) => {
            return runtime()?.block_on(soak::run(&millrace.canonicalize()?, options));
        }
        Some(Task::Strangers { millrace, options }) => {
            return runtime()?.block_on(strangers::run(&millrace.canonicalize()?, options));
        }
        Some(Task::Camera { millrace, options }) => {
            return runtime()?.block_on(camera::run(&millrace.canonicalize()?, &options));
        }
        Some(Task::Openvidu { millrace, options }) => {
            return runtime()?.block_on(openvidu::run(&millrace.canonicalize()?, &options));
        }
        Some(Task::Transcode { millrace, options }) => return transcode::run(&millrace.canonicalize()?, &options),
        Some(Task::Compose { millrace, options }) => {
            return runtime()?.block_on(compose::run(&millrace.canonicalize()?, &options));
        }
        Some(Task::Record { inside: None, .. }) => return namespace::run_inside(),
        Some(Task::Record { millrace, inside: Some(ip), options }) => {
            return record::run(&millrace.canonicalize()?, ip, &options);
        }
        None => {}
    }
    ensure!(options.millrace.is_file(), "no {}: run `cargo build --release` first", options.millrace.display());
    match options.inside {
        None => namespace::run_inside(),
        Some(ip) => measure_all(&options, ip),
    }
}

fn measure_all(options: &Options, ip: IpAddr) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let millrace = options.millrace.canonicalize()?;
    let measure = Duration::from_secs(options.seconds);
    let total = options.rounds * options.loads.len() * options.servers.len();
    let mut results = Vec::<report::Row>::new();
    for round in 0..options.rounds {
        for &load in &options.loads {
            // Another server begins each round, so that none always runs on a warmer machine.
            for turn in 0..options.servers.len() {
                let kind = options.servers[(turn + round) % options.servers.len()];
                let server = Server::start(kind, &millrace, ip)?;
                let figures = runtime.block_on(load::run(&server.target, load, measure, server.pid()));
                let figures: Figures = figures.with_context(|| format!("{} with {load}", kind.name()))?;
                results.push(report::Row { kind, load, figures });
                eprintln!(
                    "{:3}/{total} {:12} {:22} {}",
                    results.len(),
                    kind.name(),
                    load.to_string(),
                    report::line(&figures)
                );
            }
        }
    }
    report::write(&options.out, &results, options.rounds)
}
