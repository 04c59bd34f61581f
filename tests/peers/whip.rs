//! WHIP and WHEP with `str0m` at both ends.

use crate::process::ServerProcess;
use crate::scene::{LIMIT, goes_on};
use anyhow::{Context, Result, ensure};
use millrace_bench::whip::{self, Session};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

const IP: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn host(server: &ServerProcess) -> &str {
    server.http.trim_start_matches("http://")
}

/// A publisher and a viewer of it that sees keyframes and hears.
async fn scene(server: &ServerProcess) -> Result<(Session, Session)> {
    let publisher = whip::publish(host(server), "/whip/hall?name=stage", IP).await?;
    publisher.peer.until("sending", LIMIT, |seen| seen.sent.load(Relaxed) > 30).await?;
    let viewer = whip::watch(host(server), "/whep/hall/stage", IP).await?;
    viewer.peer.until("a keyframe", LIMIT, |seen| seen.keyframes.load(Relaxed) > 0).await?;
    viewer.peer.until("sound", LIMIT, |seen| seen.audio.load(Relaxed) > 50).await?;
    Ok((publisher, viewer))
}

/// Waits until a session is over for the server.
async fn gone(server: &ServerProcess, path: &str) -> Result<()> {
    let deadline = Instant::now() + LIMIT;
    let url = format!("{}{path}", server.http);
    let client = reqwest::Client::new();
    loop {
        let patch = client.patch(&url).header("content-type", "application/trickle-ice-sdpfrag");
        let status = patch.header("if-match", "*").body("a=mid:0\r\n").send().await?.status();
        if status == 404 {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "the session is still there: {status}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_published_by_whip_is_watched_by_whep() -> Result<()> {
    let server = ServerProcess::start()?;
    let (publisher, viewer) = scene(&server).await?;
    goes_on(&viewer.peer, 60).await?;
    let second = whip::watch(host(&server), "/whep/hall", IP).await?;
    second.peer.until("a keyframe", LIMIT, |seen| seen.keyframes.load(Relaxed) > 0).await?;
    second.end(host(&server)).await.context("the viewer's end")?;
    gone(&server, &second.path).await?;
    publisher.end(host(&server)).await.context("the publisher's end")?;
    gone(&server, &viewer.path).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publisher_that_crashes_ends_by_its_silence() -> Result<()> {
    let server = ServerProcess::start_with(&[("MEDIA__LIVENESS", "2s")])?;
    let (Session { peer, path }, viewer) = scene(&server).await?;
    drop(peer);
    gone(&server, &path).await?;
    gone(&server, &viewer.path).await
}
