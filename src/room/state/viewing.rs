//! What subscriptions want at most, what they get, and which of a publisher's layers anybody uses.

use super::{Stage, State, Subscription};
use crate::media::{MediaRequest, Viewer};
use crate::model::{FeedId, Kind, ParticipantId, PeerId, ViewChange, ViewLimits, Why};
use crate::room::command::{RoomError, Watched};
use crate::room::event::{Audience, EventKind};
use crate::room::negotiation::Negotiation;
use crate::room::registry::Reply;

/// A subscription: of what, and of which kind alone.
type Meant = (PeerId, FeedId, Option<Kind>);

impl Subscription {
    pub(super) fn new(peer: PeerId, feed: FeedId, stage: Stage, negotiation: Negotiation, own_offer: bool) -> Self {
        let (ufrags, limits, rendition, consumes) = (Vec::new(), ViewLimits::default(), None, None);
        Self { peer, feed, stage, negotiation, ufrags, own_offer, consumes, limits, rendition }
    }

    fn meant(&self) -> Meant {
        (self.peer, self.feed, self.consumes.map(|(_, kind)| kind))
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
        let found: Vec<_> = found.into_iter().map(|subscription| subscription.meant()).collect();
        found.into_iter().for_each(|meant| self.ask_effective(meant, limits));
        Ok(Reply::Limits(limits))
    }

    /// The publisher's word and the viewer's: either pauses.
    fn ask_effective(&mut self, (peer, feed, kind): Meant, limits: ViewLimits) {
        let held = self.feeds.get(&feed).is_some_and(|feed| kind.is_some_and(|kind| feed.held.contains(&kind)));
        self.ask(MediaRequest::Limit { peer, limits: ViewLimits { paused: limits.paused || held, ..limits } });
    }

    pub(super) fn hold(&mut self, who: &ParticipantId, kind: Kind, held: bool) -> Result<(), RoomError> {
        let publisher = self.participant(who)?.publisher.as_ref();
        let id = publisher.map(|publisher| publisher.feed).ok_or(RoomError::NotPublishing)?;
        let feed = self.feeds.get_mut(&id).ok_or(RoomError::FeedNotFound)?;
        if !(if held { feed.held.insert(kind) } else { feed.held.remove(&kind) }) {
            return Ok(());
        }
        let subscriptions = self.participants.values().flat_map(|p| &p.subscriptions);
        let consumers =
            subscriptions.map(|s| (s.meant(), s.limits)).filter(|(meant, _)| (meant.1, meant.2) == (id, Some(kind)));
        consumers.collect::<Vec<_>>().into_iter().for_each(|(meant, limits)| self.ask_effective(meant, limits));
        Ok(())
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
