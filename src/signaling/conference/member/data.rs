//! Data channels: what a client says by them, and whom it listens to. Their messages never come this way.
//!
//! Only who has made a transport for them is told of others' producers; those of before know nothing of it.

use super::{Member, Why};
use crate::model::{DataStream, ParticipantId, PeerId};
use crate::room::{Command, DataChange};
use crate::signaling::conference::names;
use crate::signaling::conference::ortc::SctpStreamParameters;
use crate::signaling::conference::refusal::Refusal;
use crate::signaling::conference::wire::Request;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The longest label or protocol, in bytes.
const WORD: usize = 256;

/// What a client has to do with data channels.
#[derive(Debug, Default)]
pub struct Data {
    /// Whose messages can be had.
    topics: BTreeMap<PeerId, Topic>,
    /// Its own, of either kind.
    own: Vec<Own>,
}

#[derive(Debug)]
struct Topic {
    publisher: ParticipantId,
    label: String,
    protocol: String,
}

/// A producer, or what it consumes.
#[derive(Debug)]
struct Own {
    peer: PeerId,
    on: PeerId,
    of: Option<PeerId>,
    /// `None`: it was answered.
    waiting: Option<Option<Value>>,
}

impl Own {
    /// What it is called, of which field of a message.
    fn name(&self) -> (&'static str, String) {
        match self.of {
            None => ("dataProducerId", names::peer(PRODUCER, self.peer)),
            Some(_) => ("dataConsumerId", names::peer(CONSUMER, self.peer)),
        }
    }
}

const PRODUCER: &str = "data-producer";
const CONSUMER: &str = "data-consumer";

fn unknown(name: &str) -> Refusal {
    let shown: String = name.chars().take(40).collect();
    Refusal::new("data_producer_not_found", format!("there is no {shown}"))
}

impl Data {
    /// A transport is gone, and what was on it.
    pub fn forget(&mut self, transport: PeerId) {
        self.own.retain(|own| own.on != transport);
    }

    fn take(&mut self, peer: PeerId) -> Option<Own> {
        let at = self.own.iter().position(|own| own.peer == peer)?;
        Some(self.own.remove(at))
    }
}

impl Member {
    pub(super) fn produce_data(&mut self, request: &Request) -> Result<(), Refusal> {
        let on = self.transport(request.text("transportId", 64)?)?;
        let stream = request.structure::<SctpStreamParameters>("sctpStreamParameters")?.stream()?;
        let word = |name| Ok::<_, Refusal>(request.optional_text(name, WORD)?.unwrap_or_default().to_owned());
        let (label, protocol) = (word("label")?, word("protocol")?);
        let why = Why::Data(request.id.clone(), on, None);
        self.ask(0, why, Command::ProduceData { on, stream, label, protocol });
        Ok(())
    }

    pub(super) fn consume_data(&mut self, request: &Request) -> Result<(), Refusal> {
        let on = self.transport(request.text("transportId", 64)?)?;
        let name = request.text("dataProducerId", 64)?;
        let of = names::read_peer(PRODUCER, name).filter(|of| self.data.topics.contains_key(of));
        let of = of.ok_or_else(|| unknown(name))?;
        let why = Why::Data(request.id.clone(), on, Some(of));
        self.ask(0, why, Command::ConsumeData { on, of });
        Ok(())
    }

    /// The room makes one.
    pub(super) fn making_data(&mut self, peer: PeerId, (on, of): (PeerId, Option<PeerId>), id: Option<Value>) {
        self.data.own.push(Own { peer, on, of, waiting: Some(id) });
    }

    pub(super) fn close_data(&mut self, request: &Request, consumer: bool) -> Result<(), Refusal> {
        let (field, prefix) = if consumer { ("dataConsumerId", CONSUMER) } else { ("dataProducerId", PRODUCER) };
        let name = request.text(field, 64)?;
        let is_it = |own: &&Own| own.of.is_some() == consumer && own.waiting.is_none();
        let known = |peer: &PeerId| self.data.own.iter().filter(is_it).any(|own| own.peer == *peer);
        let peer = names::read_peer(prefix, name).filter(known).ok_or_else(|| unknown(name))?;
        self.data.take(peer);
        self.ask_ok(request, Command::CloseData { peer });
        Ok(())
    }

    pub(super) fn data_changed(&mut self, peer: PeerId, change: DataChange) {
        match change {
            DataChange::Opened(stream) => self.data_opened(peer, &stream),
            DataChange::Refused(error) => {
                if let Some(Own { waiting: Some(id), .. }) = self.data.take(peer) {
                    self.refuse(id.as_ref(), &Refusal::from(&error));
                }
            }
            DataChange::Ended { reason, detail } => {
                let Some(own) = self.data.take(peer) else { return };
                if let Some(id) = &own.waiting {
                    return self.refuse(id.as_ref(), &unknown("data channel: it has ended already"));
                }
                let (field, name) = own.name();
                let mut told = json!({ field: name, "reason": reason });
                if let (false, Some(fields)) = (detail.is_empty(), told.as_object_mut()) {
                    fields.insert("message".into(), detail.into());
                }
                match own.of {
                    None => self.tell("data-producer-closed", told, None),
                    Some(of) => {
                        told["dataProducerId"] = names::peer(PRODUCER, of).into();
                        self.tell("data-consumer-closed", told, None);
                    }
                }
            }
        }
    }

    fn data_opened(&mut self, peer: PeerId, stream: &DataStream) {
        let Some(own) = self.data.own.iter_mut().find(|own| own.peer == peer) else { return };
        let (Some(id), (_, name)) = (own.waiting.take(), own.name()) else { return };
        let Some(of) = own.of else { return self.tell("data-produced", json!({ "id": name }), id.as_ref()) };
        let topic = self.data.topics.get(&of);
        let told = json!({
            "id": name, "dataProducerId": names::peer(PRODUCER, of), "sctpStreamParameters": SctpStreamParameters::of(stream),
            "label": topic.map(|topic| &topic.label), "protocol": topic.map(|topic| &topic.protocol),
            "peerId": topic.map(|topic| names::owner(&topic.publisher).0),
        });
        self.tell("data-consumed", told, id.as_ref());
    }

    /// Somebody's messages can be had.
    pub(super) fn data_produced(
        &mut self,
        producer: PeerId,
        publisher: ParticipantId,
        (label, protocol): (String, String),
    ) {
        self.data.topics.insert(producer, Topic { publisher, label, protocol });
        if self.hears_data() {
            self.tell_of_topic(producer);
        }
    }

    pub(super) fn data_producer_ended(&mut self, producer: PeerId) {
        let Some(topic) = self.data.topics.remove(&producer) else { return };
        if self.hears_data() && names::owner(&topic.publisher).0 != self.me {
            self.tell("data-producer-closed", json!({ "dataProducerId": names::peer(PRODUCER, producer) }), None);
        }
    }

    /// The client has its first transport for data: it hears of what is there.
    pub(super) fn begins_to_hear_data(&mut self) {
        let all: Vec<PeerId> = self.data.topics.keys().copied().collect();
        all.into_iter().for_each(|producer| self.tell_of_topic(producer));
    }

    fn tell_of_topic(&mut self, producer: PeerId) {
        let Some(topic) = self.data.topics.get(&producer) else { return };
        let (person, name) = names::owner(&topic.publisher);
        if person == self.me {
            return;
        }
        let mut told = described(producer, &topic.label, &topic.protocol);
        told["user"] = name.into();
        told["peerId"] = json!(person);
        self.tell("new-data-producer", told, None);
    }
}

/// A producer of messages, as newcomers and all others are told of it.
pub fn described(producer: PeerId, label: &str, protocol: &str) -> Value {
    json!({ "dataProducerId": names::peer(PRODUCER, producer), "label": label, "protocol": protocol })
}
