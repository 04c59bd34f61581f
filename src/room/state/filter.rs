//! Filters of feeds: who may have them changed. What they are, and whether they run, the engine knows.

use super::{Awaited, Effect, State};
use crate::media::MediaRequest;
use crate::model::{CodeSeen, FeedId, FilterChange, FilterRefused, ParticipantId};
use crate::room::command::RoomError;
use crate::room::event::{Audience, EventKind};
use crate::room::registry::Reply;

impl State {
    /// Answered when the engine has.
    pub(super) fn filter(
        &mut self,
        from: Option<&ParticipantId>,
        feed: FeedId,
        change: FilterChange,
    ) -> Result<Option<Reply>, RoomError> {
        let publisher = &self.feeds.get(&feed).ok_or(RoomError::FeedNotFound)?.publisher;
        let controls = |who| self.participants.get(who).is_some_and(|who| who.joining.grants.control);
        if from.is_some_and(|who| who != publisher && !controls(who)) {
            return Err(RoomError::Forbidden("change a filter of somebody else's feed".into()));
        }
        self.last_filter += 1;
        let request = self.last_filter;
        self.effects.push(Effect::ReplyLater(Awaited::Filter(request)));
        self.ask(MediaRequest::Filter { feed, request, change });
        Ok(None)
    }

    pub(super) fn filter_answered(
        &mut self,
        feed: FeedId,
        request: u64,
        result: Result<Option<String>, FilterRefused>,
    ) {
        let reply = result.as_ref().map(|_| Reply::Done).map_err(|refused| refused.clone().into());
        self.effects.push(Effect::ReplyNow(Awaited::Filter(request), reply));
        if let Ok(filter) = result {
            self.filter_changed(feed, filter, None);
        }
    }

    /// It is this one now; `failure`: why there is none any more though nobody asked for it.
    pub(super) fn filter_changed(&mut self, feed: FeedId, filter: Option<String>, failure: Option<String>) {
        let Some(publisher) = self.feeds.get(&feed).map(|feed| feed.publisher.clone()) else { return };
        self.emit(Audience::Everyone, EventKind::FilterChanged { feed, publisher, filter, failure });
    }

    pub(super) fn code_seen(&mut self, feed: FeedId, code: CodeSeen) {
        let Some(publisher) = self.feeds.get(&feed).map(|feed| feed.publisher.clone()) else { return };
        self.tell(&publisher, EventKind::CodeSeen { feed, code });
    }
}

impl From<FilterRefused> for RoomError {
    fn from(refused: FilterRefused) -> Self {
        match refused {
            FilterRefused::NotAllowed(words) => Self::Invalid(words),
            FilterRefused::NoCapacity(words) => Self::Limit(words),
            FilterRefused::NotPossible(words) => Self::WrongState(words),
        }
    }
}
