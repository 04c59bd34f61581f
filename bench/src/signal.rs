//! The device protocol's client side: one WebSocket, `{"event", "data"}` both ways.

use crate::Peer;
use crate::clip::Clip;
use anyhow::{Context, Result, bail};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Every wait for the server ends after this.
const LIMIT: Duration = Duration::from_secs(10);

/// What was waited for did not come.
#[derive(Debug)]
struct Late(String, Duration);

impl std::fmt::Display for Late {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "no {} within {:?}", self.0, self.1)
    }
}

impl std::error::Error for Late {}

/// The role in the connection's URL.
#[derive(Clone, Copy, Debug)]
pub enum Role {
    /// A console.
    Web,
    /// A device.
    Device,
}

/// A connected client.
pub struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    early: VecDeque<Value>,
    ip: IpAddr,
    relay: Option<SocketAddr>,
}

/// A client whose socket is kept alive until this is dropped.
pub struct Attended(tokio::task::JoinHandle<()>);

impl Drop for Attended {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Client {
    /// Connects to `ws://HOST:PORT` (no path).
    pub async fn connect(base: &str, role: Role, id: &str, token: &str) -> Result<Self> {
        let role = if matches!(role, Role::Web) { "WEB" } else { "DEVICE" };
        let url = format!("{base}/ws/connect/{role}/{id}/{token}");
        let (socket, _) = connect_async(&url).await.with_context(|| format!("connecting {role} {id} to {base}"))?;
        let ip = match socket.get_ref() {
            MaybeTlsStream::Plain(stream) => stream.local_addr()?.ip(),
            _ => IpAddr::from([127, 0, 0, 1]),
        };
        Ok(Self { socket, early: VecDeque::new(), ip, relay: None })
    }

    /// Peers made from now on reach the server's media port through this relay.
    pub fn go_through(&mut self, relay: SocketAddr) {
        self.relay = Some(relay);
    }

    /// The description in a message, with the relay in place of the server's candidates.
    fn description(&self, message: &Value) -> Result<String> {
        let sdp = message["sdp"].as_str().context("no sdp in the message")?;
        let Some(relay) = self.relay else { return Ok(sdp.into()) };
        let others = sdp.lines().filter(|line| !line.starts_with("a=candidate:"));
        let lines = others.flat_map(|line| {
            let end = line.starts_with("a=end-of-candidates");
            let (ip, port) = (relay.ip(), relay.port());
            let candidate = end.then(|| format!("a=candidate:1 1 udp 2130706431 {ip} {port} typ host"));
            candidate.into_iter().chain([line.to_owned()])
        });
        Ok(lines.map(|line| line + "\r\n").collect())
    }

    /// Sends one event.
    pub async fn send(&mut self, event: &str, data: Value) -> Result<()> {
        Ok(self.socket.send(Message::text(json!({"event": event, "data": data}).to_string())).await?)
    }

    /// Waits for an event of this name and returns its data; others are kept for later. An `error` event fails.
    pub async fn expect(&mut self, event: &str) -> Result<Value> {
        self.expect_within(event, LIMIT).await
    }

    /// The same with a limit of the caller's.
    pub async fn expect_within(&mut self, event: &str, limit: Duration) -> Result<Value> {
        if let Some(at) = self.early.iter().position(|m| m["event"] == event) {
            return Ok(self.early.remove(at).map(|mut m| m["data"].take()).unwrap_or_default());
        }
        let wait = async {
            loop {
                let mut message = self.receive().await?;
                if message["event"] == event {
                    return Ok(message["data"].take());
                }
                if message["event"] == "error" {
                    bail!("error instead of {event}: {}", message["data"]);
                }
                self.early.push_back(message);
            }
        };
        tokio::time::timeout(limit, wait).await.map_err(|_| Late(event.into(), limit))?
    }

    /// Cuts the connection without a word, as a lost network does.
    pub async fn cut(&mut self) {
        let stream = match self.socket.get_mut() {
            MaybeTlsStream::Plain(stream) => stream,
            _ => return,
        };
        drop(tokio::io::AsyncWriteExt::shutdown(stream).await);
    }

    /// The data of an event of this name if it comes within half a second.
    pub async fn pending(&mut self, event: &str) -> Result<Option<Value>> {
        match self.expect_within(event, Duration::from_millis(500)).await {
            Err(error) if error.is::<Late>() => Ok(None),
            got => got.map(Some),
        }
    }

    /// Reads on and forgets what comes, so that pings are answered while nobody waits for anything.
    pub fn attended(mut self) -> Attended {
        Attended(tokio::spawn(async move { while self.receive().await.is_ok() {} }))
    }

    async fn receive(&mut self) -> Result<Value> {
        loop {
            match self.socket.next().await.context("the server closed the socket")?? {
                Message::Text(text) => return Ok(serde_json::from_str(&text)?),
                Message::Close(_) => bail!("the server closed the socket"),
                _ => {}
            }
        }
    }

    /// A console makes a room and joins it for its events.
    pub async fn make_room(&mut self, inviter: &str) -> Result<u64> {
        self.send("create_room", json!({})).await?;
        let room = self.expect("room_created").await?["room_id"].as_u64().context("room_id is no integer")?;
        self.join(room, inviter).await?;
        Ok(room)
    }

    /// Joins a room.
    pub async fn join(&mut self, room: u64, inviter: &str) -> Result<()> {
        self.send("join_as_publisher", json!({"room_id": room, "inviter": inviter})).await?;
        self.expect("joined_as_publisher").await.map(drop)
    }

    /// A device that has joined publishes; returns once the server has answered.
    pub async fn publish(&mut self, video: bool, audio: bool) -> Result<Peer> {
        let made = Peer::publisher(self.ip, video, audio).await?;
        self.offer(made).await
    }

    /// The same with a clip that decodes, in a loop.
    pub async fn publish_clip(&mut self, clip: Arc<Clip>) -> Result<Peer> {
        let made = Peer::playing(self.ip, clip).await?;
        self.offer(made).await
    }

    async fn offer(&mut self, (mut peer, offer): (Peer, String)) -> Result<Peer> {
        self.send("offer_from_device", json!({"sdp": offer})).await?;
        let answer = self.expect("answer_to_client").await?;
        peer.set_answer(&self.description(&answer)?)?;
        Ok(peer)
    }

    /// A console watches a feed; returns once its answer is sent.
    pub async fn watch(&mut self, room: u64, feed: &Value) -> Result<Peer> {
        self.send("join_as_subscriber", json!({"room_id": room, "feed": feed})).await?;
        let offer = self.expect("offer_to_subscriber").await?;
        let (peer, answer) = Peer::viewer(self.ip, &self.description(&offer)?).await?;
        self.send("start_receiving", json!({"sdp": answer, "feed": offer["feed"]})).await?;
        Ok(peer)
    }
}
