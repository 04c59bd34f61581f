//! A network namespace of the benchmark's own: nothing of it leaves the machine, and it vanishes with its last process.

use anyhow::{Context, Result, ensure};
use std::process::Command;

/// The one address in it; on a veth pair whose both ends are inside.
const ADDRESS: &str = "10.177.0.1";

/// Starts this program again inside a fresh namespace with the same arguments, and waits for it.
pub fn run_inside() -> Result<()> {
    let program = std::env::current_exe()?;
    let setup = format!(
        "ip link set lo up && ip link add bench0 type veth peer name bench1 && ip addr add {ADDRESS}/24 dev bench0 && \
         ip link set bench0 up && ip link set bench1 up && exec \"$0\" \"$@\" --inside {ADDRESS}"
    );
    let status = Command::new("unshare")
        .args(["--net", "sh", "-c", &setup])
        .arg(program)
        .args(std::env::args_os().skip(1))
        .status()
        .context("running `unshare` (package util-linux) and `ip` (package iproute2)")?;
    ensure!(status.success(), "the benchmark failed inside its namespace ({status}); it needs root");
    Ok(())
}
