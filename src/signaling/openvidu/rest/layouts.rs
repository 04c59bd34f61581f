//! `GET /openvidu/layouts/**`: files of the operator's folder of custom layouts.

use super::super::OpenVidu;
use super::refusal::Refusal;
use axum::extract::{Request, State};
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use tower::ServiceExt;
use tower_http::services::ServeDir;

/// Where they are.
const ROOT: &str = "/openvidu/layouts";

/// One file; no folder is listed, and nothing outside is reached.
pub async fn file(State(openvidu): State<OpenVidu>, mut request: Request) -> Result<Response, Refusal> {
    let folder = openvidu.settings.layouts.as_ref().ok_or(Refusal::NOT_FOUND)?;
    let path = request.uri().path().strip_prefix(ROOT).unwrap_or_default();
    *request.uri_mut() = path.parse::<Uri>().map_err(|_| Refusal::NOT_FOUND)?;
    let Ok(served) = ServeDir::new(folder).oneshot(request).await;
    Ok(served.into_response())
}
