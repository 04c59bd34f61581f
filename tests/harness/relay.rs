//! A bad network between clients and the media port: a UDP relay that loses, delays and reorders what the server sends,
//! and loses media that clients send.
//!
//! It has the port number of the server on an address of its own, so that the server need only announce that address.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;
use tokio_util::task::AbortOnDropHandle;

/// The address that clients are told.
pub const ADDRESS: &str = "127.0.0.2";

/// What happens to packets on their way.
#[derive(Clone, Copy, Debug, Default)]
pub struct Path {
    /// Share that is lost on the way to clients, 0 to 1.
    pub loss: f64,
    /// Share of clients' media that is lost on the way to the server, 0 to 1.
    pub loss_up: f64,
    /// Every packet takes this long,
    pub delay: Duration,
    /// and up to this much more, each its own, so that some overtake others.
    pub jitter: Duration,
}

/// A running relay; ends when dropped.
pub struct Relay {
    /// Packets that went to clients, and those that were lost.
    pub passed: Arc<AtomicU64>,
    pub lost: Arc<AtomicU64>,
    /// Media of clients that was lost.
    pub lost_up: Arc<AtomicU64>,
    held: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Relay {
    /// A port number that is free on both addresses, held by nobody.
    pub fn free_port() -> u16 {
        loop {
            let here = std::net::UdpSocket::bind("127.0.0.1:0").expect("a free port");
            let port = here.local_addr().expect("an address").port();
            let there = std::net::UdpSocket::bind((ADDRESS, port)).is_ok();
            // The service listens for TCP on the same number.
            if there && std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
                return port;
            }
        }
    }

    /// Between clients and `127.0.0.1:port`.
    pub async fn start(port: u16, path: Path) -> Self {
        let (passed, lost, lost_up) = <(Arc<AtomicU64>, Arc<AtomicU64>, Arc<AtomicU64>)>::default();
        let held = Arc::new(AtomicBool::default());
        let front = Arc::new(UdpSocket::bind((ADDRESS, port)).await.expect("the relay's address"));
        let server = SocketAddr::from(([127, 0, 0, 1], port));
        let work = forward(front, server, path, passed.clone(), lost.clone(), held.clone(), lost_up.clone());
        Self { passed, lost, lost_up, held, task: tokio::spawn(work) }
    }

    /// From now on no client's media gets to the server, only its feedback and checks: what is under way arrives.
    pub fn hold_media(&self) {
        self.held.store(true, Relaxed);
    }
}

async fn forward(
    front: Arc<UdpSocket>,
    server: SocketAddr,
    path: Path,
    passed: Arc<AtomicU64>,
    lost: Arc<AtomicU64>,
    held: Arc<AtomicBool>,
    lost_up: Arc<AtomicU64>,
) {
    let mut clients: HashMap<SocketAddr, (Arc<UdpSocket>, AbortOnDropHandle<()>)> = HashMap::new();
    let (mut buffer, mut dice) = (vec![0; 2048], Dice(0x9e37_79b9_7f4a_7c15));
    while let Ok((length, from)) = front.recv_from(&mut buffer).await {
        let back = match clients.entry(from) {
            Entry::Occupied(known) => known.get().0.clone(),
            Entry::Vacant(new) => {
                let back = Arc::new(UdpSocket::bind("127.0.0.1:0").await.expect("a socket for a client"));
                let work = answer(back.clone(), front.clone(), from, path, passed.clone(), lost.clone());
                new.insert((back.clone(), AbortOnDropHandle::new(tokio::spawn(work))));
                back
            }
        };
        if is_rtp(&buffer[..length]) && (held.load(Relaxed) || dice.roll() < path.loss_up) {
            lost_up.fetch_add(1, Relaxed);
            continue;
        }
        let _ = back.send_to(&buffer[..length], server).await;
    }
}

/// By the first two bytes (RFC 7983, RFC 5761).
fn is_rtp(datagram: &[u8]) -> bool {
    matches!(datagram, [128..=191, kind, ..] if !(192..=223).contains(kind))
}

/// From the server to one client.
async fn answer(
    back: Arc<UdpSocket>,
    front: Arc<UdpSocket>,
    client: SocketAddr,
    path: Path,
    passed: Arc<AtomicU64>,
    lost: Arc<AtomicU64>,
) {
    // The same losses in each run, as far as the packets are the same.
    let mut dice = Dice(0x2545_f491_4f6c_dd1d);
    let mut buffer = vec![0; 2048];
    while let Ok((length, _)) = back.recv_from(&mut buffer).await {
        if dice.roll() < path.loss {
            lost.fetch_add(1, Relaxed);
            continue;
        }
        passed.fetch_add(1, Relaxed);
        let (front, datagram) = (front.clone(), buffer[..length].to_vec());
        let delay = path.delay + path.jitter.mul_f64(dice.roll());
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            let _ = front.send_to(&datagram, client).await;
        });
    }
}

/// xorshift64*: enough for losses.
struct Dice(u64);

impl Dice {
    /// 0 to 1.
    fn roll(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1u64 << 53) as f64
    }
}
