//! The room as plain data: `(state, input) → effects`. No clock, no tokio, no JSON, no GStreamer.
//!
//! Holds the only copy of who is here, what is published, watched and recorded. Decides what is allowed and what each
//! ending entails; leaves carrying it out to `actor`. The invariants: a subscription's feed exists, a feed's publisher
//! is in the room, and every peer the engine was asked for is either in here or was asked to close.

mod broadcasts;
mod candidates;
mod converse;
mod data;
mod filter;
mod heard;
mod ingests;
mod mixes;
mod people;
mod publish;
mod recording;
mod refused;
mod relays;
mod snapshot;
mod speaker;
mod subscribe;
mod subscribe_with;
#[cfg(test)]
mod tests;
mod transports;
mod viewing;

use super::command::{Command, RoomError};
use super::event::{Audience, Event, EventKind};
use super::negotiation::{Early, Negotiation};
use super::registry::{Joining, Reply};
use crate::config;
use crate::media::{MediaEvent, MediaRequest, Viewer};
use crate::model::{
    BroadcastId, Content, EndReason, FeedId, Kind, LineId, ParticipantId, PeerId, Recording, RecordingWish, RoomId,
    ViewLimits,
};
use jiff::Timestamp;
use publish::Feed;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

/// The time of an input: one clock for deadlines, one for people.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// Monotonic.
    pub instant: Instant,
    /// Wall clock.
    pub wall: Timestamp,
}

/// What may happen to a room.
#[derive(Clone, Debug)]
pub enum Input {
    /// Somebody joins or resumes.
    Join(Joining),
    /// A participant's signaling connection is gone.
    ConnectionLost(ParticipantId),
    /// A request.
    Command {
        /// Who asks; `None` is the operator.
        from: Option<ParticipantId>,
        /// What.
        command: Command,
    },
    /// The engine tells something.
    Media(MediaEvent),
    /// The store has made (or not) what `Effect::CreateRecording` of this number asked for: the manifest and its folder.
    RecordingCreated(u64, Result<(Recording, PathBuf), String>),
    /// Time has passed.
    Tick,
}

/// What is to be done, in this order.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Answers the request (or join) being applied.
    Reply(Result<Reply, RoomError>),
    /// The request being applied is answered when this has happened.
    ReplyLater(Awaited),
    /// Answers the requests that wait for this.
    ReplyNow(Awaited, Result<Reply, RoomError>),
    /// Asks the engine.
    Ask(MediaRequest),
    /// Tells participants and the journal.
    Emit(Event),
    /// No more events for this participant.
    DropStream(ParticipantId),
    /// Makes a recording in the store → `Input::RecordingCreated` with the same number.
    CreateRecording(u64, RecordingWish),
    /// Writes a manifest.
    SaveRecording(Box<Recording>),
    /// The room is over.
    Closed,
}

/// What a request may wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// The recording of this number is created.
    Recording(u64),
    /// A mix is live.
    Mix(FeedId),
    /// The engine has taken the filter of this number, or refused it.
    Filter(u64),
}

/// A room.
#[derive(Debug)]
pub struct State {
    id: RoomId,
    limits: config::Rooms,
    created_at: Timestamp,
    participants: BTreeMap<ParticipantId, Participant>,
    feeds: BTreeMap<FeedId, Feed>,
    recorder: recording::Recorder,
    /// By name.
    ingests: BTreeMap<String, ingests::Source>,
    mixes: Vec<mixes::Mix>,
    voices: speaker::Voices,
    relays: relays::Kept,
    broadcasts: BTreeMap<BroadcastId, broadcasts::Sending>,
    /// Number of the last request about a filter.
    last_filter: u64,
    empty_since: Option<Instant>,
    closing: Option<EndReason>,
    /// Time of the input being applied.
    now: Now,
    /// Effects of the input being applied.
    effects: Vec<Effect>,
}

#[derive(Debug)]
struct Participant {
    joining: Joining,
    joined_at: Timestamp,
    /// The way to it, shared by its subscriptions.
    line: LineId,
    /// Who publishes as the same person: a number, an identity or a name.
    own: Option<String>,
    lost_at: Option<Instant>,
    publisher: Option<Publisher>,
    transports: Vec<transports::Transport>,
    data: data::Data,
    /// In the order they were asked for.
    subscriptions: Vec<Subscription>,
    /// Publisher candidates from before the first offer.
    early_publisher: Early,
    /// Subscriber candidates whose answer has not come yet.
    early_subscriber: Early,
}

#[derive(Debug)]
struct Publisher {
    peer: PeerId,
    feed: FeedId,
    content: Content,
    /// It receives on the same peer connection, as this viewer.
    converses: Option<Viewer>,
    /// The transport that it publishes on, if not a peer connection of its own.
    on: Option<PeerId>,
    /// Whether the engine has answered once: the peer exists.
    answered: bool,
    negotiation: Negotiation,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Offering,
    Answering,
    AwaitingAnswer,
    Connecting,
    Connected,
}

#[derive(Debug)]
struct Subscription {
    peer: PeerId,
    feed: FeedId,
    stage: Stage,
    negotiation: Negotiation,
    /// Of the client's descriptions.
    ufrags: Vec<String>,
    /// The client makes the offers.
    own_offer: bool,
    /// One kind of the feed on a transport.
    consumes: Option<(PeerId, Kind)>,
    limits: ViewLimits,
    /// Name of the rendition it gets.
    rendition: Option<String>,
}

impl State {
    /// A room without anybody.
    pub fn new(id: RoomId, limits: config::Rooms, now: Now) -> Self {
        Self {
            id,
            limits,
            created_at: now.wall,
            participants: BTreeMap::new(),
            feeds: BTreeMap::new(),
            recorder: recording::Recorder::default(),
            ingests: BTreeMap::new(),
            mixes: Vec::new(),
            voices: speaker::Voices::default(),
            relays: relays::Kept::default(),
            broadcasts: BTreeMap::new(),
            last_filter: 0,
            empty_since: Some(now.instant),
            closing: None,
            now,
            effects: Vec::new(),
        }
    }

    /// Applies one input.
    pub fn apply(&mut self, now: Now, input: Input) -> Vec<Effect> {
        self.now = now;
        match input {
            Input::Join(who) => self.join(who),
            Input::ConnectionLost(who) => self.connection_lost(&who),
            Input::Command { from, command } => self.command(from, command),
            Input::Media(event) => self.media(event),
            Input::RecordingCreated(token, result) => self.recording_created(token, result),
            Input::Tick => self.tick(),
        }
        self.note_emptiness();
        std::mem::take(&mut self.effects)
    }

    /// When `Input::Tick` is due next.
    pub fn next_deadline(&self) -> Option<Instant> {
        let lost = self.participants.values().filter_map(|p| p.lost_at).map(|at| at + self.limits.reconnect_grace);
        let waiting = self.negotiations().filter_map(Negotiation::deadline);
        let empty = self.empty_since.map(|at| at + self.limits.empty_limit);
        lost.chain(waiting)
            .chain(empty)
            .chain(self.transport_deadline())
            .chain(self.recorder.deadline(self.limits.recording_empty_limit))
            .min()
    }

    fn negotiations(&self) -> impl Iterator<Item = &Negotiation> {
        self.participants.values().flat_map(|p| {
            let published = p.publisher.iter().map(|publisher| &publisher.negotiation);
            published.chain(p.subscriptions.iter().map(|s| &s.negotiation))
        })
    }

    fn command(&mut self, from: Option<ParticipantId>, command: Command) {
        let result = match self.closing {
            Some(_) => Err(RoomError::RoomNotFound),
            None => self.check_grants(from.as_ref(), &command).and_then(|()| self.carry_out(from, command)),
        };
        match result {
            Ok(Some(reply)) => self.reply(Ok(reply)),
            Ok(None) => {}
            Err(error) => self.reply(Err(error)),
        }
    }

    /// `Ok(None)`: the reply comes later, or is among the effects already.
    fn carry_out(&mut self, from: Option<ParticipantId>, command: Command) -> Result<Option<Reply>, RoomError> {
        let me = from.clone().ok_or(RoomError::NotInRoom);
        match command {
            Command::Publish { offer, content } => self.publish(&me?, offer, content)?,
            Command::Converse { offer } => self.converse(&me?, offer)?,
            Command::AnswerConversation { answer } => self.answer_conversation(&me?, answer)?,
            Command::Face { feed } => self.face(&me?, feed)?,
            Command::OpenTransport { data } => return self.open_transport(&me?, data).map(Some),
            Command::ConnectTransport { transport, remote } => self.connect_transport(&me?, transport, remote)?,
            Command::RestartTransport { transport } => self.restart_transport(&me?, transport)?,
            Command::CloseTransport { transport } => self.close_transport(&me?, transport)?,
            Command::Produce { on, offer, content } => return self.produce(&me?, on, offer, content).map(Some),
            Command::Consume { on, feed, kind, offer, paused } => {
                return self.consume(&me?, on, (feed, kind), offer, paused).map(Some);
            }
            Command::StopConsuming { peer } => self.stop_consuming(&me?, peer)?,
            Command::Hold { kind, held } => self.hold(&me?, kind, held)?,
            Command::ProduceData { on, stream, label, protocol } => {
                return self.produce_data(&me?, on, stream, (label, protocol)).map(Some);
            }
            Command::ConsumeData { on, of } => return self.consume_data(&me?, on, of).map(Some),
            Command::CloseData { peer } => self.close_data(&me?, peer)?,
            Command::Relay { to, body, keep } => self.relay(&me?, to, body, keep)?,
            Command::Unpublish => self.unpublish(&me?)?,
            Command::Subscribe { feed } => self.subscribe(&me?, feed)?,
            Command::SubscribeWith { feed, offer } => self.subscribe_with(&me?, feed, offer)?,
            Command::Limit { of, change } => return self.limit(from.as_ref(), of, change).map(Some),
            Command::NameOwn { feed } => self.participant(&me?)?.own = feed,
            Command::Unsubscribe { feed } => self.unsubscribe(&me?, feed)?,
            Command::Answer { feed, answer } => self.answer(&me?, feed, answer)?,
            Command::Candidate { side, candidate } => self.candidate(&me?, side, candidate)?,
            Command::Leave => self.remove(&me?, EndReason::Left),
            Command::Kick { participant } => self.kick(&participant)?,
            Command::Regrant { participant, grants } => self.participant(&participant)?.joining.grants = grants,
            Command::Close { reason } => {
                self.reply(Ok(Reply::Done));
                self.close(reason);
                return Ok(None);
            }
            Command::StartRecording { wish } => return self.start_recording(wish),
            Command::StopRecording { recording } => return self.stop_recording(&recording).map(Some),
            Command::PauseRecording { recording, paused } => return self.pause_recording(&recording, paused).map(Some),
            Command::RecordFeed { recording, feed } => self.record_one_more(&recording, feed)?,
            Command::SetLayout { recording, layout } => self.set_layout(&recording, layout)?,
            Command::Configure { settings } => self.configure(settings),
            Command::AddIngest { wish } => return self.add_ingest(*wish).map(Some),
            Command::RemoveIngest { name } => self.remove_ingest(&name)?,
            Command::RestartIngest { name } => self.restart_ingest(&name)?,
            Command::FindFeed { name } => return self.find_feed(name.as_deref()),
            Command::StartBroadcast { wish } => return self.start_broadcast(*wish).map(Some),
            Command::StopBroadcast { broadcast } => self.stop_broadcast(broadcast)?,
            Command::Filter { feed, change } => return self.filter(from.as_ref(), feed, change),
        }
        Ok(Some(Reply::Done))
    }

    fn tick(&mut self) {
        self.end_graces();
        self.end_stale_negotiations();
        self.end_stale_transports();
        self.tick_recordings();
        let empty_limit = self.limits.empty_limit;
        if self.empty_since.is_some_and(|at| at + empty_limit <= self.now.instant) {
            self.close(EndReason::RoomClosed);
        }
    }

    fn is_due(&self, deadline: Option<Instant>) -> bool {
        deadline.is_some_and(|at| at <= self.now.instant)
    }
    fn ask(&mut self, request: MediaRequest) {
        self.effects.push(Effect::Ask(request));
    }
    fn reply(&mut self, reply: Result<Reply, RoomError>) {
        self.effects.push(Effect::Reply(reply));
    }
    fn emit(&mut self, to: Audience, kind: EventKind) {
        self.effects.push(Effect::Emit(Event { room: self.id.clone(), to, kind }));
    }
    fn tell(&mut self, who: &ParticipantId, kind: EventKind) {
        self.emit(Audience::One(who.clone()), kind);
    }
    fn participant(&mut self, who: &ParticipantId) -> Result<&mut Participant, RoomError> {
        self.participants.get_mut(who).ok_or(RoomError::NotInRoom)
    }
}
