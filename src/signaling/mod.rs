//! Clients' JSON, HTTP and WebSockets live only here; a folder per dialect, one shared socket loop, one shared session.

pub mod device;
pub mod session;
pub mod socket;
pub mod whep;
pub mod whip;

use crate::auth::Auth;
use crate::config;
use crate::model::Secret;
use crate::room::{Lobby, Rooms};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What every dialect works with. Cheap to clone.
#[derive(Clone)]
pub struct Shared {
    /// The rooms.
    pub rooms: Rooms,
    /// Who is connected.
    pub lobby: Lobby,
    /// Who may come in.
    pub auth: Auth,
    /// Limits of signaling.
    pub limits: config::Rooms,
    /// STUN and TURN servers that clients are told of.
    pub ice_servers: Arc<[IceServer]>,
    /// Cancelled when the service shuts down.
    pub closing: CancellationToken,
}

/// A STUN or TURN server for clients.
#[derive(Clone, Debug)]
pub struct IceServer {
    /// `stun:host` or `turn:host?transport=udp` (RFC 7064, RFC 7065).
    pub url: String,
    /// User name and password, for TURN.
    pub account: Option<(String, Secret)>,
}

/// The routes of all dialects. Needs a tokio runtime.
pub fn router(shared: Shared) -> axum::Router {
    let device = device::router(shared.clone());
    device.merge(whip::router(shared.clone())).merge(whep::router(shared))
}
