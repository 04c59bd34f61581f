//! Filters of feeds: asked for, answered, and what they say later.

use super::Inner;
use crate::media::filter::{Tell, Told};
use crate::media::{MediaEvent, MediaSink};
use crate::model::{FeedId, FilterChange, FilterRefused};
use std::sync::Arc;

impl Inner {
    /// Answered always. Making elements may load plugins: not on a thread that others wait for.
    pub fn filter(self: &Arc<Self>, id: FeedId, request: u64, change: FilterChange, events: &MediaSink) {
        let (inner, events) = (self.clone(), events.clone());
        tokio::task::spawn_blocking(move || {
            let result = match inner.feeds.get(id) {
                Some(feed) => inner.filters.change(&feed, change, tell(id, events.clone())),
                None => Err(FilterRefused::NotPossible("the feed is over".into())),
            };
            let _room_is_gone = events.send(MediaEvent::FilterAnswered { feed: id, request, result });
        });
    }
}

fn tell(feed: FeedId, events: MediaSink) -> Tell {
    Arc::new(move |told| {
        let event = match told {
            Told::Failed(detail) => MediaEvent::FilterEnded { feed, detail },
            Told::Code(code) => MediaEvent::CodeSeen { feed, code },
        };
        let _room_is_gone = events.send(event);
    })
}
