//! REST under `/openvidu/api`, and the aliases of older deployments.

mod aliases;
mod cameras;
mod cdr;
mod configured;
mod connections;
mod layouts;
mod recordings;
pub mod refusal;
mod sessions;
mod signal;
mod wish;

pub use aliases::with_aliases;

use super::{OpenVidu, access};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::Html;
use axum::routing::{any, delete, get, post};

/// No request needs more.
const MAX_BODY_BYTES: usize = 256 * 1024;

/// All routes. A method that an address does not know is 405.
pub fn routes(openvidu: &OpenVidu) -> Router<OpenVidu> {
    let guarded = Router::new()
        .route("/openvidu/api/sessions", post(sessions::create).get(sessions::list))
        .route("/openvidu/api/sessions/{session}", get(sessions::get).delete(sessions::close))
        .route("/openvidu/api/sessions/{session}/connection", post(connections::create).get(connections::list))
        .route(
            "/openvidu/api/sessions/{session}/connection/{id}",
            get(connections::get).patch(connections::change).delete(connections::end),
        )
        .route("/openvidu/api/sessions/{session}/stream/{id}", delete(connections::unpublish))
        .route("/openvidu/api/tokens", post(connections::token))
        .route("/openvidu/api/signal", post(signal::send))
        .route("/openvidu/layouts/{*path}", get(layouts::file))
        .merge(recordings::routes(openvidu))
        .route("/openvidu/api/config", get(configured::all))
        .route("/openvidu/api/config/openvidu-version", get(configured::version))
        .route("/openvidu/api/config/openvidu-recording", get(configured::recording))
        .route("/openvidu/api/config/openvidu-recording-path", get(configured::recording_path))
        .route("/openvidu/api/config/openvidu-cdr", get(configured::cdr))
        .route("/openvidu/api/health", get(configured::health))
        .route("/openvidu/cdr", get(cdr::list))
        .route("/openvidu/cdr/{file}", get(cdr::file))
        .route("/openvidu/{*unknown}", any(refusal::unknown))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(from_fn_with_state(openvidu.clone(), access::guard));
    let files = Router::new().route("/openvidu/recordings/{id}/{file}", get(recordings::file));
    let files = match openvidu.settings.recording_public_access {
        true => files,
        false => files.layer(from_fn_with_state(openvidu.clone(), access::guard)),
    };
    guarded
        .merge(files)
        .route("/openvidu/api/config/openvidu-publicurl", get(configured::public_url))
        .route("/openvidu/accept-certificate", get(|| async { Html(ACCEPTED) }))
        .layer(from_fn(refusal::worded))
}

const ACCEPTED: &str =
    "<!doctype html><title>Certificate accepted</title><p>The certificate is accepted: go back to your application.";
