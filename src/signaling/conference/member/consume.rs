//! What a client watches: one consumer for each producer and transport.

use super::{Member, Why};
use crate::model::{EndReason, FeedId, Kind, PeerId, Sdp, ViewChange};
use crate::room::{Command, RoomError, Watched};
use crate::signaling::conference::names;
use crate::signaling::conference::ortc::{RtpCapabilities, consumed};
use crate::signaling::conference::refusal::Refusal;
use crate::signaling::conference::wire::Request;
use serde_json::{Value, json};

/// One that the room knows.
#[derive(Debug)]
pub struct Consumer {
    peer: PeerId,
    pub on: PeerId,
    pub of: (FeedId, Kind),
    /// `None`: it was answered.
    waiting: Option<Option<Value>>,
}

impl Member {
    /// It begins paused: the client says when it can show something.
    pub(super) fn consume(&mut self, request: &Request) -> Result<(), Refusal> {
        let on = self.transport(request.text("transportId", 64)?)?;
        let name = request.text("producerId", 64)?;
        let (feed, kind) = names::read_producer(name)?;
        if !self.feeds.get(&feed).is_some_and(|live| live.kinds.contains(&kind)) {
            return Err(Refusal::no_producer(name));
        }
        let can: RtpCapabilities = request.structure("rtpCapabilities")?;
        let mid = self.next_mid(on);
        let offer = consumed::offer(kind, &mid, &can)?;
        let why = Why::Consumed(request.id.clone(), on, (feed, kind));
        self.ask(0, why, Command::Consume { on, feed, kind, offer, paused: true });
        Ok(())
    }

    pub(super) fn consuming(&mut self, peer: PeerId, (on, of): (PeerId, (FeedId, Kind)), id: Option<Value>) {
        self.consumers.push(Consumer { peer, on, of, waiting: Some(id) });
    }

    pub(super) fn consumed(&mut self, peer: PeerId, answer: &Sdp) {
        let Some((of, id)) = self.take_waiting(peer) else { return };
        let (feed, kind) = of;
        match consumed::parameters(answer) {
            Some(parameters) => {
                let publisher = self.feeds.get(&feed).map(|live| names::owner(&live.publisher).0);
                let told = json!({
                    "id": names::peer("consumer", peer), "producerId": names::producer(feed, kind), "kind": kind.as_str(),
                    "rtpParameters": parameters, "peerId": publisher, "streamId": feed.to_string(),
                });
                self.tell("consumed", told, id.as_ref());
            }
            None => {
                self.refuse(id.as_ref(), &Refusal::new("cannot_consume", "nothing of it can be sent to you"));
                self.consumers.retain(|consumer| consumer.peer != peer);
                self.ask(0, Why::Nothing, Command::StopConsuming { peer });
            }
        }
    }

    pub(super) fn not_consumed(&mut self, peer: PeerId, error: &RoomError) {
        let Some((_, id)) = self.take_waiting(peer) else { return };
        self.consumers.retain(|consumer| consumer.peer != peer);
        self.refuse(id.as_ref(), &Refusal::from(error));
    }

    /// Their transport is over.
    pub(super) fn stop_consuming_on(&mut self, transport: PeerId, refusal: &Refusal) {
        for consumer in self.consumers.extract_if(.., |consumer| consumer.on == transport).collect::<Vec<_>>() {
            consumer.waiting.iter().for_each(|id| self.refuse(id.as_ref(), refusal));
        }
    }

    fn take_waiting(&mut self, peer: PeerId) -> Option<((FeedId, Kind), Option<Value>)> {
        let consumer = self.consumers.iter_mut().find(|consumer| consumer.peer == peer)?;
        Some((consumer.of, consumer.waiting.take()?))
    }

    /// Not by this client. If what it watched goes on in another form, it is as if it were there anew.
    pub(super) fn consumer_ended(&mut self, peer: PeerId, reason: EndReason) {
        let Some(at) = self.consumers.iter().position(|consumer| consumer.peer == peer) else { return };
        let Consumer { of: (feed, kind), waiting, .. } = self.consumers.remove(at);
        let producer = names::producer(feed, kind);
        let live = self.feeds.get(&feed).filter(|live| live.kinds.contains(&kind)).cloned();
        match (waiting, reason, live) {
            (Some(id), ..) => self.refuse(id.as_ref(), &Refusal::no_producer(&producer)),
            // The word of its producer follows.
            (None, EndReason::FeedEnded, _) => {}
            (None, EndReason::CodecChanged, Some(live)) => {
                self.producer_gone(feed, kind);
                self.new_producer(feed, kind, &live.publisher);
            }
            (None, reason, _) => {
                let told =
                    json!({ "consumerId": names::peer("consumer", peer), "producerId": producer, "reason": reason });
                self.tell("consumer-closed", told, None);
            }
        }
    }

    fn consumer(&self, request: &Request) -> Result<PeerId, Refusal> {
        let name = request.text("consumerId", 64)?;
        let peer = names::read_peer("consumer", name);
        let known = peer.filter(|peer| self.consumers.iter().any(|consumer| consumer.peer == *peer));
        known.ok_or_else(|| Refusal::new("producer_not_found", format!("you have no consumer {name}")))
    }

    pub(super) fn pause_consumer(&mut self, request: &Request, paused: bool) -> Result<(), Refusal> {
        let of = Watched::Peer(self.consumer(request)?);
        let change = ViewChange { paused: Some(paused), ..ViewChange::default() };
        self.ask_ok(request, Command::Limit { of, change });
        Ok(())
    }

    pub(super) fn close_consumer(&mut self, request: &Request) -> Result<(), Refusal> {
        let peer = self.consumer(request)?;
        self.consumers.retain(|consumer| consumer.peer != peer);
        self.ask_ok(request, Command::StopConsuming { peer });
        Ok(())
    }
}
