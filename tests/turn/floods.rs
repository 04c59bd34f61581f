//! Floods: what they cost is bounded, and others are served.

use super::caller::{CHANNEL, Caller};
use super::hall::{Hall, LIMIT, echo};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use turn_types::message::{ALLOCATE, CHANNEL_BIND, CREATE_PERMISSION, REFRESH};
use turn_types::stun::attribute::{AttributeType, RawAttribute};
use turn_types::stun::message::TransactionId;

/// Resident memory of this process, in bytes.
fn memory() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// A client that has a channel to an echo is served.
async fn is_served(caller: &Caller) {
    // The flood may have filled the kernel's queue: as any client, this one sends again.
    for _ in 0..100 {
        caller.send_by(CHANNEL, b"still there").await;
        while let Some(back) = caller.hear(Duration::from_millis(100)).await {
            if back.get(4..) == Some(b"still there") {
                return;
            }
        }
    }
    panic!("not served any more");
}

async fn guest(hall: &Hall) -> Caller {
    let (caller, _) = Caller::with_relay(hall, "me").await;
    assert_eq!(caller.bind(CHANNEL, echo("127.0.0.1").await).await.code, 0);
    is_served(&caller).await;
    caller
}

/// Bytes without sense, the same each time.
fn noise(seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let length = (seed % 200) as usize;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    let mut bytes: Vec<u8> = (0..length).map(|_| next()).collect();
    if seed.is_multiple_of(2) && length >= 20 {
        // As far as the header goes, these are requests.
        bytes[..8].copy_from_slice(&[0, next() & 0x0f, 0, (length - 20) as u8 & !3, 0x21, 0x12, 0xa4, 0x42]);
        bytes.truncate(20 + usize::from((length - 20) as u8 & !3));
    }
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn noise_and_strangers_leave_nothing_behind() {
    let hall = Hall::open();
    let caller = guest(&hall).await;
    let (flood, server) = (UdpSocket::bind("127.0.0.1:0").await.unwrap(), hall.udp());
    let request = [&[0, 3, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12]].concat();
    for seed in 0..2_000 {
        let _ = flood.send_to(&noise(seed), server).await;
    }
    let before = memory();
    for seed in 0..60_000_u64 {
        let _ = flood.send_to(if seed % 2 == 0 { &request } else { &[0x40, 0, 0, 1, 9] }, server).await;
        if seed % 3 == 0 {
            let _ = flood.send_to(&noise(seed), server).await;
        }
    }
    is_served(&caller).await;
    // Each of a thousand addresses asks once.
    for _ in 0..1_000 {
        let stranger = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let _ = stranger.send_to(&request, server).await;
    }
    is_served(&caller).await;
    let grown = memory().saturating_sub(before);
    assert!(grown < 8 << 20, "{grown} bytes are left of the flood");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_cannot_break_its_own_session() {
    let hall = Hall::open();
    let caller = guest(&hall).await;
    // Requests of its own, each with some bytes changed, and indications made of noise.
    for seed in 0..3_000 {
        let _ = caller.socket.send_to(&noise(seed), hall.udp()).await;
    }
    // And properly proved requests whose attributes are noise.
    let methods = [ALLOCATE, REFRESH, CREATE_PERMISSION, CHANNEL_BIND];
    for seed in 0..2_000_u64 {
        let kinds =
            [0x0c, 0x0d, 0x12, 0x13, 0x17, 0x18, 0x19, 0x1a, 0x22, 0x06, 0x08, 0x14, 0x15, 0x1e, 0x8000, seed as u16];
        let (first, second) = (noise(seed), noise(seed / 3));
        let kind = |n: u64| AttributeType::new(kinds[(seed / n % 16) as usize]);
        // A lifetime of 0 would be no fault.
        let attributes = [(kind(1), &first), (kind(7), &second)];
        let attributes = attributes.iter().filter(|(kind, _)| ![0x0d, 0x08, 0x1c].contains(&kind.value()));
        let raw: Vec<_> = attributes.map(|(kind, bytes)| RawAttribute::new(*kind, bytes)).collect();
        let asked = caller.signed(methods[(seed % 4) as usize], TransactionId::generate(), &raw);
        let _ = caller.socket.send_to(&asked, hall.udp()).await;
        if seed % 16 == 0 {
            is_served(&caller).await;
        }
    }
    let mut packet = [0; 2048];
    while caller.socket.try_recv(&mut packet).is_ok() {}
    is_served(&caller).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_of_one_address_are_bounded() {
    let hall = Hall::open();
    let caller = guest(&hall).await;
    let tcp = SocketAddr::from(([127, 0, 0, 1], hall.ports().tcp.unwrap()));
    let mut open = Vec::new();
    for _ in 0..256 {
        open.push(TcpStream::connect(tcp).await.unwrap());
    }
    let mut further = TcpStream::connect(tcp).await.unwrap();
    assert_eq!(closes(&mut further).await, 0);
    is_served(&caller).await;
    drop(open.pop());
    let deadline = tokio::time::Instant::now() + LIMIT;
    while !answers(tcp).await {
        assert!(tokio::time::Instant::now() < deadline, "the place was not given back");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_make_no_sense_are_closed() {
    let hall = Hall::open();
    let tcp = SocketAddr::from(([127, 0, 0, 1], hall.ports().tcp.unwrap()));
    for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0, 1, 0xff, 0xfc], &[0x40, 0, 0xff, 0xff], &[0xff; 64]] {
        let mut stream = TcpStream::connect(tcp).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        assert_eq!(closes(&mut stream).await, 0, "{bytes:?}");
    }
    // TLS is not begun by noise either.
    let mut stream = TcpStream::connect(("127.0.0.1", hall.ports().tls.unwrap())).await.unwrap();
    stream.write_all(&[0xff; 64]).await.unwrap();
    closes(&mut stream).await;
    assert!(answers(tcp).await);
}

/// Bytes that come before the end.
async fn closes(stream: &mut TcpStream) -> usize {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(LIMIT, stream.read_to_end(&mut bytes)).await.expect("it is closed");
    // A reset is an end too.
    read.unwrap_or(0)
}

/// Whether a binding request is answered.
async fn answers(tcp: SocketAddr) -> bool {
    let request = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12]].concat();
    let mut stream = TcpStream::connect(tcp).await.unwrap();
    let mut answer = [0; 20];
    if stream.write_all(&request).await.is_err() {
        return false;
    }
    matches!(tokio::time::timeout(LIMIT, stream.read_exact(&mut answer)).await.expect("an answer or an end"), Ok(20))
}
