//! A room with a device that publishes and a console that hears of it.

use crate::process::ServerProcess;
use anyhow::{Context, Result};
use millrace_bench::{Client, Peer, Role};
use serde_json::{Value, json};
use std::net::SocketAddr;
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
        let mut console = Client::connect(&server.ws, Role::Web, "console", "any").await?;
        let room = console.make_room("console").await?;
        let mut device = Client::connect(&server.ws, Role::Device, "cam", "any").await?;
        device.join(room, "console").await?;
        let publisher = device.publish(video, audio).await?;
        let feed = console.expect("start_listening").await?["feed"].clone();
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

/// What the server says of its media port.
pub struct Door {
    /// Where it is.
    pub address: SocketAddr,
    /// The server's ICE name for one viewer.
    pub name: String,
}

impl Scene {
    /// As an offer to a viewer tells it; the viewer never answers.
    pub async fn door(&self, server: &ServerProcess) -> Result<Door> {
        let mut client = Client::connect(&server.ws, Role::Web, "curious", "any").await?;
        client.join(self.room, "curious").await?;
        client.send("join_as_subscriber", json!({"room_id": self.room, "feed": self.feed})).await?;
        let offer = client.expect("offer_to_subscriber").await?;
        let sdp = offer["sdp"].as_str().context("no sdp")?;
        let value = |name: &str| sdp.lines().find_map(|line| line.strip_prefix(name)).context("a line is missing");
        let candidate: Vec<&str> = value("a=candidate:")?.split(' ').collect();
        let address = SocketAddr::new(candidate[4].parse()?, candidate[5].parse()?);
        Ok(Door { address, name: value("a=ice-ufrag:")?.to_owned() })
    }
}

/// Waits until a peer has received `more` video packets beyond those it has.
pub async fn goes_on(peer: &Peer, more: u64) -> Result<()> {
    let have = peer.seen.video.load(Relaxed);
    peer.until("video that goes on", LIMIT, |seen| seen.video.load(Relaxed) > have + more).await
}
