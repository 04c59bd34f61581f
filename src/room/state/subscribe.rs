//! The watching side: a peer for each subscription, made before the one it replaces is broken.

use super::{Stage, State, Subscription};
use crate::media::MediaRequest;
use crate::model::{EndReason, FeedId, ParticipantId, PeerId, Sdp};
use crate::room::command::RoomError;
use crate::room::event::EventKind;
use crate::room::negotiation::{Negotiation, Phase, ufrags};

impl State {
    pub(super) fn subscribe(&mut self, who: &ParticipantId, feed: FeedId) -> Result<(), RoomError> {
        self.check_watchable(who, feed)?;
        let limits = self.limits_for(who, feed);
        self.close_unanswered(who, feed);
        let (peer, now) = (PeerId::next(), self.now.instant);
        let negotiation = Negotiation::offering(now);
        let subscription = Subscription::new(peer, feed, Stage::Offering, negotiation, false).limited(limits);
        self.participant(who)?.subscriptions.push(subscription);
        let viewer = self.viewer(who)?;
        self.ask(MediaRequest::Subscribe { peer, feed, viewer });
        self.ask_limits(peer, limits);
        Ok(())
    }

    pub(super) fn check_watchable(&mut self, who: &ParticipantId, feed: FeedId) -> Result<(), RoomError> {
        if !self.is_live(feed) {
            return Err(RoomError::FeedNotFound);
        }
        self.check_subscription_limit(who, feed)
    }

    /// The client's own offer needs no media yet: what was negotiated can be answered. A mix is no participant's feed.
    pub(super) fn check_known(&mut self, who: &ParticipantId, feed: FeedId) -> Result<(), RoomError> {
        if !self.feeds.contains_key(&feed) && !self.is_live(feed) {
            return Err(RoomError::FeedNotFound);
        }
        self.check_subscription_limit(who, feed)
    }

    /// What is about to be replaced does not count.
    fn check_subscription_limit(&mut self, who: &ParticipantId, feed: FeedId) -> Result<(), RoomError> {
        let limit = self.limits.max_subscriptions;
        let mut watched: Vec<_> = self.participant(who)?.subscriptions.iter().map(|s| s.feed).collect();
        watched.sort_unstable();
        watched.dedup();
        if watched.len() >= limit && !watched.contains(&feed) {
            return Err(RoomError::Limit(format!("{limit} subscriptions of a participant")));
        }
        Ok(())
    }

    /// Earlier offers for the same feed that nobody answered carry no media: they need not be kept until the new one
    /// is connected. One answered a moment ago goes too if a third is asked for, so that they cannot pile up.
    fn close_unanswered(&mut self, who: &ParticipantId, feed: FeedId) {
        let Some(participant) = self.participants.get(who) else { return };
        let same = participant.subscriptions.iter().filter(|s| s.feed == feed && s.consumes.is_none());
        let plays = same.clone().any(|s| s.stage == Stage::Connected);
        let stale = same.filter(|s| match s.stage {
            Stage::Offering | Stage::Answering | Stage::AwaitingAnswer => true,
            Stage::Connecting => plays,
            Stage::Connected => false,
        });
        for peer in stale.map(|s| s.peer).collect::<Vec<_>>() {
            self.close_subscription(peer, EndReason::Replaced);
        }
    }

    pub(super) fn unsubscribe(&mut self, who: &ParticipantId, feed: FeedId) -> Result<(), RoomError> {
        let subscriptions = self.participant(who)?.subscriptions.iter();
        let peers: Vec<_> = subscriptions.filter(|s| s.feed == feed).map(|s| s.peer).collect();
        if peers.is_empty() {
            return Err(RoomError::FeedNotFound);
        }
        for peer in peers {
            self.close_subscription(peer, EndReason::Unsubscribed);
        }
        Ok(())
    }

    /// To the newest open offer, of that feed if one is named.
    pub(super) fn answer(&mut self, who: &ParticipantId, feed: Option<FeedId>, answer: Sdp) -> Result<(), RoomError> {
        let participant = self.participant(who)?;
        let wanted = |s: &&mut Subscription| feed.is_none_or(|f| f == s.feed) && s.stage == Stage::AwaitingAnswer;
        let open = participant.subscriptions.iter_mut().rev().find(wanted).ok_or(RoomError::NoPendingOffer)?;
        open.stage = Stage::Connecting;
        open.ufrags = ufrags(&answer);
        open.negotiation.answer_given();
        let peer = open.peer;
        let mut early = open.negotiation.take_early();
        early.extend(participant.early_subscriber.take_for(&open.ufrags));
        self.ask(MediaRequest::Answer { peer, answer });
        for candidate in early {
            self.ask(MediaRequest::Candidate { peer, candidate });
        }
        Ok(())
    }

    pub(super) fn subscription_of(&mut self, peer: PeerId) -> Option<(ParticipantId, &mut Subscription)> {
        let all = self.participants.iter_mut();
        let mut all = all.flat_map(|(id, p)| p.subscriptions.iter_mut().map(move |s| (id, s)));
        all.find(|(_, s)| s.peer == peer).map(|(id, s)| (id.clone(), s))
    }

    pub(super) fn subscribe_offered(&mut self, peer: PeerId, offer: Sdp) {
        let now = self.now.instant;
        let Some((who, subscription)) = self.subscription_of(peer) else { return };
        subscription.stage = Stage::AwaitingAnswer;
        subscription.negotiation.local_offer_sent(now);
        let feed = subscription.feed;
        self.tell(&who, EventKind::SubscriptionOffered { feed, peer, offer });
    }

    pub(super) fn answer_refused(&mut self, peer: PeerId, error: RoomError) {
        let Some((who, subscription)) = self.subscription_of(peer) else { return };
        subscription.stage = Stage::AwaitingAnswer;
        subscription.ufrags.clear();
        subscription.negotiation.answer_refused();
        let feed = subscription.feed;
        self.tell(&who, EventKind::AnswerRefused { feed, error });
    }

    /// A subscription is up: now the ones it replaces may go. (A publisher's connection is told by its feed.)
    pub(super) fn connected(&mut self, peer: PeerId) {
        let Some((who, subscription)) = self.subscription_of(peer) else { return };
        subscription.stage = Stage::Connected;
        subscription.negotiation.connected();
        let (feed, consumes) = (subscription.feed, subscription.consumes);
        self.tell(&who, EventKind::SubscriptionStarted { participant: who.clone(), feed, peer });
        let Some(participant) = self.participants.get(&who) else { return };
        let same = |s: &&Subscription| s.feed == feed && s.consumes == consumes;
        let older = participant.subscriptions.iter().take_while(|s| s.peer != peer).filter(same);
        for older in older.map(|s| s.peer).collect::<Vec<_>>() {
            self.close_subscription(older, EndReason::Replaced);
        }
    }

    pub(super) fn close_subscriptions_to(&mut self, feed: FeedId) {
        let all = self.participants.values().flat_map(|p| &p.subscriptions);
        for peer in all.filter(|s| s.feed == feed).map(|s| s.peer).collect::<Vec<_>>() {
            self.close_subscription(peer, EndReason::FeedEnded);
        }
    }

    /// We end a subscription.
    pub(super) fn close_subscription(&mut self, peer: PeerId, reason: EndReason) {
        self.ask(MediaRequest::Close { peer, reason });
        self.subscription_ended(peer, reason, String::new());
    }

    /// A subscription is over, whoever ended it.
    pub(super) fn subscription_ended(&mut self, peer: PeerId, reason: EndReason, detail: String) {
        let Some((who, subscription)) = self.subscription_of(peer) else { return };
        subscription.negotiation.close();
        let feed = subscription.feed;
        if let Some(participant) = self.participants.get_mut(&who) {
            participant.subscriptions.retain(|s| s.peer != peer);
        }
        let participant = who.clone();
        self.tell(&who, EventKind::SubscriptionEnded { participant, feed, peer, reason, detail });
    }

    /// The backstop for an engine that does not answer, on both sides.
    pub(super) fn end_stale_negotiations(&mut self) {
        let all = self.participants.values().flat_map(|p| &p.subscriptions);
        let stale = all.filter(|s| self.is_due(s.negotiation.deadline())).map(|s| (s.peer, s.stage));
        for (peer, stage) in stale.collect::<Vec<_>>() {
            self.close_subscription(peer, stage.overdue());
        }
        self.end_stale_conversations();
        let publishers = self.participants.values().filter_map(|p| p.publisher.as_ref());
        let stale = publishers.filter(|p| self.is_due(p.negotiation.deadline())).map(|p| (p.peer, p.answered));
        for (peer, answered) in stale.collect::<Vec<_>>() {
            if !answered {
                self.ask(MediaRequest::Close { peer, reason: EndReason::EngineError });
            }
            self.publish_refused(peer, RoomError::Internal("the media engine did not answer in time".into()));
        }
    }
}

impl Stage {
    fn overdue(self) -> EndReason {
        match self {
            Self::Offering | Self::Answering => EndReason::EngineError,
            Self::AwaitingAnswer | Self::Connecting | Self::Connected => EndReason::NegotiationTimeout,
        }
    }
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Offering => "offering",
            Self::Answering => "answering",
            Self::AwaitingAnswer => "awaiting_answer",
            Self::Connecting => "connecting",
            Self::Connected => "connected",
        }
    }
}

impl Subscription {
    pub(super) fn is_open(&self) -> bool {
        self.negotiation.phase() != Phase::Closed
    }
}
