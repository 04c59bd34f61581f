//! Rooms: list, make, look at, close.

use super::Shared;
use super::access::Access;
use super::error::ApiError;
use crate::model::{EndReason, RoomId, RoomSettings};
use crate::room::{Command, RoomView};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;

/// What a new room should be like; an empty body will do.
#[derive(Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRoom {
    /// Its name, `[A-Za-z0-9_-]{1,64}`; without one the server picks a free integer.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "front-door")]
    id: Option<String>,
    /// How it records; a room that exists gets these settings too.
    #[serde(default)]
    settings: Option<RoomSettings>,
}

/// All rooms that the token may enter.
#[utoipa::path(get, path = "/rooms", tag = "rooms", responses((status = OK, body = Vec<RoomView>)))]
pub async fn list(access: Access, State(shared): State<Shared>) -> Json<Vec<RoomView>> {
    let mut rooms = shared.rooms.list().await;
    rooms.retain(|room| access.sees(&room.id));
    Json(rooms)
}

/// Makes a room. A room that exists under the wanted name is returned as it is.
#[utoipa::path(
    post, path = "/rooms", tag = "rooms", request_body(content = Option<NewRoom>, content_type = "application/json"),
    responses(
        (status = CREATED, body = RoomView), (status = OK, description = "it exists already", body = RoomView),
        (status = BAD_REQUEST, body = ApiError), (status = TOO_MANY_REQUESTS, body = ApiError),
    )
)]
pub async fn create(
    access: Access,
    State(shared): State<Shared>,
    body: Bytes,
) -> Result<(StatusCode, Json<RoomView>), ApiError> {
    let wish = body_or_default::<NewRoom>(&body)?;
    wish.settings.as_ref().map_or(Ok(()), |settings| check(&shared, settings))?;
    let wanted = wanted_room(wish.id)?.or_else(|| access.only_room().cloned());
    if let Some(id) = &wanted {
        access.to_room(id)?;
    }
    let exists = wanted.as_ref().is_some_and(|id| shared.rooms.find(id).is_ok());
    let room = shared.rooms.create(wanted)?;
    if let Some(settings) = wish.settings {
        room.request(None, Command::Configure { settings }).await?;
    }
    let status = if exists { StatusCode::OK } else { StatusCode::CREATED };
    Ok((status, Json(room.view().await?)))
}

/// One room.
#[utoipa::path(
    get, path = "/rooms/{id}", tag = "rooms", params(("id" = String, Path, description = "the room")),
    responses((status = OK, body = RoomView), (status = NOT_FOUND, body = ApiError))
)]
pub async fn get(
    access: Access,
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Json<RoomView>, ApiError> {
    Ok(Json(access.room(&shared, &id)?.view().await?))
}

/// Closes a room: everybody is told, recordings are finished.
#[utoipa::path(
    delete, path = "/rooms/{id}", tag = "rooms", params(("id" = String, Path, description = "the room")),
    responses((status = NO_CONTENT), (status = NOT_FOUND, body = ApiError))
)]
pub async fn close(
    access: Access,
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    access.admin_only()?;
    access.room(&shared, &id)?.close(EndReason::Requested).await;
    Ok(StatusCode::NO_CONTENT)
}

/// Changes a room's settings: whether and how it records by itself, and how much of the past it keeps.
#[utoipa::path(
    put, path = "/rooms/{id}/settings", tag = "rooms", params(("id" = String, Path, description = "the room")),
    request_body = RoomSettings,
    responses((status = OK, body = RoomView), (status = BAD_REQUEST, body = ApiError), (status = NOT_FOUND, body = ApiError))
)]
pub async fn settings(
    access: Access,
    State(shared): State<Shared>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<RoomView>, ApiError> {
    let settings = body_or_default::<RoomSettings>(&body)?;
    check(&shared, &settings)?;
    let room = access.room(&shared, &id)?;
    room.request(None, Command::Configure { settings }).await?;
    Ok(Json(room.view().await?))
}

/// A room that records by itself has nobody to tell that its layout does not exist.
fn check(shared: &Shared, settings: &RoomSettings) -> Result<(), ApiError> {
    let layout = shared.rooms.check_layout(&settings.recording.layout);
    layout.map_err(|words| ApiError::bad_request(format!("recording.layout: {words}")))
}

fn wanted_room(id: Option<String>) -> Result<Option<RoomId>, ApiError> {
    let Some(id) = id else { return Ok(None) };
    if !RoomId::is_valid(&id) {
        return Err(ApiError::bad_request("id: a room's name is 1 to 64 of A-Z, a-z, 0-9, _ and -"));
    }
    Ok(Some(RoomId::new(id)))
}

/// A JSON body that may be left out.
pub fn body_or_default<T: Default + serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    if body.trim_ascii().is_empty() {
        return Ok(T::default());
    }
    self::body(body)
}

/// A JSON body.
pub fn body<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|e| ApiError::bad_request(format!("the body is not what is expected: {e}")))
}
