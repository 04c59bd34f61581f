//! Where players outside the browser find the feeds: what a console needs to write links that work.

use super::Shared;
use super::access::Access;
use axum::Json;
use axum::extract::State;
use serde::Serialize;

/// What is served to players beside HTTP.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Players {
    /// Port of the RTSP server (`rtsp://HOST:PORT/{room}/{feed}`); `null` when it is switched off.
    pub rtsp_port: Option<u16>,
}

/// Where players find the feeds of rooms beside HTTP.
#[utoipa::path(get, path = "/players", tag = "feeds", responses((status = OK, body = Players)))]
pub async fn players(_access: Access, State(shared): State<Shared>) -> Json<Players> {
    Json(Players { rtsp_port: shared.rtsp_port })
}
