//! What leaves a source towards its feed: units on one timeline, as RTP of constant SSRCs, with reports of that timeline.
//!
//! Decides sequence numbers and timestamps. Leaves to `splice` which pipeline's units count.

use super::splice::{Piece, Splice};
use super::upstream::Bell;
use crate::media::feed::clock::ntp_now;
use crate::media::feed::{Feed, Source, SourceTrack};
use crate::media::rtp::pack;
use crate::model::{Codec, Kind};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Between sender reports.
const REPORTS: Duration = Duration::from_secs(1);
/// So many units may come before the tracks are known.
const EARLY: usize = 1000;
/// The same for all H264: a source that comes back with another profile must not make viewers negotiate again. Browsers
/// decode what they are sent.
const H264: &str = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f";

/// An access unit: a picture in H264 (byte stream), or a packet of Opus; before a transcoder, of any encoding.
#[derive(Clone, Debug)]
pub struct Unit {
    /// The data, with its times for decoders.
    pub buffer: gst::Buffer,
    /// Nanoseconds of its pipeline's running time.
    pub pts: i64,
    /// Nanoseconds, if known.
    pub duration: Option<i64>,
    /// A decoder can begin here; sound: always.
    pub keyframe: bool,
}

impl Unit {
    /// From a sample; `None` without data or time.
    pub fn of(sample: &gst::Sample, kind: Kind) -> Option<Self> {
        let buffer = sample.buffer_owned()?;
        let time = buffer.pts().or(buffer.dts())?;
        let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
        let pts = i64::try_from(segment.to_running_time(time)?.nseconds()).ok()?;
        let duration = buffer.duration().and_then(|duration| i64::try_from(duration.nseconds()).ok());
        let keyframe = kind == Kind::Audio || !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
        Some(Self { buffer, pts, duration, keyframe })
    }
}

/// One of the two streams.
struct Stream {
    ssrc: u32,
    sequence: u16,
    /// RTP time of the timeline's beginning.
    origin: u32,
}

impl Stream {
    fn new() -> Self {
        Self { ssrc: rand::random::<u32>() | 1, sequence: rand::random(), origin: rand::random() }
    }

    fn timestamp(&self, codec: Codec, at: i64) -> u32 {
        let ticks = i128::from(at) * i128::from(codec.clock_rate()) / 1_000_000_000;
        self.origin.wrapping_add(ticks as u32)
    }

    /// The next packet (RFC 3550 5.1).
    fn packet(&mut self, track: (Codec, bool), timestamp: u32, payload: &[u8]) -> Vec<u8> {
        let (codec, marker) = track;
        let mut packet = Vec::with_capacity(12 + payload.len());
        packet.extend_from_slice(&[0x80, u8::from(marker) << 7 | payload_type(codec)]);
        packet.extend_from_slice(&self.sequence.to_be_bytes());
        packet.extend_from_slice(&timestamp.to_be_bytes());
        packet.extend_from_slice(&self.ssrc.to_be_bytes());
        packet.extend_from_slice(payload);
        self.sequence = self.sequence.wrapping_add(1);
        packet
    }
}

struct State {
    splice: Splice,
    streams: [Stream; 2],
    /// Those that the feed has, sound first.
    tracks: Vec<Codec>,
    /// What came before it was known which tracks there are.
    early: Vec<(Codec, u64, Unit, Instant)>,
    /// The last keyframe, for the placeholder.
    keyframe: Option<Unit>,
    last: [Option<Instant>; 2],
    reported: Option<Instant>,
}

/// A feed's one source.
pub struct Output {
    feed: Arc<Feed>,
    bell: Arc<Bell>,
    epoch: Instant,
    state: Mutex<State>,
}

impl Output {
    /// Nothing comes out before `open`. The feed can ring at once.
    pub fn new(feed: Arc<Feed>, bell: Arc<Bell>) -> Self {
        feed.set_source(Source { tracks: Vec::new(), upstream: bell.clone() });
        let state = State {
            splice: Splice::default(),
            streams: [Stream::new(), Stream::new()],
            tracks: Vec::new(),
            early: Vec::new(),
            keyframe: None,
            last: [None; 2],
            reported: None,
        };
        Self { feed, bell, epoch: Instant::now(), state: Mutex::new(state) }
    }

    /// Says which tracks there are. Those that were there stay, so that a source that comes back without its sound changes
    /// nothing for who watches; sound in another codec takes the place of what was there.
    pub fn open(&self, codecs: &[Codec]) {
        let mut state = self.state.lock();
        let new: Vec<Codec> = codecs.iter().copied().filter(|codec| !state.tracks.contains(codec)).collect();
        if !new.is_empty() {
            state.tracks.retain(|known| new.iter().all(|codec| codec.kind() != known.kind()));
            state.tracks.extend(new);
            state.tracks.sort_by_key(|codec| codec.kind());
            let track = |codec: &Codec| source_track(*codec, state.streams[index(codec.kind())].ssrc);
            let tracks = state.tracks.iter().map(track).collect();
            self.feed.set_source(Source { tracks, upstream: self.bell.clone() });
        }
        for (codec, generation, unit, at) in std::mem::take(&mut state.early) {
            self.place(&mut state, codec, generation, &unit, at);
        }
    }

    /// From now on the placeholder is shown, with this generation, until pictures come.
    pub fn cover(&self) -> u64 {
        self.state.lock().splice.cover()
    }

    /// A unit of a pipeline; whether it was sent, or will be.
    pub fn push(&self, codec: Codec, generation: u64, unit: &Unit) -> bool {
        let now = Instant::now();
        let mut state = self.state.lock();
        if state.tracks.contains(&codec) {
            return self.place(&mut state, codec, generation, unit, now);
        }
        if !state.tracks.is_empty() {
            return false;
        }
        state.early.retain(|(_, known, ..)| *known == generation);
        let room = state.early.len() < EARLY;
        if room {
            state.early.push((codec, generation, unit.clone(), now));
        }
        room
    }

    fn place(&self, state: &mut State, codec: Codec, generation: u64, unit: &Unit, now: Instant) -> bool {
        let kind = codec.kind();
        let (pts, duration, keyframe) = (unit.pts, unit.duration, unit.keyframe);
        let piece = Piece { kind, generation, pts, duration, keyframe };
        if !state.tracks.contains(&codec) {
            return false;
        }
        let Some(at) = state.splice.place(piece, self.nanoseconds(now)) else { return false };
        self.send(&mut state.streams[index(kind)], codec, at, unit, now);
        state.last[index(kind)] = Some(now);
        if kind == Kind::Video && keyframe {
            state.keyframe = Some(unit.clone());
        }
        self.report(state, now);
        true
    }

    fn send(&self, stream: &mut Stream, codec: Codec, at: i64, unit: &Unit, now: Instant) {
        let Ok(map) = unit.buffer.map_readable() else { return };
        let timestamp = stream.timestamp(codec, at);
        if codec.kind() == Kind::Audio {
            let mut timestamp = timestamp;
            for payload in pack::sound(codec, &map) {
                self.feed.on_rtp(stream.packet((codec, false), timestamp, payload), now);
                // One packet of Opus is all; of G.711 each byte is a sample.
                timestamp = timestamp.wrapping_add(payload.len() as u32);
            }
        } else {
            let payloads = pack::h264(&map);
            for (number, payload) in payloads.iter().enumerate() {
                let marker = number + 1 == payloads.len();
                self.feed.on_rtp(stream.packet((codec, marker), timestamp, payload), now);
            }
        }
        self.feed.flush();
    }

    fn report(&self, state: &mut State, now: Instant) {
        if state.reported.is_some_and(|at| now.saturating_duration_since(at) < REPORTS) {
            return;
        }
        state.reported = Some(now);
        let (ntp, at) = (ntp_now(), self.nanoseconds(now));
        for codec in &state.tracks {
            let rtp = state.streams[index(codec.kind())].timestamp(*codec, at);
            self.feed.report(*codec, ntp, rtp);
        }
    }

    fn nanoseconds(&self, now: Instant) -> i64 {
        i64::try_from(now.saturating_duration_since(self.epoch).as_nanos()).unwrap_or(i64::MAX)
    }

    /// Viewers and branches.
    pub fn users(&self) -> usize {
        self.feed.users()
    }

    /// Whether a keyframe was asked for since the last look.
    pub fn wants_keyframe(&self) -> bool {
        self.bell.wants_keyframe()
    }

    /// When a unit of this kind was sent last, whosever it was, and whose.
    pub fn last(&self, kind: Kind) -> (Option<Instant>, u64) {
        let state = self.state.lock();
        (state.last[index(kind)], state.splice.generation(kind))
    }

    /// The last keyframe that was sent.
    pub fn keyframe(&self) -> Option<Unit> {
        self.state.lock().keyframe.clone()
    }
}

fn index(kind: Kind) -> usize {
    usize::from(kind == Kind::Video)
}

fn payload_type(codec: Codec) -> u8 {
    match codec {
        Codec::Pcmu => 0,
        Codec::Pcma => 8,
        Codec::H264 => 102,
        _ => 111,
    }
}

fn source_track(codec: Codec, ssrc: u32) -> SourceTrack {
    SourceTrack {
        codec,
        fmtp: if codec == Codec::H264 { H264.into() } else { String::new() },
        payload_type: payload_type(codec),
        ssrc: Some(ssrc),
        rtx_payload_type: None,
        rtx_ssrc: None,
        nack: false,
        audio_level_id: 0,
    }
}
