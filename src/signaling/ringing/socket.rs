//! The Socket.IO server: its limits, how a connection comes to it, and its one event.
//!
//! Decides who is let in. WebSocket alone: long polling is refused in words.

use super::Desk;
use super::line::Line;
use super::wire::{self, Answer, LOGIN};
use crate::config::{self, GuestDialect};
use crate::signaling::client::ClientAddress;
use crate::signaling::guest;
use crate::signaling::quota::{Held, Kind};
use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{self, HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use hyper_util::rt::TokioIo;
use serde_json::json;
use socketioxide::adapter::Adapter;
use socketioxide::extract::{AckSender, SocketRef, TryData};
use socketioxide::handler::{ConnectHandler, FromMessageParts, Value};
use socketioxide::service::SocketIoService;
use socketioxide::socket::Socket;
use socketioxide::{ParserConfig, SocketIo, TransportType};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tower::ServiceExt;

/// Who has not joined the namespace by then goes.
const JOIN_LIMIT: Duration = Duration::from_secs(10);
/// A connection that was promised to become a WebSocket does so within this.
const UPGRADE_LIMIT: Duration = Duration::from_secs(10);
/// Messages that may wait for a page.
const OUTBOX: usize = 128;
/// Largest message, in bytes: a login and a token fit. The server's answers can be as long as what they answer, so that
/// this bounds what waits for a client that reads nothing.
const MAX_MESSAGE: usize = 4096;
/// Pings without an answer before a client that reads nothing is dead.
const MISSED_PONGS: u32 = 2;

/// Who a connection is. Travels with its request through the Socket.IO server.
#[derive(Clone)]
struct Visitor {
    desk: Desk,
    number: u64,
    address: ClientAddress,
    admitted: bool,
}

/// Dropped with the connection.
struct Seat {
    desk: Desk,
    number: u64,
    _held: Held,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.desk.change(|presence| presence.gone(self.number));
    }
}

/// A server with these limits and nothing in it yet.
pub fn server(limits: &config::Rooms) -> (SocketIoService<()>, SocketIo) {
    let largest = limits.max_message_bytes.min(MAX_MESSAGE);
    SocketIo::builder()
        .transports([TransportType::Websocket])
        .ping_interval(limits.heartbeat)
        .ping_timeout(limits.heartbeat)
        .connect_timeout(JOIN_LIMIT)
        .max_buffer_size(OUTBOX)
        .max_payload(largest as u64)
        .ws_max_message_size(largest)
        .ws_max_frame_size(largest)
        .with_parser(ParserConfig::common().max_incoming_binaries(0).max_incoming_binary_buf_size(0))
        .build_with_inner_svc(())
}

/// Opens its default namespace.
pub fn listen(io: &SocketIo) {
    io.ns("/", (async || ()).with(join));
}

/// Before the client hears that it is connected, so that nothing it sends then is too early.
async fn join(socket: SocketRef) -> Result<(), &'static str> {
    let visitor = socket.req_parts().extensions.get::<Visitor>().cloned().ok_or("no such connection")?;
    if !visitor.admitted {
        return Err(guest::REFUSED);
    }
    visitor.desk.presence().joined(visitor.number, socket.id);
    socket.on(LOGIN, async |login: LoggedIn, ack: AckSender| drop(ack.send(&login.0)));
    socket.on_disconnect(async move || visitor.desk.change(|presence| presence.left(visitor.number)));
    Ok(())
}

/// What came of a `login`. Events are handled by tasks that may overtake each other; what is extracted from them is
/// extracted in the order in which they came.
struct LoggedIn(Answer);

impl<A: Adapter> FromMessageParts<A> for LoggedIn {
    type Error = Infallible;

    fn from_message_parts(socket: &Arc<Socket<A>>, value: &mut Value, ack: &Option<i64>) -> Result<Self, Infallible> {
        let TryData(given) = TryData::<wire::Login>::from_message_parts(socket, value, ack)?;
        let visitor = socket.req_parts().extensions.get::<Visitor>();
        Ok(Self(match (given, visitor) {
            (Ok(given), Some(visitor)) => visitor.log_in(&given.login),
            _ => Answer::refused("login needs an object with a login: {\"login\": \"…\"}"),
        }))
    }
}

impl Visitor {
    /// The first login of a connection is free; a page that is somebody else each moment is one that makes things.
    fn log_in(&self, login: &str) -> Answer {
        if self.desk.presence().is_logged_in(self.number)
            && let Err(over) = self.desk.0.shared.quotas.made(self.address)
        {
            return Answer::refused(over);
        }
        Answer::of(self.desk.change(|presence| presence.log_in(self.number, login)), "")
    }
}

/// `GET /socket.io/`: the WebSocket's handshake (RFC 6455 4.2), then the connection is the Socket.IO server's.
pub async fn open(State(desk): State<Desk>, address: ClientAddress, mut request: Request) -> Response {
    if let Some(words) = unsuitable(request.uri(), request.headers()) {
        return refuse(StatusCode::BAD_REQUEST, words);
    }
    let Some(key) = request.headers().get(header::SEC_WEBSOCKET_KEY).map(|key| derive_accept_key(key.as_bytes()))
    else {
        return refuse(StatusCode::BAD_REQUEST, "this address is for a WebSocket: its handshake has no key");
    };
    let held = match desk.0.shared.quotas.hold(address, Kind::Socket) {
        Ok(held) => held,
        Err(over) => return refuse(StatusCode::TOO_MANY_REQUESTS, &over.to_string()),
    };
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        if let Ok(Ok(upgraded)) = tokio::time::timeout(UPGRADE_LIMIT, upgrade).await {
            serve(desk, address, held, TokioIo::new(upgraded), request.map(drop)).await;
        }
    });
    let headers = [
        (header::CONNECTION, "upgrade".to_owned()),
        (header::UPGRADE, "websocket".to_owned()),
        (header::SEC_WEBSOCKET_ACCEPT, key),
    ];
    (StatusCode::SWITCHING_PROTOCOLS, headers, Body::empty()).into_response()
}

async fn serve(
    desk: Desk,
    address: ClientAddress,
    held: Held,
    io: TokioIo<hyper::upgrade::Upgraded>,
    mut request: http::Request<()>,
) {
    let shared = &desk.0.shared;
    let query = request.uri().query();
    let admitted = guest::admit(shared, GuestDialect::Ringing, request.headers(), query).is_ok();
    let number = desk.presence().came();
    let seat = Seat { desk: desk.clone(), number, _held: held };
    let line = Line::new(io, shared.limits.heartbeat * MISSED_PONGS, shared.closing.clone(), seat);
    request.extensions_mut().insert(Visitor { desk: desk.clone(), number, address, admitted });
    if let Err(error) = desk.0.service.clone().oneshot((line, request)).await {
        tracing::debug!(%error, "not taken by the Socket.IO server");
    }
}

/// Why a request cannot become a connection, in words.
fn unsuitable(address: &Uri, headers: &HeaderMap) -> Option<&'static str> {
    let query = address.query().unwrap_or_default();
    let given = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let says = |name: header::HeaderName, word: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        value.split(',').any(|one| one.trim().eq_ignore_ascii_case(word))
    };
    if given("EIO") != Some("4") {
        return Some("this server speaks Socket.IO protocol 5 (EIO=4): use a client of version 3 or 4");
    }
    if given("transport") != Some("websocket") || given("sid").is_some() {
        return Some("only WebSocket is served: connect with { transports: [\"websocket\"] }");
    }
    let is_handshake = says(header::CONNECTION, "upgrade") && says(header::UPGRADE, "websocket");
    let right = is_handshake && says(header::SEC_WEBSOCKET_VERSION, "13");
    (!right).then_some("this address is for a WebSocket of version 13")
}

/// As Engine.IO servers refuse: 3 is a bad request.
fn refuse(status: StatusCode, words: &str) -> Response {
    (status, Json(json!({ "code": 3, "message": words }))).into_response()
}
