//! `GET /api/config` (and `/config`, which older pages ask): the STUN and TURN servers for a page's `RTCPeerConnection`.

use super::client::{ClientAddress, host};
use super::{Shared, guest};
use crate::auth::TokenRole;
use crate::model::IceServer;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;

/// The routes.
pub fn router(shared: Shared) -> Router {
    Router::new().route("/api/config", get(config)).route("/config", get(config)).with_state(shared)
}

/// An account is for those who may use anything here: guests where they are let in, else holders of a token.
async fn config(
    State(shared): State<Shared>,
    client: ClientAddress,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let token = guest::token(&headers, query.as_deref()).unwrap_or_default();
    let roles = [TokenRole::Web, TokenRole::Device];
    let known = guest::any_open(&shared) || roles.into_iter().any(|role| shared.auth.check(&token, role).is_ok());
    let who = client.household().to_string();
    let servers = shared.handout.servers(host(&headers), known.then_some(who.as_str()));
    let mut response = Json(json!({ "iceServers": IceServer::list(&servers) })).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
