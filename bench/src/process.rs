//! What the kernel says of a server's process.

use anyhow::{Context, Result};

/// A look at `/proc/PID`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sample {
    /// User and system time in milliseconds.
    pub cpu_ms: f64,
    /// Threads.
    pub threads: u64,
    /// Open descriptors.
    pub descriptors: u64,
    /// Private dirty memory in kilobytes: what only this process uses.
    pub private_kb: u64,
    /// Resident memory in kilobytes, shared libraries included.
    pub resident_kb: u64,
}

/// Looks now.
pub fn sample(pid: u32) -> Result<Sample> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).context("the server has ended")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let field = |at: usize| fields.get(at).and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0);
    // Fields 14 and 15 of proc(5), in clock ticks of 10 ms; the rest after the name begins with field 3.
    let cpu_ms = (field(11) + field(12)) * 10.0;
    let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let kilobytes = |name: &str| {
        let found = rollup.lines().find_map(|l| l.strip_prefix(name));
        found.and_then(|l| l.split_whitespace().next()?.parse().ok()).unwrap_or(0)
    };
    let (private_kb, resident_kb) = (kilobytes("Private_Dirty:"), kilobytes("Rss:"));
    let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, |d| d.count() as u64);
    Ok(Sample { cpu_ms, threads: field(17) as u64, descriptors, private_kb, resident_kb })
}
