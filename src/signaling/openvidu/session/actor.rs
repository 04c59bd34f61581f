//! A session's task: carries the effects of its state out, and keeps the sockets of its connections.
//!
//! Decides nothing but time: a socket that is lost may be resumed within ten seconds. What is sent to sockets, and kept for
//! those that are lost, is `links`' to bound. The room is asked and answers at once; what takes longer comes as an event.

mod camera;

pub use super::links::{Bound, Out};
use super::links::{Links, Sent};
use super::state::{Effect, Input, Join};
use super::{Millis, State, participant, taping};
use crate::model::RoomId;
use crate::room::registry::{EventStream, Joining};
use crate::room::{Command, EventKind, RoomError, RoomHandle, Rooms};
use crate::signaling::openvidu::events::Events;
use crate::signaling::openvidu::recording::Recorder;
use crate::signaling::openvidu::wire::frame::{Refusal, Request};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// What may wait for a session.
const MAILBOX: usize = 512;
/// A lost socket may come back within this.
const RESUME_LIMIT: Duration = Duration::from_secs(10);
pub(super) enum Envelope {
    Join(Join, oneshot::Sender<Result<Bound, Refusal>>),
    Resume(String, oneshot::Sender<Option<Bound>>),
    /// Answered with whether the connection is here.
    Request(String, Request, oneshot::Sender<bool>),
    SocketGone(String, u64),
    GraceOver(String, u64),
    Event(String, EventKind),
    Rest(Box<dyn FnOnce(&mut State) + Send>),
}

/// The way to a session. Cheap to clone.
#[derive(Clone)]
pub struct Handle {
    mailbox: mpsc::Sender<Envelope>,
    ending: Arc<AtomicBool>,
}

impl Handle {
    /// Whether it takes nobody any more.
    pub fn is_closing(&self) -> bool {
        self.ending.load(SeqCst) || self.mailbox.is_closed()
    }
    /// When it is gone.
    pub async fn ended(&self) {
        self.mailbox.closed().await;
    }
    /// A page joins; `Err`: why not, `None`: the session is gone.
    pub async fn join(&self, join: Join) -> Option<Result<Bound, Refusal>> {
        self.call(|answer| Envelope::Join(join, answer)).await
    }
    /// A page comes back.
    pub async fn resume(&self, rpc: String) -> Option<Bound> {
        self.call(|answer| Envelope::Resume(rpc, answer)).await.flatten()
    }
    /// A page asks; whether its connection is here. A page has one request at a time in the mailbox, so that one which
    /// asks without end holds up no other.
    pub async fn request(&self, connection: &str, request: Request) -> bool {
        let connection = connection.to_owned();
        self.call(|taken| Envelope::Request(connection, request, taken)).await == Some(true)
    }
    /// A socket is gone.
    pub async fn socket_gone(&self, connection: &str, number: u64) {
        let _over = self.mailbox.send(Envelope::SocketGone(connection.to_owned(), number)).await;
    }
    /// The application reads or changes it; `None`: it is gone.
    pub async fn with<T: Send + 'static>(&self, work: impl FnOnce(&mut State) -> T + Send + 'static) -> Option<T> {
        self.call(|answer| {
            Envelope::Rest(Box::new(move |state| {
                let _gone = answer.send(work(state));
            }))
        })
        .await
    }

    async fn call<T>(&self, envelope: impl FnOnce(oneshot::Sender<T>) -> Envelope) -> Option<T> {
        let (sender, answer) = oneshot::channel();
        self.mailbox.send(envelope(sender)).await.ok()?;
        answer.await.ok()
    }
}

/// The task.
pub struct Actor {
    pub(super) state: State,
    rooms: Rooms,
    room_id: RoomId,
    pub(super) room: Option<RoomHandle>,
    /// What everybody in the room hears comes in besides.
    watched: bool,
    events: Events,
    pub(super) recorder: Recorder,
    unused: Option<Duration>,
    links: Links,
    inbox: mpsc::Receiver<Envelope>,
    mailbox: mpsc::WeakSender<Envelope>,
    ending: Arc<AtomicBool>,
}

/// The time now.
pub fn now() -> Millis {
    jiff::Timestamp::now().as_millisecond()
}

impl Actor {
    /// Of this state, which joins this room with its first participant.
    pub fn new(
        state: State,
        (rooms, room_id): (Rooms, RoomId),
        (events, recorder): (Events, Recorder),
        unused: Option<Duration>,
    ) -> (Self, Handle) {
        let (sender, inbox) = mpsc::channel(MAILBOX);
        let ending = Arc::new(AtomicBool::new(false));
        let handle = Handle { mailbox: sender.clone(), ending: ending.clone() };
        let (room, watched, links, mailbox) = (None, false, Links::default(), sender.downgrade());
        let actor =
            Self { state, rooms, room_id, room, watched, events, recorder, unused, links, inbox, mailbox, ending };
        (actor, handle)
    }

    /// Until the session is over.
    pub async fn run(mut self) {
        let created = self.state.settle();
        self.carry_out(created).await;
        let unused = tokio::time::sleep(self.unused.unwrap_or_default());
        tokio::pin!(unused);
        while !self.state.is_over() {
            tokio::select! {
                Some(envelope) = self.inbox.recv() => self.take(envelope).await,
                () = taping::until(self.state.due()) => {
                    self.state.at(now()).tick();
                    let effects = self.state.settle();
                    self.carry_out(effects).await;
                }
                () = &mut unused, if self.unused.is_some() && !self.state.was_active() => return,
            }
        }
    }

    async fn take(&mut self, envelope: Envelope) {
        match envelope {
            Envelope::Join(join, answer) => {
                let bound = self.join(join).await;
                let _gone = answer.send(bound);
            }
            Envelope::Resume(rpc, answer) => {
                let bound = self.resume(&rpc);
                let _gone = answer.send(bound);
            }
            Envelope::Request(connection, request, taken) => {
                let here = self.state.is_here(&connection);
                self.apply(Input::Request(connection, request)).await;
                let _gone = taken.send(here);
            }
            Envelope::Event(connection, event) => self.apply(Input::Event(connection, event)).await,
            Envelope::SocketGone(connection, number) => self.lose(&connection, Some(number)),
            Envelope::GraceOver(connection, number) => {
                if self.links.is_lost(&connection, number) {
                    self.apply(Input::Lost(connection)).await;
                }
            }
            Envelope::Rest(work) => {
                work(self.state.at(now()));
                let effects = self.state.settle();
                self.carry_out(effects).await;
            }
        }
    }

    async fn join(&mut self, join: Join) -> Result<Bound, Refusal> {
        let connection = self.state.joinable(&join.token).ok_or_else(State::refused_token)?.to_owned();
        self.enter(&connection).await.map_err(|error| super::media::refusal(&error))?;
        let bound = self.links.bind(&connection);
        self.apply(Input::Join(join)).await;
        Ok(bound)
    }

    /// Into the room, which is made for the first.
    async fn enter(&mut self, connection: &str) -> Result<(), RoomError> {
        let room = self.room()?;
        let who = Joining {
            id: participant(connection),
            name: self.state.name_of(connection),
            dialect: "openvidu",
            grants: self.state.grants(connection),
            leaves_with_its_feed: false,
            unique: false,
        };
        let events = room.join(who).await?;
        self.hear(connection, events);
        Ok(())
    }

    /// The room, made for the first who needs it.
    fn room(&mut self) -> Result<RoomHandle, RoomError> {
        let room = match self.room.take().filter(|room| !room.is_gone()) {
            Some(room) => room,
            None => {
                self.watched = false;
                self.rooms.create(Some(self.room_id.clone()))?
            }
        };
        self.room = Some(room.clone());
        Ok(room)
    }

    /// What the room tells a connection comes in by the mailbox.
    fn hear(&self, connection: &str, mut events: EventStream) {
        let (mailbox, connection) = (self.mailbox.clone(), connection.to_owned());
        tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                let Some(mailbox) = mailbox.upgrade() else { return };
                if mailbox.send(Envelope::Event(connection.clone(), event.kind)).await.is_err() {
                    return;
                }
            }
        });
    }

    /// What was to be sent meanwhile follows the answer, which the socket writes first.
    fn resume(&mut self, rpc: &str) -> Option<Bound> {
        let connection = self.state.resumed_by(rpc)?.to_owned();
        self.links.resume(&connection)
    }

    /// The socket is gone: it may come back, for a while. `number`: only if it is still this one.
    fn lose(&mut self, connection: &str, number: Option<u64>) {
        let Some(number) = self.links.lose(connection, number) else { return };
        let (mailbox, connection) = (self.mailbox.clone(), connection.to_owned());
        tokio::spawn(async move {
            tokio::time::sleep(RESUME_LIMIT).await;
            if let Some(mailbox) = mailbox.upgrade() {
                let _over = mailbox.send(Envelope::GraceOver(connection, number)).await;
            }
        });
    }

    async fn apply(&mut self, input: Input) {
        let effects = self.state.apply(now(), input);
        self.carry_out(effects).await;
    }

    async fn carry_out(&mut self, effects: Vec<Effect>) {
        self.ending.store(self.state.is_ending(), SeqCst);
        let mut waiting = VecDeque::from(effects);
        while let Some(effect) = waiting.pop_front() {
            match effect {
                Effect::Send(to, frame) => self.send(&to, frame),
                Effect::Ask(who, why, command) => {
                    let asked = self.ask(&who, command).await;
                    waiting.extend(self.state.apply(now(), Input::Asked(who, why, asked)));
                }
                Effect::Regrant(who) => self.regrant(&who).await,
                Effect::Open(who, wish) => {
                    let opened = self.open(*wish).await;
                    waiting.extend(self.state.apply(now(), Input::Opened(who, opened)));
                }
                Effect::Shut(camera) => self.shut(camera).await,
                Effect::Dismiss(who) => self.dismiss(&who).await,
                Effect::Tell(happening) => self.events.tell(happening),
                Effect::Record => self.record(),
                Effect::RecordFeed(id, recording, stream) => self.record_feed(id, recording, stream).await,
                Effect::StopRecording(id) => self.stop_recording(id),
                Effect::Over => {}
            }
        }
    }

    /// The way to itself; `None`: nobody has one any more.
    pub(super) fn handle(&self) -> Option<Handle> {
        self.mailbox.upgrade().map(|mailbox| Handle { mailbox, ending: self.ending.clone() })
    }

    async fn ask(&self, who: &str, command: Command) -> Result<(), RoomError> {
        let room = self.room.as_ref().ok_or(RoomError::RoomNotFound)?;
        room.request(Some(&participant(who)), command).await.map(drop)
    }

    async fn regrant(&self, who: &str) {
        let Some(room) = &self.room else { return };
        let change = Command::Regrant { participant: participant(who), grants: self.state.grants(who) };
        if let Err(reason) = room.request(None, change).await {
            tracing::warn!(%reason, "a connection's new role has not reached its room");
        }
    }

    fn send(&mut self, to: &str, frame: String) {
        if self.links.send(to, frame) == Sent::Not {
            // It does not read, or is gone and not known to be yet.
            self.lose(to, None);
        }
    }

    /// Out of the room; its client closes the socket, or the socket does.
    async fn dismiss(&mut self, who: &str) {
        let _gone_already = self.ask(who, Command::Leave).await;
        self.links.dismiss(who);
    }
}
