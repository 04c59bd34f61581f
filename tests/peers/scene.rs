//! A room with a device that publishes and a console that hears of it.

use crate::process::ServerProcess;
use anyhow::{Context, Result};
pub use millrace_bench::scene::Door;
use millrace_bench::{Client, Peer, Role};
use serde_json::Value;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// Every wait in these tests ends after this.
pub const LIMIT: Duration = Duration::from_secs(15);

/// The scene.
pub struct Scene {
    pub console: Client,
    pub device: Client,
    pub publisher: Peer,
    pub room: u64,
    pub feed: Value,
}

impl Scene {
    /// A device that publishes these kinds, live.
    pub async fn with(server: &ServerProcess, video: bool, audio: bool) -> Result<Self> {
        let scene = millrace_bench::scene::Scene::enter(&server.ws, "console", "cam", (video, audio)).await?;
        let millrace_bench::scene::Scene { console, device, publisher, room, feed } = scene;
        Ok(Self { console, device, publisher, room, feed })
    }

    /// Audio and video.
    pub async fn new(server: &ServerProcess) -> Result<Self> {
        Self::with(server, true, true).await
    }

    /// A viewer with a socket of its own that sees a keyframe.
    pub async fn viewer(&self, server: &ServerProcess, name: &str) -> Result<(Client, Peer)> {
        let mut client = Client::connect(&server.ws, Role::Web, name, "any").await?;
        client.join(self.room, name).await?;
        let viewer = client.watch(self.room, &self.feed).await.with_context(|| name.to_owned())?;
        viewer
            .until("keyframe", LIMIT, |seen| seen.keyframes.load(Relaxed) > 0)
            .await
            .with_context(|| name.to_owned())?;
        Ok((client, viewer))
    }
}

impl Scene {
    /// What the server says of its media port.
    pub async fn door(&self, server: &ServerProcess) -> Result<Door> {
        Door::of(&server.ws, self.room, &self.feed).await
    }
}

/// Waits until a peer has received `more` video packets beyond those it has.
pub async fn goes_on(peer: &Peer, more: u64) -> Result<()> {
    let have = peer.seen.video.load(Relaxed);
    peer.until("video that goes on", LIMIT, |seen| seen.video.load(Relaxed) > have + more).await
}
