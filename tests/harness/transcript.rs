//! What the signaling tests share: the router on a loopback port with the fake engine, and clients that speak in
//! transcripts.
//!
//! ```text
//! → create_room {}
//! ← room_created {room_id: $room}
//! ```
//!
//! `→` is sent, `←` must be the next message. Bare words need no quotes; `_` is anything; `$name` is remembered at
//! its first use, and the same ever after. Objects must have exactly the fields shown, unless `..` is among them.

#![allow(dead_code)]

use futures::{SinkExt, StreamExt};
use millrace::auth::Auth;
use millrace::config;
use millrace::media::fake::FakeEngine;
use millrace::recordings::Recordings;
use millrace::room::{Lobby, Rooms};
use millrace::signaling::quota::Quotas;
use millrace::signaling::{Shared, router};
use millrace::turn::{Credentials, Handout, Ports};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes, protocol::CloseFrame};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use tokio_util::sync::CancellationToken;

/// Nothing here takes as long, unless it never comes.
pub const DEADLINE: Duration = Duration::from_secs(5);

/// Where clients are told that STUN and TURN are.
pub const STUN: Ports = Ports { udp: Some(3478), tcp: Some(3478), tls: None, relay: true };

/// A served router.
pub struct Server {
    pub address: std::net::SocketAddr,
    pub engine: Arc<FakeEngine>,
    pub rooms: Rooms,
    pub lobby: Lobby,
    pub closing: CancellationToken,
    /// What the end waits for.
    pub last: tokio_util::task::TaskTracker,
    pub words: Arc<Mutex<HashMap<String, Value>>>,
    _store: tempfile::TempDir,
}

impl Server {
    /// With short times, an engine that answers, and no secret.
    pub async fn start() -> Self {
        Self::with(FakeEngine::automatic(), limits(), None).await
    }

    pub async fn with(engine: Arc<FakeEngine>, limits: config::Rooms, secret: Option<&str>) -> Self {
        Self::hosting(engine, limits, secret, config::Guests::default()).await
    }

    /// The same for applications of OpenVidu 2.
    pub async fn openvidu(settings: config::OpenVidu) -> Self {
        Self::openvidu_hosting(settings, config::Guests::default()).await
    }

    /// And with limits for each address.
    pub async fn openvidu_hosting(settings: config::OpenVidu, guests: config::Guests) -> Self {
        Self::of(FakeEngine::automatic(), limits(), None, guests, settings).await
    }

    /// The same with limits for guests.
    pub async fn hosting(
        engine: Arc<FakeEngine>,
        limits: config::Rooms,
        secret: Option<&str>,
        guests: config::Guests,
    ) -> Self {
        Self::of(engine, limits, secret, guests, config::OpenVidu::default()).await
    }

    async fn of(
        engine: Arc<FakeEngine>,
        limits: config::Rooms,
        secret: Option<&str>,
        guests: config::Guests,
        openvidu: config::OpenVidu,
    ) -> Self {
        let store = tempfile::tempdir().unwrap();
        let recordings = Recordings::open(store.path().join("recordings"), 0).unwrap();
        let rooms = Rooms::new(limits.clone(), engine.clone(), recordings.clone());
        let last = tokio_util::task::TaskTracker::new();
        let (lobby, closing) = (Lobby::new(limits.invitation_limit), CancellationToken::new());
        let shared = Shared {
            rooms: rooms.clone(),
            lobby: lobby.clone(),
            recordings,
            auth: Auth::new(secret),
            limits,
            handout: Handout::new(&config::Turn::default(), STUN, Credentials::new(b"north"), None),
            quotas: Quotas::new(&guests),
            guests: Arc::new(guests),
            openvidu: Arc::new(openvidu),
            server: Arc::default(),
            closing: closing.clone(),
            last: last.clone(),
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = router(shared).into_make_service_with_connect_info::<std::net::SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, engine, rooms, lobby, closing, last, words: Arc::default(), _store: store }
    }

    pub fn url(&self, role: &str, id: &str, token: &str) -> String {
        format!("ws://{}/ws/connect/{role}/{id}/{token}", self.address)
    }
    pub async fn web(&self, id: &str) -> Client {
        self.client("WEB", id, "any").await
    }
    pub async fn device(&self, id: &str) -> Client {
        self.client("DEVICE", id, "any").await
    }
    pub async fn client(&self, role: &str, id: &str, token: &str) -> Client {
        let (socket, _) = connect_async(self.url(role, id, token)).await.unwrap();
        let client = Client { socket, words: self.words.clone(), name: format!("{role} {id}"), flat: false };
        let known = || self.lobby.list().iter().any(|p| p.id == id && p.connected);
        eventually("the lobby knows the client", || async { known() }).await;
        client
    }
    /// A client of a dialect with flat messages, `{"type": …, …}`: in transcripts the type stands before the other fields.
    pub async fn flat(&self, path: &str, name: &str) -> Client {
        let (socket, _) = connect_async(format!("ws://{}{path}", self.address)).await.unwrap();
        Client { socket, words: self.words.clone(), name: name.into(), flat: true }
    }
    /// The HTTP status that a connection attempt meets.
    pub async fn status(&self, role: &str, id: &str, token: &str) -> u16 {
        Self::status_at(self.url(role, id, token)).await
    }
    /// The same at any address.
    pub async fn status_at(url: String) -> u16 {
        match connect_async(url).await {
            Ok(_) => 101,
            Err(Error::Http(response)) => response.status().as_u16(),
            Err(other) => panic!("{other}"),
        }
    }
    /// The value that `$name` stands for.
    pub fn word(&self, name: &str) -> Value {
        self.words.lock().unwrap().get(name).unwrap_or_else(|| panic!("${name} is not known yet")).clone()
    }
}

/// Times for tests; sizes as in production.
pub fn limits() -> config::Rooms {
    config::Rooms { reconnect_grace: Duration::from_millis(300), ..config::Rooms::default() }
}

/// Asks again until it is so.
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let wait = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(DEADLINE, wait).await.unwrap_or_else(|_| panic!("not within {DEADLINE:?}: {what}"));
}

/// One connected client.
pub struct Client {
    pub socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    words: Arc<Mutex<HashMap<String, Value>>>,
    name: String,
    flat: bool,
}

impl Client {
    /// Plays a transcript.
    pub async fn play(&mut self, transcript: &str) {
        for line in transcript.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")) {
            let (arrow, rest) = line.split_once(' ').unwrap();
            let (event, data) = rest.trim().split_once(' ').unwrap_or((rest.trim(), "{}"));
            let data = serde_json::from_str(&relaxed(data)).unwrap_or_else(|error| panic!("`{line}`: {error}"));
            match arrow {
                "→" => self.say(event, data).await,
                "←" => self.expect(line, event, data).await,
                _ => panic!("`{line}` begins with neither → nor ←"),
            }
        }
    }

    async fn say(&mut self, event: &str, data: Value) {
        let mut data = self.filled_in(data);
        if self.flat {
            data["type"] = event.into();
            return self.send(data.to_string()).await;
        }
        self.send(json!({ "event": event, "data": data }).to_string()).await;
    }
    pub async fn send(&mut self, text: String) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    async fn expect(&mut self, line: &str, event: &str, data: Value) {
        let (name, mut message) = (self.name.clone(), self.next_within(line).await);
        if self.flat {
            let event = message.as_object_mut().and_then(|fields| fields.remove("type")).unwrap_or_default();
            message = json!({ "event": event, "data": message });
        }
        let fits = message["event"] == event && fits(&data, &message["data"], &mut self.words.lock().unwrap());
        assert!(fits, "{name} should hear\n  {line}\nbut heard\n  {message}");
    }
    async fn next_within(&mut self, missing: &str) -> Value {
        let next = tokio::time::timeout(DEADLINE, self.next()).await;
        next.unwrap_or_else(|_| panic!("{} heard nothing within {DEADLINE:?}: {missing}", self.name))
    }
    async fn next(&mut self) -> Value {
        serde_json::from_str(&self.text().await).unwrap()
    }
    /// The next message; the server's pings are no messages.
    pub async fn text(&mut self) -> Utf8Bytes {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => return text,
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("{}: instead of a message: {other:?}", self.name),
            }
        }
    }

    /// The server closes; its code and reason.
    pub async fn closed(&mut self) -> Option<CloseFrame> {
        let wait = async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Message::Close(frame))) => return frame,
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return None,
                }
            }
        };
        let closed = tokio::time::timeout(DEADLINE, wait).await;
        closed.unwrap_or_else(|_| panic!("{}: the socket should have been closed", self.name))
    }

    /// Nothing but what was expected has come: the answer to something harmless is next.
    pub async fn quiet(&mut self) {
        if self.flat {
            return self.play("→ no-such-type {}\n← error {reason: bad-request, message: _}").await;
        }
        self.play("→ no_such_event {}\n← error {code: unknown_event, message: _}").await;
    }

    fn filled_in(&self, value: Value) -> Value {
        match value {
            Value::String(text) => match text.strip_prefix('$') {
                Some(name) => self.words.lock().unwrap().get(name).cloned().unwrap_or(Value::String(text)),
                None => Value::String(text),
            },
            Value::Object(fields) => fields.into_iter().map(|(key, value)| (key, self.filled_in(value))).collect(),
            other => other,
        }
    }
}

fn fits(wanted: &Value, heard: &Value, words: &mut HashMap<String, Value>) -> bool {
    match (wanted, heard) {
        (Value::String(text), _) if text == "_" => !heard.is_null(),
        (Value::String(text), _) if text.starts_with('$') => {
            words.entry(text[1..].into()).or_insert_with(|| heard.clone()) == heard
        }
        (Value::Object(wanted), Value::Object(heard)) => {
            let open = wanted.contains_key("..");
            let named = wanted.iter().filter(|(key, _)| *key != "..");
            let all = named.clone().all(|(key, value)| heard.get(key).is_some_and(|heard| fits(value, heard, words)));
            all && (open || named.count() == heard.len())
        }
        _ => wanted == heard,
    }
}

/// Quotes bare words: `{room_id: $room, ..}` → `{"room_id": "$room", "..": 0}`.
fn relaxed(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text.replace("..", "\"..\": 0").chars().collect::<Vec<_>>().into_iter().peekable();
    while let Some(c) = rest.next() {
        let mut word = c.to_string();
        if c == '"' {
            while let Some(next) = rest.next() {
                word.push(next);
                match next {
                    '\\' => word.extend(rest.next()),
                    '"' => break,
                    _ => {}
                }
            }
        } else if c.is_alphabetic() || c == '_' || c == '$' {
            while let Some(next) = rest.next_if(|next| next.is_alphanumeric() || *next == '_' || *next == '-') {
                word.push(next);
            }
            if !["true", "false", "null"].contains(&word.as_str()) {
                word = format!("\"{word}\"");
            }
        }
        out.push_str(&word);
    }
    out
}
