//! Transports: peer connections described by parameters, and what is published and watched on them.
//!
//! A transport is its opener's; several participants of one client may publish on it. When it ends, all on it ends.

use super::{Stage, State, Subscription};
use crate::media::MediaRequest;
use crate::model::{
    Content, EndReason, FeedId, Kind, ParticipantId, PeerId, Sdp, TrackInfo, TransportRemote, ViewLimits,
};
use crate::room::command::RoomError;
use crate::room::event::{EventKind, TransportChange};
use crate::room::negotiation::{ENGINE_LIMIT, Early, Negotiation};
use crate::room::registry::Reply;
use std::time::Instant;

/// Transports of a participant at once: one each way, and those that take their place.
const MOST: usize = 4;

/// A transport.
#[derive(Debug)]
pub(super) struct Transport {
    pub peer: PeerId,
    /// The engine has not opened it yet, and is late then.
    opening: Option<Instant>,
    /// The client's side is known.
    told: bool,
    /// Data channels may come onto it.
    data: bool,
}

impl State {
    pub(super) fn open_transport(&mut self, who: &ParticipantId, data: bool) -> Result<Reply, RoomError> {
        let deadline = self.now.instant + ENGINE_LIMIT;
        let peer = PeerId::next();
        let transports = &mut self.participant(who)?.transports;
        if transports.len() >= MOST {
            return Err(RoomError::Limit(format!("{MOST} transports of a participant")));
        }
        transports.push(Transport { peer, opening: Some(deadline), told: false, data });
        self.ask(MediaRequest::OpenTransport { peer, data });
        Ok(Reply::Peer(peer))
    }

    pub(super) fn connect_transport(
        &mut self,
        who: &ParticipantId,
        peer: PeerId,
        remote: TransportRemote,
    ) -> Result<(), RoomError> {
        let transport = self.transport(who, peer)?;
        if std::mem::replace(&mut transport.told, true) {
            return Err(RoomError::WrongState("the transport is connected already".into()));
        }
        self.ask(MediaRequest::ConnectTransport { peer, remote });
        Ok(())
    }

    pub(super) fn restart_transport(&mut self, who: &ParticipantId, peer: PeerId) -> Result<(), RoomError> {
        self.transport(who, peer)?;
        self.ask(MediaRequest::RestartTransport { peer });
        Ok(())
    }

    pub(super) fn close_transport(&mut self, who: &ParticipantId, peer: PeerId) -> Result<(), RoomError> {
        self.transport(who, peer)?;
        self.ask(MediaRequest::Close { peer, reason: EndReason::Requested });
        self.end_transport(peer, EndReason::Requested, String::new());
        Ok(())
    }

    fn transport(&mut self, who: &ParticipantId, peer: PeerId) -> Result<&mut Transport, RoomError> {
        let mut transports = self.participant(who)?.transports.iter_mut();
        transports.find(|transport| transport.peer == peer).ok_or(RoomError::TransportNotFound)
    }

    /// Whether data channels may come onto it.
    pub(super) fn takes_data(&mut self, who: &ParticipantId, peer: PeerId) -> Result<(), RoomError> {
        match self.transport(who, peer)?.data {
            true => Ok(()),
            false => Err(RoomError::Invalid("the transport was made without data channels: ask for them then".into())),
        }
    }

    /// As `publish`, on a transport that somebody here has opened.
    pub(super) fn produce(
        &mut self,
        who: &ParticipantId,
        on: PeerId,
        offer: Sdp,
        content: Content,
    ) -> Result<Reply, RoomError> {
        if self.owner_of(on).is_none() {
            return Err(RoomError::TransportNotFound);
        }
        match &self.participant(who)?.publisher {
            Some(publisher) if publisher.on != Some(on) => {
                return Err(RoomError::WrongState(
                    "you publish already, not on this transport: unpublish first".into(),
                ));
            }
            Some(_) => {}
            None => {
                self.new_publisher(who, content)?;
                self.participant(who)?.publisher.iter_mut().for_each(|publisher| publisher.on = Some(on));
            }
        }
        self.take_offer(who, offer)?;
        let publisher = self.participant(who)?.publisher.as_ref();
        publisher.map(|publisher| Reply::Feed(publisher.feed)).ok_or(RoomError::NotPublishing)
    }

    pub(super) fn consume(
        &mut self,
        who: &ParticipantId,
        on: PeerId,
        (feed, kind): (FeedId, Kind),
        offer: Sdp,
        paused: bool,
    ) -> Result<Reply, RoomError> {
        self.transport(who, on)?;
        self.check_watchable(who, feed)?;
        let already = |s: &Subscription| s.feed == feed && s.consumes == Some((on, kind));
        if self.participant(who)?.subscriptions.iter().any(already) {
            return Err(RoomError::WrongState("you watch this on the transport already".into()));
        }
        let (peer, now) = (PeerId::next(), self.now.instant);
        let mut negotiation = Negotiation::answering(Early::default());
        let full = |_| RoomError::Limit("offers that wait for an answer".into());
        let Some(offer) = negotiation.remote_offer(now, offer).map_err(full)? else { return Ok(Reply::Peer(peer)) };
        let limits = ViewLimits { paused, ..ViewLimits::default() };
        let mut subscription = Subscription::new(peer, feed, Stage::Answering, negotiation, false).limited(limits);
        subscription.consumes = Some((on, kind));
        self.participant(who)?.subscriptions.push(subscription);
        let viewer = self.viewer(who)?;
        self.ask(MediaRequest::Consume { peer, on, feed, kind, offer, viewer });
        self.ask_limits(peer, limits);
        Ok(Reply::Peer(peer))
    }

    pub(super) fn stop_consuming(&mut self, who: &ParticipantId, peer: PeerId) -> Result<(), RoomError> {
        let consumes = |s: &Subscription| s.peer == peer && s.consumes.is_some();
        if !self.participant(who)?.subscriptions.iter().any(consumes) {
            return Err(RoomError::SubscriptionNotFound);
        }
        self.close_subscription(peer, EndReason::Unsubscribed);
        Ok(())
    }

    /// A feed goes on without a kind: who watched that alone watches nothing.
    pub(super) fn end_consumers_of_gone(&mut self, feed: FeedId, tracks: &[TrackInfo]) {
        let has = |kind: &Kind| tracks.iter().any(|track| track.kind() == *kind);
        self.feeds.get_mut(&feed).into_iter().for_each(|feed| feed.held.retain(has));
        let of_gone = |s: &&Subscription| s.feed == feed && s.consumes.is_some_and(|(_, kind)| !has(&kind));
        let subscriptions = self.participants.values().flat_map(|p| &p.subscriptions).filter(of_gone);
        for peer in subscriptions.map(|s| s.peer).collect::<Vec<_>>() {
            self.close_subscription(peer, EndReason::FeedEnded);
        }
    }

    fn owner_of(&self, transport: PeerId) -> Option<ParticipantId> {
        let holds = |transports: &[Transport]| transports.iter().any(|known| known.peer == transport);
        self.participants.iter().find(|(_, p)| holds(&p.transports)).map(|(id, _)| id.clone())
    }

    /// The engine tells of a transport.
    pub(super) fn transport_changed(&mut self, transport: PeerId, change: TransportChange) {
        let Some(who) = self.owner_of(transport) else { return };
        if let Ok(known) = self.transport(&who, transport) {
            known.opening = None;
        }
        self.tell(&who, EventKind::Transport { transport, change });
    }

    pub(super) fn is_transport(&self, peer: PeerId) -> bool {
        self.owner_of(peer).is_some()
    }

    /// A transport is over, whoever ended it. The engine has ended, or will end, what was on it; the room does not wait.
    pub(super) fn end_transport(&mut self, transport: PeerId, reason: EndReason, detail: String) {
        let Some(who) = self.owner_of(transport) else { return };
        if let Some(participant) = self.participants.get_mut(&who) {
            participant.transports.retain(|known| known.peer != transport);
        }
        // First: whoever hears of what was on it knows why.
        self.tell(&who, EventKind::Transport { transport, change: TransportChange::Ended { reason, detail } });
        self.end_data_on(transport, reason);
        let on_it = |s: &&Subscription| s.consumes.is_some_and(|(on, _)| on == transport);
        let subscriptions = self.participants.values().flat_map(|p| &p.subscriptions).filter(on_it);
        for peer in subscriptions.map(|s| s.peer).collect::<Vec<_>>() {
            self.close_subscription(peer, reason);
        }
        let publishers = self.participants.values().filter_map(|p| p.publisher.as_ref());
        for feed in publishers.filter(|p| p.on == Some(transport)).map(|p| p.feed).collect::<Vec<_>>() {
            self.close_feed(feed, reason);
        }
    }

    /// Before its holder goes.
    pub(super) fn end_transports_of(&mut self, who: &ParticipantId, reason: EndReason) {
        let Some(participant) = self.participants.get(who) else { return };
        for peer in participant.transports.iter().map(|transport| transport.peer).collect::<Vec<_>>() {
            self.ask(MediaRequest::Close { peer, reason });
            self.end_transport(peer, reason, String::new());
        }
    }

    /// The backstop for an engine that does not answer.
    pub(super) fn end_stale_transports(&mut self) {
        let all = self.participants.values().flat_map(|p| &p.transports);
        let stale = all.filter(|transport| self.is_due(transport.opening)).map(|transport| transport.peer);
        for peer in stale.collect::<Vec<_>>() {
            self.ask(MediaRequest::Close { peer, reason: EndReason::EngineError });
            let detail = "the media engine did not answer in time".to_owned();
            self.end_transport(peer, EndReason::EngineError, detail);
        }
    }

    pub(super) fn transport_deadline(&self) -> Option<Instant> {
        self.participants.values().flat_map(|p| &p.transports).filter_map(|transport| transport.opening).min()
    }
}
