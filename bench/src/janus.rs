//! Janus' videoroom over its WebSocket API, as far as one publisher and its viewers need it.

use crate::Peer;
use anyhow::{Context, Result, anyhow, ensure};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const LIMIT: Duration = Duration::from_secs(10);

/// A session with one handle of the videoroom plugin.
pub struct Janus {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    ip: IpAddr,
    session: u64,
    handle: u64,
    transaction: u64,
}

impl Janus {
    /// Connects to `ws://HOST:PORT`.
    pub async fn connect(url: &str) -> Result<Self> {
        let mut request = url.into_client_request()?;
        request.headers_mut().insert("Sec-WebSocket-Protocol", "janus-protocol".parse()?);
        let (socket, _) = connect_async(request).await.with_context(|| format!("connecting to Janus at {url}"))?;
        let ip = match socket.get_ref() {
            MaybeTlsStream::Plain(stream) => stream.local_addr()?.ip(),
            _ => IpAddr::from([127, 0, 0, 1]),
        };
        let mut janus = Self { socket, ip, session: 0, handle: 0, transaction: 0 };
        janus.session = janus.make(json!({"janus": "create"})).await?;
        let attach = json!({"janus": "attach", "plugin": "janus.plugin.videoroom", "session_id": janus.session});
        janus.handle = janus.make(attach).await?;
        Ok(janus)
    }

    async fn make(&mut self, request: Value) -> Result<u64> {
        let answer = self.call(request, |a| a["janus"] == "success").await?;
        answer["data"]["id"].as_u64().with_context(|| format!("no id in {answer}"))
    }

    /// Sends a request and waits for the answer to it that satisfies the condition.
    async fn call(&mut self, mut request: Value, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        self.transaction += 1;
        let name = format!("t{}", self.transaction);
        request["transaction"] = json!(name);
        self.socket.send(Message::text(request.to_string())).await?;
        let wait = async {
            while let Some(message) = self.socket.next().await {
                let Message::Text(text) = message? else { continue };
                let answer: Value = serde_json::from_str(&text)?;
                if answer["transaction"] == name.as_str() && wanted(&answer) {
                    return Ok(answer);
                }
                ensure!(answer["janus"] != "error", "Janus refused: {answer}");
            }
            Err(anyhow!("Janus closed the socket"))
        };
        tokio::time::timeout(LIMIT, wait).await.map_err(|_| anyhow!("no answer from Janus to {request}"))?
    }

    async fn message(&mut self, body: Value, jsep: Option<Value>) -> Result<Value> {
        let mut request =
            json!({"janus": "message", "session_id": self.session, "handle_id": self.handle, "body": body});
        if let Some(jsep) = jsep {
            request["jsep"] = jsep;
        }
        let answer = self.call(request, |a| a["janus"] == "event" || a["janus"] == "success").await?;
        let error = &answer["plugindata"]["data"]["error"];
        ensure!(error.is_null(), "Janus refused: {error}");
        Ok(answer)
    }

    /// Makes a room for VP8 and Opus, and publishes into it; returns the feed's id.
    pub async fn publish(&mut self, room: u64) -> Result<(Peer, u64)> {
        self.publish_recorded(room, None).await
    }

    /// The same; all that is published is recorded into this folder, a `.mjr` file a track.
    pub async fn publish_recorded(&mut self, room: u64, folder: Option<&Path>) -> Result<(Peer, u64)> {
        let mut create = json!({"request": "create", "room": room, "publishers": 50, "videocodec": "vp8",
            "audiocodec": "opus", "bitrate": 0, "fir_freq": 0});
        if let Some(folder) = folder {
            create["record"] = json!(true);
            create["rec_dir"] = json!(folder);
        }
        self.message(create, None).await?;
        let (mut peer, offer) = Peer::publisher(self.ip, true, true).await?;
        let join = json!({"request": "joinandconfigure", "ptype": "publisher", "room": room, "display": "bench"});
        let answer = self.message(join, Some(json!({"type": "offer", "sdp": offer}))).await?;
        peer.set_answer(answer["jsep"]["sdp"].as_str().with_context(|| format!("no answer in {answer}"))?)?;
        let feed = answer["plugindata"]["data"]["id"].as_u64().context("no feed id")?;
        Ok((peer, feed))
    }

    /// Watches a feed.
    pub async fn watch(&mut self, room: u64, feed: u64) -> Result<Peer> {
        let join = json!({"request": "join", "ptype": "subscriber", "room": room, "streams": [{"feed": feed}]});
        let offer = self.message(join, None).await?;
        let offer = offer["jsep"]["sdp"].as_str().with_context(|| format!("no offer in {offer}"))?;
        let (peer, answer) = Peer::viewer(self.ip, offer).await?;
        self.message(json!({"request": "start", "room": room}), Some(json!({"type": "answer", "sdp": answer}))).await?;
        Ok(peer)
    }
}
