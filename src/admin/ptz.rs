//! Cameras of a room that can be moved: the same as `onvif`'s movements, with the credentials that the room knows.

use super::Shared;
use super::access::Access;
use super::error::ApiError;
use super::onvif::{Step, carry_out};
use super::rooms::body_or_default;
use crate::model::IngestWish;
use crate::onvif::{Client, Credentials, OnvifError, Preset};
use crate::room::RoomError;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use std::sync::Arc;

/// Moves a camera of a room, stops it, or sends it to a position that it keeps.
#[utoipa::path(
    post, path = "/rooms/{id}/ingests/{name}/ptz", tag = "ingests", request_body = Step,
    params(("id" = String, Path, description = "the room"), ("name" = String, Path, description = "the ingest")),
    responses(
        (status = NO_CONTENT), (status = BAD_REQUEST, body = ApiError), (status = NOT_FOUND, body = ApiError),
        (status = UNPROCESSABLE_ENTITY, description = "it cannot be moved", body = ApiError),
    )
)]
pub async fn ptz(
    access: Access,
    State(shared): State<Shared>,
    Path((id, name)): Path<(String, String)>,
    body: Bytes,
) -> Result<StatusCode, ApiError> {
    let step: Step = body_or_default(&body)?;
    let source = source(&access, &shared, &id, &name).await?;
    let _place = shared.onvif.permit()?;
    carry_out(&*camera(&shared, &source)?, &source.onvif_profile, step).await
}

/// Positions that a camera of a room keeps.
#[utoipa::path(
    get, path = "/rooms/{id}/ingests/{name}/presets", tag = "ingests",
    params(("id" = String, Path, description = "the room"), ("name" = String, Path, description = "the ingest")),
    responses(
        (status = OK, body = Vec<Preset>), (status = NOT_FOUND, body = ApiError),
        (status = UNPROCESSABLE_ENTITY, description = "it cannot be moved", body = ApiError),
    )
)]
pub async fn presets(
    access: Access,
    State(shared): State<Shared>,
    Path((id, name)): Path<(String, String)>,
) -> Result<Json<Vec<Preset>>, ApiError> {
    let source = source(&access, &shared, &id, &name).await?;
    let _place = shared.onvif.permit()?;
    Ok(Json(camera(&shared, &source)?.presets(&source.onvif_profile).await?))
}

async fn source(access: &Access, shared: &Shared, room: &str, name: &str) -> Result<IngestWish, ApiError> {
    let view = access.room(shared, room)?.view().await?;
    let found = view.ingests.into_iter().find(|ingest| ingest.name == name);
    Ok(found.ok_or(RoomError::IngestNotFound)?.source)
}

fn camera(shared: &Shared, source: &IngestWish) -> Result<Arc<Client>, OnvifError> {
    if source.onvif.is_empty() {
        return Err(OnvifError::Unsupported("pan, tilt and zoom (its `onvif` is empty)"));
    }
    let IngestWish { user, password, .. } = source.clone();
    shared.onvif.client(&source.onvif, Credentials { user, password })
}
