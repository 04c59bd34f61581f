//! `GET /api/rooms`: the rooms where a sender or a viewer is, for operators. There is no second map: the rooms are asked.

use super::super::{Shared, guest};
use super::translate::{DIALECTS, name};
use super::wire::Role;
use crate::auth::{AuthError, TokenRole};
use crate::model::RoomId;
use crate::room::RoomView;
use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// One room.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    room_id: RoomId,
    sender: Side,
    viewer: Side,
}

/// One side of it.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Side {
    /// It has joined.
    connected: bool,
    /// Its socket is alive. The two differ for moments only: who loses its socket leaves the room at once.
    online: bool,
}

/// For holders of a web or admin token, and for everybody where no secret is set.
pub async fn list(State(shared): State<Shared>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let token = guest::token(&headers, query.as_deref()).unwrap_or_default();
    let grants = match shared.auth.check(&token, TokenRole::Web) {
        Ok(grants) => grants,
        Err(error @ AuthError::Unauthorized) => return (StatusCode::UNAUTHORIZED, error.to_string()).into_response(),
        Err(error @ AuthError::Forbidden) => return (StatusCode::FORBIDDEN, error.to_string()).into_response(),
    };
    let rooms = shared.rooms.list().await;
    let listed: Vec<_> = rooms.iter().filter(|room| grants.allows_room(&room.id)).filter_map(listed).collect();
    Json(listed).into_response()
}

fn listed(room: &RoomView) -> Option<Listed> {
    let ours = || room.participants.iter().filter(|who| DIALECTS.contains(&who.dialect.as_str()));
    let side = |role: Role| {
        let all = || ours().filter(|who| who.name == name(role));
        Side { connected: all().next().is_some(), online: all().any(|who| who.connected) }
    };
    ours().next()?;
    Some(Listed { room_id: room.id.clone(), sender: side(Role::Sender), viewer: side(Role::Viewer) })
}
