//! The dialect as `openvidu-browser` speaks it: REST for the application, JSON-RPC for the page, a peer for each stream.

use crate::clip::Clip;
use crate::film::Film;
use crate::{Peer, http};
use anyhow::{Context, Result, ensure};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// A client gives a request up after this.
const LIMIT: Duration = Duration::from_secs(10);
/// A client pings as often.
const PING: Duration = Duration::from_secs(5);
/// The password of `OPENVIDUAPP`.
pub const SECRET: &str = "MY_SECRET";
/// `OPENVIDUAPP:MY_SECRET` in base64.
const ACCOUNT: &str = "Basic T1BFTlZJRFVBUFA6TVlfU0VDUkVU";
const IP: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// What an application asks of the server at `HOST:PORT`; the answer's JSON, `Null` if there is none.
pub async fn rest(host: &str, method: &str, path: &str, body: &Value) -> Result<Value> {
    let (path, body) = (format!("/openvidu/api{path}"), body.to_string());
    let (_, body) = http::send_as(ACCOUNT, host, method, &path, ("application/json", &body)).await?;
    if body.is_empty() { Ok(Value::Null) } else { Ok(serde_json::from_str(&body)?) }
}

/// A token for one page in this session.
pub async fn token(host: &str, session: &str, role: &str) -> Result<String> {
    let made = rest(host, "POST", &format!("/sessions/{session}/connection"), &json!({ "role": role })).await?;
    made["token"].as_str().map(str::to_owned).with_context(|| format!("no token in {made}"))
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;
type Asked = (String, Value, oneshot::Sender<Value>);

/// A page that has joined; dropping it cuts its socket.
pub struct Page {
    requests: mpsc::UnboundedSender<Asked>,
    /// What it is told, as it comes.
    pub notices: mpsc::UnboundedReceiver<Value>,
    task: JoinHandle<Result<()>>,
    /// Its connection's name.
    pub id: String,
    /// What it was welcomed with.
    pub welcome: Value,
}

impl Drop for Page {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Page {
    /// Dials, pings as clients do first, and joins with this token.
    pub async fn join(host: &str, session: &str, token: &str) -> Result<Self> {
        let mut page = Self::dial(host, session).await?;
        page.enter(session, token).await?;
        Ok(page)
    }

    /// A socket that has pinged.
    pub async fn dial(host: &str, session: &str) -> Result<Self> {
        let (socket, _) = connect_async(format!("ws://{host}/openvidu?sessionId={session}")).await?;
        let (requests, asked) = mpsc::unbounded_channel();
        let (tell, notices) = mpsc::unbounded_channel();
        let task = tokio::spawn(converse(socket, asked, tell));
        let page = Self { requests, notices, task, id: String::new(), welcome: Value::Null };
        page.ask("ping", json!({ "interval": PING.as_millis() as u64 })).await?;
        Ok(page)
    }

    /// `joinRoom`
    pub async fn enter(&mut self, session: &str, token: &str) -> Result<()> {
        let params = json!({
            "token": token, "session": session, "platform": "millrace-bench", "metadata": "{\"clientData\":\"bench\"}",
            "secret": "", "recorder": false, "stt": false, "sdkVersion": "2.32.2",
        });
        self.welcome = self.ask("joinRoom", params).await?;
        self.id = self.welcome["id"].as_str().context("no id")?.to_owned();
        Ok(())
    }

    /// Sends a request and waits for its result.
    pub async fn ask(&self, method: &str, params: Value) -> Result<Value> {
        let (sender, answer) = oneshot::channel();
        let gone = || format!("{method}: the socket is gone");
        self.requests.send((method.to_owned(), params, sender)).ok().with_context(gone)?;
        let mut answer = tokio::time::timeout(LIMIT, answer)
            .await
            .with_context(|| format!("{method}: no answer"))?
            .ok()
            .with_context(gone)?;
        ensure!(answer.get("result").is_some(), "{method}: {answer}");
        Ok(answer["result"].take())
    }

    /// Publishes this clip; with `loopback` it comes back on the same peer connection. Returns the stream's name too.
    pub async fn publish(&self, clip: Arc<Clip>, loopback: bool) -> Result<(Peer, String)> {
        let (width, height) = clip.shape.size;
        let rate = clip.shape.rate;
        let (mut peer, offer) =
            if loopback { Peer::conversing(IP, clip).await? } else { Peer::playing(IP, clip).await? };
        lay_film(&peer, loopback)?;
        let params = json!({
            "sdpOffer": offer, "doLoopback": loopback, "hasAudio": true, "hasVideo": true, "audioActive": true,
            "videoActive": true, "typeOfVideo": "CAMERA", "frameRate": rate,
            "videoDimensions": json!({ "width": width, "height": height }).to_string(),
        });
        let answer = self.ask("publishVideo", params).await?;
        peer.set_answer(text(&answer, "sdpAnswer")?)?;
        self.candidates(&self.id, &offer).await?;
        Ok((peer, text(&answer, "id")?.to_owned()))
    }

    /// Watches a stream; what comes is kept as a film.
    pub async fn watch(&self, stream: &str) -> Result<Peer> {
        let (mut peer, offer) = Peer::watcher(IP).await?;
        lay_film(&peer, true)?;
        let answer = self.ask("receiveVideoFrom", json!({ "sender": stream, "sdpOffer": offer })).await?;
        peer.set_answer(text(&answer, "sdpAnswer")?)?;
        let owner = stream.splitn(4, '_').nth(3).context("a stream's name ends in its owner's")?;
        self.candidates(owner, &offer).await?;
        Ok(peer)
    }

    /// A page trickles what its offer may have already.
    async fn candidates(&self, endpoint: &str, offer: &str) -> Result<()> {
        for line in offer.lines().filter_map(|line| line.strip_prefix("a=candidate:")).take(1) {
            let params = json!({
                "endpointName": endpoint, "candidate": format!("candidate:{line}"), "sdpMid": "0", "sdpMLineIndex": 0,
            });
            self.ask("onIceCandidate", params).await?;
        }
        Ok(())
    }

    /// Streams of those who were here before.
    pub fn streams(&self) -> Vec<String> {
        let people = self.welcome["value"].as_array().into_iter().flatten();
        let streams = people.filter_map(|one| one["streams"][0]["id"].as_str());
        streams.map(str::to_owned).collect()
    }
}

fn lay_film(peer: &Peer, receives: bool) -> Result<()> {
    if receives {
        *peer.seen.film.lock().map_err(|_| anyhow::anyhow!("a peer has panicked"))? = Some(Film::default());
    }
    Ok(())
}

fn text<'a>(answer: &'a Value, field: &str) -> Result<&'a str> {
    answer[field].as_str().with_context(|| format!("no {field} in {answer}"))
}

/// Sends requests and pings, hands answers to those who wait and the rest to the page.
async fn converse(
    mut socket: Socket,
    mut asked: mpsc::UnboundedReceiver<Asked>,
    tell: mpsc::UnboundedSender<Value>,
) -> Result<()> {
    let mut waiting = HashMap::new();
    let mut pings = tokio::time::interval_at(tokio::time::Instant::now() + PING, PING);
    let mut next = 0u64;
    loop {
        tokio::select! {
            request = asked.recv() => {
                let Some((method, params, answer)) = request else { return Ok(()) };
                send(&mut socket, next, &method, &params).await?;
                waiting.insert(next, answer);
                next += 1;
            }
            _ = pings.tick() => {
                send(&mut socket, next, "ping", &json!({})).await?;
                next += 1;
            }
            frame = socket.next() => {
                let Message::Text(frame) = frame.context("the server closed the socket")?? else { continue };
                let frame: Value = serde_json::from_str(&frame)?;
                match frame["id"].as_u64() {
                    Some(id) => drop(waiting.remove(&id).map(|answer| answer.send(frame))),
                    None => drop(tell.send(frame)),
                }
            }
        }
    }
}

async fn send(socket: &mut Socket, id: u64, method: &str, params: &Value) -> Result<()> {
    let frame = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
    Ok(socket.send(Message::text(frame.to_string())).await?)
}
