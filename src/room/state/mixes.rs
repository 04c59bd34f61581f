//! Live mixes: all feeds of the room in one, made for who asks for it, and which feed a name in an address means.
//!
//! A mix is a feed, but none of the room's list: it is not recorded, and not part of other mixes.

use super::{Awaited, Effect, State};
use crate::media::MediaRequest;
use crate::model::{EndReason, FeedId, Layout, PeerId, RecordingId};
use crate::room::command::RoomError;
use crate::room::registry::Reply;

/// Mixes of a room at once, each in another layout.
const MOST: usize = 4;
/// The name of the room's mix in addresses.
const MIX: &str = "mix";

/// A mix that runs or is being made.
#[derive(Debug)]
pub(super) struct Mix {
    pub feed: FeedId,
    peer: PeerId,
    id: RecordingId,
    layout: Layout,
    pub live: bool,
}

impl State {
    /// `Ok(None)`: answered when the mix is live.
    pub(super) fn find_feed(&mut self, name: Option<&str>) -> Result<Option<Reply>, RoomError> {
        let feed = self.named_feed(name)?;
        if self.mixes.iter().any(|mix| mix.feed == feed && !mix.live) {
            self.effects.push(Effect::ReplyLater(Awaited::Mix(feed)));
            return Ok(None);
        }
        Ok(Some(Reply::Feed(feed)))
    }

    /// A feed that is live, or a mix that may not be yet.
    pub(super) fn named_feed(&mut self, name: Option<&str>) -> Result<FeedId, RoomError> {
        let live = self.live_feeds();
        match name.filter(|name| !name.is_empty()) {
            None if live.len() == 1 => Ok(live[0]),
            None if live.is_empty() => Err(RoomError::FeedNotFound),
            None => self.mix_in(None),
            Some(name) => match self.feed_called(name, &live) {
                Some(feed) => Ok(feed),
                None if name == MIX => self.mix_in(None),
                None => Err(RoomError::FeedNotFound),
            },
        }
    }

    fn live_feeds(&self) -> Vec<FeedId> {
        self.feeds.iter().filter(|(_, feed)| feed.tracks.is_some()).map(|(id, _)| *id).collect()
    }

    /// The live feed of this number, identity or name.
    pub(super) fn live_feed_called(&self, name: &str) -> Option<FeedId> {
        self.feed_called(name, &self.live_feeds())
    }

    /// By number first, then by identity, then by name.
    fn feed_called(&self, name: &str, live: &[FeedId]) -> Option<FeedId> {
        let number = live.iter().find(|id| id.0.to_string() == name);
        let of = |id: &&FeedId| self.feeds.get(id);
        let identity = || live.iter().find(|id| of(id).is_some_and(|feed| feed.publisher.as_str() == name));
        let called = || live.iter().find(|id| of(id).is_some_and(|feed| feed.name == name));
        number.or_else(identity).or_else(called).copied()
    }

    /// The mix in this layout (`None`: the room's usual one), made if need be.
    pub(super) fn mix_in(&mut self, layout: Option<Layout>) -> Result<FeedId, RoomError> {
        let layout = layout.unwrap_or_else(|| self.recorder.settings.recording.layout.clone());
        if let Some(mix) = self.mixes.iter().find(|mix| mix.layout == layout) {
            return Ok(mix.feed);
        }
        if self.mixes.len() >= MOST {
            return Err(RoomError::Limit(format!("{MOST} live mixes of a room at once")));
        }
        let (peer, feed) = (PeerId::next(), FeedId::next());
        let (id, title) = (RecordingId::new(format!("live-{}", feed.0)), self.id.to_string());
        self.mixes.push(Mix { feed, peer, id: id.clone(), layout: layout.clone(), live: false });
        self.ask(MediaRequest::LiveMix { peer, feed, mix: id.clone(), layout, title });
        for member in self.live_feeds() {
            self.put_into(&id, member);
        }
        Ok(feed)
    }

    fn put_into(&mut self, mix: &RecordingId, feed: FeedId) {
        let name = self.feeds.get(&feed).map(|feed| feed.name.clone());
        self.ask(MediaRequest::MixFeed { recording: mix.clone(), feed, name });
    }

    /// A feed's media flows: it belongs into every mix.
    pub(super) fn mix_feed(&mut self, feed: FeedId) {
        for id in self.mix_ids() {
            self.put_into(&id, feed);
        }
    }

    /// A feed ended.
    pub(super) fn unmix_feed(&mut self, feed: FeedId) {
        for recording in self.mix_ids() {
            self.ask(MediaRequest::MixFeed { recording, feed, name: None });
        }
    }

    fn mix_ids(&self) -> Vec<RecordingId> {
        self.mixes.iter().map(|mix| mix.id.clone()).collect()
    }

    /// Whether this is a mix; it is live from now on.
    pub(super) fn mix_live(&mut self, feed: FeedId) -> bool {
        let Some(mix) = self.mixes.iter_mut().find(|mix| mix.feed == feed) else { return false };
        mix.live = true;
        self.effects.push(Effect::ReplyNow(Awaited::Mix(feed), Ok(Reply::Feed(feed))));
        self.begin_broadcasts_of(feed);
        true
    }

    /// Whether this was a mix that the engine ended: nobody used it, or it failed.
    pub(super) fn mix_ended(&mut self, peer: PeerId, reason: EndReason, detail: &str) -> bool {
        let Some(place) = self.mixes.iter().position(|mix| mix.peer == peer) else { return false };
        let feed = self.mixes.remove(place).feed;
        let error = RoomError::Internal(format!("the mix ended: {reason} {detail}"));
        self.effects.push(Effect::ReplyNow(Awaited::Mix(feed), Err(error)));
        self.close_subscriptions_to(feed);
        self.end_broadcasts(Some(feed), reason);
        true
    }

    /// The room closes.
    pub(super) fn end_mixes(&mut self, reason: EndReason) {
        for mix in std::mem::take(&mut self.mixes) {
            self.close_subscriptions_to(mix.feed);
            self.ask(MediaRequest::Close { peer: mix.peer, reason });
            self.effects.push(Effect::ReplyNow(Awaited::Mix(mix.feed), Err(RoomError::RoomNotFound)));
        }
    }

    /// Whether somebody may watch it.
    pub(super) fn is_live(&self, feed: FeedId) -> bool {
        self.feeds.get(&feed).is_some_and(|feed| feed.tracks.is_some())
            || self.mixes.iter().any(|mix| mix.feed == feed && mix.live)
    }
}
