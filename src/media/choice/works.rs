//! Who makes renditions, as the choice sees it: a narrow trait, implemented by `rendition`, and by a fake in tests.

use super::candidates::Bar;
use super::words;
use crate::media::egress::{Downlink, LineReport, Show};
use crate::media::feed::Feed;
use crate::media::rendition::{Refused, Renditions, Rung};
use crate::model::{Codec, Content, Kind, Why};
use std::sync::Arc;

/// Makes renditions.
pub trait Works: Send + Sync {
    /// The rungs, best first.
    fn ladder(&self, content: Content) -> Arc<[Rung]>;
    /// Whether this one runs already.
    fn runs(&self, feed: &Arc<Feed>, codec: Codec, rung: &Rung) -> bool;
    /// Makes it, or gives the one that runs; lives as long as `Show::keep`. The error says why not.
    fn make(&self, feed: &Arc<Feed>, codec: Codec, rung: &Rung) -> Result<Show, Bar>;
}

impl Works for Arc<Renditions> {
    fn ladder(&self, content: Content) -> Arc<[Rung]> {
        Renditions::ladder(self, content)
    }

    fn runs(&self, feed: &Arc<Feed>, codec: Codec, rung: &Rung) -> bool {
        Renditions::runs(self, feed, codec, rung)
    }

    fn make(&self, feed: &Arc<Feed>, codec: Codec, rung: &Rung) -> Result<Show, Bar> {
        let refused = |refused| {
            let words = match refused {
                Refused::Budget { needs, free } => words::budget(&rung.name, needs, free),
                Refused::Failed(error) => words::failed(&rung.name, &error.to_string()),
            };
            Bar { why: Why::Budget, words }
        };
        let user = Renditions::make(self, feed, codec, rung).map_err(refused)?;
        Ok(Show { feed: user.feed().clone(), keep: Some(Box::new(user)) })
    }
}

/// A subscriber being served, as the choice sees it.
pub trait Watcher: Send + Sync {
    /// How its line does.
    fn report(&self) -> LineReport;
    /// What it is shown from now on; `None`: nothing of this kind.
    fn show(&self, kind: Kind, source: Option<Show>);
    /// What to probe its line for, bits per second; 0: nothing.
    fn desire(&self, bits: u64);
}

impl Watcher for Downlink {
    fn report(&self) -> LineReport {
        Downlink::report(self)
    }

    fn show(&self, kind: Kind, source: Option<Show>) {
        Downlink::show(self, kind, source);
    }

    fn desire(&self, bits: u64) {
        Downlink::desire(self, bits);
    }
}
