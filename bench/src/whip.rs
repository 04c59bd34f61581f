//! WHIP and WHEP clients: one `POST`, and a peer.

use crate::{Peer, http};
use anyhow::{Context, Result};
use std::net::IpAddr;

/// A peer with its session.
pub struct Session {
    /// The peer.
    pub peer: Peer,
    /// Path of its resource.
    pub path: String,
}

/// Publishes to a WHIP endpoint of `HOST:PORT`, e.g. `/whip/hall`.
pub async fn publish(host: &str, endpoint: &str, ip: IpAddr) -> Result<Session> {
    open(host, endpoint, Peer::publisher(ip, true, true).await?).await
}

/// Watches a WHEP endpoint of `HOST:PORT`, e.g. `/whep/hall`.
pub async fn watch(host: &str, endpoint: &str, ip: IpAddr) -> Result<Session> {
    open(host, endpoint, Peer::watcher(ip).await?).await
}

async fn open(host: &str, endpoint: &str, (mut peer, offer): (Peer, String)) -> Result<Session> {
    let (head, answer) = http::send(host, "POST", endpoint, "application/sdp", &offer).await?;
    peer.set_answer(&answer)?;
    let location = head.lines().find_map(|line| line.strip_prefix("location: "));
    Ok(Session { peer, path: location.context("no Location")?.trim().to_owned() })
}

impl Session {
    /// Ends it by `DELETE`.
    pub async fn end(&self, host: &str) -> Result<()> {
        http::send(host, "DELETE", &self.path, "application/sdp", "").await.map(drop)
    }
}
