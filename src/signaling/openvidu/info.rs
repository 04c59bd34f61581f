//! `WS /openvidu/info`: the original's dashboard listens there for logs. It stays open and says nothing.

use super::OpenVidu;
use crate::signaling::client::ClientAddress;
use crate::signaling::quota::Kind;
use crate::signaling::socket::{GOING_AWAY, Socket, limited};
use axum::extract::{State, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

/// Upgrades and keeps the socket until either side goes.
pub async fn listen(State(openvidu): State<OpenVidu>, client: ClientAddress, upgrade: WebSocketUpgrade) -> Response {
    let held = match openvidu.shared.quotas.hold(client, Kind::Socket) {
        Ok(held) => held,
        Err(over) => return (StatusCode::TOO_MANY_REQUESTS, over.to_string()).into_response(),
    };
    limited(upgrade, &openvidu.shared.limits).on_upgrade(move |socket| async move {
        let _held = held;
        let mut socket = Socket::start(socket, &openvidu.shared.limits);
        loop {
            tokio::select! {
                biased;
                () = openvidu.shared.closing.cancelled() => return socket.close(GOING_AWAY, "shutting_down").await,
                incoming = socket.next() => if incoming.is_none() { return },
            }
        }
    })
}
