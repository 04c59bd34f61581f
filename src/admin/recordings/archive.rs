//! All files of a recording as one ZIP, made while it is sent: nothing is copied on the disk.

use super::super::Shared;
use super::super::access::Access;
use super::super::error::ApiError;
use super::find;
use crate::model::Recording;
use crate::recordings::archive;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use std::path::PathBuf;
use tokio::io::DuplexStream;
use tokio_util::io::ReaderStream;

/// What may wait for a slow reader, in bytes.
const BUFFER: usize = 256 * 1024;

/// Everything that was recorded, with its manifest, as one ZIP. Stored, not compressed: media does not get smaller.
#[utoipa::path(
    get, path = "/recordings/{id}/archive.zip", tag = "recordings",
    params(("id" = String, Path, description = "the recording")),
    responses((status = OK, content_type = "application/zip"), (status = NOT_FOUND, body = ApiError))
)]
pub async fn archive(
    access: Access,
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let recording = find(&access, &shared, id).await?;
    let folder = shared.recordings.folder(&recording.id);
    let disposition = format!("attachment; filename=\"{}.zip\"", recording.id);
    let (reader, writer) = tokio::io::duplex(BUFFER);
    tokio::spawn(async move {
        // A reader that went away ends it too; a file that cannot be read breaks the transfer off, so nobody takes it for whole.
        if let Err(error) = pack(&recording, folder, writer).await {
            tracing::info!(recording.id = %recording.id, reason = %error, "an archive was not sent whole");
        }
    });
    let headers = [(header::CONTENT_TYPE, "application/zip".to_owned()), (header::CONTENT_DISPOSITION, disposition)];
    Ok((headers, Body::from_stream(ReaderStream::new(reader))).into_response())
}

async fn pack(recording: &Recording, folder: PathBuf, writer: DuplexStream) -> Result<(), archive::Failed> {
    let pictures = recording.thumbnails.iter().flat_map(|made| [&made.poster, &made.sprite]);
    let names = recording.files.iter().map(|file| &file.name).chain(pictures);
    let files = names.map(|name| (format!("{}/{name}", recording.id), folder.join(name))).collect();
    let manifest =
        |_: &[String]| Ok((format!("{}/manifest.json", recording.id), serde_json::to_vec_pretty(recording)?));
    archive::write(writer, files, manifest).await
}
