//! Data channels: messages of one participant's transport, on others' transports.
//!
//! A producer of messages is its owner's and ends with its transport; whoever consumes it ends with it. What the messages say the
//! room never sees.

use super::State;
use crate::media::{MediaError, MediaRequest};
use crate::model::{DataStream, EndReason, ParticipantId, PeerId};
use crate::room::command::RoomError;
use crate::room::event::{Audience, DataChange, EventKind};
use crate::room::registry::Reply;
use crate::room::view::DataProducerView;

/// Producers and consumers of messages of a participant at once.
const MOST: usize = 64;

/// A participant's.
#[derive(Debug, Default)]
pub(super) struct Data {
    producers: Vec<Producer>,
    consumers: Vec<Consumer>,
}

#[derive(Debug)]
struct Producer {
    peer: PeerId,
    on: PeerId,
    stream: u16,
    label: String,
    protocol: String,
    /// The engine has it.
    open: bool,
}

#[derive(Debug)]
struct Consumer {
    peer: PeerId,
    on: PeerId,
    of: PeerId,
}

impl Data {
    fn room_for_one(&self) -> Result<(), RoomError> {
        match self.producers.len() + self.consumers.len() < MOST {
            true => Ok(()),
            false => Err(RoomError::Limit(format!("{MOST} data channels of a participant"))),
        }
    }

    fn has(&self, peer: PeerId) -> bool {
        self.producers.iter().any(|known| known.peer == peer) || self.consumers.iter().any(|known| known.peer == peer)
    }

    fn on(&self, transport: PeerId) -> impl Iterator<Item = PeerId> {
        let producers = self.producers.iter().filter(move |known| known.on == transport).map(|known| known.peer);
        producers.chain(self.consumers.iter().filter(move |known| known.on == transport).map(|known| known.peer))
    }
}

impl Producer {
    fn event(&self, publisher: &ParticipantId) -> EventKind {
        let (label, protocol) = (self.label.clone(), self.protocol.clone());
        EventKind::DataProduced { producer: self.peer, publisher: publisher.clone(), label, protocol }
    }
}

impl State {
    pub(super) fn produce_data(
        &mut self,
        who: &ParticipantId,
        on: PeerId,
        stream: DataStream,
        (label, protocol): (String, String),
    ) -> Result<Reply, RoomError> {
        self.takes_data(who, on)?;
        let data = &mut self.participant(who)?.data;
        data.room_for_one()?;
        if stream.id > DataStream::LAST {
            return Err(RoomError::Invalid(format!("a data channel's stream is 0 to {}", DataStream::LAST)));
        }
        if data.producers.iter().any(|known| known.on == on && known.stream == stream.id) {
            return Err(RoomError::Invalid(format!("stream {} is in use already on this transport", stream.id)));
        }
        let peer = PeerId::next();
        data.producers.push(Producer { peer, on, stream: stream.id, label, protocol, open: false });
        self.ask(MediaRequest::ProduceData { peer, on, stream });
        Ok(Reply::Peer(peer))
    }

    pub(super) fn consume_data(&mut self, who: &ParticipantId, on: PeerId, of: PeerId) -> Result<Reply, RoomError> {
        self.takes_data(who, on)?;
        let is_it = |known: &Producer| known.peer == of && known.open;
        if !self.participants.values().any(|p| p.data.producers.iter().any(is_it)) {
            return Err(RoomError::DataNotFound);
        }
        let data = &mut self.participant(who)?.data;
        data.room_for_one()?;
        let peer = PeerId::next();
        data.consumers.push(Consumer { peer, on, of });
        self.ask(MediaRequest::ConsumeData { peer, on, of });
        Ok(Reply::Peer(peer))
    }

    pub(super) fn close_data(&mut self, who: &ParticipantId, peer: PeerId) -> Result<(), RoomError> {
        if !self.participant(who)?.data.has(peer) {
            return Err(RoomError::DataNotFound);
        }
        self.close_one(peer, EndReason::Requested);
        Ok(())
    }

    fn close_one(&mut self, peer: PeerId, reason: EndReason) {
        self.ask(MediaRequest::Close { peer, reason });
        self.end_data(peer, reason, String::new());
    }

    /// The engine has one.
    pub(super) fn data_opened(&mut self, peer: PeerId, stream: DataStream) {
        let Some(who) = self.data_owner(peer) else { return };
        self.tell(&who, EventKind::Data { peer, change: DataChange::Opened(stream) });
        let Some(participant) = self.participants.get_mut(&who) else { return };
        if let Some(producer) = participant.data.producers.iter_mut().find(|known| known.peer == peer) {
            producer.open = true;
            let event = producer.event(&who);
            self.emit(Audience::Everyone, event);
        }
    }

    pub(super) fn data_refused(&mut self, peer: PeerId, error: MediaError) {
        let Some(who) = self.data_owner(peer) else { return };
        self.forget_data(&who, peer);
        self.tell(&who, EventKind::Data { peer, change: DataChange::Refused(error.into()) });
    }

    pub(super) fn is_data(&self, peer: PeerId) -> bool {
        self.data_owner(peer).is_some()
    }

    /// One is over, whoever ended it, and what depends on it.
    pub(super) fn end_data(&mut self, peer: PeerId, reason: EndReason, detail: String) {
        let Some(who) = self.data_owner(peer) else { return };
        let was_open = self.forget_data(&who, peer);
        self.tell(&who, EventKind::Data { peer, change: DataChange::Ended { reason, detail } });
        if was_open {
            self.emit(Audience::Everyone, EventKind::DataProducerEnded { producer: peer, publisher: who, reason });
        }
        let all = self.participants.values().flat_map(|p| &p.data.consumers);
        for consumer in all.filter(|known| known.of == peer).map(|known| known.peer).collect::<Vec<_>>() {
            self.close_one(consumer, EndReason::FeedEnded);
        }
    }

    /// With its transport.
    pub(super) fn end_data_on(&mut self, transport: PeerId, reason: EndReason) {
        let all = self.participants.values().flat_map(|p| p.data.on(transport));
        for peer in all.collect::<Vec<_>>() {
            self.close_one(peer, reason);
        }
    }

    /// A late joiner is told of all that is there.
    pub(super) fn tell_data(&mut self, who: &ParticipantId) {
        let events: Vec<_> = self.open_producers().map(|(id, known)| known.event(id)).collect();
        events.into_iter().for_each(|event| self.tell(who, event));
    }

    pub(super) fn data_views(&self) -> Vec<DataProducerView> {
        let view = |(id, known): (&ParticipantId, &Producer)| DataProducerView {
            producer: known.peer,
            publisher: id.clone(),
            label: known.label.clone(),
            protocol: known.protocol.clone(),
        };
        self.open_producers().map(view).collect()
    }

    fn open_producers(&self) -> impl Iterator<Item = (&ParticipantId, &Producer)> {
        let all = self.participants.iter().flat_map(|(id, p)| p.data.producers.iter().map(move |known| (id, known)));
        all.filter(|(_, known)| known.open)
    }

    fn data_owner(&self, peer: PeerId) -> Option<ParticipantId> {
        self.participants.iter().find(|(_, p)| p.data.has(peer)).map(|(id, _)| id.clone())
    }

    /// Whether it was a producer that others know.
    fn forget_data(&mut self, who: &ParticipantId, peer: PeerId) -> bool {
        let Some(participant) = self.participants.get_mut(who) else { return false };
        let data = &mut participant.data;
        let was_open = data.producers.iter().any(|known| known.peer == peer && known.open);
        data.producers.retain(|known| known.peer != peer);
        data.consumers.retain(|known| known.peer != peer);
        was_open
    }
}
