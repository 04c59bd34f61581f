//! Participants that publish and receive on one peer connection: its offer or ours, and whom they face.

use super::{Publisher, State};
use crate::media::{MediaRequest, Viewer};
use crate::model::{Content, EndReason, FeedId, ParticipantId, PeerId, Sdp};
use crate::room::command::RoomError;
use crate::room::event::EventKind;
use crate::room::negotiation::Phase;

impl State {
    /// With an offer of the client's as `publish`; without one the engine makes it, once.
    pub(super) fn converse(&mut self, who: &ParticipantId, offer: Option<Sdp>) -> Result<(), RoomError> {
        let begun = match &self.participant(who)?.publisher {
            Some(publisher) if publisher.converses.is_none() => {
                return Err(RoomError::WrongState("you publish already: unpublish first".into()));
            }
            Some(_) => true,
            None => false,
        };
        if !begun {
            self.new_conversation(who)?;
        }
        match offer {
            Some(offer) => self.take_offer(who, offer),
            None if begun => Err(RoomError::WrongState("the conversation has begun".into())),
            None => self.offer_conversation(who),
        }
    }

    fn new_conversation(&mut self, who: &ParticipantId) -> Result<(), RoomError> {
        self.new_publisher(who, Content::Camera)?;
        let participant = self.participant(who)?;
        let line = participant.line;
        if let Some(publisher) = participant.publisher.as_mut() {
            publisher.converses = Some(Viewer { line, own: Some(publisher.feed) });
        }
        Ok(())
    }

    fn offer_conversation(&mut self, who: &ParticipantId) -> Result<(), RoomError> {
        let now = self.now.instant;
        let publisher = self.participant(who)?.publisher.as_mut();
        let Some((publisher, viewer)) = publisher.and_then(|p| p.converses.map(|viewer| (p, viewer))) else {
            return Ok(());
        };
        publisher.negotiation.offers(now);
        let request = MediaRequest::Converse { peer: publisher.peer, feed: publisher.feed, offer: None, viewer };
        self.ask(request);
        Ok(())
    }

    /// Offers of ours that nobody answered.
    pub(super) fn end_stale_conversations(&mut self) {
        let waits = |p: &Publisher| p.converses.is_some() && p.negotiation.phase() == Phase::HaveLocalOffer;
        let publishers = self.participants.values().filter_map(|p| p.publisher.as_ref());
        let stale = publishers.filter(|p| waits(p) && self.is_due(p.negotiation.deadline())).map(|p| p.feed);
        for feed in stale.collect::<Vec<_>>() {
            self.close_feed(feed, EndReason::NegotiationTimeout);
        }
    }

    pub(super) fn publish_offered(&mut self, peer: PeerId, offer: Sdp) {
        let now = self.now.instant;
        let Some((who, publisher)) = self.publisher_of(peer) else { return };
        publisher.answered = true;
        publisher.negotiation.local_offer_sent(now);
        let feed = publisher.feed;
        self.tell(&who, EventKind::PublishOffered { feed, offer });
    }

    pub(super) fn answer_conversation(&mut self, who: &ParticipantId, answer: Sdp) -> Result<(), RoomError> {
        let publisher = self.participant(who)?.publisher.as_mut().filter(|publisher| publisher.converses.is_some());
        let publisher = publisher.filter(|p| p.answered && p.negotiation.phase() == Phase::HaveLocalOffer);
        let publisher = publisher.ok_or(RoomError::NoPendingOffer)?;
        publisher.negotiation.answer_given();
        let (peer, early) = (publisher.peer, publisher.negotiation.take_early());
        self.ask(MediaRequest::Answer { peer, answer });
        for candidate in early {
            self.ask(MediaRequest::Candidate { peer, candidate });
        }
        Ok(())
    }

    pub(super) fn face(&mut self, who: &ParticipantId, feed: Option<FeedId>) -> Result<(), RoomError> {
        if feed.is_some_and(|feed| !self.feeds.contains_key(&feed)) {
            return Err(RoomError::FeedNotFound);
        }
        let publisher = self.participant(who)?.publisher.as_ref().filter(|publisher| publisher.converses.is_some());
        let peer = publisher.map(|publisher| publisher.peer).ok_or(RoomError::NotPublishing)?;
        self.ask(MediaRequest::Face { peer, feed });
        Ok(())
    }

    /// A conversation's answer, or a subscription's.
    pub(super) fn any_answer_refused(&mut self, peer: PeerId, error: RoomError) {
        let Some((who, publisher)) = self.publisher_of(peer) else { return self.answer_refused(peer, error) };
        publisher.negotiation.answer_refused();
        self.tell(&who, EventKind::PublishRefused { error });
    }

    /// A conversation that we offered is settled by its connection; a publisher's needs nothing else.
    pub(super) fn any_connected(&mut self, peer: PeerId) {
        match self.publisher_of(peer) {
            Some((_, publisher)) => publisher.negotiation.connected(),
            None => self.connected(peer),
        }
    }
}

#[cfg(test)]
mod tests;
