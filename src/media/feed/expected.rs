//! Those who wait for a feed's first media: they count as its users, so that a source that is opened on demand is opened
//! for them.

use super::Feed;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// Somebody waits, until this is dropped.
pub struct Expected(Arc<Feed>);

impl Feed {
    /// From now on somebody waits for its first media. Never blocks.
    pub fn expect(self: &Arc<Self>) -> Expected {
        self.expected.fetch_add(1, Relaxed);
        if let Some(upstream) = self.upstream() {
            upstream.wanted();
        }
        Expected(Arc::clone(self))
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        self.0.expected.fetch_sub(1, Relaxed);
    }
}
