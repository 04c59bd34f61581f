//! `millrace-bench strangers`: what a datagram of somebody unknown costs the server, kind by kind.

use crate::local::Local;
use crate::{Client, Role, process};
use anyhow::{Context, Result, ensure};
use serde_json::json;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::time::{Duration, Instant};

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

/// Where the media port is, and a user name that is known there.
async fn door(server: &Local) -> Result<(SocketAddr, String, [Client; 2])> {
    let mut console = Client::connect(&server.ws(), Role::Web, "console", "any").await?;
    let room = console.make_room("console").await?;
    let mut device = Client::connect(&server.ws(), Role::Device, "device", "any").await?;
    device.join(room, "console").await?;
    let _publisher = device.publish(true, true).await?;
    let feed = console.expect("start_listening").await?["feed"].clone();
    console.send("join_as_subscriber", json!({"room_id": room, "feed": feed})).await?;
    let offer = console.expect("offer_to_subscriber").await?;
    let sdp = offer["sdp"].as_str().context("no sdp")?;
    let value = |name: &str| sdp.lines().find_map(|line| line.strip_prefix(name)).context("a line is missing");
    let candidate: Vec<&str> = value("a=candidate:")?.split(' ').collect();
    let address = SocketAddr::new(candidate[4].parse()?, candidate[5].parse()?);
    Ok((address, value("a=ice-ufrag:")?.to_owned(), [console, device]))
}

/// A binding request for this user, with an integrity that proves nothing.
fn check(user: &str) -> Vec<u8> {
    let mut out = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9];
    out.extend_from_slice(&[0, 6, 0, user.len() as u8]);
    out.extend_from_slice(user.as_bytes());
    out.resize(out.len().next_multiple_of(4), 0);
    out.extend_from_slice(&[0, 8, 0, 20]);
    out.extend_from_slice(&[7; 20]);
    let length = (out.len() - 20) as u16;
    out[2..4].copy_from_slice(&length.to_be_bytes());
    out
}

fn kinds(known: &str) -> [(&'static str, Vec<u8>); 6] {
    [
        ("garbage", vec![255; 100]),
        ("malformed STUN", [&[0, 1, 0, 64, 0x21, 0x12, 0xa4, 0x42][..], &[3; 60]].concat()),
        ("STUN of an unknown user", check("nobody:knows")),
        ("STUN with a forged integrity", check(&format!("{known}:theirs"))),
        ("DTLS of an unknown address", [&[22, 254, 253][..], &[3; 100]].concat()),
        ("RTP of an unknown address", [&[0x80, 96][..], &[3; 1100]].concat()),
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
    let (address, known, _clients) = door(&server).await?;
    // Figures are told once a second.
    tokio::time::sleep(TOLD).await;
    println!("| datagram | received | server CPU µs each |\n| --- | --- | --- |");
    for (name, datagram) in kinds(&known) {
        let before = (server.metric("media_ice_datagrams_total").await?, cpu(&server)?, Instant::now());
        let sending = tokio::task::spawn_blocking(move || send(address, &datagram, options.datagrams));
        sending.await??;
        tokio::time::sleep(TOLD).await;
        let (cpu_ms, elapsed) = (cpu(&server)? - before.1, before.2.elapsed());
        let received = server.metric("media_ice_datagrams_total").await? - before.0;
        ensure!(received > 0.0, "{name}: nothing was counted in {elapsed:?}");
        println!("| {name} | {received} | {:.2} |", cpu_ms * 1000.0 / received);
    }
    Ok(())
}
