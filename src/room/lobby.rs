//! Who is connected, in a room or not: presence and invitations.
//!
//! Decides which client a name means and which devices are available; leaves rooms to `registry`.

use crate::config;
use crate::model::RoomId;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

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
#[derive(Clone, Debug)]
pub struct Lobby(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    invitation_limit: Duration,
    clients: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last_connection: u64,
    clients: BTreeMap<ClientKey, Client>,
}

/// Kept while its socket is up, or it is in a room (its grace time runs).
#[derive(Debug, Default)]
struct Client {
    /// The newest connection: its number, and its way.
    connection: Option<(u64, mpsc::Sender<LobbyEvent>)>,
    room: Option<RoomId>,
    /// Invitations that still stand, with the time they were made.
    invited: Vec<(RoomId, Instant)>,
}

impl Default for Lobby {
    fn default() -> Self {
        Self::new(config::Rooms::default().invitation_limit)
    }
}

impl Lobby {
    /// A lobby without anybody, where an invitation that is not followed lapses after the limit.
    pub fn new(invitation_limit: Duration) -> Self {
        Self(Arc::new(Inner { invitation_limit, clients: Mutex::default() }))
    }

    /// Registers a connection; an older one with the same key hears `Replaced`. The returned number proves later
    /// calls come from this connection.
    pub fn connect(&self, key: &ClientKey, events: mpsc::Sender<LobbyEvent>) -> u64 {
        let mut state = self.state();
        state.last_connection += 1;
        let number = state.last_connection;
        let client = state.clients.entry(key.clone()).or_default();
        client.invited.clear();
        if let Some((_, older)) = client.connection.replace((number, events)) {
            let _gone = older.try_send(LobbyEvent::Replaced);
        }
        number
    }

    /// The connection is gone (ignored when it is not the newest).
    pub fn disconnect(&self, key: &ClientKey, connection: u64) {
        let mut state = self.state();
        let Some(client) = state.clients.get_mut(key) else { return };
        if client.is_newest(connection) {
            client.connection = None;
            state.forget_if_gone(key);
        }
    }

    /// The client is now in this room, or in none.
    pub fn set_room(&self, key: &ClientKey, room: Option<RoomId>) {
        let mut state = self.state();
        let Some(client) = state.clients.get_mut(key) else { return };
        client.invited.clear();
        client.room = room;
        state.forget_if_gone(key);
    }

    /// The room this client was in when it was last seen.
    pub fn room_of(&self, key: &ClientKey) -> Option<RoomId> {
        self.state().clients.get(key)?.room.clone()
    }

    /// The client is no longer in this room; another one it has joined since stays.
    pub fn left_room(&self, key: &ClientKey, room: &RoomId) {
        let mut state = self.state();
        let Some(client) = state.clients.get_mut(key).filter(|client| client.room.as_ref() == Some(room)) else {
            return;
        };
        client.room = None;
        state.forget_if_gone(key);
    }

    /// Invites every available device that has no open invitation to this room; returns whom.
    pub fn invite(&self, room: &RoomId, inviter: &str) -> Vec<ClientKey> {
        let (now, limit) = (Instant::now(), self.0.invitation_limit);
        let mut state = self.state();
        let devices = state.clients.iter_mut().filter(|(key, client)| key.role == Role::Device && client.available());
        let invited = devices.filter_map(|(key, client)| {
            client.invited.retain(|(_, at)| *at + limit > now);
            client.invite(room, inviter, now).then(|| key.clone())
        });
        invited.collect()
    }

    /// Everybody connected, or in a room with its grace time running.
    pub fn list(&self) -> Vec<Presence> {
        let state = self.state();
        let presence = |(key, client): (&ClientKey, &Client)| Presence {
            role: key.role,
            id: key.id.clone(),
            connected: client.connection.is_some(),
            room: client.room.clone(),
            available: client.available(),
        };
        state.clients.iter().map(presence).collect()
    }

    /// Never held across an await; every change is complete when the lock is released.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn forget_if_gone(&mut self, key: &ClientKey) {
        if self.clients.get(key).is_some_and(|client| client.connection.is_none() && client.room.is_none()) {
            self.clients.remove(key);
        }
    }
}

impl Client {
    fn is_newest(&self, connection: u64) -> bool {
        self.connection.as_ref().is_some_and(|(newest, _)| *newest == connection)
    }
    fn available(&self) -> bool {
        self.connection.is_some() && self.room.is_none()
    }
    fn invite(&mut self, room: &RoomId, inviter: &str, now: Instant) -> bool {
        let Some((_, connection)) = &self.connection else { return false };
        if self.invited.iter().any(|(open, _)| open == room) {
            return false;
        }
        let invitation = LobbyEvent::Invited { room: room.clone(), inviter: inviter.into() };
        let told = connection.try_send(invitation).is_ok();
        if told {
            self.invited.push((room.clone(), now));
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(role: Role, id: &str) -> ClientKey {
        ClientKey { role, id: id.into() }
    }
    fn connect(lobby: &Lobby, key: &ClientKey) -> (u64, mpsc::Receiver<LobbyEvent>) {
        let (sender, events) = mpsc::channel(8);
        (lobby.connect(key, sender), events)
    }

    #[tokio::test(start_paused = true)]
    async fn inviting_twice_invites_once_until_it_lapses() {
        let (lobby, device, room) = (Lobby::new(Duration::from_secs(30)), key(Role::Device, "1"), RoomId::new("7"));
        let (_, mut events) = connect(&lobby, &device);
        assert_eq!(lobby.invite(&room, "web").len(), 1);
        assert!(lobby.invite(&room, "web").is_empty());
        assert_eq!(lobby.invite(&RoomId::new("8"), "web"), vec![device.clone()], "another room may invite it");
        tokio::time::advance(Duration::from_secs(31)).await;
        assert_eq!(lobby.invite(&room, "web"), [device]);
        assert_eq!(events.try_recv(), Ok(LobbyEvent::Invited { room, inviter: "web".into() }));
    }

    #[tokio::test]
    async fn only_connected_devices_in_no_room_are_invited() {
        let (lobby, room) = (Lobby::default(), RoomId::new("7"));
        let (busy, gone, web) = (key(Role::Device, "busy"), key(Role::Device, "gone"), key(Role::Web, "web"));
        let _kept = (connect(&lobby, &busy), connect(&lobby, &web));
        let (number, _) = connect(&lobby, &gone);
        lobby.set_room(&busy, Some(room.clone()));
        lobby.disconnect(&gone, number);
        assert!(lobby.invite(&room, "web").is_empty());
        lobby.set_room(&busy, None);
        assert_eq!(lobby.invite(&room, "web"), [busy]);
    }

    #[tokio::test]
    async fn a_newer_connection_replaces_and_the_older_may_not_disconnect_it() {
        let (lobby, web) = (Lobby::default(), key(Role::Web, "1"));
        let (older, mut events) = connect(&lobby, &web);
        let (_newer, _kept) = connect(&lobby, &web);
        assert_eq!(events.try_recv(), Ok(LobbyEvent::Replaced));
        lobby.disconnect(&web, older);
        assert!(lobby.list()[0].connected);
    }

    #[tokio::test]
    async fn a_client_in_grace_is_listed_and_not_available() {
        let (lobby, device, room) = (Lobby::default(), key(Role::Device, "1"), RoomId::new("7"));
        let (number, _events) = connect(&lobby, &device);
        lobby.set_room(&device, Some(room.clone()));
        lobby.disconnect(&device, number);
        let presence = &lobby.list()[0];
        assert_eq!((presence.connected, presence.available), (false, false));
        lobby.left_room(&device, &RoomId::new("8"));
        assert_eq!(lobby.room_of(&device), Some(room.clone()));
        lobby.left_room(&device, &room);
        assert!(lobby.list().is_empty());
    }
}
