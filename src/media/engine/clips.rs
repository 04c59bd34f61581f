//! A feed's last seconds as a file: what the feed keeps, run through a recorder of their own.

use super::Inner;
use crate::media::MediaError;
use crate::media::files;
use crate::model::FeedId;
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

impl Inner {
    /// Writes `STEM.webm` or `STEM.mp4`. Blocks until the file is complete.
    pub fn clip(&self, feed: FeedId, last: Duration, stem: &Path) -> Result<PathBuf, MediaError> {
        let feed = self.feeds.get(feed).ok_or_else(|| MediaError::NotReady("the feed is over".into()))?;
        let kept = feed.past(last);
        if kept.is_empty() {
            let words = "nothing of this feed is kept: set preroll_ms in the room's settings";
            return Err(MediaError::NotReady(words.into()));
        }
        let (sender, packets) = sync_channel(kept.len());
        kept.into_iter().for_each(|item| _ = sender.try_send(item));
        drop(sender);
        files::clip_of_tap(feed.tracks(), packets, stem).map(|clip| clip.path)
    }
}
