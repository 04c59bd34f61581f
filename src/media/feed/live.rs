//! When a feed is live: RTP of every negotiated track came in, or of one and a little later. Pure: time comes in.

use crate::model::{Codec, TrackInfo};
use std::time::{Duration, Instant};

/// A camera may be slower than a microphone.
const PATIENCE: Duration = Duration::from_millis(500);

/// What has been told, and what waits to be.
#[derive(Debug, Default)]
pub struct Liveness {
    told: Option<Vec<Codec>>,
    waiting: bool,
    first: Option<Instant>,
}

impl Liveness {
    /// The tracks were negotiated.
    pub fn negotiated(&mut self, codecs: &[Codec]) {
        self.waiting = self.told.as_deref() != Some(codecs);
        self.first = None;
    }

    /// Whether there is anything left to tell.
    pub fn has_news_to_wait_for(&self) -> bool {
        self.waiting
    }

    /// Whether something was heard that is not told yet.
    pub fn is_waiting(&self) -> bool {
        self.waiting && self.first.is_some()
    }

    /// Looks whether there is news: `tracks` are all, each with whether it was heard.
    pub fn look(&mut self, tracks: &[(Codec, bool)], now: Instant) -> Option<Vec<TrackInfo>> {
        if !self.waiting || !tracks.iter().any(|(codec, heard)| *heard && self.is_new(*codec, tracks)) {
            return None;
        }
        let first = *self.first.get_or_insert(now);
        if !tracks.iter().all(|(_, heard)| *heard) && now.saturating_duration_since(first) < PATIENCE {
            return None;
        }
        self.waiting = false;
        self.told = Some(tracks.iter().map(|(codec, _)| *codec).collect());
        Some(tracks.iter().map(|(codec, _)| TrackInfo { codec: *codec }).collect())
    }

    /// Whether a track is news; when one was only taken away, any is.
    fn is_new(&self, codec: Codec, tracks: &[(Codec, bool)]) -> bool {
        let told = self.told.as_deref().unwrap_or_default();
        !told.contains(&codec) || tracks.iter().all(|(codec, _)| told.contains(codec))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(live: &mut Liveness, opus: bool, vp8: bool, now: Instant) -> bool {
        live.look(&[(Codec::Opus, opus), (Codec::Vp8, vp8)], now).is_some()
    }

    #[test]
    fn told_once_all_were_heard_or_one_long_enough() {
        let (mut live, start) = (Liveness::default(), Instant::now());
        live.negotiated(&[Codec::Opus, Codec::Vp8]);
        assert!(!look(&mut live, false, false, start));
        assert!(!look(&mut live, true, false, start));
        assert!(look(&mut live, true, false, start + PATIENCE));
        assert!(!look(&mut live, true, true, start + 2 * PATIENCE), "once");
        live.negotiated(&[Codec::Opus, Codec::Vp8]);
        assert!(!look(&mut live, true, true, start), "the same tracks are no news");
    }

    #[test]
    fn an_added_track_is_told_when_it_is_heard() {
        let (mut live, start) = (Liveness::default(), Instant::now());
        live.negotiated(&[Codec::Opus]);
        assert!(live.look(&[(Codec::Opus, true)], start).is_some());
        live.negotiated(&[Codec::Opus, Codec::Vp8]);
        assert!(!look(&mut live, true, false, start + 10 * PATIENCE));
        assert!(look(&mut live, true, true, start + 10 * PATIENCE));
    }

    #[test]
    fn a_removed_track_is_told() {
        let (mut live, start) = (Liveness::default(), Instant::now());
        live.negotiated(&[Codec::Opus, Codec::Vp8]);
        assert!(look(&mut live, true, true, start));
        live.negotiated(&[Codec::Opus]);
        assert!(live.look(&[(Codec::Opus, true)], start).is_some());
    }
}
