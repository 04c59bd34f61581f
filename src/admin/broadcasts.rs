//! Feeds and mixes sent to other servers: list, start, look at, stop.

use super::Shared;
use super::access::Access;
use super::error::ApiError;
use super::rooms;
use crate::media;
use crate::model::{Broadcast, BroadcastWish};
use crate::room::{Command, Reply, RoomError};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;

/// All broadcasts of a room.
#[utoipa::path(
    get, path = "/rooms/{id}/broadcasts", tag = "broadcasts", params(("id" = String, Path, description = "the room")),
    responses((status = OK, body = Vec<Broadcast>), (status = NOT_FOUND, body = ApiError))
)]
pub async fn list(
    access: Access,
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Json<Vec<Broadcast>>, ApiError> {
    let view = access.room(&shared, &id)?.view().await?;
    Ok(Json(view.broadcasts.into_iter().map(|broadcast| fresh(&shared, broadcast)).collect()))
}

/// Sends a feed, or the mix of the room, to another server by RTMP, SRT or plain RTP, until it is stopped.
#[utoipa::path(
    post, path = "/rooms/{id}/broadcasts", tag = "broadcasts", params(("id" = String, Path, description = "the room")),
    request_body(content = BroadcastWish, example = json!({"to": "rtmp://live.example.org/app", "key": "…", "feed": "door"})),
    responses(
        (status = CREATED, body = Broadcast), (status = BAD_REQUEST, body = ApiError),
        (status = NOT_FOUND, description = "no such room or live feed", body = ApiError),
        (status = TOO_MANY_REQUESTS, body = ApiError),
    )
)]
pub async fn start(
    access: Access,
    State(shared): State<Shared>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<(StatusCode, Json<Broadcast>), ApiError> {
    let wish: BroadcastWish = rooms::body(&body)?;
    let layout = wish.layout.as_ref().map_or(Ok(()), |layout| shared.rooms.check_layout(layout));
    layout.map_err(|words| ApiError::bad_request(format!("layout: {words}")))?;
    let wish = wish.normalised();
    media::check_broadcast(&wish).map_err(|words| ApiError::bad_request(format!("to: {words}")))?;
    let room = access.room(&shared, &id)?;
    match room.request(None, Command::StartBroadcast { wish: Box::new(wish) }).await? {
        Reply::Broadcast(broadcast) => Ok((StatusCode::CREATED, Json(*broadcast))),
        _ => Err(ApiError::internal("the room did not say which broadcast it is")),
    }
}

/// One broadcast with its figures.
#[utoipa::path(
    get, path = "/rooms/{id}/broadcasts/{broadcast}", tag = "broadcasts",
    params(("id" = String, Path, description = "the room"), ("broadcast" = String, Path, description = "its number")),
    responses((status = OK, body = Broadcast), (status = NOT_FOUND, body = ApiError))
)]
pub async fn get(
    access: Access,
    State(shared): State<Shared>,
    Path((id, broadcast)): Path<(String, String)>,
) -> Result<Json<Broadcast>, ApiError> {
    let found = find(&access, &shared, &id, &broadcast).await?;
    Ok(Json(fresh(&shared, found)))
}

/// Stops a broadcast.
#[utoipa::path(
    delete, path = "/rooms/{id}/broadcasts/{broadcast}", tag = "broadcasts",
    params(("id" = String, Path, description = "the room"), ("broadcast" = String, Path, description = "its number")),
    responses((status = NO_CONTENT), (status = NOT_FOUND, body = ApiError))
)]
pub async fn stop(
    access: Access,
    State(shared): State<Shared>,
    Path((id, broadcast)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let found = find(&access, &shared, &id, &broadcast).await?;
    let room = access.room(&shared, &id)?;
    room.request(None, Command::StopBroadcast { broadcast: found.id }).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn find(access: &Access, shared: &Shared, id: &str, broadcast: &str) -> Result<Broadcast, ApiError> {
    let view = access.room(shared, id)?.view().await?;
    let found = view.broadcasts.into_iter().find(|running| running.id.0.to_string() == broadcast);
    Ok(found.ok_or(RoomError::BroadcastNotFound)?)
}

/// With the figures of this moment.
fn fresh(shared: &Shared, mut broadcast: Broadcast) -> Broadcast {
    if let Some(status) = shared.engine.broadcast_status(broadcast.id) {
        broadcast.status = status;
    }
    broadcast
}
