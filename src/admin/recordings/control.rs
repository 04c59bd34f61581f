//! Starting, pausing, stopping, another layout: what is asked of a room that records.

use super::super::Shared;
use super::super::access::Access;
use super::super::error::ApiError;
use super::super::rooms::{self, body_or_default};
use super::{cost, find};
use crate::model::{Layout, Recording, RecordingWish};
use crate::room::{Command, Reply, RoomError, RoomHandle};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;

/// Starts recording a room. Without a body as the room's settings say: usually one file for each feed, present and future.
/// The same wish again returns the recording that runs already.
#[utoipa::path(
    post, path = "/rooms/{id}/recordings", tag = "recordings",
    params(("id" = String, Path, description = "the room")),
    request_body(content = Option<RecordingWish>, content_type = "application/json"),
    responses(
        (status = CREATED, body = Recording), (status = BAD_REQUEST, body = ApiError),
        (status = NOT_FOUND, body = ApiError), (status = INSUFFICIENT_STORAGE, body = ApiError),
        (status = SERVICE_UNAVAILABLE, description = "the machine has no room for a mix", body = ApiError),
        (status = TOO_MANY_REQUESTS, body = ApiError),
    )
)]
pub async fn start(
    access: Access,
    State(shared): State<Shared>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<(StatusCode, Json<Recording>), ApiError> {
    let wish = match body.trim_ascii().is_empty() {
        true => None,
        false => Some(body_or_default::<RecordingWish>(&body)?),
    };
    let room = access.room(&shared, &id)?;
    let view = room.view().await?;
    cost::check(&shared, &view, wish.as_ref().unwrap_or(&view.settings.recording)).await?;
    let reply = room.request(None, Command::StartRecording { wish }).await?;
    Ok((StatusCode::CREATED, Json(recording_in(reply)?)))
}

/// Stops a recording; its files are complete when its state is `ready`.
#[utoipa::path(
    post, path = "/recordings/{id}/stop", tag = "recordings",
    params(("id" = String, Path, description = "the recording")),
    responses((status = OK, body = Recording), (status = NOT_FOUND, body = ApiError))
)]
pub async fn stop(
    access: Access,
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Json<Recording>, ApiError> {
    let (room, recording) = running(&access, &shared, id).await?;
    let reply = room.request(None, Command::StopRecording { recording: recording.id }).await?;
    Ok(Json(recording_in(reply)?))
}

/// Pauses a recording: nothing is written until it is resumed, and the time takes no place in its files.
#[utoipa::path(
    post, path = "/recordings/{id}/pause", tag = "recordings",
    params(("id" = String, Path, description = "the recording")),
    responses(
        (status = OK, body = Recording), (status = NOT_FOUND, body = ApiError),
        (status = CONFLICT, description = "nothing is being written", body = ApiError),
    )
)]
pub async fn pause(
    access: Access,
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Json<Recording>, ApiError> {
    set_paused(access, shared, id, true).await
}

/// Resumes a paused recording, in the same files.
#[utoipa::path(
    post, path = "/recordings/{id}/resume", tag = "recordings",
    params(("id" = String, Path, description = "the recording")),
    responses(
        (status = OK, body = Recording), (status = NOT_FOUND, body = ApiError), (status = CONFLICT, body = ApiError),
    )
)]
pub async fn resume(
    access: Access,
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Json<Recording>, ApiError> {
    set_paused(access, shared, id, false).await
}

/// Another layout.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLayout {
    layout: Layout,
}

/// Changes the layout of a composed recording while it runs.
#[utoipa::path(
    put, path = "/recordings/{id}/layout", tag = "recordings",
    params(("id" = String, Path, description = "the recording")), request_body = NewLayout,
    responses(
        (status = NO_CONTENT), (status = BAD_REQUEST, body = ApiError), (status = NOT_FOUND, body = ApiError),
        (status = CONFLICT, description = "it is not a composed one", body = ApiError),
    )
)]
pub async fn layout(
    access: Access,
    State(shared): State<Shared>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<StatusCode, ApiError> {
    let wish: NewLayout = rooms::body(&body)?;
    shared.rooms.check_layout(&wish.layout).map_err(|words| ApiError::bad_request(format!("layout: {words}")))?;
    let (room, recording) = running(&access, &shared, id).await?;
    room.request(None, Command::SetLayout { recording: recording.id, layout: wish.layout }).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn set_paused(access: Access, shared: Shared, id: String, paused: bool) -> Result<Json<Recording>, ApiError> {
    let (room, recording) = running(&access, &shared, id).await?;
    let reply = room.request(None, Command::PauseRecording { recording: recording.id, paused }).await?;
    Ok(Json(recording_in(reply)?))
}

/// A recording and the room that makes it. A room that is gone took its recordings along.
async fn running(access: &Access, shared: &Shared, id: String) -> Result<(RoomHandle, Recording), ApiError> {
    let recording = find(access, shared, id).await?;
    let room = shared.rooms.find(&recording.room).map_err(|_| RoomError::RecordingNotFound)?;
    Ok((room, recording))
}

fn recording_in(reply: Reply) -> Result<Recording, ApiError> {
    match reply {
        Reply::Recording(recording) => Ok(*recording),
        _ => Err(ApiError::internal("the room did not say which recording it is")),
    }
}
