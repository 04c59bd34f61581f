//! Which feeds are presented as HLS: begun by the first request, ended some time after the last.

use super::Inner;
use crate::config::Hls;
use crate::media::hls::Presentation;
use crate::media::{HlsReply, HlsRequest, MediaError};
use crate::model::FeedId;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// The running presentations by their feeds.
pub struct Presentations {
    all: Mutex<HashMap<FeedId, Arc<Presentation>>>,
    settings: Hls,
}

impl Presentations {
    /// None yet.
    pub fn new(settings: Hls) -> Self {
        Self { all: Mutex::default(), settings }
    }

    /// Ends all of them.
    pub fn stop_all(&self) {
        let all = std::mem::take(&mut *self.all.lock());
        all.values().for_each(|presentation| presentation.end());
    }

    /// How long until this one may end; `None`: it has. One that somebody waits on stays.
    fn end_if_idle(&self, feed: FeedId) -> Option<Duration> {
        let linger = self.settings.linger;
        let mut all = self.all.lock();
        let (idle, waited) = all.get(&feed).map(|one| (one.idle(), Arc::strong_count(one) > 1))?;
        if idle < linger || waited {
            return Some(linger.saturating_sub(idle).max(Duration::from_millis(100)));
        }
        let ended = all.remove(&feed);
        drop(all);
        drop(ended);
        tracing::debug!(feed.id = %feed, "HLS ended: nobody asks for it");
        None
    }
}

impl Inner {
    /// A file of the feed's presentation, which is started if there is none.
    pub async fn hls_file(self: Arc<Self>, feed: FeedId, request: HlsRequest) -> Result<HlsReply, MediaError> {
        let presentation = self.presentation(feed)?;
        presentation.file(&request).await
    }

    fn presentation(self: &Arc<Self>, id: FeedId) -> Result<Arc<Presentation>, MediaError> {
        let mut all = self.hls.all.lock();
        let feed = self.feeds.get(id);
        // What failed while its feed lives is begun anew; what ended with it is shown to its end.
        if let Some(running) = all.get(&id).filter(|running| !running.is_over() || feed.is_none()) {
            return Ok(running.clone());
        }
        let feed = feed.ok_or_else(|| MediaError::NotReady("the feed does not exist".into()))?;
        let settings = self.hls.settings.clone();
        let started = Arc::new(Presentation::start(&feed, &self.renditions, &settings)?);
        let former = all.insert(id, started.clone());
        drop(all);
        tracing::debug!(feed.id = %id, "HLS begins");
        // One that is begun anew has somebody who watches it already.
        if former.is_none() {
            tokio::spawn(watch(Arc::downgrade(self), id, settings.linger));
        }
        Ok(started)
    }
}

/// Ends a presentation that nobody uses any more. Ends with the engine.
async fn watch(inner: std::sync::Weak<Inner>, feed: FeedId, linger: Duration) {
    let mut next = linger;
    loop {
        tokio::time::sleep(next).await;
        let Some(inner) = inner.upgrade() else { return };
        match inner.hls.end_if_idle(feed) {
            Some(left) => next = left,
            None => return,
        }
    }
}
