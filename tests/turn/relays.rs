//! What is relayed, and what is not though its address has a permission.

use super::caller::{CHANNEL, Caller};
use super::hall::{Hall, LIMIT, echo};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::net::UdpSocket;

/// Long enough for a packet on loopback; nothing is waited for that should come.
const MOMENT: Duration = Duration::from_millis(300);

async fn receives(socket: &UdpSocket, limit: Duration) -> Option<(Vec<u8>, SocketAddr)> {
    let mut packet = [0; 2048];
    let (length, from) = tokio::time::timeout(limit, socket.recv_from(&mut packet)).await.ok()?.unwrap();
    Some((packet[..length].to_vec(), from))
}

#[tokio::test(flavor = "multi_thread")]
async fn at_our_own_address_only_the_media_port_is_reached() {
    let (media, secret) = (echo("127.0.0.1").await, UdpSocket::bind("127.0.0.1:0").await.unwrap());
    let hall = Hall::owning(|_| (), &[media]);
    let (caller, relay) = Caller::with_relay(&hall, "me").await;
    assert_eq!(caller.bind(CHANNEL, media).await.code, 0);
    caller.send_by(CHANNEL, b"there and back").await;
    let back = caller.hear(LIMIT).await.unwrap();
    assert_eq!(back[4..], *b"there and back");
    // The permission is for the address, and this is the same.
    let inner = secret.local_addr().unwrap();
    caller.send(inner, b"knock").await;
    assert_eq!(receives(&secret, MOMENT).await, None, "sent to {inner}");
    assert_eq!(caller.bind(CHANNEL + 1, inner).await.code, 403);
    secret.send_to(b"psst", relay).await.unwrap();
    assert_eq!(caller.hear(MOMENT).await, None, "taken from {inner}");
    caller.send_by(CHANNEL, b"still there").await;
    assert_eq!(caller.hear(LIMIT).await.unwrap()[4..], *b"still there");
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_are_not_heard_and_channels_end_with_the_relay() {
    let hall = Hall::open();
    let (caller, relay) = Caller::with_relay(&hall, "me").await;
    assert!((49152..=65535).contains(&relay.port()), "{relay}");
    let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = peer.local_addr().unwrap();
    peer.send_to(b"let me in", relay).await.unwrap();
    assert_eq!(caller.hear(MOMENT).await, None, "without a permission");
    caller.send(address, b"no").await;
    caller.send_by(CHANNEL, b"no").await;
    assert_eq!(receives(&peer, MOMENT).await, None, "without a permission");
    assert_eq!(caller.permit(&[address]).await.code, 0);
    caller.send(address, b"yes").await;
    assert_eq!(receives(&peer, LIMIT).await, Some((b"yes".to_vec(), relay)));
    assert_eq!(caller.refresh(0).await.code, 0);
    caller.send(address, b"no").await;
    assert_eq!(receives(&peer, MOMENT).await, None, "after the end");
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_the_bit_rate_is_dropped() {
    let hall = Hall::with(|settings| {
        settings.peers = vec!["127.0.0.0/8".parse().unwrap()];
        settings.max_bitrate = 80_000;
    });
    let (caller, _) = Caller::with_relay(&hall, "me").await;
    let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    assert_eq!(caller.bind(CHANNEL, peer.local_addr().unwrap()).await.code, 0);
    let begun = Instant::now();
    for _ in 0..200 {
        caller.send_by(CHANNEL, &[7; 1000]).await;
    }
    let mut arrived = 0;
    while receives(&peer, MOMENT).await.is_some() {
        arrived += 1;
    }
    // 64 at once, and ten for each second that this took.
    let most = 65.0 + 10.0 * begun.elapsed().as_secs_f64();
    assert!(arrived >= 60 && f64::from(arrived) < most, "{arrived} of 200, {most} at the most");
}
