//! Sessions.

use super::super::session::actor::Handle;
use super::super::sessions::NotMade;
use super::super::wire::fields::body;
use super::super::wire::new_session::{Defaults, NewSession};
use super::super::{OpenVidu, access};
use super::refusal::Refusal;
use super::wish::{Wish, add_stats};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

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
pub async fn list(State(openvidu): State<OpenVidu>, wish: Wish, headers: HeaderMap) -> Json<Value> {
    let mut content = Vec::new();
    for session in openvidu.sessions.list() {
        content.extend(view(&openvidu, &session, wish, &headers).await);
    }
    Json(json!({ "numberOfElements": content.len(), "content": content }))
}

/// `GET /sessions/S`
pub async fn get(
    State(openvidu): State<OpenVidu>,
    Path(session): Path<String>,
    wish: Wish,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    let session = openvidu.sessions.find(&session).ok_or(Refusal::NOT_FOUND)?;
    view(&openvidu, &session, wish, &headers).await.map(Json).ok_or(Refusal::NOT_FOUND)
}

async fn view(openvidu: &OpenVidu, session: &Handle, wish: Wish, headers: &HeaderMap) -> Option<Value> {
    let (url, pending) = (access::socket_url(openvidu, headers), wish.pending.unwrap_or(false));
    let mut view = session.with(move |state| state.view(&url, pending)).await?;
    if wish.stats {
        add_stats(&mut view["connections"]);
    }
    Some(view)
}

/// `DELETE /sessions/S`
pub async fn close(State(openvidu): State<OpenVidu>, Path(session): Path<String>) -> Result<StatusCode, Refusal> {
    let session = openvidu.sessions.find(&session).ok_or(Refusal::NOT_FOUND)?;
    session.with(|state| state.close("sessionClosedByServer")).await.ok_or(Refusal::NOT_FOUND)?;
    session.ended().await;
    Ok(StatusCode::NO_CONTENT)
}
