//! Feeds and mixes on their way to other servers. Decides what is sent and when it ends; leaves reaching the other side,
//! again and again, to the engine.

use super::State;
use crate::media::MediaRequest;
use crate::model::{Broadcast, BroadcastId, BroadcastState, BroadcastStatus, BroadcastWish, EndReason, FeedId};
use crate::room::command::RoomError;
use crate::room::event::{Audience, EventKind};
use crate::room::registry::Reply;

/// Broadcasts of a room at once.
const MOST: usize = 16;

/// A broadcast, with its secrets.
#[derive(Debug)]
pub(super) struct Sending {
    wish: BroadcastWish,
    feed: FeedId,
    status: BroadcastStatus,
    /// Whether the engine was asked: a mix has to be live first.
    asked: bool,
}

impl State {
    pub(super) fn start_broadcast(&mut self, wish: BroadcastWish) -> Result<Reply, RoomError> {
        let wish = wish.normalised();
        if wish.to.is_empty() {
            return Err(RoomError::Invalid("to: say where to, e.g. rtmp://live.example.org/app".into()));
        }
        if self.broadcasts.len() >= MOST {
            return Err(RoomError::Limit(format!("{MOST} broadcasts of a room at once")));
        }
        let feed = match &wish.layout {
            Some(layout) => self.mix_in(Some(layout.clone()))?,
            None => self.named_feed(Some(&wish.feed))?,
        };
        let id = BroadcastId::next();
        let status = BroadcastStatus { since: self.now.wall, ..BroadcastStatus::default() };
        self.broadcasts.insert(id, Sending { wish, feed, status, asked: false });
        if self.is_live(feed) {
            self.begin_broadcasts_of(feed);
        }
        let broadcast = self.broadcast_view(id).ok_or(RoomError::BroadcastNotFound)?;
        self.emit(Audience::Journal, EventKind::BroadcastChanged { broadcast: Box::new(broadcast.clone()) });
        Ok(Reply::Broadcast(Box::new(broadcast)))
    }

    /// What waits for this feed to be live begins.
    pub(super) fn begin_broadcasts_of(&mut self, feed: FeedId) {
        let waiting = self.broadcasts.iter_mut().filter(|(_, sending)| sending.feed == feed && !sending.asked);
        let begun: Vec<_> = waiting
            .map(|(id, sending)| {
                sending.asked = true;
                MediaRequest::Broadcast { broadcast: *id, feed, wish: Box::new(sending.wish.clone()) }
            })
            .collect();
        begun.into_iter().for_each(|request| self.ask(request));
    }

    pub(super) fn stop_broadcast(&mut self, id: BroadcastId) -> Result<(), RoomError> {
        if !self.broadcasts.contains_key(&id) {
            return Err(RoomError::BroadcastNotFound);
        }
        self.end_broadcast(id, EndReason::Requested);
        Ok(())
    }

    /// One the engine was not asked for yet is over at once.
    fn end_broadcast(&mut self, id: BroadcastId, reason: EndReason) {
        if self.broadcasts.get(&id).is_some_and(|sending| sending.asked) {
            return self.ask(MediaRequest::StopBroadcast { broadcast: id, reason });
        }
        let (state, reason) = (BroadcastState::Ended, Some(reason));
        self.broadcast_changed(
            id,
            BroadcastStatus { state, reason, since: self.now.wall, ..BroadcastStatus::default() },
        );
    }

    /// The room closes, or a mix ended that a broadcast waited for.
    pub(super) fn end_broadcasts(&mut self, of: Option<FeedId>, reason: EndReason) {
        let all = self.broadcasts.iter().filter(|(_, sending)| of.is_none_or(|feed| feed == sending.feed));
        for id in all.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.end_broadcast(id, reason);
        }
    }

    pub(super) fn broadcast_changed(&mut self, id: BroadcastId, status: BroadcastStatus) {
        let Some(sending) = self.broadcasts.get_mut(&id) else { return };
        let over = status.state == BroadcastState::Ended;
        sending.status = status;
        let Some(broadcast) = self.broadcast_view(id).map(Box::new) else { return };
        self.emit(Audience::Journal, EventKind::BroadcastChanged { broadcast });
        if over {
            self.broadcasts.remove(&id);
        }
    }

    fn broadcast_view(&self, id: BroadcastId) -> Option<Broadcast> {
        let sending = self.broadcasts.get(&id)?;
        let (room, wish, status) = (self.id.clone(), sending.wish.shown(), sending.status.clone());
        Some(Broadcast { id, room, feed: sending.feed, wish, status })
    }

    pub(super) fn broadcast_views(&self) -> Vec<Broadcast> {
        self.broadcasts.keys().filter_map(|id| self.broadcast_view(*id)).collect()
    }
}
