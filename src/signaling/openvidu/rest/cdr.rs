//! `GET /openvidu/cdr`: the files of the call detail record, and one of them.

use super::super::OpenVidu;
use super::super::events::cdr::is_record;
use super::refusal::Refusal;
use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use tower::ServiceExt;
use tower_http::services::ServeFile;

/// Their names, oldest first. None where no record is kept.
pub async fn list(State(openvidu): State<OpenVidu>) -> Result<Json<Vec<String>>, Refusal> {
    let folder = openvidu.settings.cdr.clone().ok_or(Refusal::NOT_FOUND)?;
    let mut entries = tokio::fs::read_dir(folder).await.map_err(|_| Refusal::NOT_FOUND)?;
    let mut names = Vec::new();
    while let Ok(Some(entry)) = entries.next_entry().await {
        names.extend(entry.file_name().into_string().ok().filter(|name| is_record(name)));
    }
    names.sort();
    Ok(Json(names))
}

/// One of them. Only names that the record itself gives lead to a file.
pub async fn file(
    State(openvidu): State<OpenVidu>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let folder = openvidu.settings.cdr.clone().filter(|_| is_record(&name)).ok_or(Refusal::NOT_FOUND)?;
    let Ok(served) = ServeFile::new(folder.join(name)).oneshot(request).await;
    let mut response = served.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    Ok(response)
}
