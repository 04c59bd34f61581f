//! The line of one viewer: a UDP relay on an address of its own, with a rate limit and a bounded queue toward the viewer, as
//! a router's. The rate may change while it is used. A page is led over it by the candidate it is given.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

/// Longest time that a datagram waits; the next is dropped.
const QUEUE: Duration = Duration::from_millis(200);
/// One way, beside the queue.
const DELAY: Duration = Duration::from_millis(20);
/// Headers of IP and UDP, which take room as well.
const HEADERS: u64 = 28;

/// What the relay has done.
#[derive(Default)]
pub struct Figures {
    /// Bits per second; 0: no limit.
    rate: AtomicU64,
    /// Of 10000: datagrams lost whatever the rate.
    loss: AtomicU64,
    passed: AtomicU64,
    dropped: AtomicU64,
    bytes: AtomicU64,
}

/// A running line; ends when dropped.
pub struct Line {
    /// What the viewer is told.
    pub address: SocketAddr,
    figures: Arc<Figures>,
    _work: AbortOnDropHandle<()>,
}

impl Line {
    /// Between a viewer and the media port, without a limit.
    pub async fn start(server: SocketAddr) -> Self {
        let front = Arc::new(UdpSocket::bind("127.0.0.1:0").await.expect("the line's address"));
        let address = front.local_addr().expect("an address");
        let figures = Arc::<Figures>::default();
        let work = tokio::spawn(up(front, server, figures.clone()));
        Self { address, figures, _work: AbortOnDropHandle::new(work) }
    }

    /// From now on so many bits per second; 0: no limit.
    pub fn limit(&self, bits: u64) {
        self.figures.rate.store(bits, Relaxed);
    }

    /// From now on this share of the datagrams is lost, 0 to 1.
    pub fn lose(&self, share: f64) {
        self.figures.loss.store((share * 1e4) as u64, Relaxed);
    }

    /// Datagrams toward the viewer that passed, those dropped, and bytes that passed.
    pub fn figures(&self) -> (u64, u64, u64) {
        let figures = &self.figures;
        (figures.passed.load(Relaxed), figures.dropped.load(Relaxed), figures.bytes.load(Relaxed))
    }
}

/// A datagram on its way, and when it arrives.
type Travelling = (Instant, SocketAddr, Vec<u8>);

async fn up(front: Arc<UdpSocket>, server: SocketAddr, figures: Arc<Figures>) {
    let mut clients: HashMap<SocketAddr, (Arc<UdpSocket>, AbortOnDropHandle<()>)> = HashMap::new();
    let (sender, travelling) = unbounded_channel();
    let _arrivals = AbortOnDropHandle::new(tokio::spawn(arrive(front.clone(), travelling)));
    let bottleneck = Arc::new(Mutex::new(Bottleneck { free_at: Instant::now(), dice: 0x2545_f491_4f6c_dd1d }));
    let mut buffer = vec![0; 2048];
    while let Ok((length, from)) = front.recv_from(&mut buffer).await {
        if !clients.contains_key(&from) {
            let back = Arc::new(UdpSocket::bind("127.0.0.1:0").await.expect("a socket for a client"));
            let work = down(back.clone(), from, bottleneck.clone(), figures.clone(), sender.clone());
            clients.insert(from, (back, AbortOnDropHandle::new(tokio::spawn(work))));
        }
        let back = clients[&from].0.clone();
        let datagram = buffer[..length].to_vec();
        tokio::spawn(async move {
            tokio::time::sleep(DELAY).await;
            let _ = back.send_to(&datagram, server).await;
        });
    }
}

/// One for all connections over the line.
struct Bottleneck {
    free_at: Instant,
    dice: u64,
}

impl Bottleneck {
    /// When a datagram is through; `None`: the queue is full, or it is lost.
    fn pass(&mut self, bytes: usize, figures: &Figures) -> Option<Instant> {
        self.dice ^= self.dice >> 12;
        self.dice ^= self.dice << 25;
        self.dice ^= self.dice >> 27;
        let now = Instant::now();
        if self.dice.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32 & 0xffff_ffff < figures.loss.load(Relaxed) * 429_497 {
            return None;
        }
        let rate = figures.rate.load(Relaxed);
        if rate == 0 {
            self.free_at = now;
            return Some(now);
        }
        let start = self.free_at.max(now);
        if start - now > QUEUE {
            return None;
        }
        self.free_at = start + Duration::from_secs_f64((bytes as u64 + HEADERS) as f64 * 8.0 / rate as f64);
        Some(self.free_at)
    }
}

/// From the server to one connection.
async fn down(
    back: Arc<UdpSocket>,
    client: SocketAddr,
    bottleneck: Arc<Mutex<Bottleneck>>,
    figures: Arc<Figures>,
    travelling: UnboundedSender<Travelling>,
) {
    let mut buffer = vec![0; 2048];
    while let Ok((length, _)) = back.recv_from(&mut buffer).await {
        let through = bottleneck.lock().pass(length, &figures);
        match through {
            None => figures.dropped.fetch_add(1, Relaxed),
            Some(through) => {
                let _ = travelling.send((through + DELAY, client, buffer[..length].to_vec()));
                figures.bytes.fetch_add(length as u64, Relaxed);
                figures.passed.fetch_add(1, Relaxed)
            }
        };
    }
}

/// In the order they left the bottleneck.
async fn arrive(front: Arc<UdpSocket>, mut travelling: UnboundedReceiver<Travelling>) {
    while let Some((at, client, datagram)) = travelling.recv().await {
        tokio::time::sleep_until(at).await;
        let _ = front.send_to(&datagram, client).await;
    }
}
