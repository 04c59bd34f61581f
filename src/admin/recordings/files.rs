//! The files of recordings, for players (HTTP Range) and for download.

use super::super::Shared;
use super::super::access::Access;
use super::super::error::ApiError;
use super::{find, not_found, on_disk};
use crate::model::{Kind, Recording};
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tower::ServiceExt;
use tower_http::services::ServeFile;

/// How a file is wanted.
#[derive(Deserialize, utoipa::IntoParams)]
pub struct Wish {
    /// `1`: to be saved instead of played.
    download: Option<String>,
}

/// A recorded file. Understands `Range`, so players can seek; `?download=1` saves it, `?token=…` is for players and
/// links, which cannot send headers.
#[utoipa::path(
    get, path = "/recordings/{id}/files/{name}", tag = "recordings",
    params(
        ("id" = String, Path, description = "the recording"),
        ("name" = String, Path, description = "the file"),
        Wish
    ),
    responses(
        (status = OK, content_type = "video/webm"), (status = PARTIAL_CONTENT, content_type = "video/webm"),
        (status = NOT_FOUND, body = ApiError), (status = RANGE_NOT_SATISFIABLE)
    )
)]
pub async fn file(
    access: Access,
    State(shared): State<Shared>,
    Path((id, name)): Path<(String, String)>,
    Query(wish): Query<Wish>,
    request: Request,
) -> Result<Response, ApiError> {
    let recording = find(&access, &shared, id).await?;
    let (of, file) = (recording.id.clone(), name.clone());
    let path = on_disk(&shared, move |store| store.file(of.as_str(), &file)).await?.ok_or_else(not_found)?;
    let served = ServeFile::new(path).oneshot(request).await;
    let mut response = served.map_err(|e| ApiError::internal(e.to_string()))?.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(&recording, &name)));
    // A file that is still being written grows.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if wish.download.is_some_and(|w| w != "0")
        && let Ok(value) = format!("attachment; filename=\"{}-{name}\"", recording.id).parse()
    {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

/// A file without pictures is `audio/…`, so that a page shows the right player.
fn content_type(recording: &Recording, name: &str) -> &'static str {
    let file = recording.files.iter().find(|file| file.name == name);
    let pictures = file.is_none_or(|file| file.codecs.iter().any(|codec| codec.kind() == Kind::Video));
    match (name.rsplit('.').next(), pictures) {
        (Some("webm"), true) => "video/webm",
        (Some("webm"), false) => "audio/webm",
        (Some("mp4"), true) => "video/mp4",
        (Some("mp4"), false) => "audio/mp4",
        // Poster and sprite.
        (Some("jpg"), _) => "image/jpeg",
        _ => "application/octet-stream",
    }
}
