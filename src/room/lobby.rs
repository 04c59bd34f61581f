//! Who is connected, in a room or not: presence and invitations.
//!
//! Decides which client a name means and which devices are available; leaves rooms to `registry`.

use crate::model::RoomId;
use serde::Serialize;
use tokio::sync::mpsc;

/// What a client is in the device protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Role {
    /// A console: makes rooms, invites, watches.
    Web,
    /// A device: publishes when invited.
    Device,
}

/// A client: the same key connecting again replaces the older connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct ClientKey {
    /// Its role.
    pub role: Role,
    /// Its identifier, any non-empty text.
    pub id: String,
}

/// What a connection hears from the lobby.
#[derive(Clone, Debug, PartialEq)]
pub enum LobbyEvent {
    /// A newer connection has the same key: close.
    Replaced,
    /// Invited to publish in a room.
    Invited {
        /// Where.
        room: RoomId,
        /// By whom (client id).
        inviter: String,
    },
}

/// A client as the API shows it.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Presence {
    /// Role.
    pub role: Role,
    /// Client id.
    pub id: String,
    /// Whether its socket is up.
    pub connected: bool,
    /// The room it is in.
    pub room: Option<RoomId>,
    /// Connected and in no room.
    pub available: bool,
}

/// The clients that are connected. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Lobby;

impl Lobby {
    /// Registers a connection; an older one with the same key hears `Replaced`. The returned number proves later
    /// calls come from this connection.
    pub fn connect(&self, _key: &ClientKey, _events: mpsc::Sender<LobbyEvent>) -> u64 {
        todo!()
    }
    /// The connection is gone (ignored when it is not the newest).
    pub fn disconnect(&self, _key: &ClientKey, _connection: u64) {
        todo!()
    }
    /// The client is now in this room, or in none.
    pub fn set_room(&self, _key: &ClientKey, _room: Option<RoomId>) {
        todo!()
    }
    /// Invites every available device that has no open invitation to this room; returns whom.
    pub fn invite(&self, _room: &RoomId, _inviter: &str) -> Vec<ClientKey> {
        todo!()
    }
    /// Everybody connected.
    pub fn list(&self) -> Vec<Presence> {
        todo!()
    }
}
