//! The layers of a simulcast publisher (RFC 8853).

use super::Feed;
use std::sync::Arc;

/// A smaller rendition that the publisher sends along with the feed's own.
#[derive(Clone)]
pub struct Layer {
    /// Its name in the publisher's description (RFC 8851); numbers from 0 when it has none.
    pub rid: String,
    /// Its pictures alone. Whoever uses them wakes a layer that rests.
    pub feed: Arc<Feed>,
    /// The publisher was told to stop it, and did.
    pub resting: bool,
    /// Bits per second while it was sent last.
    pub bitrate: u64,
    /// Of its last keyframe, in pixels.
    pub size: Option<(u32, u32)>,
}

impl Feed {
    /// The smaller layers, best first: those that come in, and those that rest and would come when they are used.
    /// The best of all is no part of it: it is what the feed itself carries.
    pub fn layers(&self) -> Vec<Layer> {
        Vec::new()
    }

    /// The best layer, which the feed itself carries. While it rests the feed carries the next one, and using the feed
    /// wakes it: what it will take of a line is this layer's `bitrate`, not the feed's own figures just then. `None`: the
    /// publisher sends one layer.
    pub fn best_layer(&self) -> Option<Layer> {
        None
    }
}
