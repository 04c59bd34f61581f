//! What waits for the beginning of the file, or for going on after a pause.
//!
//! Pure: time comes with the packets. Decides how long a keyframe and the sender's reports are waited for, and keeps what
//! comes meanwhile in bounded memory; leaves what is done with it to `worker`.

use crate::media::rtp::Packet;
use crate::model::Kind;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Sound waits for the first picture so long, then the file goes on without pictures.
const PICTURE_WAIT: Duration = Duration::from_secs(3);
/// Both tracks wait so long for the sender's reports.
const REPORT_WAIT: Duration = Duration::from_secs(2);
/// Sound that waits for a keyframe is no use when it is older.
const OLDEST: Duration = Duration::from_secs(10);
/// With more bytes than this, or packets, nothing is waited for any more.
const MOST_BYTES: usize = 8 << 20;
const MOST_PACKETS: usize = 8192;

/// A packet in order.
pub(super) struct Held {
    /// Its track.
    pub index: usize,
    /// Itself.
    pub packet: Arc<Packet>,
    /// Whether packets before it are missing.
    pub after_gap: bool,
}

/// What must be known to decide.
#[derive(Clone, Copy, Debug)]
pub(super) struct Situation {
    /// There is a track of pictures to wait for.
    pub video: bool,
    /// A packet of it has come at some time; the file cannot begin without pictures then.
    pub must_have_video: bool,
    /// The reports needed are there, or none is needed.
    pub aligned: bool,
}

#[derive(Default)]
pub(super) struct Gate {
    held: VecDeque<Held>,
    bytes: usize,
    newest: Option<Instant>,
}

impl Gate {
    pub(super) fn hold(&mut self, held: Held) {
        let at = held.packet.at;
        self.newest = self.newest.max(Some(at));
        self.bytes += held.packet.data.len();
        self.held.push_back(held);
        while self.first_picture().is_none() && self.held.front().is_some_and(|h| h.packet.at + OLDEST < at) {
            self.bytes -= self.held.pop_front().map_or(0, |h| h.packet.data.len());
        }
    }

    /// Whether the file may go on now with what is held.
    pub(super) fn may_open(&self, now: Instant, s: Situation) -> bool {
        let now = self.newest.map_or(now, |newest| newest.max(now));
        let waited = |since: &Held| now.saturating_duration_since(since.packet.at);
        let full = self.bytes > MOST_BYTES || self.held.len() > MOST_PACKETS;
        match (self.first_picture(), self.held.front()) {
            (Some(picture), _) => s.aligned || full || waited(picture) >= REPORT_WAIT,
            (None, Some(first)) => !s.video || (!s.must_have_video && waited(first) >= PICTURE_WAIT),
            (None, None) => false,
        }
    }

    /// Whether there is anything to go on with.
    pub(super) fn is_usable(&self, s: Situation) -> bool {
        self.first_picture().is_some() || (!self.held.is_empty() && !s.must_have_video)
    }

    /// Where it goes on: the first picture, else the first sound.
    pub(super) fn first(&self) -> Option<&Held> {
        self.first_picture().or(self.held.front())
    }

    pub(super) fn take(&mut self) -> VecDeque<Held> {
        self.bytes = 0;
        self.newest = None;
        std::mem::take(&mut self.held)
    }

    fn first_picture(&self) -> Option<&Held> {
        self.held.iter().find(|held| held.packet.codec.kind() == Kind::Video)
    }
}
