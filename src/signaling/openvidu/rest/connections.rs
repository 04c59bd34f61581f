//! Connections, the older tokens, and streams.

use super::super::wire::fields::{Fields, Wrong, body};
use super::super::wire::new_connection::{Change, Kind, NewConnection};
use super::super::{OpenVidu, access};
use super::cameras;
use super::refusal::Refusal;
use super::wish::{Wish, add_stats};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Map, Value};

fn seconds() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or_default()
}

/// `POST /sessions/S/connection`: the session is looked for before the body is.
pub async fn create(
    State(openvidu): State<OpenVidu>,
    Path(session): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Json<Value>, Refusal> {
    let session = openvidu.sessions.find(&session).ok_or(Refusal::NOT_FOUND)?;
    let mut wanted = NewConnection::read(&body(&bytes)?, seconds())?;
    wanted.give_ice(&openvidu.settings.ice_servers, seconds());
    let url = access::socket_url(&openvidu, &headers);
    if matches!(wanted.kind, Kind::Camera { .. }) {
        return cameras::add(&session, wanted, url).await.map(Json);
    }
    let made = session.with(move |state| {
        let id = state.create(wanted);
        state.connection_view(&id, &url)
    });
    made.await.flatten().map(Json).ok_or(Refusal::NOT_FOUND)
}

/// `GET /sessions/S/connection`
pub async fn list(
    State(openvidu): State<OpenVidu>,
    Path(session): Path<String>,
    wish: Wish,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    let (url, pending) = (access::socket_url(&openvidu, &headers), wish.pending.unwrap_or(true));
    let session = openvidu.sessions.find(&session).ok_or(Refusal::NOT_FOUND)?;
    let mut all = session.with(move |state| state.connections_view(&url, pending)).await.ok_or(Refusal::NOT_FOUND)?;
    if wish.stats {
        add_stats(&mut all);
    }
    Ok(Json(all))
}

/// `GET /sessions/S/connection/C`
pub async fn get(
    State(openvidu): State<OpenVidu>,
    Path((session, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    let url = access::socket_url(&openvidu, &headers);
    let session = openvidu.sessions.find(&session).ok_or(Refusal::NO_SESSION)?;
    let found = session.with(move |state| state.connection_view(&id, &url)).await;
    found.ok_or(Refusal::NO_SESSION)?.map(Json).ok_or(Refusal::NOT_FOUND)
}

/// `PATCH /sessions/S/connection/C`
pub async fn change(
    State(openvidu): State<OpenVidu>,
    Path((session, id)): Path<(String, String)>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Json<Value>, Refusal> {
    let url = access::socket_url(&openvidu, &headers);
    let session = openvidu.sessions.find(&session).ok_or(Refusal::NOT_FOUND)?;
    let change = Change::read(&body(&bytes)?)?;
    let changed = session.with(move |state| {
        let changed = state.change_connection(&id, change)?;
        changed.map(|()| state.connection_view(&id, &url)).transpose()
    });
    changed.await.flatten().ok_or(Refusal::NOT_FOUND)?.map(Json).map_err(Refusal::from)
}

/// `DELETE /sessions/S/connection/C`
pub async fn end(
    State(openvidu): State<OpenVidu>,
    Path((session, id)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    let session = openvidu.sessions.find(&session).ok_or(Refusal::NO_SESSION)?;
    match session.with(move |state| state.delete_connection(&id)).await.ok_or(Refusal::NO_SESSION)? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Refusal::NOT_FOUND),
    }
}

/// `DELETE /sessions/S/stream/<id>`
pub async fn unpublish(
    State(openvidu): State<OpenVidu>,
    Path((session, id)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    let session = openvidu.sessions.find(&session).ok_or(Refusal::NO_SESSION)?;
    match session.with(move |state| state.delete_stream(&id)).await.ok_or(Refusal::NO_SESSION)? {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(true) => Err(Refusal::Empty(StatusCode::METHOD_NOT_ALLOWED)),
        Err(false) => Err(Refusal::NOT_FOUND),
    }
}

/// `POST /tokens`, the way of older applications.
pub async fn token(State(openvidu): State<OpenVidu>, headers: HeaderMap, bytes: Bytes) -> Result<Json<Value>, Refusal> {
    let read = body(&bytes)?;
    let session = Fields::of(&read)?.text("session")?.ok_or_else(|| Wrong("session is missing".into()))?.to_owned();
    let mut wanted = NewConnection::of_token(&read, seconds())?;
    wanted.give_ice(&openvidu.settings.ice_servers, seconds());
    let missing = || Refusal::Words(StatusCode::NOT_FOUND, format!("there is no session {session}"));
    let handle = openvidu.sessions.find(&session).ok_or_else(missing)?;
    let url = access::socket_url(&openvidu, &headers);
    let made = handle.with(move |state| {
        let id = state.create(wanted);
        state.connection_view(&id, &url)
    });
    let connection = made.await.flatten().ok_or_else(missing)?;
    Ok(Json(as_token(&connection, &session)))
}

/// The connection in the older form.
fn as_token(connection: &Value, session: &str) -> Value {
    let same = [("id", "token"), ("token", "token"), ("createdAt", "createdAt"), ("connectionId", "connectionId")];
    let more = [("data", "serverData"), ("role", "role"), ("kurentoOptions", "kurentoOptions")];
    let fields = same.into_iter().chain(more).map(|(name, of)| (name.to_owned(), connection[of].clone()));
    let mut token: Map<String, Value> = fields.filter(|(_, value)| !value.is_null()).collect();
    token.insert("session".into(), session.into());
    Value::Object(token)
}
