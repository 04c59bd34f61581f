//! What a transcode costs on this machine: a clip is sent in its own time through a real rendition, and CPU clocks are read.
//!
//! For operators and benchmarks. The clip is VP8 in IVF, read before the measurement; sending it costs next to nothing.

use super::{Renditions, User, shared};
use crate::media::MediaError;
use crate::media::egress::Pool;
use crate::media::feed::{Feed, Source, SourceTrack, TapItem, Upstream};
use crate::model::{Codec, Content, FeedId};
use nix::time::{ClockId, clock_gettime};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

/// Before the measurement begins: the encoder is there and its rate has settled.
const WARM: Duration = Duration::from_secs(2);
const PAYLOAD_TYPE: u8 = 96;
const SSRC: u32 = 7;
/// Payload of a packet.
const MOST: usize = 1150;

/// What to measure.
#[derive(Clone, Debug)]
pub struct Measurement {
    /// VP8 in IVF.
    pub clip: PathBuf,
    /// What is made: VP8 or H264.
    pub codec: Codec,
    /// Name of a rung of the ladder, for cameras or screens.
    pub rung: String,
    /// How long.
    pub length: Duration,
    /// Who uses the one rendition at once; at least 1.
    pub users: usize,
    /// Folder of templates that replace the built-in ones.
    pub templates: Option<PathBuf>,
}

/// What was seen.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    /// CPU of the whole process in cores.
    pub cores: f64,
    /// What the service's own meter says that the transcode took.
    pub metered: f64,
    /// What the service would have reckoned with before it ran.
    pub reckoned: f64,
    /// Transcodes that ran.
    pub transcodes: usize,
    /// Element that encoded.
    pub encoder: String,
    /// Pictures that came out per second.
    pub framerate: f32,
    /// Kilobits that came out per second.
    pub kbps: u32,
    /// Their size.
    pub size: (u32, u32),
}

/// The clip begins again when a keyframe is asked for: its first picture is one.
#[derive(Default)]
struct Asked(AtomicBool);

impl Upstream for Asked {
    fn send_rtcp(&self, packet: &[u8]) {
        self.0.fetch_or(packet.get(1) == Some(&206), Ordering::SeqCst);
    }
}

/// Does it; blocks for its length and some seconds.
pub fn measure(wish: &Measurement) -> Result<Measured, MediaError> {
    let mut clip = Clip::read(&wish.clip)?;
    let pool = Pool::start(1).map_err(|error| MediaError::Fatal(error.to_string()))?;
    let renditions = Renditions::new(pool.clone(), wish.templates.clone(), 100)?;
    let rungs = [Content::Camera, Content::Screen].map(|content| renditions.ladder(content));
    let rung = rungs.iter().flat_map(|rungs| rungs.iter()).find(|rung| rung.name == wish.rung);
    let rung = rung.ok_or_else(|| MediaError::Fatal(format!("the ladder has no rung {}", wish.rung)))?;
    let feed = Feed::new(FeedId::next(), pool, Duration::from_secs(1), Box::new(|_| {}));
    feed.set_source(Source { tracks: vec![track()], upstream: clip.asked.clone() });
    clip.send(&feed, Duration::from_millis(1200), &[]);
    let reckoned = renditions.price(&feed, wish.codec, rung);
    let mut users = Vec::new();
    for _ in 0..wish.users.max(1) {
        let user =
            renditions.make(&feed, wish.codec, rung).map_err(|refused| MediaError::Fatal(refused.to_string()))?;
        let packets = user.feed().tap(4096, Duration::ZERO);
        users.push((user, packets));
    }
    clip.send(&feed, WARM, &users);
    let (before, begun) = (process_time(), Instant::now());
    clip.send(&feed, wish.length, &users);
    let cores = (process_time().saturating_sub(before)).as_secs_f64() / begun.elapsed().as_secs_f64();
    let told = renditions.transcodes();
    let one = told.running.first().ok_or_else(|| MediaError::Fatal("the transcode has ended: see the log".into()))?;
    let out = users.first().and_then(|(user, _)| shared::pictures(user.feed()));
    feed.close();
    Ok(Measured {
        cores,
        metered: one.cores,
        reckoned,
        transcodes: told.running.len(),
        encoder: one.encoder.clone(),
        framerate: out.as_ref().map_or(0.0, |out| out.framerate),
        kbps: out.as_ref().map_or(0, |out| u32::try_from(out.bitrate / 1000).unwrap_or(u32::MAX)),
        size: out.and_then(|out| out.width.zip(out.height)).unwrap_or_default(),
    })
}

fn process_time() -> Duration {
    clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).map(Duration::from).unwrap_or_default()
}

fn track() -> SourceTrack {
    SourceTrack {
        codec: Codec::Vp8,
        fmtp: String::new(),
        payload_type: PAYLOAD_TYPE,
        ssrc: Some(SSRC),
        rtx_payload_type: None,
        rtx_ssrc: None,
        nack: false,
        audio_level_id: 0,
    }
}

/// Pictures, sent in their own time, again and again.
struct Clip {
    pictures: Vec<Vec<u8>>,
    distance: Duration,
    next: usize,
    /// Where in time it began last.
    first: usize,
    asked: Arc<Asked>,
    sequence: u16,
    begun: Option<Instant>,
}

impl Clip {
    /// IVF: a header of 32 bytes, then pictures with 12 bytes before each.
    fn read(path: &Path) -> Result<Self, MediaError> {
        let fatal = |why: &str| MediaError::Fatal(format!("{}: {why}", path.display()));
        let data = std::fs::read(path).map_err(|error| fatal(&error.to_string()))?;
        let number = |at: usize| data.get(at..at + 4).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes);
        if !data.starts_with(b"DKIF") || data.get(8..12) != Some(b"VP80") {
            return Err(fatal("is no VP8 in IVF: make one with `ffmpeg -i FILE -c:v libvpx CLIP.ivf`"));
        }
        let (rate, scale) = (number(16).unwrap_or(30).max(1), number(20).unwrap_or(1).max(1));
        let (mut pictures, mut at) = (Vec::new(), 32);
        while let Some(length) = number(at) {
            let Some(picture) = data.get(at + 12..at + 12 + length as usize) else { break };
            pictures.push(picture.to_vec());
            at += 12 + length as usize;
        }
        let distance = Duration::from_secs_f64(f64::from(scale) / f64::from(rate));
        if pictures.is_empty() {
            return Err(fatal("has no pictures"));
        }
        Ok(Self { pictures, distance, next: 0, first: 0, asked: Arc::default(), sequence: 0, begun: None })
    }

    /// Sends so much of it; what comes to the users is taken and dropped.
    fn send(&mut self, feed: &Feed, length: Duration, users: &[(User, Receiver<TapItem>)]) {
        let begun = *self.begun.get_or_insert_with(Instant::now);
        let end = Instant::now() + length;
        while Instant::now() < end {
            let due = begun + self.distance * u32::try_from(self.next).unwrap_or(u32::MAX);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            self.picture(feed);
            users.iter().for_each(|(_, packets)| while packets.try_recv().is_ok() {});
        }
    }

    /// RFC 7741 4: one byte of description, of which the first packet's says that a partition begins.
    fn picture(&mut self, feed: &Feed) {
        if self.asked.0.swap(false, Ordering::SeqCst) {
            self.first = self.next;
        }
        let picture = &self.pictures[(self.next - self.first) % self.pictures.len()];
        let time = (self.distance.as_secs_f64() * 90_000.0 * self.next as f64) as u64 as u32;
        let pieces = picture.chunks(MOST).count();
        for (index, piece) in picture.chunks(MOST).enumerate() {
            let mut packet = vec![0x80, PAYLOAD_TYPE | (u8::from(index + 1 == pieces) << 7)];
            packet.extend(self.sequence.to_be_bytes());
            packet.extend(time.to_be_bytes());
            packet.extend(SSRC.to_be_bytes());
            packet.push(u8::from(index == 0) << 4);
            packet.extend(piece);
            self.sequence = self.sequence.wrapping_add(1);
            feed.on_rtp(packet, Instant::now());
        }
        self.next += 1;
    }
}
