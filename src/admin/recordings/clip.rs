//! A part of a recording, running or finished, or of a feed's last seconds, as a playable file: copied, not transcoded.

use super::super::Shared;
use super::super::access::Access;
use super::super::error::ApiError;
use super::{find, not_found, on_disk};
use crate::media::{MediaError, files};
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use std::path::{self, PathBuf};
use std::time::Duration;
use tokio_util::io::ReaderStream;

/// Which part.
#[derive(Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields, default)]
pub struct Part {
    /// Begins here, in seconds: at the keyframe at or before it.
    from: Option<f64>,
    /// Ends here, in seconds; without it at the end.
    to: Option<f64>,
    /// Instead: the last so many seconds.
    last: Option<f64>,
}

/// A part of a recorded file, also while it is being written, as a file that plays by itself.
#[utoipa::path(
    get, path = "/recordings/{id}/files/{name}/clip", tag = "recordings",
    params(
        ("id" = String, Path, description = "the recording"), ("name" = String, Path, description = "the file"), Part
    ),
    responses(
        (status = OK, content_type = "video/webm"), (status = BAD_REQUEST, body = ApiError),
        (status = NOT_FOUND, body = ApiError),
        (status = CONFLICT, description = "there is nothing in this part", body = ApiError),
    )
)]
pub async fn of_file(
    access: Access,
    State(shared): State<Shared>,
    Path((id, name)): Path<(String, String)>,
    Query(part): Query<Part>,
) -> Result<Response, ApiError> {
    part.check()?;
    let recording = find(&access, &shared, id).await?;
    let (of, file) = (recording.id.clone(), name.clone());
    let source = on_disk(&shared, move |store| store.file(of.as_str(), &file)).await?.ok_or_else(not_found)?;
    let out = scratch(&shared, source.extension().and_then(|e| e.to_str()).unwrap_or("webm")).await?;
    let target = out.clone();
    let cut = tokio::task::spawn_blocking(move || {
        let (from, to) = part.window(|| files::duration(&source))?;
        files::clip(&source, from, to, &target).map(|clip| clip.path)
    });
    let made = cut.await.map_err(|e| ApiError::internal(e.to_string()))??;
    serve_once(made, &format!("{}-clip-{name}", recording.id)).await
}

/// The last seconds of a live feed, as far as the room keeps them (`preroll_ms` of its settings).
#[utoipa::path(
    get, path = "/rooms/{id}/feeds/{feed}/clip", tag = "feeds",
    params(
        ("id" = String, Path, description = "the room"), ("feed" = u64, Path, description = "the feed"),
        ("last" = Option<f64>, Query, description = "seconds, 30 when not said")
    ),
    responses(
        (status = OK, content_type = "video/webm"), (status = NOT_FOUND, body = ApiError),
        (status = CONFLICT, description = "nothing is kept of it", body = ApiError),
    )
)]
pub async fn of_feed(
    access: Access,
    State(shared): State<Shared>,
    Path((id, feed)): Path<(String, String)>,
    Query(part): Query<Part>,
) -> Result<Response, ApiError> {
    part.check()?;
    let feed = super::super::feeds::find(&access, &shared, &id, &feed).await?;
    let stem = scratch(&shared, "").await?;
    let last = Duration::from_secs_f64(part.last.unwrap_or(30.0));
    let made = shared.engine.clip(feed, last, stem).await?;
    let extension = made.extension().and_then(|e| e.to_str()).unwrap_or("webm").to_owned();
    serve_once(made, &format!("{id}-{feed}-last.{extension}")).await
}

impl Part {
    /// Seconds are not negative and not endless.
    fn check(&self) -> Result<(), ApiError> {
        for (name, value) in [("from", self.from), ("to", self.to), ("last", self.last)] {
            if value.is_some_and(|seconds| !(0.0..=1e7).contains(&seconds)) {
                return Err(ApiError::bad_request(format!("{name}: seconds from 0 on")));
            }
        }
        let wrong = self.last.is_some() && (self.from.is_some() || self.to.is_some());
        if wrong { Err(ApiError::bad_request("either `last`, or `from` and `to`")) } else { Ok(()) }
    }

    fn window(
        &self,
        length: impl FnOnce() -> Result<Duration, MediaError>,
    ) -> Result<(Duration, Duration), MediaError> {
        let seconds = Duration::from_secs_f64;
        if let Some(last) = self.last {
            let end = length()?;
            return Ok((end.saturating_sub(seconds(last)), end));
        }
        Ok((self.from.map_or(Duration::ZERO, seconds), self.to.map_or(Duration::MAX, seconds)))
    }
}

/// A path of its own below the recordings' folder, where the space is.
async fn scratch(shared: &Shared, extension: &str) -> Result<PathBuf, ApiError> {
    let folder = shared.recordings.dir().join(".clips");
    let made = tokio::fs::create_dir_all(&folder).await;
    made.map_err(|e| ApiError::internal(format!("a clip cannot be written: {e}")))?;
    Ok(folder.join(format!("{:016x}", rand::random::<u64>())).with_extension(extension))
}

/// Sends a file and forgets it: its name is removed at once, its bytes with the last reader.
async fn serve_once(made: PathBuf, name: &str) -> Result<Response, ApiError> {
    let gone = |e: std::io::Error| ApiError::internal(format!("the clip is gone: {e}"));
    let file = tokio::fs::File::open(&made).await.map_err(gone)?;
    let length = file.metadata().await.map_err(gone)?.len();
    let _ = tokio::fs::remove_file(&made).await;
    let headers = [
        (header::CONTENT_TYPE, content_type(&made).to_owned()),
        (header::CONTENT_LENGTH, length.to_string()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
        (header::CACHE_CONTROL, "private, no-store".into()),
    ];
    Ok((headers, Body::from_stream(ReaderStream::new(file))).into_response())
}

fn content_type(path: &path::Path) -> &'static str {
    if path.extension().is_some_and(|extension| extension == "mp4") { "video/mp4" } else { "video/webm" }
}

impl From<MediaError> for ApiError {
    fn from(error: MediaError) -> Self {
        let (status, code) = match &error {
            MediaError::NotReady(_) => (StatusCode::CONFLICT, "not_ready"),
            MediaError::Transient(_) => (StatusCode::SERVICE_UNAVAILABLE, "try_again"),
            MediaError::BadSdp(_) | MediaError::NoCommonCodec(_) => (StatusCode::BAD_REQUEST, "bad_request"),
            MediaError::Fatal(_) => (StatusCode::UNPROCESSABLE_ENTITY, "not_possible"),
        };
        Self::new(status, code, error.to_string())
    }
}
