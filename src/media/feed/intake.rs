//! What a feed's packets pass through: its tracks, what is to be sent together, its taps.

use super::drop_packet;
use super::live::Liveness;
use super::past::Past;
use super::source::{SourceTrack, TapItem};
use super::track::Track;
use crate::media::rtp::Item;
use crate::model::{Codec, Kind, TrackInfo};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError};
use std::time::Instant;

/// What the thread that brings packets works on.
#[derive(Default)]
pub struct Intake {
    /// As negotiated.
    pub tracks: Vec<Track>,
    /// What was told of them.
    pub live: Liveness,
    /// What goes to the subscribers together.
    pub batch: Vec<Arc<Item>>,
    /// Branches.
    pub taps: Vec<SyncSender<TapItem>>,
    /// The last seconds, when they are kept.
    pub past: Option<Past>,
    /// When RTP came last.
    pub last_rtp: Option<Instant>,
    /// The feed is over.
    pub closed: bool,
}

impl Intake {
    /// Whether the tracks have the same codecs as these.
    pub fn has_codecs_of(&self, tracks: &[SourceTrack]) -> bool {
        self.tracks.len() == tracks.len()
            && tracks.iter().all(|new| self.tracks.iter().any(|t| t.source.codec == new.codec))
    }

    /// Whether the sound is the same stream, with its level in the same place.
    pub fn has_sound_of(&self, tracks: &[SourceTrack]) -> bool {
        let of = |t: &SourceTrack| (t.codec.kind() == Kind::Audio).then_some((t.codec, t.ssrc, t.audio_level_id));
        self.tracks.iter().find_map(|t| of(&t.source)) == tracks.iter().find_map(of)
    }

    /// Whether all SSRCs are among these tracks'.
    pub fn has_ssrcs_of(&self, tracks: &[SourceTrack]) -> bool {
        self.tracks.iter().all(|t| tracks.iter().any(|new| new.ssrc == t.source.ssrc))
    }

    /// Whether there is news for who waits for the feed to be live.
    pub fn look(&mut self, now: Instant) -> Option<Vec<TrackInfo>> {
        if !self.live.has_news_to_wait_for() {
            return None;
        }
        let heard: Vec<(Codec, bool)> = self.tracks.iter().map(|t| (t.source.codec, t.heard)).collect();
        self.live.look(&heard, now)
    }

    /// Whether something is missing, or tracks are waited for.
    pub fn waits(&self) -> bool {
        self.live.is_waiting() || self.tracks.iter().any(Track::misses)
    }

    /// To all taps; a full one loses it (counted), one whose receiver is gone ends.
    pub fn tell(&mut self, item: &TapItem) {
        if let Some(past) = &mut self.past {
            let at = if let TapItem::Packet(packet) = item { packet.at } else { Instant::now() };
            past.push(item.clone(), at);
        }
        self.taps.retain(|tap| match tap.try_send(item.clone()) {
            Ok(()) => true,
            Err(TrySendError::Full(_)) => {
                drop_packet("slow_branch");
                true
            }
            Err(TrySendError::Disconnected(_)) => false,
        });
    }
}
