//! One client in its room: what it says and what the room tells it → what is sent and asked. Pure, no sockets.
//!
//! Who is here, what is produced and watched, the room knows; here is what of it the client has been told, and which of its
//! requests wait for an answer of the room's. `seen` is what others do, `talk` chat and mesh, `transports`, `produce` and
//! `consume` media, `data` data channels.

mod consume;
mod data;
mod produce;
mod seen;
mod talk;
#[cfg(test)]
mod tests;
mod transports;

use super::names;
use super::ortc::router;
use super::refusal::Refusal;
use super::wire::{Request, message};
use crate::model::{FeedId, Kind, ParticipantId, PeerId};
use crate::room::{Command, EventKind, Reply, RoomError};
use consume::Consumer;
use data::Data;
use produce::Slot;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use transports::Transport;

/// Where a client publishes from: 0 is its own place in the room, further ones are participants of their own.
pub type Place = usize;

/// What is to be done, in this order.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Tell the client.
    Tell(String),
    /// Ask the room in the name of a place → `answered`.
    Ask(Place, Why, Command),
    /// Take a further place in the room, of this label.
    Sit(Place, String),
    /// Give a further place up.
    Rise(Place),
    /// Keep something for those who come later.
    Note(Note),
    /// Tell the client that a producer is paused, if it is noted so.
    TellPaused(String),
    /// It is in the room no more.
    Left,
}

/// What is kept for those who come later.
#[derive(Clone, Debug, PartialEq)]
pub enum Note {
    /// A chat message.
    Said(Value),
    /// A producer is paused, or goes on.
    Paused(String, bool),
    /// Somebody's hand is up, or down.
    Hand(ParticipantId, bool),
}

/// Why the room was asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Why {
    /// Nothing waits for it.
    Nothing,
    /// A message is passed on: answered by `ok` if the request has an id.
    Passed(Option<Value>),
    /// The request is answered with this type and data when it is done.
    Done(Option<Value>, &'static str, Value),
    /// A transport was opened, in this direction; for data too.
    Opened(Option<Value>, (&'static str, bool)),
    /// A place publishes.
    Produced,
    /// This is watched on this transport.
    Consumed(Option<Value>, PeerId, (FeedId, Kind)),
    /// Messages are produced, or this one's are consumed, on this transport.
    Data(Option<Value>, PeerId, Option<PeerId>),
}

/// A client in a room.
#[derive(Debug)]
pub struct Member {
    /// Its name for others.
    name: String,
    /// Who it is in the room.
    me: ParticipantId,
    /// People that the client knows to be here.
    known: BTreeSet<ParticipantId>,
    /// What is live, all of it.
    feeds: BTreeMap<FeedId, Live>,
    transports: Vec<Transport>,
    /// By place.
    slots: Vec<Slot>,
    consumers: Vec<Consumer>,
    data: Data,
    steps: Vec<Step>,
}

/// A live feed.
#[derive(Clone, Debug)]
struct Live {
    publisher: ParticipantId,
    kinds: BTreeSet<Kind>,
}

impl Member {
    /// The client says something; joining is not its matter.
    pub fn said(&mut self, request: &Request) -> Vec<Step> {
        if let Err(refusal) = self.carry_out(request) {
            self.refuse(request.id.as_ref(), &refusal);
        }
        self.settle()
    }

    /// The room tells one of its places something.
    pub fn heard(&mut self, place: Place, event: EventKind) -> Vec<Step> {
        match event {
            EventKind::PublishAnswered { feed, answer } => self.published(place, feed, &answer),
            EventKind::PublishRefused { error } => self.not_published(place, &error),
            event if place == 0 => self.seen(event),
            // What was never live is told to its publisher alone.
            EventKind::FeedEnded { feed, reason, .. } => self.own_feed_ended(feed, reason),
            _ => {}
        }
        self.settle()
    }

    /// The room's answer to `Step::Ask`.
    pub fn answered(&mut self, place: Place, why: Why, answer: Result<Reply, RoomError>) -> Vec<Step> {
        match (why, answer) {
            (Why::Done(id, kind, data), Ok(_)) => self.tell(kind, data, id.as_ref()),
            (Why::Opened(id, kind), Ok(Reply::Peer(peer))) => self.opening(peer, kind, id),
            (Why::Consumed(id, on, of), Ok(Reply::Peer(peer))) => self.consuming(peer, (on, of), id),
            (Why::Data(id, on, of), Ok(Reply::Peer(peer))) => self.making_data(peer, (on, of), id),
            (Why::Passed(Some(id)), Ok(_)) => self.tell("ok", json!({}), Some(&id)),
            (Why::Produced, Ok(Reply::Feed(feed))) => self.offered(place, feed),
            (Why::Produced, Err(error)) => self.refused_to_publish(place, &error),
            (
                Why::Done(id, ..) | Why::Opened(id, _) | Why::Consumed(id, ..) | Why::Data(id, ..) | Why::Passed(id),
                Err(error),
            ) => {
                self.refuse(id.as_ref(), &Refusal::from(&error));
            }
            (Why::Nothing | Why::Produced, _)
            | (Why::Opened(..) | Why::Consumed(..) | Why::Data(..) | Why::Passed(None), Ok(_)) => {}
        }
        self.settle()
    }

    /// What is kept of it for those who come later, and is nothing any more when it goes.
    pub fn forgotten(&self) -> Vec<Note> {
        let hand = Note::Hand(self.me.clone(), false);
        self.producers().map(|name| Note::Paused(name, false)).chain([hand]).collect()
    }

    fn carry_out(&mut self, request: &Request) -> Result<(), Refusal> {
        match request.kind.as_str() {
            "leave-room" => self.leave(request),
            "chat-message" => self.chat(request),
            "webrtc-offer" | "webrtc-answer" | "webrtc-ice-candidate" => self.relay(request),
            "raise-hand" => self.raise_hand(request),
            "send-data" => self.send_data(request),
            "get-router-rtp-capabilities" => {
                self.tell(
                    "router-rtp-capabilities",
                    json!({ "rtpCapabilities": router::capabilities() }),
                    request.id.as_ref(),
                );
                Ok(())
            }
            "create-transport" => self.create_transport(request),
            "connect-transport" => self.connect_transport(request),
            "restart-ice" => self.restart_ice(request),
            "close-transport" => self.close_transport(request),
            "produce" => self.produce(request),
            "close-producer" => self.close_producer(request),
            "pause-producer" => self.pause_producer(request, true),
            "resume-producer" => self.pause_producer(request, false),
            "consume" => self.consume(request),
            "pause-consumer" => self.pause_consumer(request, true),
            "resume-consumer" => self.pause_consumer(request, false),
            "close-consumer" => self.close_consumer(request),
            "produce-data" => self.produce_data(request),
            "consume-data" => self.consume_data(request),
            "close-data-producer" => self.close_data(request, false),
            "close-data-consumer" => self.close_data(request, true),
            other => {
                let shown: String = other.chars().take(40).collect();
                Err(Refusal::new("unknown_type", format!("there is no message `{shown}`")))
            }
        }
    }

    fn settle(&mut self) -> Vec<Step> {
        std::mem::take(&mut self.steps)
    }
    fn tell(&mut self, kind: &str, data: Value, id: Option<&Value>) {
        self.steps.push(Step::Tell(message(kind, data, id)));
    }
    fn refuse(&mut self, id: Option<&Value>, refusal: &Refusal) {
        self.tell("error", refusal.data(), id);
    }
    fn ask(&mut self, place: Place, why: Why, command: Command) {
        self.steps.push(Step::Ask(place, why, command));
    }
    /// In its own name, answered by `ok`.
    fn ask_ok(&mut self, request: &Request, command: Command) {
        self.ask(0, Why::Done(request.id.clone(), "ok", json!({})), command);
    }
    /// To a client that knows transports. Those of before know nothing of it.
    fn tell_of_media(&mut self, kind: &str, data: Value) {
        if !self.transports.is_empty() {
            self.tell(kind, data, None);
        }
    }

    /// Its transport of this name.
    fn transport(&self, name: &str) -> Result<PeerId, Refusal> {
        let peer = names::read_peer("transport", name);
        let known = peer.filter(|peer| self.transports.iter().any(|transport| transport.peer == *peer));
        known.ok_or_else(|| Refusal::no_transport(&name.chars().take(40).collect::<String>()))
    }
}
