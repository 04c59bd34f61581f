//! What subscriptions want at most, what they get, and which of a publisher's layers anybody uses.

use super::{Stage, State, Subscription};
use crate::media::{MediaRequest, Viewer};
use crate::model::{FeedId, ParticipantId, PeerId, ViewChange, ViewLimits, Why};
use crate::room::command::{RoomError, Watched};
use crate::room::event::{Audience, EventKind};
use crate::room::negotiation::Negotiation;
use crate::room::registry::Reply;

impl Subscription {
    pub(super) fn new(peer: PeerId, feed: FeedId, stage: Stage, negotiation: Negotiation, own_offer: bool) -> Self {
        let (ufrags, limits, rendition, consumes) = (Vec::new(), ViewLimits::default(), None, None);
        Self { peer, feed, stage, negotiation, ufrags, own_offer, consumes, limits, rendition }
    }

    pub(super) fn limited(self, limits: ViewLimits) -> Self {
        Self { limits, ..self }
    }
}

impl State {
    /// Who watches, as the engine knows it.
    pub(super) fn viewer(&mut self, who: &ParticipantId) -> Result<Viewer, RoomError> {
        let participant = self.participant(who)?;
        let published = participant.publisher.as_ref().map(|publisher| publisher.feed);
        let (line, named) = (participant.line, participant.own.clone());
        Ok(Viewer { line, own: published.or_else(|| self.live_feed_called(&named?)) })
    }

    /// The limits of the subscription that a new one to the same feed takes the place of.
    pub(super) fn limits_for(&self, who: &ParticipantId, feed: FeedId) -> ViewLimits {
        let of = self.participants.get(who).map(|participant| &participant.subscriptions);
        let former = of.and_then(|all| all.iter().rev().find(|s| s.feed == feed && s.consumes.is_none()));
        former.map(|subscription| subscription.limits).unwrap_or_default()
    }

    /// The engine knows of none at first.
    pub(super) fn ask_limits(&mut self, peer: PeerId, limits: ViewLimits) {
        if limits != ViewLimits::default() {
            self.ask(MediaRequest::Limit { peer, limits });
        }
    }

    pub(super) fn limit(
        &mut self,
        from: Option<&ParticipantId>,
        of: Watched,
        change: ViewChange,
    ) -> Result<Reply, RoomError> {
        let meant = |subscription: &&mut Subscription| match of {
            Watched::Feed(feed) => subscription.feed == feed,
            Watched::Peer(peer) => subscription.peer == peer,
        };
        let mine = self.participants.iter_mut().filter(|(who, _)| from.is_none_or(|from| from == *who));
        let mut found: Vec<_> =
            mine.flat_map(|(_, participant)| &mut participant.subscriptions).filter(meant).collect();
        let newest = found.last().ok_or(RoomError::SubscriptionNotFound)?;
        let limits = newest.limits.changed(change).map_err(RoomError::Invalid)?;
        found.iter_mut().for_each(|subscription| subscription.limits = limits);
        let peers: Vec<PeerId> = found.iter().map(|subscription| subscription.peer).collect();
        for peer in peers {
            self.ask(MediaRequest::Limit { peer, limits });
        }
        Ok(Reply::Limits(limits))
    }

    /// What a subscription gets from now on.
    pub(super) fn showing(&mut self, peer: PeerId, rendition: String, why: Why, words: String) {
        let Some((participant, subscription)) = self.subscription_of(peer) else { return };
        subscription.rendition = Some(rendition.clone());
        let feed = subscription.feed;
        let to = Audience::One(participant.clone());
        self.emit(to, EventKind::RenditionChanged { participant, feed, peer, rendition, why, words });
    }

    /// Tells a publisher which layers are worth sending.
    pub(super) fn layers_wanted(&mut self, peer: PeerId, rids: Vec<String>) {
        let Some((who, publisher)) = self.publisher_of(peer) else { return };
        let feed = publisher.feed;
        self.tell(&who, EventKind::LayersWanted { feed, rids });
    }
}
