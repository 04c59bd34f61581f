//! The publishing side: offers, feeds coming alive, feeds ending.

use super::{Publisher, State};
use crate::media::MediaRequest;
use crate::model::{Content, EndReason, FeedId, Happening, Kind, ParticipantId, PeerId, Sdp, TrackInfo};
use crate::room::command::RoomError;
use crate::room::event::{Audience, EventKind};
use crate::room::negotiation::Negotiation;
use std::collections::BTreeSet;

/// What a participant publishes.
#[derive(Debug)]
pub(super) struct Feed {
    pub publisher: ParticipantId,
    pub name: String,
    pub peer: PeerId,
    /// `None` until media flows.
    pub tracks: Option<Vec<TrackInfo>>,
    /// What its publisher lets no consumer have for now.
    pub held: BTreeSet<Kind>,
}

impl Feed {
    /// Not live yet.
    pub(super) fn new(publisher: ParticipantId, name: String, peer: PeerId) -> Self {
        Self { publisher, name, peer, tracks: None, held: BTreeSet::new() }
    }
}

impl State {
    /// The first offer makes the peer and the feed; a further one renegotiates them when the last is answered.
    pub(super) fn publish(&mut self, who: &ParticipantId, offer: Sdp, content: Content) -> Result<(), RoomError> {
        if self.participant(who)?.publisher.is_none() {
            self.new_publisher(who, content)?;
        }
        self.take_offer(who, offer)
    }

    /// To the engine, once nothing else is open.
    pub(super) fn take_offer(&mut self, who: &ParticipantId, offer: Sdp) -> Result<(), RoomError> {
        let now = self.now.instant;
        let Some(publisher) = self.participant(who)?.publisher.as_mut() else { return Ok(()) };
        let ready = publisher.negotiation.remote_offer(now, offer);
        let ready = ready.map_err(|_| RoomError::Limit("offers that wait for an answer".into()))?;
        if let Some(offer) = ready {
            let request = publisher.request(offer);
            self.ask(request);
        }
        Ok(())
    }

    pub(super) fn new_publisher(&mut self, who: &ParticipantId, content: Content) -> Result<(), RoomError> {
        let (peer, feed) = (PeerId::next(), FeedId::next());
        let participant = self.participant(who)?;
        let negotiation = Negotiation::answering(std::mem::take(&mut participant.early_publisher));
        participant.publisher =
            Some(Publisher { peer, feed, content, converses: None, on: None, answered: false, negotiation });
        let name = participant.joining.name.clone();
        self.feeds.insert(feed, Feed::new(who.clone(), name, peer));
        Ok(())
    }

    pub(super) fn unpublish(&mut self, who: &ParticipantId) -> Result<(), RoomError> {
        let publisher = self.participant(who)?.publisher.as_ref();
        let feed = publisher.map(|publisher| publisher.feed).ok_or(RoomError::NotPublishing)?;
        self.close_feed(feed, EndReason::Unpublished);
        Ok(())
    }

    pub(super) fn publisher_of(&mut self, peer: PeerId) -> Option<(ParticipantId, &mut Publisher)> {
        let mut all = self.participants.iter_mut().filter_map(|(id, p)| Some((id, p.publisher.as_mut()?)));
        all.find(|(_, publisher)| publisher.peer == peer).map(|(id, publisher)| (id.clone(), publisher))
    }

    pub(super) fn publish_answered(&mut self, peer: PeerId, answer: Sdp) {
        let now = self.now.instant;
        let Some((who, publisher)) = self.publisher_of(peer) else { return };
        publisher.answered = true;
        let next = publisher.negotiation.remote_offer_done(now, true).map(|offer| publisher.request(offer));
        let (feed, early) = (publisher.feed, publisher.negotiation.take_early());
        self.tell(&who, EventKind::PublishAnswered { feed, answer });
        for candidate in early {
            self.ask(MediaRequest::Candidate { peer, candidate });
        }
        if let Some(request) = next {
            self.ask(request);
        }
    }

    /// What ran before goes on; a first offer's peer never existed, so its feed goes unless a better offer waits.
    pub(super) fn publish_refused(&mut self, peer: PeerId, error: RoomError) {
        let now = self.now.instant;
        let Some((who, publisher)) = self.publisher_of(peer) else { return };
        let next = publisher.negotiation.remote_offer_done(now, false).map(|offer| publisher.request(offer));
        let (feed, gone) = (publisher.feed, !publisher.answered && next.is_none());
        self.tell(&who, EventKind::PublishRefused { error });
        if let Some(request) = next {
            self.ask(request);
        }
        if gone {
            self.forget_feed(feed);
        }
    }

    fn forget_feed(&mut self, feed: FeedId) -> Option<Feed> {
        let ended = self.feeds.remove(&feed)?;
        let publisher = self.participants.get_mut(&ended.publisher).and_then(|p| p.publisher.take());
        if let Some(mut publisher) = publisher {
            publisher.negotiation.close();
        }
        Some(ended)
    }

    pub(super) fn feed_live(&mut self, id: FeedId, tracks: Vec<TrackInfo>) {
        if self.mix_live(id) {
            return;
        }
        let Some(feed) = self.feeds.get_mut(&id) else { return };
        if feed.tracks.as_ref() == Some(&tracks) {
            return;
        }
        feed.tracks = Some(tracks.clone());
        let (publisher, name) = (feed.publisher.clone(), feed.name.clone());
        self.log(&Happening::Published { feed: id, participant: publisher.clone(), name });
        self.end_consumers_of_gone(id, &tracks);
        self.emit(Audience::Everyone, EventKind::FeedPublished { feed: id, publisher, tracks });
        self.record_feed(id);
        self.mix_feed(id);
    }

    pub(super) fn tell_live_feeds(&mut self, who: &ParticipantId) {
        let live = self.feeds.iter().filter_map(|(&feed, f)| Some((feed, f.publisher.clone(), f.tracks.clone()?)));
        for (feed, publisher, tracks) in live.collect::<Vec<_>>() {
            self.tell(who, EventKind::FeedPublished { feed, publisher, tracks });
        }
    }

    /// The engine ended a publisher on its own.
    pub(super) fn publisher_ended(&mut self, feed: FeedId, reason: EndReason, detail: String) {
        let Some(publisher) = self.end_feed(feed, reason, detail) else { return };
        let leaves = self.participants.get(&publisher).is_some_and(|p| p.joining.leaves_with_its_feed);
        if leaves {
            self.remove(&publisher, reason);
        }
    }

    /// We end a publisher.
    pub(super) fn close_feed(&mut self, feed: FeedId, reason: EndReason) {
        let peer = self.feeds.get(&feed).map(|feed| feed.peer);
        self.end_feed(feed, reason, String::new());
        if let Some(peer) = peer {
            self.ask(MediaRequest::Close { peer, reason });
        }
    }

    /// All that a feed's end entails, whoever ended it; returns who published it.
    fn end_feed(&mut self, feed: FeedId, reason: EndReason, detail: String) -> Option<ParticipantId> {
        let ended = self.forget_feed(feed)?;
        self.finish_feed(feed);
        self.unmix_feed(feed);
        self.fall_silent(feed);
        self.log(&Happening::Unpublished { feed, reason });
        self.note_recorded_emptiness();
        self.close_subscriptions_to(feed);
        let publisher = ended.publisher;
        // Nobody else has heard of a feed that never came alive.
        let to = if ended.tracks.is_some() { Audience::Everyone } else { Audience::One(publisher.clone()) };
        self.emit(to, EventKind::FeedEnded { feed, publisher: publisher.clone(), reason, detail });
        Some(publisher)
    }
}

impl Publisher {
    fn request(&self, offer: Sdp) -> MediaRequest {
        let (peer, feed, content) = (self.peer, self.feed, self.content);
        match (self.converses, self.on) {
            _ if self.answered => MediaRequest::Republish { peer, offer },
            (_, Some(on)) => MediaRequest::Produce { peer, on, feed, offer, content },
            (Some(viewer), None) => MediaRequest::Converse { peer, feed, offer: Some(offer), viewer },
            (None, None) => MediaRequest::Publish { peer, feed, offer, content },
        }
    }
}
