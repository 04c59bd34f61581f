//! One client's connection: what it says to its member, what its room tells it.
//!
//! Holds what belongs to the socket alone: the room it is in, its places there, and what it may still ask. A socket that goes
//! leaves its room at once.

use super::super::budget::Budget;
use super::super::client::ClientAddress;
use super::super::socket::{ENDED, GOING_AWAY, Gone, Incoming, Socket};
use super::super::sockets::Entry;
use super::entry::{self, Seat};
use super::hall::Hall;
use super::member::{Member, Place, Step};
use super::ortc::router;
use super::refusal::Refusal;
use super::wire::{self, Request, message};
use super::{Desk, names};
use crate::model::{Grants, IceServer, RoomId};
use crate::room::{Command, Event, EventKind, Reply, RoomError, RoomHandle};
use serde_json::{Map, Value, json};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

/// What each message costs besides its bytes: it makes work for others.
const WORK: usize = 1024;
/// Events of a client's further places that may wait.
const BESIDE: usize = 64;
/// The longest name of a room, in bytes.
const ROOM: usize = 256;

/// A client that has been let in.
pub struct Guest {
    /// From where.
    pub client: ClientAddress,
    /// What it may do.
    pub grants: Grants,
    /// STUN and TURN servers that it is told of.
    pub ice: Vec<IceServer>,
}

struct Connection {
    desk: Desk,
    guest: Guest,
    socket: Socket,
    budget: Budget,
    here: Option<Here>,
}

/// What one of its places hears.
type News = (Place, Event);

/// In a room.
struct Here {
    room: RoomHandle,
    /// As the client named it.
    called: String,
    name: String,
    seat: Seat,
    /// Further places: who it is there, or why it could not sit.
    beside: HashMap<Place, Result<Beside, RoomError>>,
    news: (mpsc::Sender<News>, mpsc::Receiver<News>),
    hall: Arc<Hall>,
    member: Member,
    _entry: Entry,
}

struct Beside {
    me: crate::model::ParticipantId,
    _events: AbortOnDropHandle<()>,
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
    let mut connection = Connection { desk, guest, socket, budget, here: None };
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
                news = next_news(&mut self.here) => match news {
                    Some((place, event)) => self.on_event(place, event.kind).await,
                    None => return End::Slow,
                },
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

    async fn on_event(&mut self, place: Place, event: EventKind) -> Result<(), End> {
        let steps = self.here.as_mut().map(|here| here.member.heard(place, event)).unwrap_or_default();
        self.perform(steps).await
    }

    async fn on_incoming(&mut self, incoming: Incoming) -> Result<(), End> {
        let (id, refusal) = match self.understand(incoming) {
            Err(refused) => refused,
            Ok(request) if request.kind == "join-room" => match self.join(&request).await {
                Ok(steps) => return self.perform(steps).await,
                Err(refusal) => (request.id, refusal),
            },
            Ok(request) => match &mut self.here {
                Some(here) => {
                    let steps = here.member.said(&request);
                    return self.perform(steps).await;
                }
                None if request.kind == "get-router-rtp-capabilities" => {
                    let told = json!({ "rtpCapabilities": router::capabilities() });
                    return Ok(self.socket.send(message("router-rtp-capabilities", told, request.id.as_ref())).await?);
                }
                None => (request.id, Refusal::not_in_room()),
            },
        };
        Ok(self.socket.send(message("error", refusal.data(), id.as_ref())).await?)
    }

    fn understand(&mut self, incoming: Incoming) -> Result<Request, (Option<Value>, Refusal)> {
        let none = |words: &str| (None, Refusal::bad_request(words));
        match incoming {
            Incoming::Text(text) => {
                // Before anything is read: what makes no sense is paid for too.
                self.spend(WORK).map_err(|refusal| (None, refusal))?;
                let request = wire::read(&text)?;
                // What is passed on waits in memory until others have read it; a device's capabilities do not.
                let passed = if request.is_passed_on() { text.len() } else { 0 };
                self.spend(passed + request.work()).map_err(|refusal| (request.id.clone(), refusal))?;
                Ok(request)
            }
            Incoming::TooLarge => {
                self.spend(8 * WORK).map_err(|refusal| (None, refusal))?;
                Err(none("the message is longer than the server takes"))
            }
            Incoming::Binary => {
                self.spend(8 * WORK).map_err(|refusal| (None, refusal))?;
                Err(none("the message must be a text frame"))
            }
        }
    }

    fn spend(&mut self, bytes: usize) -> Result<(), Refusal> {
        Ok(self.budget.spend(Instant::now().into_std(), bytes)?)
    }

    async fn join(&mut self, request: &Request) -> Result<Vec<Step>, Refusal> {
        let called = match request.any("roomId") {
            Value::Number(number) => number.to_string(),
            _ => request.text("roomId", ROOM)?.to_owned(),
        };
        let name = names::person(request.text("username", ROOM)?)?;
        if self.here.is_some() {
            return Err(Refusal::bad_request("you are in a room already: leave it first"));
        }
        let (guest, id) = (&self.guest, RoomId::of_name(&called));
        let entered = entry::enter(&self.desk, guest.client, &guest.grants, &id, &name).await;
        let (room, seat, view) = entered.map_err(|error| Refusal::from(&error))?;
        tracing::info!(room.id = %id, participant.id = %seat.me, "joined");
        let hall = self.desk.halls.of(&id);
        let more = Map::from_iter([("iceServers".to_owned(), IceServer::list(&guest.ice))]);
        let (member, mut steps) = Member::begin((&name, &called), request.id.as_ref(), &view, more, &hall.hands());
        let said = hall.said();
        if !said.is_empty() {
            steps.push(Step::Tell(message("chat-history", json!({ "messages": said }), None)));
        }
        let place = (id, seat.me.clone());
        let _entry = self.desk.sockets.enter(place, self.socket.pulse());
        let (beside, news) = (HashMap::new(), mpsc::channel(BESIDE));
        self.here = Some(Here { room, called, name, seat, beside, news, hall, member, _entry });
        Ok(steps)
    }

    /// What it published from further places goes first: nobody is to see a screen without its person.
    async fn leave(&mut self) {
        let Some(here) = self.here.take() else { return };
        tracing::info!(room.name = here.called, "left");
        here.member.forgotten().into_iter().for_each(|note| here.hall.note(note));
        for beside in here.beside.values().flatten() {
            let _gone_already = here.room.request(Some(&beside.me), Command::Leave).await;
        }
        // A stream that has ended is not ours to leave by: another may have the name.
        if !here.seat.events.is_closed() {
            let _gone_already = here.room.request(Some(&here.seat.me), Command::Leave).await;
        }
    }

    async fn perform(&mut self, steps: Vec<Step>) -> Result<(), End> {
        let mut waiting = VecDeque::from(steps);
        while let Some(step) = waiting.pop_front() {
            match step {
                Step::Tell(text) => self.socket.send(text).await?,
                Step::Left => self.leave().await,
                Step::TellPaused(producer) => {
                    if self.here.as_ref().is_some_and(|here| here.hall.is_paused(&producer)) {
                        let told = message("producer-paused", json!({ "producerId": producer }), None);
                        self.socket.send(told).await?;
                    }
                }
                step => {
                    let Some(here) = &mut self.here else { return Ok(()) };
                    // What the room's answer leads to comes before what was to follow.
                    let led = here.carry_out(step, &self.guest.grants).await;
                    led.into_iter().rev().for_each(|step| waiting.push_front(step));
                }
            }
        }
        Ok(())
    }
}

impl Here {
    async fn carry_out(&mut self, step: Step, grants: &Grants) -> Vec<Step> {
        match step {
            Step::Ask(place, why, command) => {
                let answer = self.ask(place, command).await;
                return self.member.answered(place, why, answer);
            }
            Step::Sit(place, label) => self.sit(place, &label, grants).await,
            Step::Rise(place) => self.rise(place).await,
            Step::Note(note) => self.hall.note(note),
            Step::Tell(_) | Step::TellPaused(_) | Step::Left => {}
        }
        Vec::new()
    }

    async fn ask(&self, place: Place, command: Command) -> Result<Reply, RoomError> {
        let who = match (place, self.beside.get(&place)) {
            (0, _) => &self.seat.me,
            (_, Some(Ok(beside))) => &beside.me,
            (_, Some(Err(error))) => return Err(error.clone()),
            (_, None) => return Err(RoomError::NotInRoom),
        };
        self.room.request(Some(who), command).await
    }

    async fn sit(&mut self, place: Place, label: &str, grants: &Grants) {
        let seat = entry::sit_beside(&self.room, &self.name, label, grants).await;
        let beside = seat.map(|Seat { me, mut events }| {
            let news = self.news.0.clone();
            let forwarding = tokio::spawn(async move {
                while let Some(event) = events.recv().await {
                    if news.send((place, event)).await.is_err() {
                        return;
                    }
                }
            });
            Beside { me, _events: AbortOnDropHandle::new(forwarding) }
        });
        self.beside.insert(place, beside);
    }

    async fn rise(&mut self, place: Place) {
        if let Some(Ok(beside)) = self.beside.remove(&place) {
            let _gone_already = self.room.request(Some(&beside.me), Command::Leave).await;
        }
    }
}

/// Waits for ever outside of a room. `None`: the room has ended the stream.
async fn next_news(here: &mut Option<Here>) -> Option<News> {
    match here {
        Some(here) => tokio::select! {
            biased;
            event = here.seat.events.recv() => event.map(|event| (0, event)),
            news = here.news.1.recv() => news,
        },
        None => std::future::pending().await,
    }
}
