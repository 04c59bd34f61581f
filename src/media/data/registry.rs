//! Where each producer and consumer of messages is: on which transport, on which stream. The transports' tasks do the work that
//! is asked for here.

use super::{Inbox, Message, PORT, STREAMS, Topic};
use crate::media::{MediaError, MediaSink};
use crate::model::{DataStream, EndReason, PeerId};
use parking_lot::Mutex;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Weak};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// All producers and consumers of an engine. Cheap to clone.
#[derive(Clone, Default)]
pub struct Registry(Arc<Mutex<HashMap<PeerId, Known>>>);

struct Known {
    channels: Weak<Channels>,
    stream: DataStream,
    /// Of a producer.
    topic: Option<Arc<Topic>>,
}

/// A transport's.
pub struct Channels {
    registry: Registry,
    work: UnboundedSender<Work>,
    begin: Mutex<Option<UnboundedReceiver<Work>>>,
    used: Mutex<Used>,
}

#[derive(Default)]
struct Used {
    streams: BTreeSet<u16>,
    /// Where to look for a free one next: one that was in use lately may still be under way.
    next: u16,
    over: bool,
}

/// What a transport's task is to do.
#[derive(Debug)]
pub enum Work {
    /// A stream brings messages.
    Produce(PeerId, DataStream, Arc<Topic>, MediaSink),
    /// A stream takes messages.
    Consume(PeerId, DataStream, (Arc<Topic>, Inbox), MediaSink),
    /// One of them.
    Deliver(PeerId, Message),
    /// There was no room for it.
    Overflown(PeerId),
    /// What it takes has ended.
    Over(PeerId, EndReason),
    /// It was told to end.
    Close(PeerId),
}

fn not_ready(detail: impl Into<String>) -> MediaError {
    MediaError::NotReady(detail.into())
}

impl Registry {
    /// For one more transport.
    pub fn channels(&self) -> Arc<Channels> {
        let (work, begin) = unbounded_channel();
        let (registry, begin) = (self.clone(), Mutex::new(Some(begin)));
        Arc::new(Channels { registry, work, begin, used: Mutex::default() })
    }

    /// Messages of this stream of the client's go to all who consume them.
    pub fn produce(
        &self,
        peer: PeerId,
        on: &Arc<Channels>,
        stream: DataStream,
        events: &MediaSink,
    ) -> Result<(), MediaError> {
        on.used.lock().take(stream.id)?;
        let topic = Topic::new();
        self.know(peer, on, stream, Some(topic.clone()));
        on.ask(Work::Produce(peer, stream, topic, events.clone()));
        Ok(())
    }

    /// A producer's messages go out on a stream that is chosen here, with its producer's reliability.
    pub fn consume(
        &self,
        peer: PeerId,
        on: &Arc<Channels>,
        of: PeerId,
        events: &MediaSink,
    ) -> Result<DataStream, MediaError> {
        let found = self.0.lock().get(&of).and_then(|known| Some((known.topic.clone()?, known.stream)));
        let (topic, how) = found.ok_or_else(|| not_ready(format!("nobody produces {of}")))?;
        let stream = DataStream { id: on.used.lock().free()?, ..how };
        self.know(peer, on, stream, None);
        let inbox = Inbox::new(peer, on.work.clone());
        // Known to the task before the first message.
        on.ask(Work::Consume(peer, stream, (topic.clone(), inbox.clone()), events.clone()));
        if !topic.join(inbox) {
            on.ask(Work::Over(peer, EndReason::FeedEnded));
        }
        Ok(stream)
    }

    /// Ends one, without an event; `false`: there is none.
    pub fn close(&self, peer: PeerId) -> bool {
        let Some(channels) = self.forget(peer) else { return false };
        channels.iter().for_each(|channels| channels.ask(Work::Close(peer)));
        true
    }

    /// It is over. What it produced ends with it. The outer `None`: nobody knows it.
    pub fn forget(&self, peer: PeerId) -> Option<Option<Arc<Channels>>> {
        let known = self.0.lock().remove(&peer)?;
        known.topic.iter().for_each(|topic| topic.end());
        let channels = known.channels.upgrade();
        if let Some(channels) = &channels {
            channels.used.lock().streams.remove(&known.stream.id);
        }
        Some(channels)
    }

    fn know(&self, peer: PeerId, on: &Arc<Channels>, stream: DataStream, topic: Option<Arc<Topic>>) {
        self.0.lock().insert(peer, Known { channels: Arc::downgrade(on), stream, topic });
    }
}

impl Channels {
    /// What there is to do, for the one who does it.
    pub fn begin(&self) -> Option<UnboundedReceiver<Work>> {
        self.begin.lock().take()
    }

    /// All of them.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Nothing more comes onto it.
    pub fn end(&self) {
        self.used.lock().over = true;
    }

    fn ask(&self, work: Work) {
        let _ = self.work.send(work);
    }
}

impl Used {
    fn open(&self) -> Result<(), MediaError> {
        match (self.over, self.streams.len() < STREAMS) {
            (true, _) => Err(not_ready("the transport's data channels have ended")),
            (_, false) => Err(MediaError::Transient(format!("{STREAMS} data channels on a transport are the most"))),
            (false, true) => Ok(()),
        }
    }

    fn take(&mut self, id: u16) -> Result<(), MediaError> {
        self.open()?;
        match self.streams.insert(id) {
            true => Ok(()),
            false => Err(not_ready(format!("stream {id} is in use already on this transport"))),
        }
    }

    fn free(&mut self) -> Result<u16, MediaError> {
        self.open()?;
        let all = (0..PORT.streams).map(|n| (self.next + n) % PORT.streams);
        let id = all.into_iter().find(|id| !self.streams.contains(id)).ok_or_else(|| not_ready("no stream is free"))?;
        self.next = (id + 1) % PORT.streams;
        self.streams.insert(id);
        Ok(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(id: u16) -> DataStream {
        DataStream { id, ordered: true, max_packet_life_time: None, max_retransmits: None }
    }

    #[test]
    fn a_stream_is_ones_at_a_time_and_there_are_so_many() {
        let (registry, (events, _)) = (Registry::default(), unbounded_channel());
        let (one, other) = (registry.channels(), registry.channels());
        registry.produce(PeerId(1), &one, stream(7), &events).unwrap();
        let taken = registry.produce(PeerId(2), &one, stream(7), &events).unwrap_err().to_string();
        assert!(taken.contains("stream 7 is in use"), "{taken}");
        registry.produce(PeerId(2), &other, stream(7), &events).unwrap();
        let first = registry.consume(PeerId(3), &other, PeerId(1), &events).unwrap();
        let second = registry.consume(PeerId(4), &other, PeerId(1), &events).unwrap();
        assert_eq!((first.id, second.id), (0, 1));
        assert!(registry.close(PeerId(3)) && !registry.close(PeerId(3)));
        assert_eq!(registry.consume(PeerId(5), &other, PeerId(1), &events).unwrap().id, 2, "not at once again");
        assert!(registry.consume(PeerId(6), &other, PeerId(3), &events).is_err(), "a consumer produces nothing");
        for n in 0..STREAMS - 3 {
            registry.consume(PeerId(10 + n as u64), &other, PeerId(1), &events).unwrap();
        }
        let full = registry.consume(PeerId(6), &other, PeerId(1), &events).unwrap_err().to_string();
        assert!(full.contains("are the most"), "{full}");
        one.end();
        assert!(registry.produce(PeerId(8), &one, stream(9), &events).is_err());
    }

    #[test]
    fn what_a_producer_s_consumers_take_ends_with_it() {
        let (registry, (events, _)) = (Registry::default(), unbounded_channel());
        let (one, other) = (registry.channels(), registry.channels());
        registry.produce(PeerId(1), &one, stream(0), &events).unwrap();
        registry.consume(PeerId(2), &other, PeerId(1), &events).unwrap();
        let mut work = other.begin().unwrap();
        assert!(matches!(work.try_recv(), Ok(Work::Consume(PeerId(2), ..))) && other.begin().is_none());
        registry.close(PeerId(1));
        assert!(matches!(work.try_recv(), Ok(Work::Over(PeerId(2), EndReason::FeedEnded))));
    }
}
