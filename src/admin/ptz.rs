//! Moving a camera of a room: as `onvif`, with the credentials that the room knows and nobody is shown.

use super::Shared;
use super::access::Access;
use super::error::ApiError;
use super::onvif::{Step, carry_out};
use super::rooms::body_or_default;
use crate::model::IngestWish;
use crate::onvif::{Client, Credentials, Preset};
use crate::room::{Command, Reply};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use std::sync::Arc;

/// Moves a room's camera, stops it, or sends it to a position that it keeps.
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
    let _place = shared.onvif.permit()?;
    let (camera, profile) = camera(&access, &shared, &id, name).await?;
    carry_out(&camera, &profile, step).await
}

/// Positions that a room's camera keeps.
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
    let _place = shared.onvif.permit()?;
    let (camera, profile) = camera(&access, &shared, &id, name).await?;
    Ok(Json(camera.presets(&profile).await?))
}

/// The camera behind an ingest, and which of its profiles that is.
async fn camera(access: &Access, shared: &Shared, id: &str, name: String) -> Result<(Arc<Client>, String), ApiError> {
    let room = access.room(shared, id)?;
    let IngestWish { onvif, onvif_profile, user, password, .. } =
        match room.request(None, Command::RevealIngest { name }).await? {
            Reply::Source(wish) => *wish,
            _ => return Err(ApiError::internal("the room did not say what the ingest is")),
        };
    if onvif.is_empty() {
        return Err(ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "camera_unsupported",
            "it was not added as an ONVIF camera: add it by \"Find cameras\", or with its device address in `onvif`",
        ));
    }
    Ok((shared.onvif.client(&onvif, Credentials { user, password })?, onvif_profile))
}
