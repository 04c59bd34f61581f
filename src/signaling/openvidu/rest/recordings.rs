//! Recordings, and their files.

use super::super::recording::{NotStarted, NotStopped};
use super::super::wire::fields::{Fields, Wrong, body};
use super::super::wire::recording::{Properties, Refused};
use super::super::{OpenVidu, access};
use super::refusal::Refusal;
use axum::body::Bytes;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get as get_of, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tower::ServiceExt;
use tower_http::services::ServeFile;

/// The API of recordings.
pub fn routes(openvidu: &OpenVidu) -> Router<OpenVidu> {
    Router::new()
        .route("/openvidu/api/recordings/start", post(start))
        .route("/openvidu/api/recordings/stop/{id}", post(stop))
        .route("/openvidu/api/recordings", get_of(list))
        .route("/openvidu/api/recordings/{id}", get_of(get).delete(delete))
        .layer(from_fn_with_state(openvidu.clone(), if_on))
}

/// Without the module there is nothing to ask for.
async fn if_on(State(openvidu): State<OpenVidu>, request: Request, next: Next) -> Response {
    match openvidu.settings.recording {
        true => next.run(request).await,
        false => StatusCode::NOT_IMPLEMENTED.into_response(),
    }
}

/// `POST /recordings/start`: answers when it runs.
pub async fn start(State(openvidu): State<OpenVidu>, headers: HeaderMap, bytes: Bytes) -> Result<Json<Value>, Refusal> {
    let read = body(&bytes)?;
    let fields = Fields::of(&read)?;
    let session = fields.text("session")?.ok_or_else(|| Wrong("session is missing".into()))?;
    let session = openvidu.sessions.find(session).ok_or(Refusal::NOT_FOUND)?;
    let (defaults, refused) = session.with(|state| state.recording_terms()).await.ok_or(Refusal::NOT_FOUND)?;
    if let Some(why) = refused {
        return Err(not_started(why));
    }
    let properties = Properties::read(fields, &defaults).map_err(|refused| match refused {
        Refused::Wrong(wrong) => wrong.into(),
        Refused::Impossible(words) => Refusal::Words(StatusCode::UNPROCESSABLE_ENTITY, words),
    })?;
    let kept = openvidu.recorder.start(&session, properties).await.map_err(not_started)?;
    Ok(Json(kept.view(&access::public_url(&openvidu, &headers))))
}

fn not_started(why: NotStarted) -> Refusal {
    match why {
        NotStarted::Conflict => Refusal::Empty(StatusCode::CONFLICT),
        NotStarted::Empty => Refusal::Empty(StatusCode::NOT_ACCEPTABLE),
        NotStarted::Wrong(words) => Wrong(words).into(),
        NotStarted::Failed(words) => Refusal::Text(StatusCode::INTERNAL_SERVER_ERROR, words),
    }
}

/// `POST /recordings/stop/R`: answers when it is ready.
pub async fn stop(
    State(openvidu): State<OpenVidu>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    let kept = openvidu.recorder.get(&id).await.ok_or(Refusal::NOT_FOUND)?;
    let session = openvidu.sessions.find(&kept.session);
    let kept = openvidu.recorder.stop(&id, session).await.map_err(|why| match why {
        NotStopped::NotFound => Refusal::NOT_FOUND,
        NotStopped::Starting => Refusal::Empty(StatusCode::NOT_ACCEPTABLE),
        NotStopped::NotRecorded => Refusal::Empty(StatusCode::CONFLICT),
        NotStopped::Failed(words) => Refusal::Text(StatusCode::INTERNAL_SERVER_ERROR, words),
    })?;
    Ok(Json(kept.view(&access::public_url(&openvidu, &headers))))
}

/// `GET /recordings/R`
pub async fn get(
    State(openvidu): State<OpenVidu>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    let kept = openvidu.recorder.get(&id).await.ok_or(Refusal::NOT_FOUND)?;
    Ok(Json(kept.view(&access::public_url(&openvidu, &headers))))
}

/// `GET /recordings`: unlike all other lists `count` and `items`.
pub async fn list(State(openvidu): State<OpenVidu>, headers: HeaderMap) -> Json<Value> {
    let url = access::public_url(&openvidu, &headers);
    let items: Vec<Value> = openvidu.recorder.list().await.iter().map(|kept| kept.view(&url)).collect();
    Json(json!({ "count": items.len(), "items": items }))
}

/// `DELETE /recordings/R`
pub async fn delete(State(openvidu): State<OpenVidu>, Path(id): Path<String>) -> Result<StatusCode, Refusal> {
    let kept = openvidu.recorder.get(&id).await.ok_or(Refusal::NOT_FOUND)?;
    if !kept.is_over() {
        return Err(Refusal::Empty(StatusCode::CONFLICT));
    }
    match openvidu.recorder.delete(&kept).await {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Refusal::NOT_FOUND),
    }
}

/// `GET /openvidu/recordings/R/<file>`, with `Range`.
pub async fn file(
    State(openvidu): State<OpenVidu>,
    Path((id, name)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Refusal> {
    let kept = openvidu.recorder.get(&id).await.ok_or(Refusal::NOT_FOUND)?;
    let path = openvidu.recorder.path(&kept, &name).ok_or(Refusal::NOT_FOUND)?;
    let Ok(served) = ServeFile::new(path).oneshot(request).await;
    let mut response = served.into_response();
    let kind = match name.rsplit('.').next() {
        Some("zip") => "application/zip",
        Some("mp4") => "video/mp4",
        Some("webm") => "video/webm",
        Some("jpg") => "image/jpeg",
        _ => "application/octet-stream",
    };
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    Ok(response)
}
