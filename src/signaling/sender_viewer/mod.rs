//! The sender/viewer dialect: `WS /ws`, one camera and one viewer in a room, or through the server many viewers. The
//! routes, and who is let in.
//!
//! The contract is the project's protocol page; `connection` speaks it.

mod connection;
pub mod play;
mod rooms;
mod seat;
#[cfg(test)]
mod tests;
pub mod translate;
pub mod wire;

use super::client::ClientAddress;
use super::quota::{Held, Kind};
use super::socket::{Socket, limited};
use super::sockets::Sockets;
use super::{Shared, guest};
use crate::config::{self, GuestDialect};
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{FromRef, RawQuery, State, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use connection::Guest;
use std::time::Duration;
use tracing::Instrument;

/// Ping interval, if `rooms.heartbeat` is longer: a silent peer is gone after three.
const HEARTBEAT: Duration = Duration::from_secs(4);

/// The dialect's routes.
pub fn router(shared: Shared) -> axum::Router {
    axum::Router::new().route("/ws", get(connect)).route("/api/rooms", get(rooms::list)).with_state(Desk::new(shared))
}

/// What a connection works with. Cheap to clone.
#[derive(Clone)]
struct Desk {
    shared: Shared,
    sockets: Sockets,
}

impl Desk {
    fn new(shared: Shared) -> Self {
        Self { shared, sockets: Sockets::default() }
    }
}

impl FromRef<Desk> for Shared {
    fn from_ref(desk: &Desk) -> Self {
        desk.shared.clone()
    }
}

async fn connect(
    State(desk): State<Desk>,
    client: ClientAddress,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let (guest, held) = match admit(&desk.shared, client, &headers, query.as_deref()) {
        Ok(guest) => guest,
        Err((status, words)) => return (status, words).into_response(),
    };
    let span = tracing::info_span!("connection", dialect = "sender-viewer");
    match upgrade {
        Ok(upgrade) => limited(upgrade, &desk.shared.limits).on_upgrade(move |socket| {
            let socket = async move {
                let socket = Socket::start(socket, &hasty(&desk.shared.limits));
                connection::run(desk, guest, socket).await;
                drop(held);
            };
            socket.instrument(span)
        }),
        Err(rejection) => rejection.into_response(),
    }
}

/// A seat is held by one: whoever died unseen is to be found before the pages of old, which try for 15 s, give up.
fn hasty(limits: &config::Rooms) -> config::Rooms {
    config::Rooms { heartbeat: limits.heartbeat.min(HEARTBEAT), ..limits.clone() }
}

/// Everything that is refused before the upgrade.
fn admit(
    shared: &Shared,
    client: ClientAddress,
    headers: &HeaderMap,
    query: Option<&str>,
) -> Result<(Guest, Held), (StatusCode, String)> {
    if shared.closing.is_cancelled() {
        return Err((StatusCode::SERVICE_UNAVAILABLE, "the service is shutting down".into()));
    }
    let grants = guest::admit(shared, GuestDialect::SenderViewer, headers, query)
        .map_err(|_| (StatusCode::UNAUTHORIZED, guest::REFUSED.into()))?;
    let held = shared.quotas.hold(client, Kind::Socket);
    let held = held.map_err(|over| (StatusCode::TOO_MANY_REQUESTS, over.to_string()))?;
    Ok((Guest { client, grants }, held))
}
