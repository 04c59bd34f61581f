//! One page's connection: what it says to its seat, what its room tells it.
//!
//! Holds what belongs to the socket alone: the seat, and what it may still ask. A socket that goes leaves its seat at once.

use super::super::budget::{Budget, Spent};
use super::super::client::ClientAddress;
use super::super::socket::{ENDED, GOING_AWAY, Gone, Incoming, Socket};
use super::super::sockets::Entry;
use super::Desk;
use super::play::{Play, Step};
use super::seat::{self, Seat};
use super::translate::Refusal;
use super::wire::{self, ClientMessage, Join, ServerMessage};
use crate::model::Grants;
use crate::room::{Command, Event, RoomError};
use tokio::time::Instant;

/// What an offer, a wish for one or a seat costs besides its bytes: they make work for others. And a frame of no use.
const WORK: usize = 8 * 1024;

/// A page that has come in.
pub struct Guest {
    /// From where.
    pub client: ClientAddress,
    /// What it may do.
    pub grants: Grants,
}

struct Connection {
    desk: Desk,
    guest: Guest,
    socket: Socket,
    budget: Budget,
    seated: Option<Seated>,
}

struct Seated {
    seat: Seat,
    entry: Entry,
    play: Play,
}

/// How a connection ends.
enum End {
    Gone,
    Shutdown,
    /// The room no longer serves it, since it did not read: it may come back.
    Slow,
}

impl From<Gone> for End {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

/// From the upgrade to the end.
pub async fn run(desk: Desk, guest: Guest, socket: Socket) {
    tracing::info!("connected");
    let budget = Budget::new(Instant::now().into_std());
    let mut connection = Connection { desk, guest, socket, budget, seated: None };
    let end = connection.serve().await;
    connection.leave().await;
    match end {
        End::Gone => {}
        End::Shutdown => connection.socket.close(GOING_AWAY, "shutting_down").await,
        End::Slow => connection.socket.close(ENDED, "not_reading").await,
    }
    tracing::info!("disconnected");
}

impl Connection {
    /// The room first: what has happened is told before what is said is carried out.
    async fn serve(&mut self) -> End {
        let closing = self.desk.shared.closing.clone();
        loop {
            let done = tokio::select! {
                biased;
                () = closing.cancelled() => return End::Shutdown,
                event = next_event(&mut self.seated) => self.on_event(event).await,
                incoming = self.socket.next() => match incoming {
                    Some(incoming) => self.on_incoming(incoming).await,
                    None => return End::Gone,
                },
            };
            if let Err(end) = done {
                return end;
            }
        }
    }

    /// `None`: the room has ended the stream.
    async fn on_event(&mut self, event: Option<Event>) -> Result<(), End> {
        let Some(event) = event else { return Err(End::Slow) };
        let steps = self.seated.as_mut().map(|seated| seated.play.heard(event.kind)).unwrap_or_default();
        self.perform(steps).await
    }

    async fn on_incoming(&mut self, incoming: Incoming) -> Result<(), End> {
        let steps = match self.understand(incoming) {
            Ok(ClientMessage::Join(join)) => self.join(join).await,
            Ok(message) => self.seated.as_mut().ok_or_else(Refusal::not_joined).and_then(|s| s.play.said(message)),
            Err(refusal) => Err(refusal),
        };
        self.perform(steps.unwrap_or_else(|refusal| vec![Step::Tell(refusal.told())])).await
    }

    fn understand(&mut self, incoming: Incoming) -> Result<ClientMessage, Refusal> {
        let message = match incoming {
            Incoming::Text(text) => {
                self.spend(text.len())?;
                wire::read(&text)?
            }
            Incoming::TooLarge => return self.refuse("is longer than the server takes"),
            Incoming::Binary => return self.refuse("must be a text frame"),
        };
        if !matches!(message, ClientMessage::IceCandidate(_)) {
            self.spend(WORK)?;
        }
        Ok(message)
    }

    /// Before anything is read: what makes no sense is paid for too.
    fn spend(&mut self, bytes: usize) -> Result<(), Spent> {
        self.budget.spend(Instant::now().into_std(), bytes)
    }

    /// A frame whose content was dropped, however long it was.
    fn refuse(&mut self, problem: &str) -> Result<ClientMessage, Refusal> {
        self.spend(WORK)?;
        Err(wire::bad_frame(problem).into())
    }

    /// A socket has one seat: who joins again begins anew, in the same room as well. Who is refused keeps what it had.
    async fn join(&mut self, join: Join) -> Result<Vec<Step>, Refusal> {
        if let Some(Seated { seat, .. }) = self.seated.as_ref().filter(|seated| *seated.seat.room.id() == join.id) {
            seat.may_become(&self.desk, &join).await?;
            // In one room it would be in its own way.
            self.leave().await;
        }
        let (seat, view) = seat::take(&self.desk, self.guest.client, &self.guest.grants, &join).await?;
        self.leave().await;
        tracing::info!(room.id = %seat.room.id(), participant.id = %seat.me, "joined");
        let (play, first) = Play::begin(join.role, join.via, seat.me.clone(), &view);
        let entry = self.desk.sockets.enter((seat.room.id().clone(), seat.me.clone()), self.socket.pulse());
        self.seated = Some(Seated { seat, entry, play });
        let joined = ServerMessage::Joined { role: join.role, room: join.room };
        Ok(std::iter::once(Step::Tell(joined)).chain(first).collect())
    }

    async fn leave(&mut self) {
        if let Some(Seated { seat, entry, .. }) = self.seated.take() {
            // Before the seat is free: the next one's is another.
            drop(entry);
            seat.leave().await;
        }
    }

    async fn perform(&mut self, steps: Vec<Step>) -> Result<(), End> {
        for step in steps {
            match step {
                Step::Tell(message) => self.tell(&message).await?,
                Step::Pass(body) => self.socket.send(body.as_str().to_owned()).await?,
                Step::Ask(command) => self.ask(command).await?,
                Step::Out(words) => {
                    // Nothing is left to leave, and the next one may sit there already.
                    self.seated = None;
                    self.tell(&Refusal::server_error(words).told()).await?;
                }
            }
        }
        Ok(())
    }

    async fn ask(&self, command: Command) -> Result<(), End> {
        let Some(Seated { seat, .. }) = &self.seated else { return Ok(()) };
        match seat.room.request(Some(&seat.me), command.clone()).await {
            Err(error) if !is_moot(&command, &error) => Ok(self.tell(&Refusal::of(&error, seat.role).told()).await?),
            _ => Ok(()),
        }
    }

    async fn tell(&self, message: &ServerMessage) -> Result<(), Gone> {
        match serde_json::to_string(message) {
            Ok(text) => self.socket.send(text).await,
            Err(error) => {
                tracing::error!(%error, "a message could not be written");
                Ok(())
            }
        }
    }
}

/// What it was about has just gone, and the room's word of that is on its way.
fn is_moot(command: &Command, error: &RoomError) -> bool {
    match command {
        Command::Relay { .. } => *error == RoomError::ParticipantNotFound,
        Command::Subscribe { .. } | Command::Unsubscribe { .. } => *error == RoomError::FeedNotFound,
        _ => false,
    }
}

/// Waits for ever without a seat.
async fn next_event(seated: &mut Option<Seated>) -> Option<Event> {
    match seated {
        Some(seated) => seated.seat.events.recv().await,
        None => std::future::pending().await,
    }
}
