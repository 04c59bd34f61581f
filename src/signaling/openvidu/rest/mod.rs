//! REST under `/openvidu/api`, and the aliases of older deployments.

mod cameras;
mod configured;
mod connections;
mod layouts;
mod recordings;
mod refusal;
mod sessions;
mod signal;

use super::{OpenVidu, access};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::response::Html;
use axum::routing::{delete, get, post};

/// No request needs more.
const MAX_BODY_BYTES: usize = 256 * 1024;

/// All routes.
pub fn routes(openvidu: &OpenVidu) -> Router<OpenVidu> {
    let guarded = Router::new()
        .route("/openvidu/api/sessions", post(sessions::create).get(sessions::list))
        .route("/openvidu/api/sessions/{session}", get(sessions::get).delete(sessions::close))
        .route("/openvidu/api/sessions/{session}/connection", post(connections::create).get(connections::list))
        .route("/openvidu/api/sessions/{session}/connection/{id}", get(connections::get).delete(connections::end))
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
}

const ACCEPTED: &str =
    "<!doctype html><title>Certificate accepted</title><p>The certificate is accepted: go back to your application.";
