//! `WS /openvidu`: one page's socket. Before it has joined only `ping`, `joinRoom` and `connect` mean anything.
//!
//! Decides when a socket is dead by the protocol's own pings; what a request means is its session's to say.

use super::session::actor::{Bound, Handle, Out};
use super::session::agent;
use super::session::state::Join;
use super::wire::frame::{Params, Refusal, Request, answer, read};
use super::{OpenVidu, access, ids};
use crate::signaling::client::{self, ClientAddress};
use crate::signaling::quota::{Held, Kind};
use crate::signaling::socket::{GOING_AWAY, Incoming, Socket, limited};
use axum::extract::{State, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;
use tracing::Instrument;

/// Until a client says how often it pings.
const PATIENCE: Duration = Duration::from_secs(20);
/// Pings that may be missed.
const MISSED: u32 = 3;
/// Bounds of what a client may say.
const INTERVALS: (f64, f64) = (1_000.0, 60_000.0);
/// Normal end (RFC 6455 7.4.1).
const NORMAL: u16 = 1000;

/// Upgrades a page's request.
pub async fn connect(
    State(openvidu): State<OpenVidu>,
    client: ClientAddress,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let host = client::host(&headers).map(str::to_owned);
    let held = match openvidu.shared.quotas.hold(client, Kind::Socket) {
        Ok(held) => held,
        Err(over) => return (StatusCode::TOO_MANY_REQUESTS, over.to_string()).into_response(),
    };
    let span = tracing::info_span!("connection", dialect = "openvidu");
    limited(upgrade, &openvidu.shared.limits).on_upgrade(move |socket| {
        let socket = Socket::start(socket, &openvidu.shared.limits);
        Page { openvidu, client, host, socket, joined: None, patience: PATIENCE, heard: Instant::now(), _held: held }
            .run()
            .instrument(span)
    })
}

struct Page {
    openvidu: OpenVidu,
    client: ClientAddress,
    /// The name it has reached us by.
    host: Option<String>,
    socket: Socket,
    joined: Option<(Handle, Bound)>,
    patience: Duration,
    heard: Instant,
    _held: Held,
}

/// How a socket ends.
enum End {
    Gone,
    Close(u16, &'static str),
}

impl Page {
    async fn run(mut self) {
        let end = self.serve().await;
        if let Some((session, bound)) = self.joined.take() {
            session.socket_gone(&bound.connection, bound.number).await;
        }
        if let End::Close(code, reason) = end {
            self.socket.close(code, reason).await;
        }
    }

    async fn serve(&mut self) -> End {
        let closing = self.openvidu.shared.closing.clone();
        loop {
            let dead = self.heard + self.patience;
            let done = tokio::select! {
                biased;
                () = closing.cancelled() => return End::Close(GOING_AWAY, "shutting_down"),
                out = next_out(&mut self.joined) => self.write(out).await,
                incoming = self.socket.next() => match incoming {
                    Some(Incoming::Text(text)) => self.take(&text).await,
                    Some(_) => Ok(()),
                    None => return End::Gone,
                },
                () = tokio::time::sleep_until(dead) => {
                    return End::Close(NORMAL, "Close for not receive ping from client");
                }
            };
            if let Err(end) = done {
                return end;
            }
        }
    }

    /// `None`: the session has let this socket go.
    async fn write(&mut self, out: Option<Out>) -> Result<(), End> {
        match out {
            Some(Out::Frame(frame)) => self.socket.send(frame).await.map_err(|_| End::Gone),
            Some(Out::Close) | None => Err(End::Close(NORMAL, "bye")),
        }
    }

    async fn take(&mut self, text: &str) -> Result<(), End> {
        let Some(request) = read(text) else { return Ok(()) };
        match (request.method.as_str(), &self.joined) {
            ("ping", _) => self.pong(&request).await,
            ("connect", _) => self.resume(&request).await,
            ("joinRoom", None) => self.join(&request).await,
            (_, Some((session, bound))) => {
                session.request(&bound.connection, request).await;
                Ok(())
            }
            (_, None) => self.refuse(&request, Refusal::new(803, "No participant has joined by this socket")).await,
        }
    }

    async fn pong(&mut self, request: &Request) -> Result<(), End> {
        self.heard = Instant::now();
        if let Some(interval) = request.params.number("interval") {
            self.patience = Duration::from_millis(interval.clamp(INTERVALS.0, INTERVALS.1) as u64) * MISSED;
        }
        self.answer(request, Ok(json!({ "value": "pong" })), "").await
    }

    async fn join(&mut self, request: &Request) -> Result<(), End> {
        let joined = self.try_join(request).await;
        match joined {
            Ok(joined) => {
                self.joined = Some(joined);
                Ok(())
            }
            Err(refusal) => self.refuse(request, refusal).await,
        }
    }

    async fn try_join(&self, request: &Request) -> Result<(Handle, Bound), Refusal> {
        let params = &request.params;
        let session = params.text("session")?;
        let agent = agent(params);
        let given = if agent.is_none() { token(params)? } else { String::new() };
        let gone = || Refusal::new(202, format!("There is no session {session}"));
        let handle = self.openvidu.sessions.find(session).ok_or_else(gone)?;
        let token = match agent {
            Some(agent) => self.admit(agent, params, &handle).await?,
            None => given,
        };
        let join = Join {
            request: request.id.clone(),
            token,
            metadata: params.find("metadata").unwrap_or_default().to_owned(),
            platform: params.find("platform").unwrap_or("unknown").to_owned(),
            ip: self.client.to_string(),
            rpc: format!("{}_{session}", ids::rpc()),
            ice: self.openvidu.shared.handout.servers(self.host.as_deref(), Some(&self.client.to_string())),
        };
        let closed = || Refusal::new(203, format!("The session {session} has just been closed"));
        let bound = handle.join(join).await.ok_or_else(closed)??;
        Ok((handle, bound))
    }

    /// One of the deployment's own, by the secret.
    async fn admit(&self, agent: &'static str, params: &Params, session: &Handle) -> Result<String, Refusal> {
        let secret = params.find("secret").unwrap_or_default();
        if !access::is_secret(&self.openvidu.settings, secret) {
            return Err(Refusal::new(401, "Error: the secret is not valid"));
        }
        let taken = || Refusal::new(104, format!("There is a {agent} already"));
        session.with(move |state| state.admit(agent)).await.flatten().ok_or_else(taken)
    }

    async fn resume(&mut self, request: &Request) -> Result<(), End> {
        let rpc = request.params.find("sessionId").unwrap_or_default().to_owned();
        let session = rpc.split_once('_').and_then(|(_, session)| self.openvidu.sessions.find(session));
        let bound = match &session {
            Some(session) => session.resume(rpc.clone()).await,
            None => None,
        };
        let Some((session, bound)) = session.zip(bound) else {
            let refusal = Refusal { code: 40007, message: "reconnection error".into() };
            return self.refuse(request, refusal).await;
        };
        // What was kept waits in the outbox and follows.
        self.answer(request, Ok(json!({ "value": "reconnection successful" })), &rpc).await?;
        self.joined = Some((session, bound));
        Ok(())
    }

    async fn refuse(&self, request: &Request, refusal: Refusal) -> Result<(), End> {
        self.answer(request, Err(refusal), "").await
    }

    async fn answer(&self, request: &Request, outcome: Result<Value, Refusal>, rpc: &str) -> Result<(), End> {
        self.socket.send(answer(&request.id, rpc, outcome)).await.map_err(|_| End::Gone)
    }
}

/// Which of the deployment's own it says it is.
fn agent(params: &Params) -> Option<&'static str> {
    let is = |name| params.switch(name) == Some(true);
    if is("recorder") { Some(agent::RECORDER) } else { is("stt").then_some(agent::SPEECH_TO_TEXT) }
}

/// The value in the token's address.
fn token(params: &Params) -> Result<String, Refusal> {
    let token = params.text("token")?;
    let query = token.split_once('?').map_or(token, |(_, query)| query);
    let value = query.split('&').find_map(|pair| pair.strip_prefix("token="));
    Ok(value.unwrap_or(token).to_owned())
}

/// Waits for ever before it has joined.
async fn next_out(joined: &mut Option<(Handle, Bound)>) -> Option<Out> {
    match joined {
        Some((_, bound)) => bound.outbox.recv().await,
        None => std::future::pending().await,
    }
}
