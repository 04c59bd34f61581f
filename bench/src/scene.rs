//! What every test and measurement begins with: a room, a console that made it, a device that publishes there.

use crate::{Client, Peer, Role};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::net::SocketAddr;

/// The scene.
pub struct Scene {
    /// Who made the room.
    pub console: Client,
    /// Who publishes.
    pub device: Client,
    /// Its peer.
    pub publisher: Peer,
    /// The room.
    pub room: u64,
    /// What viewers ask for.
    pub feed: Value,
}

impl Scene {
    /// Makes a room on the server at `ws://HOST:PORT` and publishes these kinds there, until the console hears of it.
    pub async fn enter(url: &str, console: &str, device: &str, (video, audio): (bool, bool)) -> Result<Self> {
        let inviter = console;
        let mut console = Client::connect(url, Role::Web, console, "any").await?;
        let room = console.make_room(inviter).await?;
        let mut device = Client::connect(url, Role::Device, device, "any").await?;
        device.join(room, inviter).await?;
        let publisher = device.publish(video, audio).await?;
        let feed = console.expect("start_listening").await?["feed"].clone();
        Ok(Self { console, device, publisher, room, feed })
    }
}

/// What the server says of its media port.
pub struct Door {
    /// Where it is.
    pub address: SocketAddr,
    /// The server's ICE name for one viewer.
    pub name: String,
    /// The name is known as long as its viewer is there.
    _viewer: Client,
}

impl Door {
    /// As an offer to a viewer tells it; the viewer never answers.
    pub async fn of(url: &str, room: u64, feed: &Value) -> Result<Self> {
        let mut client = Client::connect(url, Role::Web, "curious", "any").await?;
        client.join(room, "curious").await?;
        client.send("join_as_subscriber", json!({"room_id": room, "feed": feed})).await?;
        let offer = client.expect("offer_to_subscriber").await?;
        let sdp = offer["sdp"].as_str().context("no sdp")?;
        let value = |name: &str| sdp.lines().find_map(|line| line.strip_prefix(name)).context("a line is missing");
        let candidate: Vec<&str> = value("a=candidate:")?.split(' ').collect();
        let address = SocketAddr::new(candidate[4].parse()?, candidate[5].parse()?);
        Ok(Self { address, name: value("a=ice-ufrag:")?.to_owned(), _viewer: client })
    }

    /// A binding request for this user with a message integrity that proves nothing.
    pub fn forged_check(user: &str, number: u64) -> Vec<u8> {
        let mut out = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 9, 9, 9, 9];
        out.extend_from_slice(&number.to_be_bytes());
        out.extend_from_slice(&[0, 6, 0, user.len() as u8]);
        out.extend_from_slice(user.as_bytes());
        out.resize(out.len().next_multiple_of(4), 0);
        out.extend_from_slice(&[0, 0x25, 0, 0, 0, 8, 0, 20]);
        out.extend_from_slice(&[number as u8; 20]);
        let length = (out.len() - 20) as u16;
        out[2..4].copy_from_slice(&length.to_be_bytes());
        out
    }
}
