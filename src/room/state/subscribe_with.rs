//! Watching by the client's own offer: the engine answers; a further offer is an ICE restart of the same peer.

use super::{Stage, State, Subscription};
use crate::media::MediaRequest;
use crate::model::{FeedId, ParticipantId, PeerId, Sdp};
use crate::room::command::RoomError;
use crate::room::event::EventKind;
use crate::room::negotiation::{Early, Negotiation, ufrags};

impl State {
    /// The first offer makes the peer; a further one for the same feed waits until the last is answered.
    pub(super) fn subscribe_with(&mut self, who: &ParticipantId, feed: FeedId, offer: Sdp) -> Result<(), RoomError> {
        let own = |s: &Subscription| s.feed == feed && s.own_offer;
        if !self.participant(who)?.subscriptions.iter().any(own) {
            self.check_known(who, feed)?;
            let early = std::mem::take(&mut self.participant(who)?.early_subscriber);
            self.new_subscription(who, feed, early)?;
        }
        let now = self.now.instant;
        let Some(subscription) = self.participant(who)?.subscriptions.iter_mut().find(|s| own(s)) else {
            return Ok(());
        };
        subscription.ufrags.extend(ufrags(&offer));
        let ready = subscription.negotiation.remote_offer(now, offer);
        let ready = ready.map_err(|_| RoomError::Limit("offers that wait for an answer".into()))?;
        let peer = subscription.peer;
        if let Some(offer) = ready {
            let viewer = self.viewer(who)?;
            self.ask(MediaRequest::SubscribeWith { peer, feed, offer, viewer });
        }
        Ok(())
    }

    fn new_subscription(&mut self, who: &ParticipantId, feed: FeedId, early: Early) -> Result<(), RoomError> {
        let (peer, negotiation) = (PeerId::next(), Negotiation::answering(early));
        let subscription = Subscription::new(peer, feed, Stage::Answering, negotiation, true);
        self.participant(who)?.subscriptions.push(subscription);
        Ok(())
    }

    pub(super) fn subscribe_answered(&mut self, peer: PeerId, answer: Sdp) {
        let now = self.now.instant;
        let Some((who, subscription)) = self.subscription_of(peer) else { return };
        if subscription.stage == Stage::Answering {
            subscription.stage = Stage::Connecting;
        }
        let (feed, next) = (subscription.feed, subscription.negotiation.remote_offer_done(now, true));
        let early = subscription.negotiation.take_early();
        self.tell(&who, EventKind::SubscriptionAnswered { feed, peer, answer });
        for candidate in early {
            self.ask(MediaRequest::Candidate { peer, candidate });
        }
        if let (Some(offer), Ok(viewer)) = (next, self.viewer(&who)) {
            self.ask(MediaRequest::SubscribeWith { peer, feed, offer, viewer });
        }
    }

    /// What ran before goes on; a first offer's peer never existed, so it goes unless a better offer waits.
    pub(super) fn subscribe_refused(&mut self, peer: PeerId, error: RoomError) {
        let now = self.now.instant;
        let Some((who, subscription)) = self.subscription_of(peer) else { return };
        let next = subscription.negotiation.remote_offer_done(now, false);
        let (feed, gone) = (subscription.feed, subscription.stage == Stage::Answering && next.is_none());
        if gone && let Ok(participant) = self.participant(&who) {
            participant.subscriptions.retain(|s| s.peer != peer);
        }
        self.tell(&who, EventKind::SubscriptionRefused { feed, peer, error });
        if let (Some(offer), Ok(viewer)) = (next, self.viewer(&who)) {
            self.ask(MediaRequest::SubscribeWith { peer, feed, offer, viewer });
        }
    }
}
