//! Strangers at the media port: counted, never answered, and no trouble for anybody.

use crate::process::ServerProcess;
use crate::scene::{Door, LIMIT, Scene, goes_on};
use anyhow::{Result, ensure};
use std::net::UdpSocket;
use std::time::{Duration, Instant};

/// Datagrams of each kind.
const EACH: u64 = 4000;
/// Of each kind at a time, what any socket buffer holds; with a pause between.
const BURST: u64 = 20;

/// One datagram of every kind: malformed, of an unknown user, forged, DTLS and RTP of an unknown address.
fn datagrams(known: &str, number: u64) -> [Vec<u8>; 5] {
    let filler = [number as u8; 60];
    [
        [&[0, 1, 0, 64, 0x21, 0x12, 0xa4, 0x42][..], &filler[..40]].concat(),
        Door::forged_check("nobody:knows", number),
        Door::forged_check(&format!("{known}:theirs"), number),
        [&[22, 254, 253][..], &filler].concat(),
        [&[0x80, 96][..], &filler].concat(),
    ]
}

/// Sends all; returns whether anything came back.
fn flood(door: &Door) -> Result<bool> {
    let socket = UdpSocket::bind((door.address.ip(), 0))?;
    for number in 0..EACH {
        for datagram in datagrams(&door.name, number) {
            socket.send_to(&datagram, door.address)?;
        }
        if number % BURST == 0 {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
    socket.set_read_timeout(Some(Duration::from_millis(500)))?;
    Ok(socket.recv(&mut [0; 64]).is_ok())
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
