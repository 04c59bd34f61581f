//! `millrace-bench openvidu`: a meeting in which all see all, over the dialect of OpenVidu 2.
//!
//! The server has one core for itself, the load another. Three questions: does a core hold the meeting, how long until a
//! newcomer sees the others, and what a large session's messages cost.

pub mod client;
mod crowd;
mod joins;
mod meeting;

use crate::clip::{Clip, Shape};
use crate::local::Local;
use anyhow::{Context, Result, ensure};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

/// Each publishes this: 540p at 30 pictures and 1.2 Mbit a second; keyframes are rare but for those that are asked for.
const PICTURES: Shape = Shape { size: (960, 540), rate: 30, kilobits: 1200, group: 300 };
/// All members come from one address, as they do behind a company's router.
const SETTINGS: [(&str, &str); 1] = [("MILLRACE_OPENVIDU__SECRET", client::SECRET)];

/// How to measure.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Members of the meeting; each publishes, and watches all with itself.
    #[arg(long, default_value_t = 7)]
    pub members: usize,
    /// Seconds measured.
    #[arg(long, default_value_t = 20)]
    pub seconds: u64,
    /// Newcomers to the running meeting, one after the other.
    #[arg(long, default_value_t = 100)]
    pub joins: usize,
    /// Connections of the large session, which exchanges messages alone.
    #[arg(long, default_value_t = 100)]
    pub crowd: usize,
    /// Core of the server.
    #[arg(long, default_value_t = 0)]
    pub server_core: usize,
    /// Core of the load.
    #[arg(long, default_value_t = 1)]
    pub load_core: usize,
}

/// Does it, and prints the figures.
pub async fn run(millrace: &Path, options: &Options) -> Result<()> {
    let clip = Arc::new(Clip::of(PICTURES)?);
    eprintln!("each member sends {} kbit/s of pictures", clip.kilobits());
    pin(options.load_core)?;
    if options.members > 0 {
        let server = Local::start_on(options.server_core, millrace, &SETTINGS)?;
        let meeting = meeting::Meeting::hold(&server, &clip, options.members).await?;
        let seen = meeting.measure(&server, options.seconds).await?;
        if options.joins > 0 {
            joins::measure(&server, options.joins).await?;
        }
        // Decoding takes longer than clients may keep silent.
        drop(meeting);
        seen.judge()?;
    }
    if options.crowd > 0 {
        let server = Local::start_on(options.server_core, millrace, &SETTINGS)?;
        crowd::measure(&server, options.crowd).await?;
    }
    Ok(())
}

/// This process on one core.
fn pin(core: usize) -> Result<()> {
    let own = std::process::id().to_string();
    let mut command = Command::new("taskset");
    let done = command.args(["--all-tasks", "--cpu-list", "--pid", &core.to_string(), &own]).output();
    let done = done.context("taskset (util-linux) is missing")?;
    ensure!(done.status.success(), "taskset: {}", String::from_utf8_lossy(&done.stderr));
    Ok(())
}

/// The value that this share of the sorted values does not exceed.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = (sorted.len().max(1) - 1) as f64 * share;
    sorted.get(at.round() as usize).copied().unwrap_or_default()
}

/// `name p50 p95 max` of durations in milliseconds.
fn print_times(name: &str, mut times: Vec<f64>) {
    times.sort_by(f64::total_cmp);
    let [p50, p95, most] = [0.5, 0.95, 1.0].map(|share| quantile(&times, share));
    println!("| {name} | {} | {p50:.0} | {p95:.0} | {most:.0} |", times.len());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_few_values() {
        assert_eq!(quantile(&[], 0.5), 0.0);
        assert_eq!([0.0, 0.5, 1.0].map(|share| quantile(&[1.0, 2.0, 9.0], share)), [1.0, 2.0, 9.0]);
    }
}
