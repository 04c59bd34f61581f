//! Inputs and effects of a session.

use super::super::bandwidth::Bandwidths;
use super::super::recording::kept::KeptStream;
use super::super::wire::frame::{Refusal, Request, answer, notification};
use super::super::wire::new_connection::NewConnection;
use super::super::wire::new_session::NewSession;
use super::recorded::{Recorded, Rules};
use super::{Active, Connection, Happening, Millis, State, Stream};
use crate::model::{FeedId, IceServer, IngestWish, RecordingId};
use crate::room::{Command, EventKind, RoomError};
use serde_json::{Value, json};

/// What may happen to a session.
#[derive(Debug)]
pub enum Input {
    /// A page joins.
    Join(Join),
    /// A request of an active connection.
    Request(String, Request),
    /// The room's answer to `Effect::Ask`.
    Asked(String, Ask, Result<(), RoomError>),
    /// The room tells a connection something.
    Event(String, EventKind),
    /// The room's answer to `Effect::Open`: the camera's feed.
    Opened(String, Result<FeedId, RoomError>),
    /// A connection's socket did not come back in time.
    Lost(String),
}

/// `joinRoom`
#[derive(Clone, Debug)]
pub struct Join {
    /// To be answered.
    pub request: Value,
    /// Value of the token.
    pub token: String,
    /// What the page says of itself.
    pub metadata: String,
    /// Browser and system.
    pub platform: String,
    /// Where it comes from.
    pub ip: String,
    /// The secret that is to resume it.
    pub rpc: String,
    /// STUN and TURN servers of the deployment, unless the connection has its own.
    pub ice: Vec<IceServer>,
}

/// Why the room was asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// A publisher's offer.
    Publish,
    /// A viewer's offer for this stream, or ours.
    Subscribe(FeedId),
    /// A viewer's answer to ours; the request that waits for its being taken.
    Answer(FeedId, Value),
    /// A stream's filter.
    Filter(super::filter::Asked),
    /// Nothing waits for it.
    Other,
}

/// What is to be done, in this order.
#[derive(Debug, PartialEq)]
pub enum Effect {
    /// A frame for a connection; kept for it while its socket is lost.
    Send(String, String),
    /// Asks the room in a connection's name → `Input::Asked`.
    Ask(String, Ask, Command),
    /// The room lets a connection do what its role now allows.
    Regrant(String),
    /// Asks the room to open a connection's camera → `Input::Opened`.
    Open(String, Box<IngestWish>),
    /// The camera of this name is closed.
    Shut(String),
    /// The connection leaves the room; its socket is closed some seconds later unless its client does.
    Dismiss(String),
    /// Tells the application.
    Tell(Happening),
    /// A recording is to begin by itself.
    Record,
    /// A stream comes into the recording of this name, which is this one of the room.
    RecordFeed(String, RecordingId, KeptStream),
    /// The recording of this name, which has been told to stop, is to be completed.
    StopRecording(String),
    /// The session is over.
    Over,
}

impl State {
    /// A session that nobody has joined.
    pub fn new(id: String, properties: NewSession, now: Millis) -> Self {
        let (connections, foreign, effects) = (Vec::new(), Vec::new(), Vec::new());
        let (active, over) = (false, false);
        let (recorded, stopped_by_hand) = (Recorded::No, false);
        let mut state = Self {
            id,
            created_at: now,
            properties,
            connections,
            foreign,
            active,
            over,
            recorded,
            stopped_by_hand,
            rules: Rules::default(),
            autostop_at: None,
            ending: None,
            bandwidths: Bandwidths::default(),
            now,
            effects,
            filters: super::filter::Filters::default(),
        };
        state.tell("sessionCreated", json!({}));
        state
    }

    /// Applies one input.
    pub fn apply(&mut self, now: Millis, input: Input) -> Vec<Effect> {
        self.now = now;
        match input {
            Input::Join(join) => self.join(join),
            Input::Request(connection, request) => self.request(&connection, &request),
            Input::Asked(connection, ask, result) => self.asked(&connection, ask, result),
            Input::Event(connection, event) => self.event(&connection, event),
            Input::Opened(connection, result) => self.opened(&connection, result),
            Input::Lost(connection) => self.evict(&connection, "networkDisconnect", None),
        }
        std::mem::take(&mut self.effects)
    }

    /// Effects of what was asked by REST.
    pub fn settle(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// Sets the clock before a call that is no input.
    pub fn at(&mut self, now: Millis) -> &mut Self {
        self.now = now;
        self
    }

    /// Its name.
    pub fn id(&self) -> &str {
        &self.id
    }
    /// What it is.
    pub fn properties(&self) -> &NewSession {
        &self.properties
    }
    /// When it was made.
    pub fn created_at(&self) -> Millis {
        self.created_at
    }
    /// Whether it is over.
    pub fn is_over(&self) -> bool {
        self.over
    }
    /// Whether somebody has joined once.
    pub fn was_active(&self) -> bool {
        self.active
    }

    /// Whether nobody is here.
    pub fn is_empty(&self) -> bool {
        self.participants().all(|connection| connection.active.is_none())
    }
    /// Whether it takes nobody any more.
    pub fn is_ending(&self) -> bool {
        self.over || self.ending.is_some()
    }

    /// The connection that this secret resumes.
    pub fn resumed_by(&self, rpc: &str) -> Option<&str> {
        let holds = |active: &Active| active.rpc == rpc;
        self.connections.iter().find(|c| c.active.as_ref().is_some_and(holds)).map(|c| c.id.as_str())
    }

    /// Whether this connection has joined and not left.
    pub fn is_here(&self, id: &str) -> bool {
        self.active(id).is_some()
    }

    pub(super) fn find(&self, id: &str) -> Option<&Connection> {
        self.connections.iter().find(|connection| connection.id == id)
    }
    pub(super) fn active(&self, id: &str) -> Option<&Active> {
        self.find(id)?.active.as_ref()
    }
    pub(super) fn active_mut(&mut self, id: &str) -> Option<&mut Active> {
        self.connections.iter_mut().find(|connection| connection.id == id)?.active.as_mut()
    }
    pub(super) fn stream_mut(&mut self, owner: &str) -> Option<&mut Stream> {
        self.active_mut(owner)?.publisher.as_mut()
    }
    /// Active clients, all or all but one.
    pub(super) fn clients(&self, but: Option<&str>) -> Vec<String> {
        let active = self.connections.iter().filter(|c| c.active.is_some() && !c.is_camera());
        active.filter(|c| Some(c.id.as_str()) != but).map(|c| c.id.clone()).collect()
    }

    pub(super) fn add(&mut self, id: String, token: Option<String>, new: NewConnection) {
        self.connections.push(Connection { id, token, created_at: self.now, new, active: None });
    }

    pub(super) fn answer(&mut self, to: &str, request: &Value, outcome: Result<Value, Refusal>) {
        let rpc = self.active(to).map(|active| active.rpc.clone()).unwrap_or_default();
        self.effects.push(Effect::Send(to.to_owned(), answer(request, &rpc, outcome)));
    }
    pub(super) fn done(&mut self, to: &str, request: &Value) {
        self.answer(to, request, Ok(json!({})));
    }
    pub(super) fn refuse(&mut self, to: &str, request: &Value, refusal: Refusal) {
        self.answer(to, request, Err(refusal));
    }
    pub(super) fn notify(&mut self, to: &[String], method: &str, params: &Value) {
        let frame = notification(method, params.clone());
        self.effects.extend(to.iter().map(|to| Effect::Send(to.clone(), frame.clone())));
    }
    pub(super) fn ask(&mut self, who: &str, why: Ask, command: Command) {
        self.effects.push(Effect::Ask(who.to_owned(), why, command));
    }
    pub(super) fn tell(&mut self, name: &'static str, fields: Value) {
        self.effects.push(Effect::Tell(Happening::new(name, (&self.id, &self.unique()), self.now, fields)));
    }
}
