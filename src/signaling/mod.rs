//! Clients' JSON, HTTP and WebSockets live only here; a folder per dialect, one shared socket loop, one shared session.

mod budget;
pub mod call;
pub mod client;
pub mod conference;
pub mod device;
pub mod discovery;
pub mod guest;
mod making;
pub mod openvidu;
pub mod quota;
pub mod ringing;
pub mod sender_viewer;
pub mod session;
pub mod socket;
mod sockets;
pub mod whep;
pub mod whip;

use crate::auth::Auth;
use crate::config;
use crate::recordings::Recordings;
use crate::room::{Lobby, Rooms};
use crate::turn::Handout;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What every dialect works with. Cheap to clone.
#[derive(Clone)]
pub struct Shared {
    /// The rooms.
    pub rooms: Rooms,
    /// Finished recordings.
    pub recordings: Recordings,
    /// Who is connected.
    pub lobby: Lobby,
    /// Who may come in.
    pub auth: Auth,
    /// Limits of signaling.
    pub limits: config::Rooms,
    /// STUN and TURN servers that clients are told of.
    pub handout: Handout,
    /// What one address may have and do.
    pub quotas: quota::Quotas,
    /// Who may come without a token.
    pub guests: Arc<config::Guests>,
    /// The server for OpenVidu 2 applications.
    pub openvidu: Arc<config::OpenVidu>,
    /// Proxies and origins that are trusted.
    pub server: Arc<config::Server>,
    /// Cancelled when the service shuts down.
    pub closing: CancellationToken,
    /// What the service's end waits for, within its limit.
    pub last: TaskTracker,
}

/// The routes of all dialects. Needs a tokio runtime.
pub fn router(shared: Shared) -> axum::Router {
    let sessions = whip::router(shared.clone()).merge(whep::router(shared.clone()));
    let device = device::router(shared.clone());
    // Those of the old dialects: their pages may come from elsewhere.
    let guests = discovery::router(shared.clone()).merge(call::router(shared.clone()));
    let guests = guests.merge(sender_viewer::router(shared.clone())).merge(ringing::router(shared.clone()));
    let guests = guests.merge(conference::router(shared.clone()));
    device.merge(sessions).merge(guests.layer(guest::cors(&shared))).merge(openvidu::router(shared))
}
