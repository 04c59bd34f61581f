//! `millrace-bench strangers`: what a datagram of somebody unknown costs the server, kind by kind.

use crate::local::Local;
use crate::process;
use crate::scene::{Door, Scene};
use anyhow::{Result, ensure};
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::time::Duration;

/// Sent at a time, with a pause between: what a socket buffer holds.
const BURST: usize = 64;
const PAUSE: Duration = Duration::from_millis(1);
/// After this the server's figures contain all that came.
const TOLD: Duration = Duration::from_millis(2500);

/// How many.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Options {
    /// Datagrams of each kind.
    #[arg(long, default_value_t = 200_000)]
    pub datagrams: usize,
}

/// Name, the reason under which the server counts it, datagram. The forged one first, while its name is known.
fn kinds(known: &str) -> [(&'static str, &'static str, Vec<u8>); 6] {
    let forged = Door::forged_check(&format!("{known}:theirs"), 7);
    [
        ("STUN with a forged integrity", "bad_integrity", forged),
        ("STUN of an unknown user", "unknown_user", Door::forged_check("nobody:knows", 7)),
        ("malformed STUN", "malformed", [&[0, 1, 0, 64, 0x21, 0x12, 0xa4, 0x42][..], &[3; 60]].concat()),
        ("garbage", "malformed", vec![255; 100]),
        ("DTLS of an unknown address", "unknown_address", [&[22, 254, 253][..], &[3; 100]].concat()),
        ("RTP of an unknown address", "unknown_address", [&[0x80, 96][..], &[3; 1100]].concat()),
    ]
}

fn send(to: SocketAddr, datagram: &[u8], count: usize) -> Result<()> {
    let socket = UdpSocket::bind((to.ip(), 0))?;
    for number in 0..count {
        let _ = socket.send_to(datagram, to);
        if number % BURST == BURST - 1 {
            std::thread::sleep(PAUSE);
        }
    }
    Ok(())
}

/// Server CPU in milliseconds.
fn cpu(server: &Local) -> Result<f64> {
    Ok(process::sample(server.pid())?.cpu_ms)
}

/// Sends them and prints a line for each kind.
pub async fn run(millrace: &Path, options: Options) -> Result<()> {
    let server = Local::start(millrace)?;
    let scene = Scene::enter(&server.ws(), "console", "device", (true, true)).await?;
    let door = Door::of(&server.ws(), scene.room, &scene.feed).await?;
    // Its media would count as well; what it published stays known for a while.
    drop(scene.publisher);
    tokio::time::sleep(TOLD).await;
    println!("| datagram | dropped | server CPU µs each |\n| --- | --- | --- |");
    for (name, reason, datagram) in kinds(&door.name) {
        let counted = format!("media_ice_dropped_total{{reason=\"{reason}\"}}");
        let before = (server.metric(&counted).await?, cpu(&server)?);
        tokio::task::spawn_blocking(move || send(door.address, &datagram, options.datagrams)).await??;
        tokio::time::sleep(TOLD).await;
        let (dropped, cpu_ms) = (server.metric(&counted).await? - before.0, cpu(&server)? - before.1);
        ensure!(dropped >= options.datagrams as f64 * 0.95, "{name}: only {dropped} were counted as {reason}");
        println!("| {name} | {dropped} | {:.2} |", cpu_ms * 1000.0 / dropped);
    }
    Ok(())
}
