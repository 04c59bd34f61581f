//! Arguments and exit codes; everything else is in the library.

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    millrace::cli::Cli::parse().run().unwrap_or_else(|error| {
        eprintln!("millrace: {error:#}");
        ExitCode::FAILURE
    })
}
