//! `GET /api/config` (and `/config`, which older pages ask): the STUN and TURN servers for a page's `RTCPeerConnection`.
//! `POST /api/check`: a room for the connection check, with a token for it.

use super::client::{ClientAddress, host};
use super::{Shared, guest};
use crate::auth::TokenRole;
use crate::model::{IceServer, RoomId};
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use std::time::Duration;

/// A check takes half a minute.
const CHECK: Duration = Duration::from_secs(600);

/// The routes.
pub fn router(shared: Shared) -> Router {
    Router::new()
        .route("/api/config", get(config))
        .route("/config", get(config))
        .route("/api/check", post(check))
        .with_state(shared)
}

async fn config(
    State(shared): State<Shared>,
    client: ClientAddress,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let known = is_known(&shared, &headers, query.as_deref());
    let who = client.household().to_string();
    let servers = shared.handout.servers(host(&headers), known.then_some(who.as_str()));
    fresh(StatusCode::OK, json!({ "iceServers": IceServer::list(&servers) }))
}

/// Who may be told of accounts may also try whether media gets through, in a room that nobody else knows.
async fn check(
    State(shared): State<Shared>,
    client: ClientAddress,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    if !is_known(&shared, &headers, query.as_deref()) {
        return fresh(StatusCode::UNAUTHORIZED, json!({ "message": guest::REFUSED }));
    }
    if let Err(over) = shared.quotas.made(client) {
        return fresh(StatusCode::TOO_MANY_REQUESTS, json!({ "message": over.to_string() }));
    }
    let room = RoomId::new(format!("check-{:032x}", rand::random::<u128>()));
    let token = shared.auth.issue(TokenRole::Guest, Some(room.clone()), CHECK);
    fresh(StatusCode::OK, json!({ "room": room, "token": token }))
}

/// An account is for those who may use anything here: guests where they are let in, else holders of a token.
fn is_known(shared: &Shared, headers: &HeaderMap, query: Option<&str>) -> bool {
    guest::any_open(shared) || guest::held(shared, headers, query).is_some()
}

/// Credentials are in no cache.
fn fresh(status: StatusCode, body: Value) -> Response {
    (status, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}
