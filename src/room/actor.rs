//! One task per room: mailbox, timers, and the effects of `state` carried out.
//!
//! Decides nothing about the room. Asks the engine and never waits for it; gives storage to a task of its own; a
//! participant whose stream is full or dropped counts as a lost connection.

use super::command::{Command, RoomError};
use super::event::{Audience, Event};
use super::registry::{EventStream, Joining, Reply};
use super::state::{Awaited, Effect, Input, Now, State};
use super::storage::{Created, Storage};
use super::view::RoomView;
use crate::media::{Engine, MediaEvent, MediaSink};
use crate::model::ParticipantId;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

/// Requests that may wait for a room.
pub(super) const MAILBOX: usize = 256;
/// Events that may wait for a participant.
const STREAM: usize = 256;
/// How often dropped streams are looked for, should nobody have told.
const SWEEP: Duration = Duration::from_secs(1);

/// What comes in by the mailbox, with the way back.
pub(super) enum Envelope {
    Join(Joining, oneshot::Sender<Result<EventStream, RoomError>>),
    ConnectionLost(ParticipantId),
    Request(Option<ParticipantId>, Command, Answer),
    View(oneshot::Sender<RoomView>),
    Watch(oneshot::Sender<EventStream>),
}

type Answer = oneshot::Sender<Result<Reply, RoomError>>;

/// Whom `Effect::Reply` answers.
enum Caller {
    Joining(ParticipantId, oneshot::Sender<Result<EventStream, RoomError>>),
    Asking(Answer),
}

pub(super) struct Actor {
    pub state: State,
    pub engine: Arc<dyn Engine>,
    pub storage: Storage,
    pub journal: broadcast::Sender<Event>,
    streams: BTreeMap<ParticipantId, mpsc::Sender<Event>>,
    /// Of those who are no participants.
    watchers: Vec<mpsc::Sender<Event>>,
    deferred: Vec<(Awaited, Answer)>,
    lost: VecDeque<ParticipantId>,
    sink: MediaSink,
    closed: bool,
}

/// The time now, for `State`. Follows tokio's clock, so that tests can pause it.
pub(super) fn now() -> Now {
    Now { instant: Instant::now().into_std(), wall: jiff::Timestamp::now() }
}

impl Actor {
    pub fn new(
        state: State,
        engine: Arc<dyn Engine>,
        storage: Storage,
        journal: broadcast::Sender<Event>,
    ) -> (Self, mpsc::UnboundedReceiver<MediaEvent>) {
        let (sink, media) = mpsc::unbounded_channel();
        let (streams, deferred, lost) = (BTreeMap::new(), Vec::new(), VecDeque::new());
        let watchers = Vec::new();
        (Self { state, engine, storage, journal, streams, watchers, deferred, lost, sink, closed: false }, media)
    }

    /// Until the room is closed.
    pub async fn run(
        mut self,
        mut mailbox: mpsc::Receiver<Envelope>,
        mut media: mpsc::UnboundedReceiver<MediaEvent>,
        mut created: mpsc::UnboundedReceiver<Created>,
    ) {
        while !self.closed {
            let wake = self.wake_at();
            tokio::select! {
                Some(envelope) = mailbox.recv() => self.take(envelope),
                Some(event) = media.recv() => self.apply(Input::Media(event), None),
                Some((token, result)) = created.recv() => self.apply(Input::RecordingCreated(token, result), None),
                () = sleep_until(wake) => self.tick(),
            }
            self.settle_lost();
        }
        // The mailbox last: who waits for the room to be gone waits for its manifests too.
        self.storage.finish().await;
        drop(mailbox);
    }

    fn wake_at(&self) -> Instant {
        let sweep = Instant::now() + if self.streams.is_empty() { Duration::from_secs(3600) } else { SWEEP };
        self.state.next_deadline().map_or(sweep, |at| sweep.min(Instant::from_std(at)))
    }

    fn take(&mut self, envelope: Envelope) {
        match envelope {
            Envelope::Join(who, answer) => {
                let caller = Caller::Joining(who.id.clone(), answer);
                self.apply(Input::Join(who), Some(caller));
            }
            // An older connection may say so after a newer one has taken its place.
            Envelope::ConnectionLost(who) => {
                if self.streams.get(&who).is_none_or(mpsc::Sender::is_closed) {
                    self.lost.push_back(who);
                }
            }
            Envelope::Request(from, command, answer) => {
                self.apply(Input::Command { from, command }, Some(Caller::Asking(answer)));
            }
            Envelope::View(answer) => {
                let _gone = answer.send(self.state.view());
            }
            Envelope::Watch(answer) => {
                let (sender, stream) = mpsc::channel(STREAM);
                self.watchers.push(sender);
                let _gone = answer.send(stream);
            }
        }
    }

    fn tick(&mut self) {
        let dropped = self.streams.iter().filter(|(_, stream)| stream.is_closed()).map(|(who, _)| who.clone());
        self.lost.extend(dropped);
        self.apply(Input::Tick, None);
    }

    fn settle_lost(&mut self) {
        while let Some(who) = self.lost.pop_front() {
            self.streams.remove(&who);
            self.apply(Input::ConnectionLost(who), None);
        }
    }

    fn apply(&mut self, input: Input, mut caller: Option<Caller>) {
        for effect in self.state.apply(now(), input) {
            match effect {
                Effect::Reply(reply) => self.reply(caller.take(), reply),
                Effect::Ask(request) => self.engine.request(request, &self.sink),
                Effect::Emit(event) => self.emit(event),
                Effect::DropStream(who) => drop(self.streams.remove(&who)),
                Effect::CreateRecording(token, wish) => self.storage.create(token, wish),
                Effect::ReplyLater(awaited) => {
                    if let Some(Caller::Asking(answer)) = caller.take() {
                        self.deferred.push((awaited, answer));
                    }
                }
                Effect::ReplyNow(awaited, reply) => self.reply_deferred(awaited, &reply),
                Effect::SaveRecording(recording) => self.storage.save(*recording),
                Effect::Closed => self.closed = true,
            }
        }
    }

    fn reply(&mut self, caller: Option<Caller>, reply: Result<Reply, RoomError>) {
        match caller {
            Some(Caller::Joining(who, answer)) => {
                let stream = reply.map(|_| self.open_stream(who));
                let _gone = answer.send(stream);
            }
            Some(Caller::Asking(answer)) => {
                let _gone = answer.send(reply);
            }
            None => {}
        }
    }

    fn reply_deferred(&mut self, awaited: Awaited, reply: &Result<Reply, RoomError>) {
        for (_, answer) in self.deferred.extract_if(.., |(waits_for, _)| *waits_for == awaited) {
            let _gone = answer.send(reply.clone());
        }
    }

    /// The older stream of the same participant ends by this.
    fn open_stream(&mut self, who: ParticipantId) -> EventStream {
        let (sender, stream) = mpsc::channel(STREAM);
        self.streams.insert(who, sender);
        stream
    }

    fn emit(&mut self, event: Event) {
        match &event.to {
            Audience::Everyone => {
                for (who, stream) in &self.streams {
                    deliver(&mut self.lost, who, stream, &event);
                }
                // One that does not read, or is gone, hears no more.
                self.watchers.retain(|watcher| watcher.try_send(event.clone()).is_ok());
            }
            Audience::One(who) => {
                if let Some(stream) = self.streams.get(who) {
                    deliver(&mut self.lost, who, stream, &event);
                }
            }
            Audience::Journal => {}
        }
        let _nobody_listens = self.journal.send(event);
    }
}

fn deliver(lost: &mut VecDeque<ParticipantId>, who: &ParticipantId, stream: &mpsc::Sender<Event>, event: &Event) {
    if stream.try_send(event.clone()).is_err() && !lost.contains(who) {
        lost.push_back(who.clone());
    }
}
