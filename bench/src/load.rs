//! One measurement: publishers, viewers of each that join side by side, a quiet time, a measured time.

use crate::janus::Janus;
use crate::process::{self, Sample};
use crate::scene::Scene;
use crate::{Client, Peer, Role};
use anyhow::{Context, Result};
use futures::stream::{self, StreamExt, TryStreamExt};
use hdrhistogram::Histogram;
use serde_json::Value;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(20);
/// Between the last join and the measurement.
const QUIET: Duration = Duration::from_secs(2);

/// How to ask a server.
#[derive(Clone, Debug)]
pub enum Target {
    /// The device protocol at `ws://HOST:PORT`.
    Millrace(String),
    /// Janus' videoroom at `ws://HOST:PORT`.
    Janus(String),
}

/// Who is there: `FxV` is F publishers with V viewers each, in F rooms; `FxV@N` lets N join at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Publishers.
    pub feeds: usize,
    /// Viewers of each.
    pub viewers: usize,
    /// Viewers that join at once, 10 when not said.
    pub at_once: usize,
}

impl std::str::FromStr for Load {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no load: write 1x50, 20x4 or 1x50@50");
        let (who, at_once) = text.split_once('@').unwrap_or((text, "10"));
        let (feeds, viewers) = who.split_once('x').ok_or_else(wrong)?;
        let number = |text: &str| text.parse().map_err(|_| wrong());
        Ok(Self { feeds: number(feeds)?, viewers: number(viewers)?, at_once: number(at_once)? })
    }
}

impl std::fmt::Display for Load {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} × {}", self.feeds, self.viewers)?;
        if self.at_once == 10 { Ok(()) } else { write!(f, ", {} at once", self.at_once) }
    }
}

impl Load {
    /// Subscriptions in all.
    pub fn subscriptions(&self) -> usize {
        self.feeds * self.viewers
    }
}

/// What came out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    /// Server CPU in microseconds per packet that viewers received.
    pub cpu_us_per_packet: f64,
    /// Server CPU in milliseconds per second.
    pub cpu_ms_per_s: f64,
    /// One-way latency of video packets in milliseconds, median.
    pub latency_p50_ms: f64,
    /// The same, 99th percentile.
    pub latency_p99_ms: f64,
    /// Request to the first packet of a keyframe in milliseconds, median.
    pub join_p50_ms: f64,
    /// The same, 99th percentile.
    pub join_p99_ms: f64,
    /// Packets lost on the way, percent.
    pub loss_percent: f64,
    /// Subscriptions of this kind that one core would carry, were it all the server's.
    pub viewers_per_core: f64,
    /// Per viewer.
    pub private_kb: f64,
    /// Per viewer.
    pub resident_kb: f64,
    /// Per viewer.
    pub threads: f64,
    /// Per viewer, without the socket of its signaling.
    pub descriptors: f64,
}

/// A viewer keeps its signaling connection as long as it watches.
struct Viewer {
    peer: Peer,
    joined: Duration,
    _connection: Connection,
}

enum Connection {
    Millrace(#[allow(dead_code)] Box<Client>),
    Janus(#[allow(dead_code)] Box<Janus>),
}

/// A publisher with what viewers must know to find it.
struct Published {
    peer: Peer,
    room: u64,
    feed: Value,
    _connections: Vec<Connection>,
}

impl Target {
    async fn publish(&self, number: usize) -> Result<Published> {
        let name = &format!("bench-{number}");
        match self {
            Self::Millrace(url) => {
                let scene = Scene::enter(url, name, name, (true, true)).await?;
                let Scene { console, device, publisher: peer, room, feed } = scene;
                let connections = vec![Connection::Millrace(Box::new(console)), Connection::Millrace(Box::new(device))];
                Ok(Published { peer, room, feed, _connections: connections })
            }
            Self::Janus(url) => {
                let mut janus = Janus::connect(url).await?;
                let room = crate::source::now_ns() % 1_000_000_000;
                let (peer, feed) = janus.publish(room).await?;
                Ok(Published { peer, room, feed: feed.into(), _connections: vec![Connection::Janus(Box::new(janus))] })
            }
        }
    }

    async fn watch(&self, published: &Published, name: String) -> Result<Viewer> {
        let (peer, begun, connection) = match self {
            Self::Millrace(url) => {
                let mut client = Client::connect(url, Role::Web, &name, "bench").await?;
                client.join(published.room, &name).await?;
                let begun = Instant::now();
                (client.watch(published.room, &published.feed).await?, begun, Connection::Millrace(Box::new(client)))
            }
            Self::Janus(url) => {
                let mut janus = Janus::connect(url).await?;
                let begun = Instant::now();
                let feed = published.feed.as_u64().context("Janus' feeds are numbers")?;
                (janus.watch(published.room, feed).await?, begun, Connection::Janus(Box::new(janus)))
            }
        };
        peer.until("keyframe", LIMIT, |seen| seen.keyframes.load(Relaxed) > 0).await.context(name)?;
        Ok(Viewer { peer, joined: begun.elapsed(), _connection: connection })
    }
}

/// Does it. `pid` is the server's.
pub async fn run(target: &Target, load: Load, measure: Duration, pid: u32) -> Result<Figures> {
    let mut published = Vec::new();
    for number in 0..load.feeds {
        let one = target.publish(number).await?;
        one.peer.until("sending", LIMIT, |seen| seen.sent.load(Relaxed) > 30).await?;
        published.push(one);
    }
    let empty = process::sample(pid)?;
    let places = published.iter().enumerate().flat_map(|(f, one)| (0..load.viewers).map(move |v| (f, v, one)));
    let joins = places.map(|(feed, viewer, one)| target.watch(one, format!("viewer-{feed}-{viewer}")));
    let viewers: Vec<Viewer> = stream::iter(joins).buffer_unordered(load.at_once.max(1)).try_collect().await?;
    tokio::time::sleep(QUIET).await;
    for viewer in &viewers {
        viewer.peer.seen.latency.lock().map_err(|_| anyhow::anyhow!("a peer has panicked"))?.reset();
    }
    let before = (count(&published, &viewers), process::sample(pid)?, Instant::now());
    tokio::time::sleep(measure).await;
    let after = (count(&published, &viewers), process::sample(pid)?, before.2.elapsed());
    let mut figures = rates((before.0, before.1), (after.0, after.1), after.2, load);
    let share = |now: u64, then: u64| now.saturating_sub(then) as f64 / viewers.len().max(1) as f64;
    figures.private_kb = share(after.1.private_kb, empty.private_kb);
    figures.resident_kb = share(after.1.resident_kb, empty.resident_kb);
    figures.threads = share(after.1.threads, empty.threads);
    figures.descriptors = (share(after.1.descriptors, empty.descriptors) - 1.0).max(0.0);
    (figures.latency_p50_ms, figures.latency_p99_ms) = latency(&viewers)?;
    let mut joined: Vec<f64> = viewers.iter().map(|v| v.joined.as_secs_f64() * 1e3).collect();
    joined.sort_by(f64::total_cmp);
    let at = |q: f64| joined.get(((joined.len().max(1) - 1) as f64 * q).round() as usize).copied().unwrap_or(0.0);
    (figures.join_p50_ms, figures.join_p99_ms) = (at(0.5), at(0.99));
    Ok(figures)
}

/// Packets sent by the publishers, received by all viewers.
fn count(published: &[Published], viewers: &[Viewer]) -> (u64, u64) {
    let received = viewers.iter().map(|v| v.peer.seen.video.load(Relaxed) + v.peer.seen.audio.load(Relaxed)).sum();
    (published.iter().map(|one| one.peer.seen.sent.load(Relaxed)).sum(), received)
}

type Look = ((u64, u64), Sample);

fn rates(before: Look, after: Look, elapsed: Duration, load: Load) -> Figures {
    let cpu_ms = after.1.cpu_ms - before.1.cpu_ms;
    let sent = (after.0.0 - before.0.0) as f64;
    let received = (after.0.1 - before.0.1) as f64;
    // With no viewer there is no forwarded packet: the cost of a publisher is then told per packet received.
    let packets = if load.viewers == 0 { sent } else { received };
    let expected = sent * load.viewers as f64;
    let cpu_ms_per_s = cpu_ms / elapsed.as_secs_f64();
    Figures {
        cpu_us_per_packet: cpu_ms * 1000.0 / packets.max(1.0),
        cpu_ms_per_s,
        viewers_per_core: load.subscriptions() as f64 * 1000.0 / cpu_ms_per_s.max(1.0),
        loss_percent: if load.viewers == 0 { 0.0 } else { 100.0 * (1.0 - received / expected.max(1.0)) },
        ..Figures::default()
    }
}

fn latency(viewers: &[Viewer]) -> Result<(f64, f64)> {
    let mut all = Histogram::<u64>::new_with_bounds(1, 2_000_000, 2)?;
    for viewer in viewers {
        let one = viewer.peer.seen.latency.lock().map_err(|_| anyhow::anyhow!("a peer has panicked"))?;
        for value in one.iter_recorded() {
            all.saturating_record_n(value.value_iterated_to(), u64::from(value.count_at_value()));
        }
    }
    Ok((all.value_at_quantile(0.5) as f64 / 1e3, all.value_at_quantile(0.99) as f64 / 1e3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loads_are_read_and_told() {
        let load: Load = "20x4".parse().unwrap();
        assert_eq!((load.subscriptions(), load.to_string()), (80, "20 × 4".into()));
        assert_eq!("1x50@50".parse::<Load>().unwrap().to_string(), "1 × 50, 50 at once");
        for wrong in ["", "5", "x", "1x", "1x2@", "-1x2"] {
            assert!(wrong.parse::<Load>().is_err(), "{wrong}");
        }
    }
}
