//! One client's connection: its requests to the room, the room's and the lobby's events to it.
//!
//! Holds what belongs to the socket alone: which room it is in, and that room's stream. A socket that goes without
//! `leave` leaves its membership behind for the grace time; a newer socket of the same client takes it over.

use super::super::Shared;
use super::super::socket::{ENDED, GOING_AWAY, Gone, Incoming, Socket};
use super::news::News;
use super::translate::{self, error, misunderstood, participant, puts_out, refused};
use super::welcome::Welcome;
use super::wire::{self, ClientMessage, ServerMessage, room_value};
use crate::model::{FeedId, Grants, RoomId};
use crate::room::registry::{Joining, Reply};
use crate::room::{ClientKey, Command, Event, EventStream, LobbyEvent, Role, RoomError, RoomHandle, Watched};
use tokio::sync::mpsc;

/// Invitations that may wait for a device, and the one `Replaced`.
const LOBBY_EVENTS: usize = 32;

struct Connection {
    shared: Shared,
    me: ClientKey,
    grants: Grants,
    socket: Socket,
    membership: Option<Membership>,
    /// Rooms it made, while they last.
    made: Vec<RoomHandle>,
    /// What it has asked to be told besides.
    news: Vec<News>,
    welcome: Welcome,
}

struct Membership {
    room: RoomHandle,
    events: EventStream,
}

/// How a connection ends.
enum End {
    /// The socket is gone, or the room no longer serves it: the grace time runs.
    Lost,
    /// A newer socket has all that was this one's.
    Replaced,
    Shutdown,
}

impl From<Gone> for End {
    fn from(_: Gone) -> Self {
        Self::Lost
    }
}

/// From the upgrade to the end.
pub async fn run(shared: Shared, me: ClientKey, welcome: Welcome, grants: Grants, socket: Socket) {
    tracing::info!("connected");
    let (sender, lobby) = mpsc::channel(LOBBY_EVENTS);
    let number = shared.lobby.connect(&me, sender);
    let (membership, made) = (None, Vec::new());
    let news = Vec::new();
    let mut connection =
        Connection { shared: shared.clone(), me: me.clone(), grants, socket, membership, made, news, welcome };
    connection.take_over().await;
    let end = connection.serve(lobby).await;
    connection.end(end).await;
    shared.lobby.disconnect(&me, number);
    tracing::info!("disconnected");
}

impl Connection {
    /// The membership of an older socket, lost or replaced, if the room still holds it.
    async fn take_over(&mut self) {
        let Some(id) = self.shared.lobby.room_of(&self.me) else { return };
        if !self.resume(&id).await {
            self.shared.lobby.left_room(&self.me, &id);
        }
    }

    async fn resume(&mut self, id: &RoomId) -> bool {
        let Ok(room) = self.shared.rooms.find(id) else { return false };
        let me = participant(&self.me);
        let here = room.view().await.is_ok_and(|view| view.participants.iter().any(|p| p.id == me));
        here && self.enter(room).await.is_ok()
    }

    async fn serve(&mut self, mut lobby: mpsc::Receiver<LobbyEvent>) -> End {
        loop {
            let done = tokio::select! {
                biased;
                () = self.shared.closing.cancelled() => return End::Shutdown,
                // The lobby lets go of a connection when a newer one comes.
                event = lobby.recv() => self.on_lobby(event.unwrap_or(LobbyEvent::Replaced)).await,
                event = next_event(&mut self.membership) => self.on_event(event).await,
                () = self.welcome.due() => self.greet().await,
                incoming = self.socket.next() => match incoming {
                    Some(incoming) => self.on_incoming(incoming).await,
                    None => return End::Lost,
                },
            };
            match done {
                Ok(()) => {}
                // The stream ended by the newer socket's join, a moment before we heard of that socket.
                Err(End::Lost) if lobby.is_closed() => return End::Replaced,
                Err(end) => return end,
            }
        }
    }

    async fn greet(&mut self) -> Result<(), End> {
        let message = self.welcome.message();
        Ok(self.send(message).await?)
    }

    async fn end(mut self, end: End) {
        let membership = self.membership.take();
        match end {
            End::Lost => {
                if let Some(Membership { room, events }) = membership {
                    drop(events);
                    room.connection_lost(&participant(&self.me));
                }
            }
            End::Replaced => self.farewell("replaced", "this client has connected again elsewhere", ENDED).await,
            End::Shutdown => self.farewell("shutting_down", "the service is shutting down", GOING_AWAY).await,
        }
    }

    async fn farewell(self, code: &'static str, message: &str, close_code: u16) {
        let _gone = self.send(error(code, message)).await;
        self.socket.close(close_code, code).await;
    }

    async fn on_lobby(&mut self, event: LobbyEvent) -> Result<(), End> {
        match event {
            LobbyEvent::Replaced => Err(End::Replaced),
            // Crossed with a join: the device is busy by now.
            LobbyEvent::Invited { .. } if self.membership.is_some() => Ok(()),
            LobbyEvent::Invited { room, inviter } => {
                Ok(self.send(ServerMessage::StartStreaming { room_id: room_value(&room), inviter }).await?)
            }
        }
    }

    /// `None`: the room has ended the stream, since a newer socket came or since we did not read.
    async fn on_event(&mut self, event: Option<Event>) -> Result<(), End> {
        let Some(event) = event else {
            self.membership = None;
            return Err(End::Lost);
        };
        if puts_out(&self.me, &event) {
            self.membership = None;
            self.shared.lobby.left_room(&self.me, &event.room);
        }
        let asked_for = |message: &ServerMessage| News::of(message).is_none_or(|news| self.news.contains(&news));
        match translate::tell(&self.me, event).filter(asked_for) {
            Some(message) => Ok(self.send(message).await?),
            None => Ok(()),
        }
    }

    async fn on_incoming(&mut self, incoming: Incoming) -> Result<(), End> {
        let message = match incoming {
            Incoming::Text(text) => wire::read(self.me.role, &text),
            Incoming::TooLarge => Err(wire::bad_frame("is longer than the server takes")),
            Incoming::Binary => Err(wire::bad_frame("must be a text frame")),
        };
        let answer = match message {
            Ok(message) => self.carry_out(message).await.unwrap_or_else(|problem| Some(refused(&problem, None))),
            Err(problem) => Some(misunderstood(&problem)),
        };
        match answer {
            Some(answer) => Ok(self.send(answer).await?),
            None => Ok(()),
        }
    }

    async fn carry_out(&mut self, message: ClientMessage) -> Result<Option<ServerMessage>, RoomError> {
        match message {
            ClientMessage::CreateRoom => return self.create_room().map(Some),
            ClientMessage::JoinAsPublisher(room) => return self.join(&room).await.map(Some),
            ClientMessage::InviteDevices(room) => self.invite_devices(&room)?,
            ClientMessage::OfferFromDevice(offer, content) => {
                drop(self.ask(Command::Publish { offer, content }).await?)
            }
            ClientMessage::JoinAsSubscriber(room, feed, own) => {
                self.check_in(&room)?;
                let feed = self.feed_or_mix(feed).await?;
                if own.is_some() {
                    self.ask(Command::NameOwn { feed: own.map(|own| own.0.to_string()) }).await?;
                }
                self.ask(Command::Subscribe { feed }).await?;
            }
            ClientMessage::StartReceiving(answer, feed) => drop(self.ask(Command::Answer { feed, answer }).await?),
            ClientMessage::Ice(side, candidate) => drop(self.ask(Command::Candidate { side, candidate }).await?),
            ClientMessage::Limit(feed, change) => {
                self.ask(Command::Limit { of: Watched::Feed(feed), change }).await?;
            }
            ClientMessage::NotifyMe(news) => {
                self.welcome.wanted(news.contains(&News::Welcome));
                self.news = news;
            }
            ClientMessage::Unpublish => drop(self.ask(Command::Unpublish).await?),
            ClientMessage::Leave => self.leave().await?,
        }
        Ok(None)
    }

    /// A token for one room makes that room. One connection's limit leaves rooms to the others.
    fn create_room(&mut self) -> Result<ServerMessage, RoomError> {
        self.check_control("create rooms")?;
        self.made.retain(|room| !room.is_gone());
        let limit = self.shared.limits.max_rooms_per_connection;
        if self.made.len() >= limit {
            return Err(RoomError::Limit(format!("{limit} rooms of one connection")));
        }
        let room = self.shared.rooms.create(self.grants.room.clone())?;
        if self.made.iter().all(|known| known.id() != room.id()) {
            self.made.push(room.clone());
        }
        Ok(ServerMessage::RoomCreated { room_id: room_value(room.id()) })
    }

    fn invite_devices(&self, id: &RoomId) -> Result<(), RoomError> {
        self.check_control("invite devices")?;
        let room = self.find(id)?;
        let invited = self.shared.lobby.invite(room.id(), &self.me.id);
        tracing::info!(room.id = %id, devices = invited.len(), "devices invited");
        Ok(())
    }

    async fn join(&mut self, id: &RoomId) -> Result<ServerMessage, RoomError> {
        let room = self.find(id)?;
        if self.membership.as_ref().is_some_and(|here| here.room.id() != id) {
            let _closed_already = self.leave().await;
        }
        self.enter(room).await?;
        Ok(ServerMessage::JoinedAsPublisher { room_id: room_value(id) })
    }

    async fn enter(&mut self, room: RoomHandle) -> Result<(), RoomError> {
        let who = Joining {
            id: participant(&self.me),
            name: self.me.id.clone(),
            dialect: "device",
            grants: self.grants.clone(),
            leaves_with_its_feed: self.me.role == Role::Device,
            unique: false,
        };
        let events = room.join(who).await?;
        self.shared.lobby.set_room(&self.me, Some(room.id().clone()));
        self.membership = Some(Membership { room, events });
        Ok(())
    }

    async fn leave(&mut self) -> Result<(), RoomError> {
        let here = self.membership.take().ok_or(RoomError::NotInRoom)?;
        self.shared.lobby.left_room(&self.me, here.room.id());
        here.room.request(Some(&participant(&self.me)), Command::Leave).await.map(drop)
    }

    async fn ask(&self, command: Command) -> Result<Reply, RoomError> {
        let here = self.membership.as_ref().ok_or(RoomError::NotInRoom)?;
        here.room.request(Some(&participant(&self.me)), command).await
    }

    /// The feed, or the room's mix, which is made for who asks.
    async fn feed_or_mix(&self, feed: Option<FeedId>) -> Result<FeedId, RoomError> {
        match feed {
            Some(feed) => Ok(feed),
            None => match self.ask(Command::FindFeed { name: Some("mix".into()) }).await? {
                Reply::Feed(mix) => Ok(mix),
                _ => Err(RoomError::FeedNotFound),
            },
        }
    }

    fn find(&self, id: &RoomId) -> Result<RoomHandle, RoomError> {
        let room = self.shared.rooms.find(id)?;
        match self.grants.allows_room(id) {
            true => Ok(room),
            false => Err(RoomError::Forbidden("the token is for another room".into())),
        }
    }

    fn check_in(&self, id: &RoomId) -> Result<(), RoomError> {
        self.shared.rooms.find(id)?;
        let here = self.membership.as_ref().is_some_and(|here| here.room.id() == id);
        if here { Ok(()) } else { Err(RoomError::NotInRoom) }
    }

    fn check_control(&self, what: &str) -> Result<(), RoomError> {
        if self.grants.control { Ok(()) } else { Err(RoomError::Forbidden(what.into())) }
    }

    async fn send(&self, message: ServerMessage) -> Result<(), Gone> {
        match serde_json::to_string(&message) {
            Ok(text) => self.socket.send(text).await,
            Err(error) => {
                tracing::error!(%error, "a message could not be written");
                Ok(())
            }
        }
    }
}

/// Waits for ever without a room.
async fn next_event(membership: &mut Option<Membership>) -> Option<Event> {
    match membership {
        Some(membership) => membership.events.recv().await,
        None => std::future::pending().await,
    }
}
