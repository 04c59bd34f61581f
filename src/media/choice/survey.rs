//! Reads what there is to know of a feed, at most once a tick for all who watch it, and remembers its rates' peaks.

use super::candidates::whole_name;
use super::facts::{Facts, LayerFacts, Need, Picture, Step, usual_bits};
use super::works::Works;
use crate::media::TrackStats;
use crate::media::feed::Feed;
use crate::media::rendition::Rung;
use crate::model::{Codec, FeedId, Kind};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Between two looks at which renditions run.
const LADDER: Duration = Duration::from_millis(500);
/// Beside an RTP packet of sound: SRTP's tag, header extensions and the datagram's headers, as bits per second.
const AROUND_SOUND: u64 = 15_000;
/// From keyframe to keyframe of the source made anew in another codec.
const KEYFRAMES: Duration = Duration::from_secs(2);

/// A feed that somebody watches.
#[derive(Default)]
pub struct Survey {
    sound: Need,
    pictures: Need,
    layers: HashMap<FeedId, Need>,
    ladder: Vec<Step>,
    looked: Option<Instant>,
    /// Pictures come just now.
    pub flowing: bool,
}

impl Survey {
    /// How things are.
    pub fn look(&mut self, feed: &Arc<Feed>, works: &dyn Works, now: Instant) -> Facts {
        let stats = feed.stats();
        let track = |kind| stats.tracks.iter().find(|track| track.codec.kind() == kind);
        let (sound, pictures) = (track(Kind::Audio), track(Kind::Video));
        if let Some(track) = sound {
            self.sound.measured(track.bitrate, now);
        }
        if let Some(track) = pictures {
            self.pictures.measured(track.bitrate, now);
        }
        self.flowing = pictures.is_some_and(|track| track.framerate > 0.5);
        if self.looked.is_none_or(|looked| now.saturating_duration_since(looked) >= LADDER) {
            self.looked = Some(now);
            self.ladder = steps(feed, works);
        }
        Facts {
            sound: sound.map(|_| self.sound.bits() + AROUND_SOUND),
            picture: pictures.map(|track| self.picture(feed, track)),
            layers: self.layers(feed, pictures, now),
            ladder: self.ladder.clone(),
        }
    }

    /// The feed's own pictures; while the best layer rests it is that one all the same, since watching wakes it.
    fn picture(&self, feed: &Feed, track: &TrackStats) -> Picture {
        let best = feed.best_layer();
        let (size, bits) = (best.as_ref().and_then(|best| best.size), best.map_or(0, |best| best.bitrate));
        Picture {
            codec: Some(track.codec),
            size: size.or(track.width.zip(track.height)),
            framerate: Some(track.framerate).filter(|rate| *rate > 0.0),
            bits: bits.max(self.pictures.bits()),
        }
    }

    fn layers(&mut self, feed: &Feed, pictures: Option<&TrackStats>, now: Instant) -> Vec<LayerFacts> {
        let Some(track) = pictures else { return Vec::new() };
        let all = feed.layers();
        self.layers.retain(|id, _| all.iter().any(|layer| layer.feed.id() == *id));
        let facts = all.into_iter().map(|layer| {
            let need = self.layers.entry(layer.feed.id()).or_default();
            need.measured(if layer.resting { 0 } else { layer.bitrate }, now);
            let known = need.bits().max(layer.bitrate);
            let short = layer.size.map(|(width, height)| width.min(height));
            let picture = Picture {
                codec: Some(track.codec),
                size: layer.size,
                framerate: None,
                bits: if known == 0 { usual_bits(short) } else { known },
            };
            LayerFacts { feed: layer.feed.id(), rid: layer.rid, picture }
        });
        facts.collect()
    }
}

fn steps(feed: &Arc<Feed>, works: &dyn Works) -> Vec<Step> {
    let step = |rung: &Rung| Step {
        name: rung.name.as_str().into(),
        height: rung.height,
        framerate: rung.framerate,
        bits: rung.bitrate.into(),
        runs: [Codec::Vp8, Codec::H264].into_iter().filter(|codec| works.runs(feed, *codec, rung)).collect(),
    };
    works.ladder(feed.content()).iter().map(step).collect()
}

/// The rung of this name: one of the ladder, or the source in another codec with so many bits per second.
pub fn rung(feed: &Feed, works: &dyn Works, name: &str, codec: Codec, bits: u64) -> Option<Rung> {
    let known = works.ladder(feed.content()).iter().find(|rung| rung.name == name).cloned();
    known.or_else(|| {
        let bitrate = u32::try_from(bits).unwrap_or(u32::MAX);
        (name == &*whole_name(codec)).then(|| Rung {
            name: name.into(),
            height: None,
            bitrate,
            framerate: None,
            keyframe_interval: KEYFRAMES,
        })
    })
}
