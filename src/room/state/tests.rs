//! The room without runtime or media: inputs in, effects out.

use super::*;
use crate::media::{BranchReport, MediaError};
use crate::model::{Candidate, Codec, Grants, RecordingState, Sdp, TrackInfo};
use crate::room::Side;
use std::time::Duration;

mod data;
mod ingests;
mod own_offers;
mod publishing;
mod recording;
mod sending;
mod subscribing;
mod transports;
mod who;

/// A room with a clock of its own, and what it did last.
pub(super) struct Room {
    state: State,
    now: Now,
    pub last: Vec<Effect>,
}

const AUDIO: TrackInfo = TrackInfo { codec: Codec::Opus };
const VIDEO: TrackInfo = TrackInfo { codec: Codec::Vp8 };

impl Room {
    pub fn new() -> Self {
        Self::with(config::Rooms::default())
    }
    pub fn with(limits: config::Rooms) -> Self {
        let now = Now { instant: Instant::now(), wall: Timestamp::UNIX_EPOCH };
        Self { state: State::new(RoomId::new("1"), limits, now), now, last: Vec::new() }
    }
    pub fn apply(&mut self, input: Input) -> &[Effect] {
        self.last = self.state.apply(self.now, input);
        &self.last
    }
    pub fn join(&mut self, who: &str) -> Result<Reply, RoomError> {
        self.join_with(who, Grants { control: true, publish: true, subscribe: true, room: None })
    }
    pub fn join_with(&mut self, who: &str, grants: Grants) -> Result<Reply, RoomError> {
        self.apply(Input::Join(Joining { grants, ..joining(who, false) }));
        self.replied()
    }
    /// Somebody new with a live feed.
    pub fn publish_as(&mut self, who: &str) -> (PeerId, FeedId) {
        self.join(who).unwrap();
        self.publish(who)
    }
    pub fn ask(&mut self, who: &str, command: Command) -> Result<Reply, RoomError> {
        self.apply(Input::Command { from: Some(id(who)), command });
        self.replied()
    }
    pub fn operate(&mut self, command: Command) -> Result<Reply, RoomError> {
        self.apply(Input::Command { from: None, command });
        self.replied()
    }
    pub fn media(&mut self, event: MediaEvent) {
        self.apply(Input::Media(event));
    }
    pub fn pass(&mut self, time: Duration) {
        self.now.instant += time;
        self.apply(Input::Tick);
    }

    pub fn replied(&self) -> Result<Reply, RoomError> {
        let reply = |e: &'_ Effect| match e {
            Effect::Reply(reply) | Effect::ReplyNow(_, reply) => Some(reply.clone()),
            _ => None,
        };
        let mut replies: Vec<_> = self.last.iter().filter_map(reply).collect();
        assert_eq!(replies.len(), 1, "one reply to one request: {:?}", self.last);
        replies.remove(0)
    }
    pub fn asked(&self) -> Vec<MediaRequest> {
        self.last.iter().filter_map(|e| if let Effect::Ask(r) = e { Some(r.clone()) } else { None }).collect()
    }
    pub fn events(&self) -> Vec<(Audience, EventKind)> {
        let events =
            self.last.iter().filter_map(|e| if let Effect::Emit(event) = e { Some(event.clone()) } else { None });
        events.map(|event| (event.to, event.kind)).collect()
    }
    pub fn kinds(&self) -> Vec<EventKind> {
        self.events().into_iter().map(|(_, kind)| kind).collect()
    }
    pub fn did(&self, effect: &Effect) -> bool {
        self.last.contains(effect)
    }

    /// A live feed of this participant.
    pub fn publish(&mut self, who: &str) -> (PeerId, FeedId) {
        let (peer, feed) = self.offer(who);
        self.media(MediaEvent::PublishAnswered { peer, answer: Sdp::new("answer") });
        self.media(MediaEvent::FeedLive { feed, tracks: vec![AUDIO, VIDEO] });
        (peer, feed)
    }
    /// A first offer that the engine has not answered.
    pub fn offer(&mut self, who: &str) -> (PeerId, FeedId) {
        self.ask(who, Command::Publish { offer: Sdp::new("offer"), content: Content::Camera }).unwrap();
        match self.asked()[..] {
            [MediaRequest::Publish { peer, feed, .. }] => (peer, feed),
            _ => panic!("one Publish: {:?}", self.last),
        }
    }
    /// A subscription that waits for the client's answer.
    pub fn subscribe(&mut self, who: &str, feed: FeedId) -> PeerId {
        self.ask(who, Command::Subscribe { feed }).unwrap();
        let asked = self.asked();
        let Some(MediaRequest::Subscribe { peer, .. }) = asked.last() else { panic!("a Subscribe: {asked:?}") };
        self.media(MediaEvent::SubscribeOffered { peer: *peer, offer: Sdp::new("offer") });
        *peer
    }
    pub fn answer(&mut self, who: &str, feed: Option<FeedId>, ufrag: &str) -> Vec<MediaRequest> {
        let answer = Sdp::new(format!("a=ice-ufrag:{ufrag}"));
        self.ask(who, Command::Answer { feed, answer }).unwrap();
        self.asked()
    }
    /// A subscription that plays.
    pub fn watch(&mut self, who: &str, feed: FeedId) -> PeerId {
        let peer = self.subscribe(who, feed);
        self.answer(who, Some(feed), "u");
        self.media(MediaEvent::Connected { peer });
        peer
    }
}

pub(super) fn id(who: &str) -> ParticipantId {
    ParticipantId::new(who)
}
pub(super) fn joining(who: &str, unique: bool) -> Joining {
    let grants = Grants { control: true, publish: true, subscribe: true, room: None };
    let leaves_with_its_feed = who == "device";
    Joining { id: id(who), name: who.into(), dialect: "test", grants, leaves_with_its_feed, unique }
}
pub(super) fn candidate(ufrag: Option<&str>) -> Option<Candidate> {
    let ufrag = ufrag.map(str::to_owned);
    Some(Candidate { candidate: "candidate:1".into(), mid: None, mline: None, ufrag })
}
pub(super) fn close(peer: PeerId, reason: EndReason) -> Effect {
    Effect::Ask(MediaRequest::Close { peer, reason })
}
