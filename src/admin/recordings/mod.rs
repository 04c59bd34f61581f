//! Recordings: list, look at, delete. `control` starts and stops them, `files` serves what they made.

pub mod archive;
pub mod control;
pub mod files;

use super::Shared;
use super::access::Access;
use super::error::ApiError;
use crate::model::{Recording, RecordingId};
use crate::recordings::Recordings;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;

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
    if !recording.state.is_over() {
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
