//! The device dialect: `WS /ws/connect/{ROLE}/{client_id}/{token}`. The routes, and who is let in.
//!
//! The contract is the project's protocol page for devices and their consoles; `connection` speaks it.

mod connection;
mod news;
pub mod translate;
mod welcome;
pub mod wire;

use super::Shared;
use super::client::ClientAddress;
use super::socket::{Socket, limited};
use crate::auth::{AuthError, TokenRole};
use crate::model::Grants;
use crate::room::{ClientKey, Event, EventKind, Role};
use axum::extract::{Path, State, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::sync::broadcast::error::RecvError;
use tracing::Instrument;
use welcome::Welcome;

/// Longest client id.
const MAX_CLIENT_ID: usize = 128;

/// The dialect's routes.
pub fn router(shared: Shared) -> axum::Router {
    tokio::spawn(forget_the_departed(shared.clone()));
    axum::Router::new().route("/ws/connect/{role}/{client_id}/{token}", get(connect)).with_state(shared)
}

async fn connect(
    State(shared): State<Shared>,
    Path((role, id, token)): Path<(String, String, String)>,
    from: ClientAddress,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Response {
    let (role, grants) = match admit(&shared, &role, &id, &token) {
        Ok(admitted) => admitted,
        Err((status, words)) => return (status, words).into_response(),
    };
    let host = super::client::host(&headers).map(str::to_owned);
    let welcome = Welcome::new(shared.handout.clone(), host, from);
    let client = ClientKey { role, id };
    let (name, id) = (translate::role_name(role), client.id.as_str());
    let span = tracing::info_span!("connection", dialect = "device", role = name, client.id = id);
    match upgrade {
        Ok(upgrade) => limited(upgrade, &shared.limits).on_upgrade(move |socket| {
            let socket = async move {
                let socket = Socket::start(socket, &shared.limits);
                connection::run(shared, client, welcome, grants, socket).await;
            };
            socket.instrument(span)
        }),
        Err(rejection) => rejection.into_response(),
    }
}

/// Everything that is refused before the upgrade.
fn admit(shared: &Shared, role: &str, id: &str, token: &str) -> Result<(Role, Grants), (StatusCode, String)> {
    let (role, token_role) = match role {
        "WEB" => (Role::Web, TokenRole::Web),
        "DEVICE" => (Role::Device, TokenRole::Device),
        _ => return Err((StatusCode::NOT_FOUND, "the role must be WEB or DEVICE".into())),
    };
    if id.is_empty() || id.len() > MAX_CLIENT_ID {
        return Err((StatusCode::BAD_REQUEST, format!("the client id must have 1 to {MAX_CLIENT_ID} bytes")));
    }
    if shared.closing.is_cancelled() {
        return Err((StatusCode::SERVICE_UNAVAILABLE, "the service is shutting down".into()));
    }
    match shared.auth.check(token, token_role) {
        Ok(grants) => Ok((role, grants)),
        Err(error @ AuthError::Unauthorized) => Err((StatusCode::UNAUTHORIZED, error.to_string())),
        Err(error @ AuthError::Forbidden) => Err((StatusCode::FORBIDDEN, error.to_string())),
    }
}

/// A client whose socket is gone has nobody to say that its grace time ran out: the journal does.
async fn forget_the_departed(shared: Shared) {
    let mut journal = shared.rooms.journal();
    loop {
        let event = tokio::select! {
            event = journal.recv() => event,
            () = shared.closing.cancelled() => return,
        };
        match event {
            Ok(event) => forget(&shared, &event),
            Err(RecvError::Lagged(missed)) => tracing::warn!(missed, "the lobby missed events of rooms"),
            Err(RecvError::Closed) => return,
        }
    }
}

fn forget(shared: &Shared, event: &Event) {
    let EventKind::ParticipantLeft { participant, .. } = &event.kind else { return };
    if let Some(client) = translate::client(participant) {
        shared.lobby.left_room(&client, &event.room);
    }
}
