//! `WS /openvidu`: one page's socket. Before it has joined only `ping`, `joinRoom` and `connect` mean anything.
//!
//! Decides what a socket may say before and after it speaks for a connection, and that each request is answered; what a
//! request means is its session's to say, how long a silent socket is kept `patience`'s.

use super::patience::Patience;
use super::session::State as Session;
use super::session::actor::{Bound, Handle, Out};
use super::session::agent;
use super::session::state::Join;
use super::wire::frame::{Params, Refusal, Request, answer, read};
use super::{OpenVidu, access, ids};
use crate::signaling::client::{self, ClientAddress};
use crate::signaling::quota::{Held, Kind};
use crate::signaling::socket::{GOING_AWAY, Incoming, Socket, limited};
use axum::extract::{State, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::time::Instant;
use tracing::Instrument;

/// Normal end (RFC 6455 7.4.1).
const NORMAL: u16 = 1000;

/// Upgrades a page's request.
pub async fn connect(
    State(openvidu): State<OpenVidu>,
    client: ClientAddress,
    uri: Uri,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let rpc = secret_for(named_in(uri.query().unwrap_or_default()));
    let host = client::host(&headers).map(str::to_owned);
    let held = match openvidu.shared.quotas.hold(client, Kind::Socket) {
        Ok(held) => held,
        Err(over) => return (StatusCode::TOO_MANY_REQUESTS, over.to_string()).into_response(),
    };
    let span = tracing::info_span!("connection", dialect = "openvidu");
    limited(upgrade, &openvidu.shared.limits).on_upgrade(move |socket| {
        let socket = Socket::start(socket, &openvidu.shared.limits);
        let patience = Patience::new(Instant::now());
        Page { openvidu, client, host, socket, joined: None, patience, rpc, _held: held }.run().instrument(span)
    })
}

struct Page {
    openvidu: OpenVidu,
    client: ClientAddress,
    /// The name it has reached us by.
    host: Option<String>,
    socket: Socket,
    joined: Option<(Handle, Bound)>,
    patience: Patience,
    /// What is to resume its connection: every result carries it, from the first pong on.
    rpc: String,
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
        self.let_go().await;
        if let End::Close(code, reason) = end {
            self.socket.close(code, reason).await;
        }
    }

    /// It speaks for its connection no longer.
    async fn let_go(&mut self) {
        if let Some((session, bound)) = self.joined.take() {
            session.socket_gone(&bound.connection, bound.number).await;
        }
    }

    async fn serve(&mut self) -> End {
        let closing = self.openvidu.shared.closing.clone();
        loop {
            let (dead, why) = self.patience.end();
            let done = tokio::select! {
                biased;
                () = closing.cancelled() => return End::Close(GOING_AWAY, "shutting_down"),
                out = next_out(&mut self.joined) => self.write(out).await,
                incoming = self.socket.next() => match incoming {
                    Some(Incoming::Text(text)) => self.take(&text).await,
                    Some(_) => self.no_request("The frame is too large, or no text").await,
                    None => return End::Gone,
                },
                () = tokio::time::sleep_until(dead) => return End::Close(NORMAL, why),
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
            Some(Out::Dismissed) => {
                self.joined = None;
                self.patience.dismissed(Instant::now());
                Ok(())
            }
            Some(Out::Close) | None => Err(End::Close(NORMAL, "bye")),
        }
    }

    async fn take(&mut self, text: &str) -> Result<(), End> {
        let Some(request) = read(text) else { return self.no_request("The frame is no request").await };
        match (request.method.as_str(), &self.joined) {
            ("ping", _) => self.pong(&request).await,
            ("connect", _) => self.resume(&request).await,
            ("joinRoom", None) => self.join(&request).await,
            ("joinRoom", Some(_)) => self.refuse(&request, Session::refused_token()).await,
            (_, Some((session, bound))) => {
                let id = request.id.clone();
                match session.request(&bound.connection, request).await {
                    true => Ok(()),
                    false => self.refuse_nobody(&id).await,
                }
            }
            (_, None) => self.refuse_nobody(&request.id).await,
        }
    }

    /// Who speaks for no connection, or no longer.
    async fn refuse_nobody(&self, id: &Value) -> Result<(), End> {
        let refusal = Refusal::new(803, "No participant has joined by this socket");
        self.answer(id, Err(refusal), "").await
    }

    /// What cannot be read has no id to answer to (JSON-RPC 2.0, 5).
    async fn no_request(&self, words: &str) -> Result<(), End> {
        self.answer(&Value::Null, Err(Refusal::new(-32600, words)), "").await
    }

    async fn pong(&mut self, request: &Request) -> Result<(), End> {
        self.patience.pinged(Instant::now(), request.params.number("interval"));
        self.answer(&request.id, Ok(json!({ "value": "pong" })), &self.rpc).await
    }

    async fn join(&mut self, request: &Request) -> Result<(), End> {
        let joined = self.try_join(request).await;
        match joined {
            Ok(joined) => {
                self.joined = Some(joined);
                self.patience.stays();
                Ok(())
            }
            Err(refusal) => self.refuse(request, refusal).await,
        }
    }

    async fn try_join(&mut self, request: &Request) -> Result<(Handle, Bound), Refusal> {
        let params = &request.params;
        let session = params.text("session")?;
        let agent = agent(params);
        let given = if agent.is_none() { token(params)? } else { String::new() };
        let metadata = metadata(params)?;
        // A secret is one connection's, and names its session.
        let known = self.rpc.split_once('_').is_some_and(|(_, named)| named == session);
        let rpc = if known { self.rpc.clone() } else { secret_for(session) };
        let gone = || Refusal::new(202, format!("There is no session {session}"));
        let handle = self.openvidu.sessions.find(session).ok_or_else(gone)?;
        let token = match agent {
            Some(agent) => self.admit(agent, params, &handle).await?,
            None => given,
        };
        let join = Join {
            request: request.id.clone(),
            token,
            metadata,
            platform: params.find("platform").unwrap_or("unknown").to_owned(),
            ip: self.client.to_string(),
            rpc: rpc.clone(),
            ice: self.openvidu.shared.handout.servers(self.host.as_deref(), Some(&self.client.to_string())),
        };
        let closed = || Refusal::new(203, format!("The session {session} has just been closed"));
        let bound = handle.join(join).await.ok_or_else(closed)??;
        self.rpc = rpc;
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
        // It may have spoken for another connection, which nobody speaks for now.
        self.let_go().await;
        self.patience.stays();
        self.joined = Some((session, bound));
        self.rpc.clone_from(&rpc);
        // What was kept waits in the outbox and follows.
        self.answer(&request.id, Ok(json!({ "value": "reconnection successful" })), &rpc).await
    }

    async fn refuse(&self, request: &Request, refusal: Refusal) -> Result<(), End> {
        self.answer(&request.id, Err(refusal), "").await
    }

    async fn answer(&self, id: &Value, outcome: Result<Value, Refusal>, rpc: &str) -> Result<(), End> {
        self.socket.send(answer(id, rpc, outcome)).await.map_err(|_| End::Gone)
    }
}

/// A secret that resumes a connection of this session; the session is found by it.
fn secret_for(session: &str) -> String {
    format!("{}_{session}", ids::rpc())
}

/// The session that an address names, if it can be one.
fn named_in(query: &str) -> &str {
    let named = query.split('&').find_map(|pair| pair.strip_prefix("sessionId=")).unwrap_or_default();
    if ids::is_custom_session(named) { named } else { "" }
}

/// What a page says of itself: any text.
fn metadata(params: &Params) -> Result<String, Refusal> {
    match params.raw("metadata") {
        Some(said) if !said.is_string() => Err(Refusal::new(500, "The metadata is not a string")),
        _ => Ok(params.find("metadata").unwrap_or_default().to_owned()),
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
        Some((_, bound)) => bound.next().await,
        None => std::future::pending().await,
    }
}
