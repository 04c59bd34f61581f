//! A viewer whose peer is the server: which feed of the room it watches, and when it is offered that.
//!
//! The sender's feed if it is live, else the room's only one: a camera or a device may stand in for a sender.

use super::super::translate::{Refusal, name, was_lost, was_wanted};
use super::super::wire::{ClientMessage, Role, ServerMessage};
use super::Step;
use crate::model::{EndReason, FeedId, PeerId, TrackInfo};
use crate::room::{Command, EventKind, RoomView, Side};
use serde_json::json;
use std::collections::BTreeMap;

/// A viewer's part.
#[derive(Debug)]
pub struct Watcher {
    live: BTreeMap<FeedId, Live>,
    watched: Option<FeedId>,
    /// The newest peer it was offered.
    peer: Option<PeerId>,
    /// Whether that was connected.
    started: bool,
}

#[derive(Debug, PartialEq)]
struct Live {
    is_senders: bool,
    tracks: Vec<TrackInfo>,
}

impl Watcher {
    pub fn begin(room: &RoomView) -> (Self, Vec<Step>) {
        let live = room.feeds.iter().filter(|feed| feed.live).map(|feed| {
            (feed.id, Live { is_senders: feed.publisher.as_str() == name(Role::Sender), tracks: feed.tracks.clone() })
        });
        let mut me = Self { live: live.collect(), watched: None, peer: None, started: false };
        me.watched = me.wanted();
        let steps = me.watched.map(|_| me.subscribe()).unwrap_or_default();
        (me, steps)
    }

    pub fn said(&mut self, message: ClientMessage) -> Result<Vec<Step>, Refusal> {
        match message {
            ClientMessage::Answer(answer) => {
                let feed = self.watched.ok_or_else(|| Refusal::bad_request("there is no offer to answer"))?;
                Ok(vec![Step::Ask(Command::Answer { feed: Some(feed), answer: answer.sdp })])
            }
            ClientMessage::IceCandidate(given) => {
                Ok(vec![Step::Ask(Command::Candidate { side: Side::Subscriber, candidate: given.candidate })])
            }
            ClientMessage::Ready => Ok(self.subscribe()),
            ClientMessage::Offer(_) | ClientMessage::Join(_) => Ok(Vec::new()),
        }
    }

    pub fn heard(&mut self, event: EventKind) -> Vec<Step> {
        match event {
            EventKind::FeedPublished { feed, publisher, tracks } => {
                let is_senders = publisher.as_str() == name(Role::Sender);
                self.published(feed, Live { is_senders, tracks })
            }
            EventKind::FeedEnded { feed, .. } => self.ended(feed),
            EventKind::SubscriptionOffered { feed, peer, offer } if self.watched == Some(feed) => {
                (self.peer, self.started) = (Some(peer), false);
                vec![Step::Tell(ServerMessage::Offer { sdp: json!({ "type": "offer", "sdp": offer }) })]
            }
            EventKind::AnswerRefused { error, .. } => vec![Step::Tell(Refusal::of(&error, Role::Viewer).told())],
            EventKind::SubscriptionStarted { peer, .. } if self.peer == Some(peer) => {
                self.started = true;
                Vec::new()
            }
            EventKind::SubscriptionEnded { feed, peer, reason, .. } if self.concerns(feed, peer) => self.lost(reason),
            _ => Vec::new(),
        }
    }

    /// Whether this is the peer it watches by, or the one that it waits for.
    fn concerns(&self, feed: FeedId, peer: PeerId) -> bool {
        self.watched == Some(feed) && self.peer.is_none_or(|newest| newest == peer)
    }

    /// A feed is told again when its tracks changed: then it needs another offer.
    fn published(&mut self, feed: FeedId, now: Live) -> Vec<Step> {
        let changed = self.live.get(&feed).is_some_and(|before| *before != now);
        self.live.insert(feed, now);
        match self.watched == Some(feed) {
            true if changed => self.subscribe(),
            true => Vec::new(),
            false => self.choose(),
        }
    }

    fn ended(&mut self, feed: FeedId) -> Vec<Step> {
        self.live.remove(&feed);
        if self.watched != Some(feed) {
            return Vec::new();
        }
        (self.watched, self.peer) = (None, None);
        let mut steps = vec![Step::Tell(ServerMessage::SenderLeft)];
        steps.extend(self.choose());
        steps
    }

    /// The sender's feed takes the place of another; another never takes the place of what is watched.
    fn choose(&mut self) -> Vec<Step> {
        let wanted = self.wanted();
        if wanted == self.watched || wanted.is_none() {
            return Vec::new();
        }
        let mut steps = Vec::new();
        if let Some(before) = self.watched {
            steps = vec![Step::Ask(Command::Unsubscribe { feed: before }), Step::Tell(ServerMessage::SenderLeft)];
        }
        self.watched = wanted;
        steps.push(Step::Tell(ServerMessage::SenderReady));
        steps.extend(self.subscribe());
        steps
    }

    fn wanted(&self) -> Option<FeedId> {
        let senders = self.live.iter().find(|(_, live)| live.is_senders).map(|(feed, _)| *feed);
        let only = || self.live.keys().next().copied().filter(|_| self.live.len() == 1);
        senders.or(self.watched.filter(|feed| self.live.contains_key(feed))).or_else(only)
    }

    /// A new offer for what it watches.
    fn subscribe(&mut self) -> Vec<Step> {
        (self.peer, self.started) = (None, false);
        self.watched.map(|feed| Step::Ask(Command::Subscribe { feed })).into_iter().collect()
    }

    /// One that ran is offered anew; one that never came to be is not, or it would be for ever.
    fn lost(&mut self, reason: EndReason) -> Vec<Step> {
        if was_wanted(reason) {
            return Vec::new();
        }
        if std::mem::take(&mut self.started) && was_lost(reason) {
            return self.subscribe();
        }
        self.peer = None;
        let words = format!("the connection for media failed ({reason}): send `ready` for a new offer");
        vec![Step::Tell(Refusal::server_error(words).told())]
    }
}
