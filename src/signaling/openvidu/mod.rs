//! The OpenVidu 2 dialect: REST under `/openvidu/api`, JSON-RPC on `WS /openvidu`, events by webhook and CDR.
//!
//! Decides how sessions, connections, tokens and streams look to applications of OpenVidu 2 CE; leaves rooms, media and
//! recordings to the room. `session` is a session's state and task, `sessions` finds them, `rest` and `socket` are the two ways
//! in, `events` the way out, `wire` the JSON, `ids` the names.

mod access;
mod bandwidth;
mod codec;
mod events;
pub mod ids;
mod info;
mod patience;
mod recording;
mod rest;
pub mod session;
mod sessions;
mod socket;
mod wire;

pub use rest::with_aliases;

use super::Shared;
use crate::config;
use axum::Router;
use axum::routing::get;
use events::Events;
use recording::Recorder;
use sessions::Sessions;
use std::sync::Arc;
use tower_http::cors::{Any, CorsLayer};

/// The state of the dialect's routes. Cheap to clone.
#[derive(Clone)]
pub struct OpenVidu {
    shared: Shared,
    settings: Arc<config::OpenVidu>,
    sessions: Sessions,
    recorder: Recorder,
}

impl axum::extract::FromRef<OpenVidu> for Shared {
    fn from_ref(openvidu: &OpenVidu) -> Self {
        openvidu.shared.clone()
    }
}

/// The dialect's routes; none without a secret. Needs a tokio runtime.
pub fn router(shared: Shared) -> Router {
    let settings = shared.openvidu.clone();
    if settings.secret.is_none() {
        return Router::new();
    }
    let events = Events::start(&settings, shared.closing.clone());
    let recorder = Recorder::new(shared.rooms.clone(), shared.recordings.clone(), settings.clone());
    let sessions = Sessions::new(shared.rooms.clone(), events.clone(), recorder.clone(), settings.clone());
    let (closing, all) = (shared.closing.clone(), sessions.clone());
    shared.last.spawn(async move {
        closing.cancelled().await;
        all.end("openviduServerStopped").await;
        events.drain().await;
    });
    let openvidu = OpenVidu { shared, settings, sessions, recorder };
    let sockets = get(socket::connect);
    let routes = rest::routes(&openvidu).route("/openvidu", sockets).route("/openvidu/info", get(info::listen));
    let anybody = CorsLayer::new().allow_origin(Any).allow_headers(Any).allow_methods(Any);
    routes.with_state(openvidu).layer(anybody)
}
