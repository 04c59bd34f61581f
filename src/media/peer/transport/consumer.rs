//! One kind of a feed, watched on a transport: the client's wish answered, and sent once there is a connection. Leaves which
//! rendition it gets to `choice`, the line that it shares with others on the transport to `egress`.

use super::member::{Member, Opened};
use crate::media::choice::{Chosen, Joining};
use crate::media::egress::{Downlink, DownlinkSpec};
use crate::media::feed::Feed;
use crate::media::peer::subscriber::{decoders, random, weak};
use crate::media::peer::{Context, Ending, Input, Peer};
use crate::media::sdp::Viewing;
use crate::media::{MediaError, MediaEvent, Viewer};
use crate::model::{EndReason, Kind, Sdp};
use std::sync::Arc;

/// What is watched, and by whom.
pub struct Wish {
    /// What.
    pub feed: Arc<Feed>,
    /// Its sound or its pictures.
    pub kind: Kind,
    /// What the client can take.
    pub offer: Sdp,
    /// Who.
    pub viewer: Viewer,
}

struct Consumer {
    context: Context,
    peer: Peer,
    feed: Arc<Feed>,
    kind: Kind,
    viewer: Viewer,
    opened: Opened,
    viewing: Viewing,
    /// From the connection on.
    chosen: Option<Chosen>,
}

/// Runs it until its end.
pub async fn run(context: Context, peer: Peer, mut member: Member, wish: Wish) -> Ending {
    let (id, events, current) = (peer.id, peer.events.clone(), peer.current.clone());
    let refused = |error| drop(events.send(MediaEvent::SubscribeRefused { peer: id, error }));
    let mut consumer = match member.opened().await.and_then(|opened| Consumer::open(context, peer, opened, wish)) {
        Ok(consumer) => consumer,
        Err(error) => {
            refused(error);
            return None;
        }
    };
    consumer.answer();
    let ending = consumer.watch(&mut member).await;
    current.lock().take();
    consumer.leave().await;
    if let Some((reason, detail)) = ending.clone() {
        let _ = events.send(MediaEvent::PeerEnded { peer: id, reason, detail });
    }
    ending
}

impl Consumer {
    fn open(context: Context, peer: Peer, opened: Opened, wish: Wish) -> Result<Self, MediaError> {
        let Wish { feed, kind, offer, viewer } = wish;
        feed.ready()?;
        let mut tracks = feed.tracks();
        tracks.retain(|track| track.codec.kind() == kind);
        if tracks.is_empty() {
            return Err(MediaError::NotReady(format!("the feed has no {}", kind.as_str())));
        }
        let trunk = opened.leg.trunk()?;
        let viewing = Viewing::read(&offer, feed.id(), &tracks, || trunk.new_ssrc(random))?;
        *peer.current.lock() = Some(opened.leg.clone());
        Ok(Self { context, peer, feed, kind, viewer, opened, viewing, chosen: None })
    }

    fn say(&self, event: MediaEvent) {
        let _ = self.peer.events.send(event);
    }

    fn answer(&self) {
        let local = self.viewing.local(&self.opened.local);
        let answer = self.viewing.answer(&local, self.context.mux.announced(), u64::from(random()), 1);
        self.say(MediaEvent::SubscribeAnswered { peer: self.peer.id, answer });
    }

    async fn watch(&mut self, member: &mut Member) -> Ending {
        let mut connected = false;
        loop {
            let input = tokio::select! {
                biased;
                input = self.peer.inbox.recv() => input,
                news = member.news(connected) => {
                    if let Err(ended) = news {
                        return Some(ended);
                    }
                    connected = true;
                    if let Err(error) = self.begin() {
                        return Some((EndReason::EngineError, error.to_string()));
                    }
                    continue;
                }
            };
            match input {
                None | Some(Input::Close) => return None,
                Some(Input::FeedEnded) => return Some((EndReason::FeedEnded, "the publisher is gone".into())),
                Some(Input::Republish(_)) => {
                    let error = MediaError::NotReady("what is watched on a transport is agreed once".into());
                    self.say(MediaEvent::SubscribeRefused { peer: self.peer.id, error });
                }
                Some(_) => {}
            }
        }
    }

    /// Connected: from here on it is sent what is chosen for it, and before that nothing: it may be paused.
    fn begin(&mut self) -> Result<(), MediaError> {
        let (leg, accepted) = (&self.opened.leg, &self.viewing.accepted);
        let trunk = leg.trunk()?;
        let downlink: Arc<Downlink> = trunk.attach(DownlinkSpec {
            peer: self.peer.id,
            feed: None,
            streams: accepted.streams.clone(),
            extensions: accepted.extensions,
            keys: leg.keys()?,
            numbers: trunk.numbers(),
            wire: leg.link().clone(),
            cname: self.viewing.subscription.cname.clone(),
        });
        self.say(MediaEvent::Connected { peer: self.peer.id });
        self.chosen = Some(self.context.choices.add(Joining {
            peer: self.peer.id,
            viewer: self.viewer,
            feed: self.feed.clone(),
            begun: false,
            only: Some(self.kind),
            downlink: weak(&downlink),
            decoders: decoders(&accepted.streams),
            own_pictures: accepted.own_pictures,
            events: self.peer.events.clone(),
        }));
        Ok(())
    }

    /// Nothing is sent to it any more; others on the transport go on. Waits for the sending thread: not on an async one.
    async fn leave(mut self) {
        drop(self.chosen.take());
        let (leg, peer) = (self.opened.leg.clone(), self.peer.id);
        let leaving = tokio::task::spawn_blocking(move || leg.trunk().iter().for_each(|trunk| trunk.end(peer)));
        let _ = leaving.await;
    }
}
