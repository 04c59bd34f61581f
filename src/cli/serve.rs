//! `millrace serve`: start, say where to go, wait for a signal, end in order.

use crate::app::{App, Running, init_logs, raise_descriptors};
use crate::config::{Config, LogFormat};
use std::process::ExitCode;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Exit code after a second signal.
const CUT_SHORT: i32 = 130;

pub fn run(config: Config) -> anyhow::Result<ExitCode> {
    init_logs(&config.log)?;
    if let Err(warning) = raise_descriptors(&config.turn) {
        tracing::warn!("{warning}");
    }
    tokio::runtime::Runtime::new()?.block_on(serve(config))
}

async fn serve(config: Config) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::new()?;
    let (format, demo) = (config.log.format, config.demo);
    let running = tokio::select! {
        running = App::start(config) => running?,
        () = signals.next() => return Ok(ExitCode::SUCCESS),
    };
    announce(&running, format, demo);
    signals.next().await;
    tracing::info!("shutting down; a second signal ends at once");
    tokio::spawn(async move {
        signals.next().await;
        tracing::warn!("ended at once by a second signal");
        std::process::exit(CUT_SHORT);
    });
    running.shutdown().await;
    tracing::info!("ended");
    Ok(ExitCode::SUCCESS)
}

fn announce(running: &Running, format: LogFormat, demo: bool) {
    let media = running.media().map(|address| address.to_string()).unwrap_or_default();
    tracing::info!(urls = running.urls().join(" "), media, "millrace {} serves", env!("CARGO_PKG_VERSION"));
    if format == LogFormat::Text {
        println!("{}", banner(running, demo));
    }
}

fn banner(running: &Running, demo: bool) -> String {
    let mut lines = vec![String::new(), "  Millrace is running. Open in a browser:".into()];
    lines.extend(running.urls().iter().map(|url| format!("    {url}")));
    lines.push(
        "  The home page leads to the rest: the console (/console), a device's page (/device), the API (/api/docs)."
            .into(),
    );
    if running.https().is_some() {
        lines.push("  The certificate is self-signed unless you set one: the browser will ask once.".into());
    }
    if demo {
        lines.push("  Demo: create a room in the console, invite the demo device, and watch. Ctrl-C ends.".into());
    }
    if !running.auth().is_open() {
        lines.push("  Tokens are asked for: `millrace token --role web` makes one for the console.".into());
    }
    lines.push(String::new());
    lines.join("\n")
}

/// Ctrl-C and SIGTERM, as one.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }
    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => (),
            _ = self.terminate.recv() => (),
        }
    }
}
