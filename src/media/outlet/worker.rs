//! An outlet's thread: packets of the feed, or of its rendition, in order and time, to the pipelines of its tracks.
//!
//! Decides which stream is taken (the feed's own, or a rendition when its pictures are not H264), where the line of time
//! begins, and what follows a loss, a failure or a change of tracks.

use super::chain::Chain;
use super::gate::Gate;
use super::silence;
use super::{Framing, Shared, Sound, Unit, Wants};
use crate::media::MediaError;
use crate::media::branch::{Ordered, Timed};
use crate::media::feed::{Feed, SourceTrack, TapItem};
use crate::media::mix::since;
use crate::media::rendition::{Renditions, User};
use crate::media::template::{Template, element};
use crate::model::{Codec, EndReason, Kind};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// Packets that may wait: some seconds of video.
const TAP_CAPACITY: usize = 4096;
/// Gaps, the wish to end and failures are looked at so often when no packet comes.
const LOOK: Duration = Duration::from_millis(50);
/// Sound waits so long for the first picture, then begins without.
const PATIENCE: Duration = Duration::from_secs(5);
/// A hole in the sound that is longer is not filled with silence.
const LONGEST_HOLE: i64 = 5_000_000_000;
/// AAC whose packets are missing for so long, as the pictures show, is filled with silence…
const SILENCE_AFTER: i64 = 800_000_000;
/// …up to this distance, so that what is merely late still finds its place.
const SILENCE_UNTIL: i64 = 500_000_000;
/// A pipeline that fails more often is given up.
const MOST_FAILURES: u32 = 5;

/// The stream that is taken.
struct Input {
    /// Keeps the rendition, when it is one.
    _user: Option<User>,
    source: Weak<Feed>,
    packets: Receiver<TapItem>,
    ordered: Ordered,
    tracks: Vec<SourceTrack>,
}

/// A track on its way out.
#[derive(Default)]
struct Lane {
    chain: Option<Chain>,
    /// What the pipeline takes.
    codec: Option<Codec>,
    last: i64,
    /// Up to here it is silence of ours.
    filled: i64,
    failures: u32,
}

pub(super) struct Worker {
    feed: Weak<Feed>,
    renditions: Arc<Renditions>,
    wants: Wants,
    shared: Arc<Shared>,
    input: Input,
    picture: Lane,
    sound: Lane,
    gate: Gate,
    begun: Instant,
    /// Where the first unit lies, in nanoseconds since `begun`.
    zero: Option<i64>,
}

impl Worker {
    pub(super) fn new(
        feed: Arc<Feed>,
        renditions: Arc<Renditions>,
        wants: Wants,
        shared: Arc<Shared>,
    ) -> Result<Self, MediaError> {
        let (input, begun) = (Input::open(&feed, &renditions)?, Instant::now());
        Ok(Self {
            feed: Arc::downgrade(&feed),
            renditions,
            wants,
            shared,
            input,
            picture: Lane::default(),
            sound: Lane::default(),
            gate: Gate::new(begun),
            begun,
            zero: None,
        })
    }

    pub(super) fn run(mut self) {
        let reason = self.work();
        tracing::debug!(%reason, "an outlet ended");
        self.shared.give(Unit::Ended(reason));
    }

    fn work(&mut self) -> EndReason {
        while !self.shared.is_stopped() {
            if let Err(reason) = self.take().and_then(|()| self.look_after()) {
                return reason;
            }
            let now = Instant::now();
            while let Some(timed) = self.input.ordered.pop(now) {
                self.on_packet(&timed);
            }
            let wanted = self.shared.wants_keyframe.swap(false, std::sync::atomic::Ordering::SeqCst);
            if (self.gate.asks(now) || wanted)
                && let Some(source) = self.input.source.upgrade()
            {
                source.request_keyframe();
            }
        }
        EndReason::Requested
    }

    /// What has come, after waiting for it a little.
    fn take(&mut self) -> Result<(), EndReason> {
        let mut next = self.input.packets.recv_timeout(LOOK);
        loop {
            match next {
                Ok(TapItem::Ended) | Err(RecvTimeoutError::Disconnected) => return Err(self.ending()),
                Err(RecvTimeoutError::Timeout) => return Ok(()),
                Ok(TapItem::TracksChanged(tracks)) => self.change(tracks)?,
                Ok(item) => self.input.ordered.take(&item),
            }
            next = self.input.packets.try_recv().map_err(|error| match error {
                std::sync::mpsc::TryRecvError::Empty => RecvTimeoutError::Timeout,
                std::sync::mpsc::TryRecvError::Disconnected => RecvTimeoutError::Disconnected,
            });
        }
    }

    /// The stream is over: the feed is, or its rendition failed.
    fn ending(&self) -> EndReason {
        let lives = self.feed.upgrade().is_some_and(|feed| feed.ready().is_ok());
        if lives { EndReason::EngineError } else { EndReason::FeedEnded }
    }

    /// The feed's tracks are these now. Pictures that are not H264 any more come from a rendition.
    fn change(&mut self, tracks: Vec<SourceTrack>) -> Result<(), EndReason> {
        if needs_rendition(&tracks) {
            let feed = self.feed.upgrade().ok_or(EndReason::FeedEnded)?;
            self.input = Input::open(&feed, &self.renditions).map_err(|error| {
                tracing::warn!(feed.id = %feed.id(), %error, "an outlet ends: no rendition of the feed's new pictures");
                EndReason::EngineError
            })?;
            self.gate.restart(Instant::now());
            self.picture.chain = None;
        } else {
            self.input.ordered.change(&tracks);
            self.input.tracks = tracks;
        }
        Ok(())
    }

    fn on_packet(&mut self, timed: &Timed) {
        let kind = timed.packet.codec.kind();
        let passes = match kind {
            Kind::Video => self.gate.lets(timed),
            Kind::Audio => self.wants.sound != Sound::None && self.sound_may_begin(timed.packet.at),
        };
        if !passes && kind == Kind::Video {
            self.picture.chain.iter_mut().for_each(Chain::lose);
        }
        if !passes || !self.input.tracks.iter().any(|track| track.codec == timed.packet.codec) {
            return;
        }
        let Some(arrival) = self.input.ordered.first_arrival() else { return };
        let at = since(self.begun, arrival) + timed.at;
        let at = at - *self.zero.get_or_insert(at);
        // Sound of before the first picture.
        if at >= 0 {
            self.push(kind, timed, at);
        }
    }

    fn sound_may_begin(&self, now: Instant) -> bool {
        let has_pictures = self.input.tracks.iter().any(|track| track.codec.kind() == Kind::Video);
        self.gate.has_begun()
            || self.zero.is_some()
            || !has_pictures
            || now.saturating_duration_since(self.begun) > PATIENCE
    }

    fn push(&mut self, kind: Kind, timed: &Timed, at: i64) {
        let lane = if kind == Kind::Video { &mut self.picture } else { &mut self.sound };
        if kind == Kind::Audio && at < lane.filled {
            return;
        }
        let at = at.max(lane.last);
        let hole = kind == Kind::Audio && at - lane.last > LONGEST_HOLE;
        if hole || lane.codec.replace(timed.packet.codec) != Some(timed.packet.codec) {
            lane.chain = None;
        }
        lane.last = at;
        if lane.chain.is_none() && lane.failures < MOST_FAILURES {
            let track = self.input.tracks.iter().find(|track| track.codec == timed.packet.codec);
            match track.map(|track| start(track, self.wants, self.renditions.templates(), &self.shared)) {
                Some(Ok(chain)) => lane.chain = Some(chain),
                Some(Err(error)) => {
                    lane.failures += 1;
                    tracing::warn!(%error, kind = kind.as_str(), "a track does not go out");
                }
                None => return,
            }
        }
        let Some(chain) = &mut lane.chain else { return };
        if !chain.push(timed, u64::try_from(at).unwrap_or(0)) && kind == Kind::Video {
            self.gate.freeze(timed.packet.at);
        }
        if kind == Kind::Video && timed.packet.marker {
            self.fill_silence(at);
        }
    }

    /// Muxers wait for sound that has begun: give them some where none comes.
    fn fill_silence(&mut self, picture: i64) {
        let began = self.sound.chain.is_some() && self.wants.sound == Sound::Aac;
        if !began || picture - self.sound.last < SILENCE_AFTER {
            return;
        }
        self.sound.last = self.sound.last.max(picture - LONGEST_HOLE);
        let codec = self.sound.codec.unwrap_or(Codec::Opus);
        while let Some(chain) = self.sound.chain.as_mut().filter(|_| self.sound.last < picture - SILENCE_UNTIL) {
            self.sound.last += silence::STEP;
            self.sound.filled = self.sound.last;
            chain.push(&silence::packet(codec, self.sound.last), u64::try_from(self.sound.last).unwrap_or(0));
        }
    }

    /// A pipeline that failed is made anew, some times.
    fn look_after(&mut self) -> Result<(), EndReason> {
        for (kind, lane) in [(Kind::Video, &mut self.picture), (Kind::Audio, &mut self.sound)] {
            let Some(why) = lane.chain.as_ref().and_then(Chain::failure).map(str::to_owned) else { continue };
            tracing::warn!(why, kind = kind.as_str(), "a track going out failed");
            lane.chain = None;
            lane.failures += 1;
            if kind == Kind::Video {
                self.gate.restart(Instant::now());
            }
        }
        if self.picture.failures >= MOST_FAILURES || self.sound.failures >= MOST_FAILURES {
            return Err(EndReason::EngineError);
        }
        Ok(())
    }
}

impl Input {
    fn open(feed: &Arc<Feed>, renditions: &Arc<Renditions>) -> Result<Self, MediaError> {
        let user = needs_rendition(&feed.tracks()).then(|| renditions.h264(feed)).transpose()?;
        let source = user.as_ref().map_or(feed, User::feed);
        // Tapped first: what changes after the tracks were read is told.
        let packets = source.tap(TAP_CAPACITY, Duration::ZERO);
        let tracks = source.tracks();
        Ok(Self { source: Arc::downgrade(source), packets, ordered: Ordered::new(tracks.clone()), tracks, _user: user })
    }
}

fn needs_rendition(tracks: &[SourceTrack]) -> bool {
    tracks.iter().any(|track| track.codec.kind() == Kind::Video && track.codec != Codec::H264)
}

/// The pipeline of a track.
fn start(
    track: &SourceTrack,
    wants: Wants,
    templates: Option<&std::path::Path>,
    shared: &Arc<Shared>,
) -> Result<Chain, MediaError> {
    let kind = track.codec.kind();
    let name = match (kind, wants.sound) {
        (Kind::Video, _) => "outlet/picture",
        (Kind::Audio, Sound::Aac) => "outlet/sound-aac",
        (Kind::Audio, Sound::Opus | Sound::None) => "outlet/sound-opus",
    };
    let form = |pipeline: &gst::Pipeline| match kind {
        Kind::Video => element(pipeline, "form")
            .map(|filter| gst::prelude::ObjectExt::set_property(&filter, "caps", form(wants.framing))),
        Kind::Audio => Ok(()),
    };
    let mut way = Way { kind, shared: shared.clone(), caps: None, last: None };
    Chain::start(&Template::load(name, templates)?, track, form, move |sample| way.on_sample(&sample))
}

fn form(framing: Framing) -> gst::Caps {
    let format = if framing == Framing::Avc { "avc" } else { "byte-stream" };
    gst::Caps::builder("video/x-h264").field("stream-format", format).field("alignment", "au").build()
}

/// What comes out of a track's pipeline, to the sink.
struct Way {
    kind: Kind,
    shared: Arc<Shared>,
    caps: Option<gst::Caps>,
    last: Option<gst::ClockTime>,
}

impl Way {
    fn on_sample(&mut self, sample: &gst::Sample) {
        let Some((mut buffer, pts)) = sample.buffer_owned().and_then(|buffer| buffer.pts().map(|pts| (buffer, pts)))
        else {
            return;
        };
        // The first unit is a keyframe.
        if self.last.is_none() && self.kind == Kind::Video && buffer.flags().contains(gst::BufferFlags::DELTA_UNIT) {
            return;
        }
        if let Some(caps) = sample.caps().filter(|caps| self.caps.as_deref() != Some(caps)) {
            self.caps = Some(caps.to_owned());
            self.shared.give(Unit::Caps(self.kind, caps.to_owned()));
        }
        let pts = self.last.map_or(pts, |last| pts.max(last + gst::ClockTime::from_nseconds(1)));
        self.last = Some(pts);
        let stamped = buffer.make_mut();
        stamped.set_pts(pts);
        stamped.set_dts((self.kind == Kind::Video).then_some(pts));
        self.shared.give(Unit::Access(self.kind, buffer));
    }
}
