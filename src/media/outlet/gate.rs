//! When pictures may go on: from a keyframe, at the start and after a loss. Pure: time comes in.

use crate::media::branch::Timed;
use std::time::{Duration, Instant};

/// A keyframe is asked for again when it does not come.
const RETRY: Duration = Duration::from_millis(500);
/// After a loss, pictures that may refer to it are left out, at most this long.
const FREEZE: Duration = Duration::from_secs(3);

/// What the pictures of one feed wait for.
pub(in crate::media) struct Gate {
    frozen: Option<Instant>,
    asked: Option<Instant>,
    seen: bool,
}

impl Gate {
    /// Waits for the first keyframe.
    pub(in crate::media) fn new(now: Instant) -> Self {
        Self { frozen: Some(now), asked: None, seen: false }
    }

    /// Whether a packet of a picture goes on.
    pub(in crate::media) fn lets(&mut self, timed: &Timed) -> bool {
        let packet = &timed.packet;
        if timed.after_gap && !packet.keyframe {
            self.freeze(packet.at);
        }
        let over = |since: Instant| self.seen && packet.at.saturating_duration_since(since) > FREEZE;
        if packet.keyframe || self.frozen.is_some_and(over) {
            self.seen = true;
            self.frozen = None;
        }
        self.frozen.is_none()
    }

    /// Pictures are missing from here on: waits for a keyframe.
    pub(in crate::media) fn freeze(&mut self, at: Instant) {
        self.frozen.get_or_insert(at);
    }

    /// Another stream begins: nothing goes on before its first keyframe.
    pub(in crate::media) fn restart(&mut self, at: Instant) {
        *self = Self::new(at);
    }

    /// Whether a keyframe ever came.
    pub(in crate::media) fn has_begun(&self) -> bool {
        self.seen
    }

    /// Whether to ask for a keyframe now.
    pub(in crate::media) fn asks(&mut self, now: Instant) -> bool {
        let due = self.asked.is_none_or(|asked| now.saturating_duration_since(asked) >= RETRY);
        let asks = self.frozen.is_some() && due;
        if asks {
            self.asked = Some(now);
        }
        asks
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::rtp::Packet;
    use crate::model::Codec;
    use std::sync::Arc;

    fn timed(keyframe: bool, after_gap: bool, at: Instant) -> Timed {
        let packet = Packet {
            codec: Codec::H264,
            sequence: 1,
            timestamp: 0,
            marker: true,
            keyframe,
            size: None,
            data: Vec::new(),
            payload: 0..0,
            at,
        };
        Timed { packet: Arc::new(packet), at: 0, after_gap }
    }

    #[test]
    fn pictures_begin_with_a_keyframe_and_go_on_with_one_after_a_loss() {
        let now = Instant::now();
        let mut gate = Gate::new(now);
        assert!(!gate.lets(&timed(false, false, now + 2 * FREEZE)), "the first keyframe is waited for");
        assert!(gate.lets(&timed(true, false, now)) && gate.lets(&timed(false, false, now)) && gate.has_begun());
        assert!(!gate.lets(&timed(false, true, now)) && !gate.lets(&timed(false, false, now)));
        assert!(gate.lets(&timed(false, false, now + 2 * FREEZE)), "not for ever");
    }

    #[test]
    fn a_keyframe_is_asked_for_until_it_comes() {
        let now = Instant::now();
        let mut gate = Gate::new(now);
        assert!(gate.asks(now) && !gate.asks(now + RETRY / 2) && gate.asks(now + RETRY));
        gate.lets(&timed(true, false, now));
        assert!(!gate.asks(now + 9 * RETRY));
    }
}
