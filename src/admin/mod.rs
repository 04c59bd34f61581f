//! What operators and consoles see over HTTP: the REST API with its description, health, metrics, graphs, pages.
//!
//! Decides how the service's state looks as JSON and who may see it; leaves every change to the room it concerns.

mod access;
mod broadcasts;
mod error;
mod events;
mod feeds;
mod graph;
mod health;
mod hls;
mod ingests;
mod onvif;
mod openapi;
mod pages;
mod people;
mod players;
mod ptz;
mod recordings;
mod rooms;
mod viewing;

pub use health::install_metrics;

use crate::auth::Auth;
use crate::config::GuestDialect;
use crate::media::Engine;
use crate::onvif::Onvif;
use crate::recordings::Recordings;
use crate::room::{Lobby, Rooms};
use axum::extract::{DefaultBodyLimit, FromRef};
use axum::{Router, routing};
use metrics_exporter_prometheus::PrometheusHandle;
use std::sync::Arc;
use std::time::Instant;
use tokio_util::sync::CancellationToken;

/// No request of this API needs more.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// What the handlers share. Cheap to clone.
#[derive(Clone)]
pub struct Shared {
    /// The rooms.
    pub rooms: Rooms,
    /// Who is connected.
    pub lobby: Lobby,
    /// Live figures and graphs.
    pub engine: Arc<dyn Engine>,
    /// Recordings on disk.
    pub recordings: Recordings,
    /// Port of the RTSP server, if it is on.
    pub rtsp_port: Option<u16>,
    /// Dialects that ask for no token although a secret is set.
    pub guests: Vec<GuestDialect>,
    /// Whether a synthetic device was started.
    pub demo: bool,
    /// Checks tokens.
    pub auth: Auth,
    /// Set when the service is shutting down.
    pub closing: CancellationToken,
    /// When the service started.
    pub started: Instant,
    /// All metrics.
    pub metrics: PrometheusHandle,
    /// Cameras on the network.
    pub onvif: Onvif,
}

impl FromRef<Shared> for Auth {
    fn from_ref(shared: &Shared) -> Self {
        shared.auth.clone()
    }
}

/// All routes of this module.
pub fn router(shared: Shared) -> Router {
    let (api, description) = openapi::router().split_for_parts();
    Router::new()
        .merge(api)
        .merge(openapi::viewer(description))
        .merge(pages::router())
        .merge(hls::router())
        .route("/api/{*path}", routing::any(error::no_such_route))
        .method_not_allowed_fallback(error::method_not_allowed)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(shared)
}
