//! The transports by their ids, and what comes onto them: publications, consumers, data channels.

use super::Inner;
use super::graph::Direction;
use crate::media::data::Channels;
use crate::media::feed::Feed;
use crate::media::peer::transport::consumer::Wish;
use crate::media::peer::transport::{self, Transport};
use crate::media::{MediaError, MediaEvent, MediaSink, Viewer};
use crate::model::{Content, DataStream, EndReason, FeedId, Kind, PeerId, Sdp};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::*;

#[derive(Default)]
pub struct Transports(Mutex<HashMap<PeerId, Arc<Transport>>>);

impl Transports {
    fn get(&self, id: PeerId) -> Result<Arc<Transport>, MediaError> {
        let found = self.0.lock().get(&id).cloned();
        found.ok_or_else(|| MediaError::NotReady(format!("there is no transport {id}")))
    }

    fn channels(&self, id: PeerId) -> Result<Arc<Channels>, MediaError> {
        let found = self.get(id)?.channels().cloned();
        found.ok_or_else(|| MediaError::NotReady("the transport was made without data channels".into()))
    }
}

impl Inner {
    pub fn open_transport(self: &Arc<Self>, id: PeerId, data: bool, events: &MediaSink) {
        let free = if self.stopping.load(SeqCst) { None } else { self.peers.add(id, Direction::Beside, events) };
        let Some(peer) = free else {
            let detail = "this peer exists already, or the service is stopping".to_owned();
            let _ = events.send(MediaEvent::PeerEnded { peer: id, reason: EndReason::EngineError, detail });
            return;
        };
        let channels = data.then(|| self.data.channels());
        let transport = Transport::opening(channels.clone());
        self.transports.0.lock().insert(id, transport.clone());
        if let Some(channels) = channels {
            tokio::spawn(transport::data::run(channels, transport.join()));
        }
        let inner = self.clone();
        tokio::spawn(async move {
            let ending = transport::run(inner.context.clone(), peer, transport).await;
            inner.transports.0.lock().remove(&id);
            inner.ended(id, ending);
        });
    }

    /// `publish` on a transport.
    pub fn produce(
        self: &Arc<Self>,
        (id, on): (PeerId, PeerId),
        (feed, content): (FeedId, Content),
        offer: Sdp,
        events: &MediaSink,
    ) {
        let transport = match self.transports.get(on) {
            Ok(transport) => transport,
            Err(error) => return drop(events.send(MediaEvent::PublishRefused { peer: id, error })),
        };
        let Some(peer) = self.new_publisher(id, Direction::Into(feed), events) else { return };
        let feed = self.make_feed(feed, events);
        feed.set_content(content);
        let (inner, member) = (self.clone(), transport.join());
        tokio::spawn(async move {
            let on = (transport, member);
            let ending = transport::producer::run(inner.context.clone(), peer, feed.clone(), on, offer).await;
            inner.published(&feed, id, ending);
        });
    }

    /// `subscribe_with` on a transport, to one kind.
    pub fn consume(
        self: &Arc<Self>,
        (id, on): (PeerId, PeerId),
        (feed, kind): (FeedId, Kind),
        offer: Sdp,
        viewer: Viewer,
        events: &MediaSink,
    ) {
        let refused = |error| drop(events.send(MediaEvent::SubscribeRefused { peer: id, error }));
        let member = match self.transports.get(on) {
            Ok(transport) => transport.join(),
            Err(error) => return refused(error),
        };
        let found: Option<Arc<Feed>> = self.feeds.get(feed).filter(|_| !self.stopping.load(SeqCst));
        let made = found.and_then(|found| self.peers.add(id, Direction::From(feed), events).map(|peer| (found, peer)));
        let Some((feed, peer)) = made else {
            return refused(MediaError::NotReady(format!("{feed} does not exist, or {id} does already")));
        };
        let inner = self.clone();
        tokio::spawn(async move {
            let wish = Wish { feed, kind, offer, viewer };
            let ending = transport::consumer::run(inner.context.clone(), peer, member, wish).await;
            inner.ended(id, ending);
        });
    }

    /// Messages of a stream on a transport.
    pub fn produce_data(&self, id: PeerId, on: PeerId, stream: DataStream, events: &MediaSink) {
        let made = self.transports.channels(on);
        let made = made.and_then(|on| self.data.produce(id, &on, stream, events)).map(|()| stream);
        tell_of_data(id, made, events);
    }

    /// Messages of a producer, sent on a transport.
    pub fn consume_data(&self, id: PeerId, on: PeerId, of: PeerId, events: &MediaSink) {
        let made = self.transports.channels(on).and_then(|on| self.data.consume(id, &on, of, events));
        tell_of_data(id, made, events);
    }
}

fn tell_of_data(peer: PeerId, made: Result<DataStream, MediaError>, events: &MediaSink) {
    let _ = events.send(match made {
        Ok(stream) => MediaEvent::DataOpened { peer, stream },
        Err(error) => MediaEvent::DataRefused { peer, error },
    });
}
