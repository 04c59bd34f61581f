//! What a subscriber is shown, and how its line does.

use crate::media::feed::Feed;
use crate::model::FeedId;
use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

/// A feed that a subscriber's stream is taken from.
pub struct Show {
    /// The feed: a publisher's, a layer's, a rendition's, a mix's.
    pub feed: Arc<Feed>,
    /// Dropped when the stream is taken from another one: what keeps a shared rendition alive. It goes on a sending
    /// thread, so it must not block.
    pub keep: Option<Box<dyn Any + Send>>,
}

/// How a subscriber is being served just now.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LineReport {
    /// Which connection it is, those of this process numbered; subscriptions that share one share its estimate.
    pub connection: u64,
    /// What its line carries by our estimate, bits per second; `None`: not known yet.
    pub estimate: Option<u64>,
    /// The estimate is held down by how little is sent, not by the line.
    pub limited_by_application: bool,
    /// Bits sent over the last second: media, retransmissions, probes.
    pub sent: u64,
    /// Bits of media sent over the last second.
    pub media: u64,
    /// From RTCP.
    pub round_trip: Option<Duration>,
    /// Fraction lost, 0 to 1, over the last second or so.
    pub loss: f64,
    /// How long what waits here takes at the pace it is sent.
    pub queued: Duration,
    /// Whose pictures are sent.
    pub showing: Option<FeedId>,
    /// Whose keyframe is waited for, to show it next.
    pub waiting: Option<FeedId>,
}
