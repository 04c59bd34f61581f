//! Cameras and other sources of a room: list, add, look at, restart, remove.

use super::Shared;
use super::access::Access;
use super::error::ApiError;
use super::rooms;
use crate::model::{Ingest, IngestWish};
use crate::room::{Command, Reply, RoomError, RoomHandle};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;

/// All sources of a room with their health.
#[utoipa::path(
    get, path = "/rooms/{id}/ingests", tag = "ingests", params(("id" = String, Path, description = "the room")),
    responses((status = OK, body = Vec<Ingest>), (status = NOT_FOUND, body = ApiError))
)]
pub async fn list(
    access: Access,
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Json<Vec<Ingest>>, ApiError> {
    let view = access.room(&shared, &id)?.view().await?;
    Ok(Json(view.ingests.into_iter().map(|ingest| fresh(&shared, ingest)).collect()))
}

/// Adds a source to a room, as a participant with a feed. It is opened now, and again whenever it fails.
#[utoipa::path(
    post, path = "/rooms/{id}/ingests", tag = "ingests", params(("id" = String, Path, description = "the room")),
    request_body(content = IngestWish, example = json!({"name": "door", "uri": "rtsp://192.168.1.20/stream1",
        "user": "viewer", "password": "…"})),
    responses(
        (status = CREATED, body = Ingest), (status = BAD_REQUEST, body = ApiError), (status = NOT_FOUND, body = ApiError),
        (status = CONFLICT, description = "the name is taken", body = ApiError),
        (status = TOO_MANY_REQUESTS, body = ApiError),
    )
)]
pub async fn add(
    access: Access,
    State(shared): State<Shared>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<(StatusCode, Json<Ingest>), ApiError> {
    let wish: IngestWish = rooms::body(&body)?;
    let room = access.room(&shared, &id)?;
    match room.request(None, Command::AddIngest { wish: Box::new(wish) }).await? {
        Reply::Ingest(ingest) => Ok((StatusCode::CREATED, Json(*ingest))),
        _ => Err(ApiError::internal("the room did not say which ingest it is")),
    }
}

/// One source with its health.
#[utoipa::path(
    get, path = "/rooms/{id}/ingests/{name}", tag = "ingests",
    params(("id" = String, Path, description = "the room"), ("name" = String, Path, description = "the ingest")),
    responses((status = OK, body = Ingest), (status = NOT_FOUND, body = ApiError))
)]
pub async fn get(
    access: Access,
    State(shared): State<Shared>,
    Path((id, name)): Path<(String, String)>,
) -> Result<Json<Ingest>, ApiError> {
    let room = access.room(&shared, &id)?;
    Ok(Json(fresh(&shared, find(&room, &name).await?)))
}

/// Closes a source and opens it again, at once. Who watches stays connected.
#[utoipa::path(
    post, path = "/rooms/{id}/ingests/{name}/restart", tag = "ingests",
    params(("id" = String, Path, description = "the room"), ("name" = String, Path, description = "the ingest")),
    responses((status = OK, body = Ingest), (status = NOT_FOUND, body = ApiError))
)]
pub async fn restart(
    access: Access,
    State(shared): State<Shared>,
    Path((id, name)): Path<(String, String)>,
) -> Result<Json<Ingest>, ApiError> {
    let room = access.room(&shared, &id)?;
    room.request(None, Command::RestartIngest { name: name.clone() }).await?;
    Ok(Json(fresh(&shared, find(&room, &name).await?)))
}

/// Closes a source and takes it out of the room.
#[utoipa::path(
    delete, path = "/rooms/{id}/ingests/{name}", tag = "ingests",
    params(("id" = String, Path, description = "the room"), ("name" = String, Path, description = "the ingest")),
    responses((status = NO_CONTENT), (status = NOT_FOUND, body = ApiError))
)]
pub async fn remove(
    access: Access,
    State(shared): State<Shared>,
    Path((id, name)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    access.room(&shared, &id)?.request(None, Command::RemoveIngest { name }).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn find(room: &RoomHandle, name: &str) -> Result<Ingest, ApiError> {
    let found = room.view().await?.ingests.into_iter().find(|ingest| ingest.name == name);
    Ok(found.ok_or(RoomError::IngestNotFound)?)
}

/// With the figures of this moment.
fn fresh(shared: &Shared, mut ingest: Ingest) -> Ingest {
    if let Some(status) = shared.engine.ingest_status(ingest.peer) {
        ingest.status = status;
    }
    ingest
}
