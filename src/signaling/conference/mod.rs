//! The conference dialect: `WS /ws/conference`, rooms with names, chat, a mesh relay, and transports in mediasoup's shapes for
//! `mediasoup-client`. The routes, and who is let in.
//!
//! The contract is the project's protocol page (docs/CONFERENCE.md for people). `connection` speaks it, `member` is one client
//! in its room (pure), `ortc` mediasoup's parameters, `hall` what a room's clients share beside the room.

mod connection;
mod entry;
mod hall;
pub mod member;
mod names;
pub mod ortc;
mod refusal;
pub mod wire;

use super::client::{ClientAddress, host};
use super::quota::{Held, Kind};
use super::socket::{Socket, limited};
use super::sockets::Sockets;
use super::{Shared, guest};
use crate::config::{self, GuestDialect};
use axum::Router;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{FromRef, RawQuery, State, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use connection::Guest;
use hall::Halls;
use std::time::Duration;
use tracing::Instrument;

/// Ping interval, if `rooms.heartbeat` is longer: a silent peer is gone after three.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// The dialect's routes.
pub fn router(shared: Shared) -> Router {
    let desk = Desk { shared, sockets: Sockets::default(), halls: Halls::default() };
    Router::new().route("/ws/conference", get(connect)).with_state(desk)
}

/// What a connection works with. Cheap to clone.
#[derive(Clone)]
struct Desk {
    shared: Shared,
    sockets: Sockets,
    halls: Halls,
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
    let span = tracing::info_span!("connection", dialect = "conference");
    match upgrade {
        Ok(upgrade) => limited(upgrade, &desk.shared.limits).on_upgrade(move |socket| {
            let socket = async move {
                let limits = &desk.shared.limits;
                let hasty = config::Rooms { heartbeat: limits.heartbeat.min(HEARTBEAT), ..limits.clone() };
                let socket = Socket::start(socket, &hasty);
                connection::run(desk, guest, socket).await;
                drop(held);
            };
            socket.instrument(span)
        }),
        Err(rejection) => rejection.into_response(),
    }
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
    let grants = guest::admit(shared, GuestDialect::Conference, headers, query)
        .map_err(|_| (StatusCode::UNAUTHORIZED, guest::REFUSED.into()))?;
    let held = shared.quotas.hold(client, Kind::Socket);
    let held = held.map_err(|over| (StatusCode::TOO_MANY_REQUESTS, over.to_string()))?;
    let ice = shared.handout.servers(host(headers), Some(&client.household().to_string()));
    Ok((Guest { client, grants, ice }, held))
}
