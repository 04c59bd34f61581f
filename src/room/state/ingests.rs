//! Sources that are no WebRTC publishers: each is a participant with a feed, opened and kept open by the engine.
//!
//! Decides names and what a source's end entails; leaves reconnecting to the engine. A source whose room goes, goes.

use super::{Feed, Publisher, State};
use crate::media::MediaRequest;
use crate::model::{
    Content, EndReason, FeedId, Grants, Ingest, IngestState, IngestStatus, IngestWish, ParticipantId, PeerId, RoomId,
};
use crate::room::command::RoomError;
use crate::room::event::{Audience, EventKind};
use crate::room::negotiation::{Early, Negotiation};
use crate::room::registry::{Joining, Reply};

/// Sources of a room at once.
const MOST: usize = 64;

/// A source.
#[derive(Debug)]
pub(super) struct Source {
    pub peer: PeerId,
    feed: FeedId,
    participant: ParticipantId,
    wish: IngestWish,
    status: IngestStatus,
}

impl State {
    pub(super) fn add_ingest(&mut self, wish: IngestWish) -> Result<Reply, RoomError> {
        let wish = IngestWish { name: self.ingest_name(&wish.name)?, ..wish }.normalised();
        if wish.uri.is_empty() {
            return Err(RoomError::Invalid("uri: say what to open, e.g. rtsp://192.168.1.20/stream1".into()));
        }
        let (peer, feed) = (PeerId::next(), FeedId::next());
        let participant = ParticipantId::new(format!("CAMERA:{}", wish.name));
        self.may_join(&joining(&participant, &wish.name))?;
        self.newcomer(joining(&participant, &wish.name));
        let negotiation = Negotiation::answering(Early::default());
        self.participant(&participant)?.publisher = Some(Publisher {
            peer,
            feed,
            content: Content::Camera,
            converses: None,
            on: None,
            answered: true,
            negotiation,
        });
        let name = wish.name.clone();
        self.feeds.insert(feed, Feed::new(participant.clone(), name.clone(), peer));
        self.ask(MediaRequest::Ingest { peer, feed, wish: Box::new(wish.clone()) });
        let status = IngestStatus { state: IngestState::Connecting, since: self.now.wall, ..IngestStatus::default() };
        let source = Source { peer, feed, participant, wish, status };
        let view = source.view();
        self.ingests.insert(name, source);
        self.emit(Audience::Journal, EventKind::IngestChanged { ingest: Box::new(view.clone()) });
        Ok(Reply::Ingest(Box::new(view)))
    }

    fn ingest_name(&self, wanted: &str) -> Result<String, RoomError> {
        if self.ingests.len() >= MOST {
            return Err(RoomError::Limit(format!("{MOST} ingests in a room")));
        }
        if wanted.is_empty() {
            let free = (1..).map(|n| format!("camera-{n}")).find(|name| !self.ingests.contains_key(name));
            return free.ok_or_else(|| RoomError::Internal("no name is free".into()));
        }
        if !RoomId::is_valid(wanted) {
            return Err(RoomError::Invalid("name: 1 to 64 of A-Z, a-z, 0-9, _ and -".into()));
        }
        if self.ingests.contains_key(wanted) {
            return Err(RoomError::WrongState(format!("there is an ingest named {wanted} in this room already")));
        }
        Ok(wanted.into())
    }

    pub(super) fn remove_ingest(&mut self, name: &str) -> Result<(), RoomError> {
        let participant = self.ingests.get(name).ok_or(RoomError::IngestNotFound)?.participant.clone();
        self.remove(&participant, EndReason::Requested);
        Ok(())
    }

    pub(super) fn restart_ingest(&mut self, name: &str) -> Result<(), RoomError> {
        let peer = self.ingests.get(name).ok_or(RoomError::IngestNotFound)?.peer;
        self.ask(MediaRequest::RestartIngest { peer });
        Ok(())
    }

    /// A recording wants what an unopened source has.
    pub(super) fn wake_ingests(&mut self, wanted: &[FeedId]) {
        let unseen = |feed: &FeedId| self.feeds.get(feed).is_some_and(|feed| feed.tracks.is_none());
        let asleep = self.ingests.values().filter(|source| source.wish.on_demand && wanted.contains(&source.feed));
        let peers: Vec<PeerId> = asleep.filter(|source| unseen(&source.feed)).map(|source| source.peer).collect();
        peers.into_iter().for_each(|peer| self.ask(MediaRequest::WakeIngest { peer }));
    }

    /// Called when a participant is gone: its source, if it is one, goes with it.
    pub(super) fn forget_ingest(&mut self, who: &ParticipantId) {
        self.ingests.retain(|_, source| source.participant != *who);
    }

    pub(super) fn ingest_changed(&mut self, peer: PeerId, status: IngestStatus) {
        let Some(source) = self.ingests.values_mut().find(|source| source.peer == peer) else { return };
        source.status = status;
        let ingest = Box::new(source.view());
        self.emit(Audience::Journal, EventKind::IngestChanged { ingest });
    }

    pub(super) fn ingest_views(&self) -> Vec<Ingest> {
        self.ingests.values().map(Source::view).collect()
    }
}

fn joining(participant: &ParticipantId, name: &str) -> Joining {
    Joining {
        id: participant.clone(),
        name: name.into(),
        dialect: "ingest",
        grants: Grants::default(),
        leaves_with_its_feed: true,
        unique: false,
    }
}

impl Source {
    fn view(&self) -> Ingest {
        Ingest {
            name: self.wish.name.clone(),
            participant: self.participant.clone(),
            feed: self.feed,
            peer: self.peer,
            source: self.wish.shown(),
            status: self.status.clone(),
        }
    }
}
