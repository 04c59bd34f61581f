//! Cameras on the network: found, asked for their streams and pictures, moved.
//!
//! Decides who may ask and what refusals are called. The credentials come with each request and are kept nowhere; which
//! addresses may be reached is the settings' (`[reach]`).

use super::Shared;
use super::access::Access;
use super::error::ApiError;
use super::rooms::body_or_default;
use crate::model::Secret;
use crate::onvif::{Camera, Client, Credentials, Found, OnvifError, Preset, Velocity};
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use std::sync::Arc;

/// A camera, and whom it knows.
#[derive(Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Whom {
    /// Its name or IP address, with a port unless that is 80; or the complete address of its device service.
    #[schema(example = "192.168.1.20")]
    address: String,
    /// A user that it knows; empty: as anybody.
    user: String,
    /// To `user`.
    password: Secret,
}

/// One of a camera's profiles.
#[derive(Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OfProfile {
    /// Its name or IP address, or the address of its device service.
    address: String,
    /// A user that it knows.
    user: String,
    /// To `user`.
    password: Secret,
    /// `token` of the profile.
    profile: String,
}

/// A movement: exactly one of `move`, `stop` and `preset`.
#[derive(Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Movement {
    /// Its name or IP address, or the address of its device service.
    address: String,
    /// A user that it knows.
    user: String,
    /// To `user`.
    password: Secret,
    /// `token` of a profile.
    profile: String,
    /// Move until told to stop, but no longer than 5 s: say it again while a button is held.
    r#move: Option<Velocity>,
    /// Stop all movement.
    stop: bool,
    /// Go to a position that it keeps: its `token`.
    preset: Option<String>,
}

/// Looks for ONVIF cameras on the server's networks. Takes some seconds.
#[utoipa::path(
    post, path = "/onvif/discover", tag = "cameras",
    responses((status = OK, body = Vec<Found>), (status = TOO_MANY_REQUESTS, body = ApiError))
)]
pub async fn discover(_: Access, State(shared): State<Shared>) -> Result<Json<Vec<Found>>, ApiError> {
    let _place = shared.onvif.permit()?;
    Ok(Json(shared.onvif.discover().await))
}

/// What a camera is, and its streams.
#[utoipa::path(
    post, path = "/onvif/profiles", tag = "cameras", request_body = Whom,
    responses(
        (status = OK, body = Camera), (status = BAD_REQUEST, body = ApiError),
        (status = FORBIDDEN, description = "`[reach]` does not allow its address", body = ApiError),
        (status = UNPROCESSABLE_ENTITY, description = "wrong credentials", body = ApiError),
        (status = BAD_GATEWAY, description = "it does not answer, or not as ONVIF", body = ApiError),
    )
)]
pub async fn profiles(_: Access, State(shared): State<Shared>, body: Bytes) -> Result<Json<Camera>, ApiError> {
    let Whom { address, user, password } = body_or_default(&body)?;
    let _place = shared.onvif.permit()?;
    Ok(Json(client(&shared, &address, user, password)?.camera().await?))
}

/// A picture of a camera, now.
#[utoipa::path(
    post, path = "/onvif/snapshot", tag = "cameras", request_body = OfProfile,
    responses(
        (status = OK, content_type = "image/jpeg"), (status = BAD_REQUEST, body = ApiError),
        (status = UNPROCESSABLE_ENTITY, description = "wrong credentials, or it has no pictures", body = ApiError),
        (status = BAD_GATEWAY, description = "it does not answer, or not with a JPEG", body = ApiError),
    )
)]
pub async fn snapshot(_: Access, State(shared): State<Shared>, body: Bytes) -> Result<Response, ApiError> {
    let OfProfile { address, user, password, profile } = body_or_default(&body)?;
    let _place = shared.onvif.permit()?;
    let picture = client(&shared, &address, user, password)?.snapshot(&profile).await?;
    Ok(([(header::CONTENT_TYPE, "image/jpeg"), (header::CACHE_CONTROL, "no-store")], picture).into_response())
}

/// Positions that a camera keeps.
#[utoipa::path(
    post, path = "/onvif/presets", tag = "cameras", request_body = OfProfile,
    responses(
        (status = OK, body = Vec<Preset>),
        (status = UNPROCESSABLE_ENTITY, description = "wrong credentials, or it cannot be moved", body = ApiError),
    )
)]
pub async fn presets(_: Access, State(shared): State<Shared>, body: Bytes) -> Result<Json<Vec<Preset>>, ApiError> {
    let OfProfile { address, user, password, profile } = body_or_default(&body)?;
    let _place = shared.onvif.permit()?;
    Ok(Json(client(&shared, &address, user, password)?.presets(&profile).await?))
}

/// Moves a camera, stops it, or sends it to a position that it keeps.
#[utoipa::path(
    post, path = "/onvif/ptz", tag = "cameras", request_body = Movement,
    responses(
        (status = NO_CONTENT), (status = BAD_REQUEST, body = ApiError),
        (status = UNPROCESSABLE_ENTITY, description = "wrong credentials, or it cannot be moved", body = ApiError),
    )
)]
pub async fn ptz(_: Access, State(shared): State<Shared>, body: Bytes) -> Result<StatusCode, ApiError> {
    let wish: Movement = body_or_default(&body)?;
    let _place = shared.onvif.permit()?;
    let camera = client(&shared, &wish.address, wish.user, wish.password)?;
    match (wish.r#move, wish.stop, wish.preset) {
        (Some(velocity), false, None) => camera.move_by(&wish.profile, velocity).await?,
        (None, true, None) => camera.stop(&wish.profile).await?,
        (None, false, Some(preset)) => camera.goto_preset(&wish.profile, &preset).await?,
        _ => return Err(ApiError::bad_request("give exactly one of move, stop and preset")),
    }
    Ok(StatusCode::NO_CONTENT)
}

fn client(shared: &Shared, address: &str, user: String, password: Secret) -> Result<Arc<Client>, OnvifError> {
    shared.onvif.client(address, Credentials { user, password })
}

impl From<OnvifError> for ApiError {
    fn from(error: OnvifError) -> Self {
        let (status, code) = match &error {
            OnvifError::Invalid(_) => (StatusCode::BAD_REQUEST, "bad_request"),
            OnvifError::Forbidden(_) => (StatusCode::FORBIDDEN, "address_forbidden"),
            // 401 would say that our own token is wrong.
            OnvifError::Credentials(_) => (StatusCode::UNPROCESSABLE_ENTITY, "camera_credentials"),
            OnvifError::Unsupported(_) => (StatusCode::UNPROCESSABLE_ENTITY, "camera_unsupported"),
            OnvifError::Refused { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "camera_refused"),
            OnvifError::Unreachable(_) => (StatusCode::BAD_GATEWAY, "camera_unreachable"),
            OnvifError::Unreadable(_) => (StatusCode::BAD_GATEWAY, "camera_unreadable"),
            OnvifError::Busy => (StatusCode::TOO_MANY_REQUESTS, "limit_reached"),
        };
        Self::new(status, code, error.to_string())
    }
}
