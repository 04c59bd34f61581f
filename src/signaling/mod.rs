//! Clients' JSON and WebSockets live only here; a folder per dialect, one shared socket loop.

pub mod device;
pub mod socket;

use crate::auth::Auth;
use crate::config;
use crate::room::{Lobby, Rooms};
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
    /// Cancelled when the service shuts down.
    pub closing: CancellationToken,
}

/// The routes of all dialects. Needs a tokio runtime.
pub fn router(shared: Shared) -> axum::Router {
    device::router(shared)
}
