//! A large session without media: what its messages cost, and whether one who reads nothing holds up the others.

use super::client::{Page, rest, token};
use super::print_times;
use crate::local::Local;
use crate::process;
use anyhow::{Context, Result};
use futures::future::try_join_all;
use serde_json::json;
use std::time::{Duration, Instant};

const SESSION: &str = "crowd";
const LIMIT: Duration = Duration::from_secs(20);
/// Signals that each sends to all.
const ROUNDS: usize = 10;

/// Does it, and prints the figures.
pub async fn measure(server: &Local, members: usize) -> Result<()> {
    rest(&server.address, "POST", "/sessions", &json!({ "customSessionId": SESSION })).await?;
    let (mut pages, mut joined) = (Vec::new(), Vec::new());
    for number in 0..members {
        let token = token(&server.address, SESSION, "PUBLISHER").await?;
        let begun = Instant::now();
        let page = Page::join(&server.address, SESSION, &token).await;
        pages.push(page.with_context(|| format!("member {number}"))?);
        joined.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    // All who came later were told of.
    for (number, page) in pages.iter_mut().enumerate() {
        told(page, "participantJoined", members - number - 1).await?;
    }
    println!("\n| milliseconds, {members} in a session | samples | p50 | p95 | max |");
    println!("| --- | --- | --- | --- | --- |");
    print_times("dialling, ping and joinRoom", joined);
    let deaf = Deaf::join(server).await?;
    for page in &mut pages {
        told(page, "participantJoined", 1).await?;
    }
    print_times("a signal, until all have it", rounds(&mut pages).await?);
    let before = process::sample(server.pid())?;
    let begun = Instant::now();
    flood(&mut pages).await?;
    let (cpu, took) = (process::sample(server.pid())?.cpu_ms - before.cpu_ms, begun.elapsed().as_secs_f64());
    let frames = (members * members * ROUNDS) as f64;
    println!("\n{frames:.0} signals in {took:.2} s, {:.1} µs of the server's CPU each", cpu * 1000.0 / frames);
    drop(deaf);
    Ok(())
}

/// One signal after the other.
async fn rounds(pages: &mut [Page]) -> Result<Vec<f64>> {
    let mut times = Vec::new();
    for number in 0..pages.len() {
        let begun = Instant::now();
        signal(&pages[number]).await?;
        for page in pages.iter_mut() {
            told(page, "sendMessage", 1).await?;
        }
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    Ok(times)
}

/// All at once, some times.
async fn flood(pages: &mut [Page]) -> Result<()> {
    for _ in 0..ROUNDS {
        try_join_all(pages.iter().map(signal)).await?;
    }
    let expected = pages.len() * ROUNDS;
    for page in pages {
        told(page, "sendMessage", expected).await?;
    }
    Ok(())
}

async fn signal(page: &Page) -> Result<()> {
    let message = json!({ "to": [], "data": "x".repeat(100), "type": "signal:chat" }).to_string();
    page.ask("sendMessage", json!({ "message": message })).await.map(drop)
}

/// Waits until it was told this so often.
async fn told(page: &mut Page, method: &str, count: usize) -> Result<()> {
    let mut seen = 0;
    while seen < count {
        let notice = tokio::time::timeout(LIMIT, page.notices.recv()).await;
        let notice = notice.with_context(|| format!("{seen} of {count} {method}"))?.context("the socket is gone")?;
        seen += usize::from(notice["method"] == method);
    }
    Ok(())
}

/// One who joins and then reads nothing more.
struct Deaf(
    #[allow(dead_code)] tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>,
);

impl Deaf {
    async fn join(server: &Local) -> Result<Self> {
        use futures::SinkExt;
        let token = token(&server.address, SESSION, "SUBSCRIBER").await?;
        let address = format!("ws://{}/openvidu?sessionId={SESSION}", server.address);
        let (mut socket, _) = tokio_tungstenite::connect_async(address).await?;
        let params = json!({ "token": token, "session": SESSION, "metadata": "" });
        let frame = json!({ "jsonrpc": "2.0", "id": 0, "method": "joinRoom", "params": params });
        socket.send(tokio_tungstenite::tungstenite::Message::text(frame.to_string())).await?;
        Ok(Self(socket))
    }
}
