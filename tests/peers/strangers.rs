//! Strangers at the media port: counted, never answered, and no trouble for anybody.

use crate::process::ServerProcess;
use crate::scene::{Door, LIMIT, Scene, goes_on};
use anyhow::{Result, ensure};
use std::net::UdpSocket;
use std::time::{Duration, Instant};

/// Datagrams of each kind.
const EACH: u64 = 4000;
/// As many at a time as any socket buffer holds, with a pause between.
const BURST: u64 = 50;

/// A binding request with a message integrity that proves nothing.
fn check(user: &str, number: u64) -> Vec<u8> {
    let mut out = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 9, 9, 9, 9];
    out.extend_from_slice(&number.to_be_bytes());
    out.extend_from_slice(&[0, 6, 0, user.len() as u8]);
    out.extend_from_slice(user.as_bytes());
    out.resize(out.len().next_multiple_of(4), 0);
    out.extend_from_slice(&[0, 0x25, 0, 0, 0, 8, 0, 20]);
    out.extend_from_slice(&[number as u8; 20]);
    let length = (out.len() - 20) as u16;
    out[2..4].copy_from_slice(&length.to_be_bytes());
    out
}

/// Every kind: why it is dropped, and its datagrams.
fn kinds(name: &str) -> Vec<(&'static str, Box<dyn Fn(u64) -> Vec<u8> + Send>)> {
    let known = format!("{name}:theirs");
    vec![
        ("malformed", Box::new(|n| [&[0, 1, 0, 64, 0x21, 0x12, 0xa4, 0x42][..], &[n as u8; 40]].concat())),
        ("unknown_user", Box::new(|n| check("nobody:knows", n))),
        ("bad_integrity", Box::new(move |n| check(&known, n))),
        ("unknown_address", Box::new(|n| [&[22, 254, 253][..], &[n as u8; 60]].concat())),
        ("unknown_address", Box::new(|n| [&[0x80, 96][..], &[n as u8; 200]].concat())),
    ]
}

/// Sends all; returns whether anything came back.
fn flood(door: &Door) -> Result<bool> {
    let mut answered = false;
    for (_, datagram) in kinds(&door.name) {
        let socket = UdpSocket::bind((door.address.ip(), 0))?;
        for number in 0..EACH {
            socket.send_to(&datagram(number), door.address)?;
            if number % BURST == 0 {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        socket.set_read_timeout(Some(Duration::from_millis(200)))?;
        answered |= socket.recv(&mut [0; 64]).is_ok();
    }
    Ok(answered)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_thousand_datagrams_of_strangers_are_counted_unanswered_and_harmless() -> Result<()> {
    let server = ServerProcess::start()?;
    let scene = Scene::new(&server).await?;
    let (_client, resident) = scene.viewer(&server, "resident").await?;
    let door = scene.door(&server).await?;
    let begun = Instant::now();
    let flooding = tokio::task::spawn_blocking(move || flood(&door));
    goes_on(&resident, 300).await?;
    ensure!(!flooding.await??, "a stranger was answered");
    let took = begun.elapsed();
    goes_on(&resident, 100).await?;
    ensure!(took < LIMIT, "the flood took {took:?}");
    for (reason, expected) in
        [("malformed", EACH), ("unknown_user", EACH), ("bad_integrity", EACH), ("unknown_address", 2 * EACH)]
    {
        let line = format!("media_ice_dropped_total{{reason=\"{reason}\"}}");
        let counted = server.metric(&line).await?;
        ensure!(counted >= expected * 95 / 100, "{reason}: {counted} of {expected} counted");
    }
    Ok(())
}
