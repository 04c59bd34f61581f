//! Where logs go and how they look: standard error, as text or JSON, filtered by `log.filter`.

use crate::config::{Log, LogFormat};
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::TryInitError;
use tracing_subscriber::{fmt, prelude::*, registry};

/// Libraries that would write a line for each wrong packet that a stranger sends, with addresses and names in it.
const QUIET: &str = "stun_types=off,stun_proto=off,turn_types=off,turn_server_proto=off,sctp_proto=off";

/// Why logging cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter cannot be read.
    #[error("log.filter is `{filter}`: {cause}\n  remedy: give e.g. `info` or `info,millrace=debug`")]
    Filter {
        /// What was given.
        filter: String,
        /// What is wrong with it.
        cause: tracing_subscriber::filter::ParseError,
    },
    /// Somebody has done so before.
    #[error("logging is set up already: {0}")]
    Twice(#[from] TryInitError),
}

/// Sets up logging for this process.
pub fn init(config: &Log) -> Result<(), LogError> {
    // What the operator names comes later and counts.
    let filter = EnvFilter::try_new(format!("{QUIET},{}", config.filter))
        .map_err(|cause| LogError::Filter { filter: config.filter.clone(), cause })?;
    let colours = std::io::stderr().is_terminal();
    let lines = fmt::layer().with_ansi(colours).with_writer(std::io::stderr);
    match config.format {
        LogFormat::Text => registry().with(filter).with(lines.with_target(false)).try_init()?,
        LogFormat::Json => registry().with(filter).with(lines.json().flatten_event(true)).try_init()?,
    }
    Ok(())
}
