//! Recordings: start, stop, list, look at, delete. Their files are served by `files`.

use super::Shared;
use super::access::Access;
use super::error::ApiError;
use crate::model::{Recording, RecordingId, RecordingState};
use crate::recordings::Recordings;
use crate::room::{Command, Reply, RoomError};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;

/// Starts recording a room: one file for each feed, present and future.
#[utoipa::path(
    post, path = "/rooms/{id}/recordings", tag = "recordings",
    params(("id" = String, Path, description = "the room")),
    responses(
        (status = CREATED, body = Recording), (status = NOT_FOUND, body = ApiError),
        (status = INSUFFICIENT_STORAGE, body = ApiError),
    )
)]
pub async fn start(
    access: Access,
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<Recording>), ApiError> {
    let reply = access.room(&shared, &id)?.request(None, Command::StartRecording).await?;
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
    let recording = find(&access, &shared, id).await?;
    // A room that is gone took its recordings along: there is no running one.
    let room = shared.rooms.find(&recording.room).map_err(|_| RoomError::RecordingNotFound)?;
    let reply = room.request(None, Command::StopRecording { recording: recording.id }).await?;
    Ok(Json(recording_in(reply)?))
}

/// All recordings of the rooms that the token may enter, newest first.
#[utoipa::path(get, path = "/recordings", tag = "recordings", responses((status = OK, body = Vec<Recording>)))]
pub async fn list(access: Access, State(shared): State<Shared>) -> Result<Json<Vec<Recording>>, ApiError> {
    let mut all = on_disk(&shared, |store| store.list()).await?;
    all.retain(|recording| access.sees(&recording.room));
    Ok(Json(all))
}

/// The recordings of one room, newest first; the room itself may be gone.
#[utoipa::path(
    get, path = "/rooms/{id}/recordings", tag = "recordings",
    params(("id" = String, Path, description = "the room")),
    responses((status = OK, body = Vec<Recording>))
)]
pub async fn of_room(
    access: Access,
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Json<Vec<Recording>>, ApiError> {
    let mut all = on_disk(&shared, |store| store.list()).await?;
    all.retain(|recording| recording.room.as_str() == id && access.sees(&recording.room));
    Ok(Json(all))
}

/// One recording.
#[utoipa::path(
    get, path = "/recordings/{id}", tag = "recordings", params(("id" = String, Path, description = "the recording")),
    responses((status = OK, body = Recording), (status = NOT_FOUND, body = ApiError))
)]
pub async fn get(
    access: Access,
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Json<Recording>, ApiError> {
    Ok(Json(find(&access, &shared, id).await?))
}

/// Deletes a recording that is over, with its files.
#[utoipa::path(
    delete, path = "/recordings/{id}", tag = "recordings",
    params(("id" = String, Path, description = "the recording")),
    responses(
        (status = NO_CONTENT), (status = NOT_FOUND, body = ApiError),
        (status = CONFLICT, description = "it is still running", body = ApiError),
    )
)]
pub async fn delete(
    access: Access,
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let recording = find(&access, &shared, id).await?;
    if matches!(recording.state, RecordingState::Recording | RecordingState::Finishing) {
        return Err(still_running());
    }
    let gone = on_disk(&shared, move |store| store.delete(recording.id.as_str())).await??;
    if gone { Ok(StatusCode::NO_CONTENT) } else { Err(not_found()) }
}

/// A recording that exists and that the token may see.
pub async fn find(access: &Access, shared: &Shared, id: String) -> Result<Recording, ApiError> {
    let id = RecordingId::new(id);
    let found = on_disk(shared, move |store| store.get(id.as_str())).await?;
    let recording = found.ok_or_else(not_found)?;
    access.to_room(&recording.room)?;
    Ok(recording)
}

/// Asks the store off the async threads, since it reads the disk.
pub async fn on_disk<T: Send + 'static>(
    shared: &Shared,
    ask: impl FnOnce(&Recordings) -> T + Send + 'static,
) -> Result<T, ApiError> {
    let store = shared.recordings.clone();
    let asked = tokio::task::spawn_blocking(move || ask(&store)).await;
    asked.map_err(|e| ApiError::internal(format!("reading the recordings failed: {e}")))
}

pub fn not_found() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "recording_not_found", "there is no such recording")
}

fn still_running() -> ApiError {
    ApiError::new(StatusCode::CONFLICT, "recording_running", "the recording is still running: stop it first")
}

fn recording_in(reply: Reply) -> Result<Recording, ApiError> {
    match reply {
        Reply::Recording(recording) => Ok(*recording),
        Reply::Done => Err(ApiError::internal("the room did not say which recording it is")),
    }
}
