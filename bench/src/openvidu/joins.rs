//! Newcomers to a running meeting, one after the other: how long from `joinRoom` until each member's picture is there.

use super::client::{Page, token};
use super::meeting::SESSION;
use super::print_times;
use crate::local::Local;
use crate::{Peer, source};
use anyhow::{Context, Result, anyhow};
use futures::future::try_join_all;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(10);

/// One stream of one newcomer; milliseconds from `joinRoom`'s sending.
struct Begun {
    answered: f64,
    connected: f64,
    seen: f64,
}

/// Does it, and prints the figures.
pub async fn measure(server: &Local, joins: usize) -> Result<()> {
    let (mut welcomed, mut all_seen, mut streams) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..joins {
        let (welcome, begun) = join(server).await.with_context(|| format!("join {number}"))?;
        welcomed.push(welcome);
        all_seen.push(begun.iter().map(|one| one.seen).fold(0.0, f64::max));
        streams.extend(begun);
    }
    println!("\n| milliseconds from joinRoom to | samples | p50 | p95 | max |");
    println!("| --- | --- | --- | --- | --- |");
    print_times("its answer", welcomed);
    print_times("the answer to receiveVideoFrom", streams.iter().map(|one| one.answered).collect());
    print_times("ICE and DTLS up", streams.iter().map(|one| one.connected).collect());
    print_times("a stream's first whole keyframe", streams.iter().map(|one| one.seen).collect());
    print_times("the first keyframes of all", all_seen);
    Ok(())
}

/// One comes, sees all, and leaves.
async fn join(server: &Local) -> Result<(f64, Vec<Begun>)> {
    let token = token(&server.address, SESSION, "SUBSCRIBER").await?;
    let mut page = Page::dial(&server.address, SESSION).await?;
    let begun = (Instant::now(), source::now_ns());
    page.enter(SESSION, &token).await?;
    let welcome = since(begun.0);
    let streams = page.streams();
    let peers = try_join_all(streams.iter().map(|stream| watch(&page, stream, begun))).await?;
    page.ask("leaveRoom", serde_json::json!({})).await?;
    Ok((welcome, peers.into_iter().map(|(_, begun)| begun).collect()))
}

async fn watch(page: &Page, stream: &str, (begun, begun_ns): (Instant, u64)) -> Result<(Peer, Begun)> {
    let peer = page.watch(stream).await?;
    let answered = since(begun);
    peer.until("a connection", LIMIT, |seen| seen.connected.load(Relaxed)).await?;
    let connected = since(begun);
    let first = |seen: &crate::Received| seen.film.lock().ok()?.as_ref()?.begun_at();
    peer.until("a whole keyframe", LIMIT, |seen| first(seen).is_some()).await?;
    let seen = first(&peer.seen).ok_or_else(|| anyhow!("no keyframe"))?;
    Ok((peer, Begun { answered, connected, seen: seen.saturating_sub(begun_ns) as f64 / 1e6 }))
}

fn since(begun: Instant) -> f64 {
    begun.elapsed().as_secs_f64() * 1e3
}
