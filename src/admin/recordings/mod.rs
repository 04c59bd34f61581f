//! Recordings: list, look at, delete, bring back. `control` starts and stops them, `files`, `clip` and `archive` serve
//! what they made, `cost` says what a mix takes.

pub mod archive;
pub mod clip;
pub mod control;
pub mod cost;
pub mod files;

use super::Shared;
use super::access::Access;
use super::error::ApiError;
use crate::model::{Recording, RecordingState, RoomId};
use crate::recordings::{Filter, Recordings};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::Deserialize;

/// Which recordings are wanted.
#[derive(Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields, default)]
pub struct Wanted {
    /// Of this room.
    room: Option<String>,
    /// In this state.
    #[param(inline)]
    state: Option<RecordingState>,
    /// `true`: those in the bin too.
    deleted: bool,
    /// At most so many.
    limit: Option<u32>,
    /// Without the first so many.
    offset: u32,
}

/// All recordings of the rooms that the token may enter, newest first.
#[utoipa::path(
    get, path = "/recordings", tag = "recordings", params(Wanted), responses((status = OK, body = Vec<Recording>))
)]
pub async fn list(
    access: Access,
    State(shared): State<Shared>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Vec<Recording>>, ApiError> {
    // A console sees its own room: asked for here, so that `limit` counts what it may see.
    let room = access.only_room().cloned().or(wanted.room.as_deref().map(RoomId::new));
    let Wanted { state, deleted, limit, offset, .. } = wanted;
    let filter = Filter { room, state, deleted, limit, offset, ..Filter::default() };
    let mut all = on_disk(&shared, move |store| as_they_grow(store, store.find(&filter))).await?;
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
    let room = RoomId::new(id);
    if !access.sees(&room) {
        return Ok(Json(Vec::new()));
    }
    let filter = Filter { room: Some(room), ..Filter::default() };
    Ok(Json(on_disk(&shared, move |store| as_they_grow(store, store.find(&filter))).await?))
}

/// One recording; in the bin `deleted_at` is set. What is still being written is as large and long as it is now.
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

/// How to delete.
#[derive(Default, Deserialize, utoipa::IntoParams)]
pub struct Deletion {
    /// `1`: at once and for good, instead of into the bin.
    purge: Option<String>,
}

/// Puts a recording that is over into the bin, from where it can be restored for a while (`recording.bin_for`).
#[utoipa::path(
    delete, path = "/recordings/{id}", tag = "recordings",
    params(("id" = String, Path, description = "the recording"), Deletion),
    responses(
        (status = NO_CONTENT), (status = NOT_FOUND, body = ApiError),
        (status = CONFLICT, description = "it is still running", body = ApiError),
    )
)]
pub async fn delete(
    access: Access,
    State(shared): State<Shared>,
    Path(id): Path<String>,
    Query(how): Query<Deletion>,
) -> Result<StatusCode, ApiError> {
    let recording = find(&access, &shared, id).await?;
    if !recording.state.is_over() {
        return Err(still_running());
    }
    let (id, for_good) = (recording.id, how.purge.is_some_and(|purge| purge != "0"));
    let gone = on_disk(&shared, move |store| match for_good {
        true => store.purge(id.as_str()),
        false => store.delete(id.as_str()),
    });
    if gone.await?? { Ok(StatusCode::NO_CONTENT) } else { Err(not_found()) }
}

/// Takes a recording out of the bin.
#[utoipa::path(
    post, path = "/recordings/{id}/restore", tag = "recordings",
    params(("id" = String, Path, description = "the recording")),
    responses((status = OK, body = Recording), (status = NOT_FOUND, description = "it is not in the bin", body = ApiError))
)]
pub async fn restore(
    access: Access,
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Json<Recording>, ApiError> {
    let recording = find(&access, &shared, id.clone()).await?;
    if !on_disk(&shared, move |store| store.restore(recording.id.as_str())).await?? {
        return Err(not_found());
    }
    Ok(Json(find(&access, &shared, id).await?))
}

/// Tries uploads again that were given up, at once.
#[utoipa::path(
    post, path = "/recordings/{id}/upload", tag = "recordings",
    params(("id" = String, Path, description = "the recording")),
    responses((status = OK, body = Recording), (status = NOT_FOUND, body = ApiError))
)]
pub async fn upload(
    access: Access,
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Json<Recording>, ApiError> {
    let recording = find(&access, &shared, id.clone()).await?;
    on_disk(&shared, move |store| store.retry_uploads(Some(recording.id.as_str()))).await??;
    Ok(Json(find(&access, &shared, id).await?))
}

/// A recording that exists and that the token may see.
pub async fn find(access: &Access, shared: &Shared, id: String) -> Result<Recording, ApiError> {
    let found = on_disk(shared, move |store| as_they_grow(store, store.get(&id).into_iter().collect()).pop()).await?;
    let recording = found.ok_or_else(not_found)?;
    access.to_room(&recording.room)?;
    Ok(recording)
}

/// What is being written is as large as the disk says, and as long as the clock says: nobody is asked for it.
fn as_they_grow(store: &Recordings, mut all: Vec<Recording>) -> Vec<Recording> {
    let now = jiff::Timestamp::now();
    for recording in all.iter_mut().filter(|recording| !recording.state.is_over()) {
        let folder = store.folder(&recording.id);
        for file in recording.files.iter_mut().filter(|file| !file.state.is_over()) {
            file.bytes = std::fs::metadata(folder.join(&file.name)).map_or(file.bytes, |found| found.len());
            let begun = file.started_at.unwrap_or(now);
            file.duration_ms = u64::try_from(now.duration_since(begun).as_millis()).unwrap_or(file.duration_ms);
        }
    }
    all
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
