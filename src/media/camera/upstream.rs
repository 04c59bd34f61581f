//! The way back from a feed to its source: nobody there can be asked for a keyframe, but whoever asks, or waits for the first
//! picture, wants it opened.

use super::Input;
use crate::media::feed::Upstream;
use std::sync::atomic::{AtomicBool, Ordering::*};
use tokio::sync::mpsc::UnboundedSender;

/// Rung by the feed when it wants a keyframe, or its first media. One for the life of a feed: by it the feed tells one source from another.
pub struct Bell {
    mailbox: UnboundedSender<Input>,
    asleep: AtomicBool,
    keyframe: AtomicBool,
}

impl Bell {
    /// Rings in this mailbox.
    pub fn new(mailbox: UnboundedSender<Input>) -> Self {
        Self { mailbox, asleep: AtomicBool::new(false), keyframe: AtomicBool::new(false) }
    }

    /// From now on the next ring is told as `Input::Wake`, once.
    pub fn sleep(&self) {
        self.asleep.store(true, SeqCst);
    }

    /// Whether a keyframe was asked for since the last look: for encoders.
    pub fn wants_keyframe(&self) -> bool {
        self.keyframe.swap(false, SeqCst)
    }
}

impl Upstream for Bell {
    fn send_rtcp(&self, _packet: &[u8]) {
        // Nothing but requests for keyframes is ever sent: retransmission is not negotiated.
        self.keyframe.store(true, SeqCst);
        self.wanted();
    }

    fn wanted(&self) {
        if self.asleep.swap(false, SeqCst) {
            let _ = self.mailbox.send(Input::Wake);
        }
    }
}
