//! Sessions.

use super::super::sessions::NotMade;
use super::super::wire::fields::body;
use super::super::wire::new_session::{Defaults, NewSession};
use super::super::{OpenVidu, access};
use super::refusal::Refusal;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

/// Which connections are shown.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Wish {
    pub(super) pending_connections: Option<bool>,
}

/// `POST /sessions`
pub async fn create(
    State(openvidu): State<OpenVidu>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Json<Value>, Refusal> {
    let settings = &openvidu.settings;
    let defaults =
        Defaults { forced_codec: settings.forced_codec.as_str(), allow_transcoding: settings.allow_transcoding };
    let wanted = NewSession::read(&body(&bytes)?, defaults)?;
    let session = openvidu.sessions.create(wanted).await.map_err(|why| match why {
        NotMade::Taken => Refusal::Empty(StatusCode::CONFLICT),
        NotMade::Full => Refusal::Words(StatusCode::SERVICE_UNAVAILABLE, "too many sessions".into()),
    })?;
    let url = access::socket_url(&openvidu, &headers);
    session.with(move |state| Json(state.view(&url, false))).await.ok_or(Refusal::NOT_FOUND)
}

/// `GET /sessions`
pub async fn list(State(openvidu): State<OpenVidu>, Query(wish): Query<Wish>, headers: HeaderMap) -> Json<Value> {
    let pending = wish.pending_connections.unwrap_or(false);
    let mut content = Vec::new();
    for session in openvidu.sessions.list() {
        let url = access::socket_url(&openvidu, &headers);
        content.extend(session.with(move |state| state.view(&url, pending)).await);
    }
    Json(json!({ "numberOfElements": content.len(), "content": content }))
}

/// `GET /sessions/S`
pub async fn get(
    State(openvidu): State<OpenVidu>,
    Path(session): Path<String>,
    Query(wish): Query<Wish>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    let (url, pending) = (access::socket_url(&openvidu, &headers), wish.pending_connections.unwrap_or(false));
    let session = openvidu.sessions.find(&session).ok_or(Refusal::NOT_FOUND)?;
    session.with(move |state| Json(state.view(&url, pending))).await.ok_or(Refusal::NOT_FOUND)
}

/// `DELETE /sessions/S`
pub async fn close(State(openvidu): State<OpenVidu>, Path(session): Path<String>) -> Result<StatusCode, Refusal> {
    let session = openvidu.sessions.find(&session).ok_or(Refusal::NOT_FOUND)?;
    session.with(|state| state.close("sessionClosedByServer")).await.ok_or(Refusal::NOT_FOUND)?;
    session.ended().await;
    Ok(StatusCode::NO_CONTENT)
}
