//! A feed in a live mix: its packets in order and time, to the decoders of its tracks.
//!
//! Decides when decoding begins and goes on after a loss (at a keyframe, which is asked for, as in any viewer). A decoder
//! that fails is let go, and a placeholder stands in its box.

use super::decoder::{BIAS, Decoder};
use super::input::{Pictures, Placement, Voice};
use super::lead::Lead;
use super::mixer::{Input, Mixer};
use crate::media::branch::{Ordered, Timed};
use crate::media::feed::{SourceTrack, TapItem};
use crate::model::{Codec, FeedId, Kind};
use std::path::PathBuf;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

const KEYFRAME_RETRY: Duration = Duration::from_millis(500);
/// After a loss, pictures that may refer to it are left out, at most this long.
const FREEZE: Duration = Duration::from_secs(3);

/// A feed that comes into a mix.
pub struct Joining {
    /// The feed.
    pub feed: FeedId,
    /// Shown over its picture.
    pub name: String,
    /// Its tracks.
    pub tracks: Vec<SourceTrack>,
    /// Its packets.
    pub packets: Receiver<TapItem>,
    /// Asks it for a keyframe.
    pub request_keyframe: Box<dyn Fn() + Send + Sync>,
}

/// A feed in the mix.
pub struct Member {
    joining: Joining,
    templates: Option<PathBuf>,
    ordered: Ordered,
    /// Codecs of the decoders that were made, by kind.
    made: Vec<Codec>,
    /// Set while a keyframe is needed.
    frozen: Option<Instant>,
    asked: Option<Instant>,
    seen: bool,
    dropped: u64,
    /// For a mix that runs close behind.
    lead: Option<Lead>,
}

impl Member {
    /// Takes its place in the mix. `close`: the mix runs so little behind that it matters how late the first packet was.
    pub fn join(joining: Joining, mixer: &mut Mixer, templates: Option<PathBuf>, close: bool) -> Self {
        let tracks = joining.tracks.clone();
        let mut member = Self {
            ordered: Ordered::new(tracks.clone()),
            templates,
            made: Vec::new(),
            frozen: Some(Instant::now()),
            asked: None,
            seen: false,
            dropped: 0,
            lead: close.then(Lead::default),
            joining,
        };
        mixer.join(Input { id: member.id(), name: member.joining.name.clone(), pictures: None, voice: None });
        member.make_decoders(&tracks, mixer);
        member
    }

    /// Which feed it is.
    pub fn feed(&self) -> FeedId {
        self.joining.feed
    }

    /// Its number in the mixer.
    pub fn id(&self) -> u64 {
        self.joining.feed.0
    }

    fn make_decoders(&mut self, tracks: &[SourceTrack], mixer: &mut Mixer) {
        let id = self.id();
        let Some(input) = mixer.inputs().iter_mut().find(|input| input.id == id) else { return };
        for track in tracks {
            if self.made.contains(&track.codec) {
                continue;
            }
            let placement = Placement::shifted(-BIAS);
            self.made.retain(|made| made.kind() != track.codec.kind());
            self.made.push(track.codec);
            match (Decoder::of_track(track, self.templates.as_deref()), track.codec.kind()) {
                (Ok(decoder), Kind::Audio) => input.voice = Some(Voice::new(decoder, placement)),
                (Ok(decoder), Kind::Video) => {
                    input.pictures = Some(Pictures::new(decoder, placement));
                    self.frozen = Some(Instant::now());
                }
                (Err(error), _) => tracing::warn!(feed.id = %self.joining.feed, %error, "a track is not in the mix"),
            }
        }
        mixer.arrange();
    }

    /// Moves packets on; `false` when the feed is over.
    pub fn work(&mut self, mixer: &mut Mixer, start: Instant, now: Instant) -> bool {
        let alive = self.take(mixer);
        while let Some(timed) = self.ordered.pop(now) {
            self.decode(&timed, mixer, start);
        }
        self.ask_for_keyframe(now);
        self.let_go_of_failed(mixer);
        alive
    }

    /// All that is left goes to the decoders, and they give what they hold back.
    pub fn flush(&mut self, mixer: &mut Mixer, start: Instant) {
        self.take(mixer);
        while let Some(timed) = self.ordered.flush() {
            self.decode(&timed, mixer, start);
        }
        let id = self.id();
        for input in mixer.inputs().iter_mut().filter(|input| input.id == id) {
            input.pictures.iter().for_each(|pictures| pictures.decoder().end());
            input.voice.iter().for_each(|voice| voice.decoder().end());
        }
    }

    fn take(&mut self, mixer: &mut Mixer) -> bool {
        loop {
            match self.joining.packets.try_recv() {
                Ok(TapItem::Ended) | Err(std::sync::mpsc::TryRecvError::Disconnected) => return false,
                Err(std::sync::mpsc::TryRecvError::Empty) => return true,
                Ok(item) => {
                    self.ordered.take(&item);
                    if let TapItem::TracksChanged(tracks) = &item {
                        self.make_decoders(tracks, mixer);
                    }
                }
            }
        }
    }

    fn decode(&mut self, timed: &Timed, mixer: &mut Mixer, start: Instant) {
        let (id, kind) = (self.id(), timed.packet.codec.kind());
        let waits = kind == Kind::Video && self.waits_for_keyframe(timed);
        let zero = self.ordered.first_arrival().unwrap_or(start);
        let Some(input) = mixer.inputs().iter_mut().find(|input| input.id == id) else { return };
        let decoder = match kind {
            Kind::Audio => input.voice.as_ref().map(Voice::decoder),
            Kind::Video => input.pictures.as_ref().map(Pictures::decoder),
        };
        // What is on its way when the codec changes belongs to a decoder that is gone.
        let Some(decoder) = decoder.filter(|_| !waits && self.made.contains(&timed.packet.codec)) else { return };
        let placed = since(start, zero) + timed.at;
        let arrived = since(start, timed.packet.at);
        let placed = self.lead.as_mut().map_or(placed, |lead| lead.follow(placed, arrived));
        if !decoder.push(&timed.packet, placed) {
            self.dropped += 1;
            self.frozen = self.frozen.or((kind == Kind::Video).then_some(timed.packet.at));
        }
    }

    fn waits_for_keyframe(&mut self, timed: &Timed) -> bool {
        let packet = &timed.packet;
        if timed.after_gap && !packet.keyframe {
            self.frozen.get_or_insert(packet.at);
        }
        let over = |since: Instant| self.seen && packet.at.saturating_duration_since(since) > FREEZE;
        if packet.keyframe || self.frozen.is_some_and(over) {
            self.seen = true;
            self.frozen = None;
        }
        self.frozen.is_some()
    }

    fn ask_for_keyframe(&mut self, now: Instant) {
        let wanted = self.frozen.is_some() && self.made.iter().any(|codec| codec.kind() == Kind::Video);
        if wanted && self.asked.is_none_or(|asked| now.saturating_duration_since(asked) >= KEYFRAME_RETRY) {
            self.asked = Some(now);
            (self.joining.request_keyframe)();
        }
    }

    fn let_go_of_failed(&self, mixer: &mut Mixer) {
        let (id, feed) = (self.id(), self.feed());
        for input in mixer.inputs().iter_mut().filter(|input| input.id == id) {
            let failed = |decoder: &Decoder| decoder.failure().map(str::to_owned);
            if let Some(why) = input.pictures.as_ref().and_then(|p| failed(p.decoder())) {
                tracing::warn!(feed.id = %feed, why, "pictures cannot be decoded for a mix: a placeholder is shown");
                input.pictures = None;
            }
            if let Some(why) = input.voice.as_ref().and_then(|v| failed(v.decoder())) {
                tracing::warn!(feed.id = %feed, why, "sound cannot be decoded for a mix");
                input.voice = None;
            }
        }
    }
}

/// Nanoseconds from one instant to another, negative when it lies before.
pub fn since(from: Instant, to: Instant) -> i64 {
    let clamp = |span: Duration| i64::try_from(span.as_nanos()).unwrap_or(i64::MAX / 4);
    if to >= from { clamp(to - from) } else { -clamp(from - to) }
}
