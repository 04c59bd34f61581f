//! A live picture of a feed as JPEG.
//!
//! Decides how little is done for it: the newest group of pictures that the feed has anyway, else a keyframe asked for;
//! one decode however many ask at the same time, its picture good for a second, few decodes at once in the process.

use super::feed::{Feed, TapItem};
use super::picture::{Encoded, Fit, jpeg, stills};
use super::rtp::Packet;
use super::{MediaError, files::fatal};
use crate::model::{Codec, FeedId, Kind};
use bytes::Bytes;
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// In all, for who asks.
const LIMIT: Duration = Duration::from_secs(3);
/// A picture is given again for so long.
const FRESH: Duration = Duration::from_secs(1);
/// Pictures being made, and kept, at most: of all feeds in all sizes.
const MOST: usize = 64;
/// Packets that may wait; a keyframe has fewer.
const TAP: usize = 1024;
/// A keyframe is asked for again when it does not come.
const ASK: Duration = Duration::from_millis(700);
/// Least and greatest width that may be asked for in pixels.
const WIDTHS: std::ops::RangeInclusive<u32> = 16..=1920;

/// Decoding at once in this process.
static DECODES: Semaphore = Semaphore::const_new(2);

type Outcome = Result<Bytes, MediaError>;

struct Entry {
    picture: Shared<BoxFuture<'static, Outcome>>,
    made: Arc<OnceLock<Instant>>,
}

/// The pictures that are being made, or young enough to be given again.
#[derive(Default)]
pub struct Snapshots {
    entries: Mutex<HashMap<(FeedId, Option<u32>), Entry>>,
}

impl Snapshots {
    /// The feed's picture of now, or of less than a second ago. `NotReady`: no video, or none came in time. `Transient`: too
    /// many at once. `Fatal`: the width is not 16 to 1920, or what came cannot be decoded.
    pub fn take(
        &self,
        feed: Arc<Feed>,
        width: Option<u32>,
        runtime: &tokio::runtime::Handle,
    ) -> BoxFuture<'static, Outcome> {
        match self.shared(feed, width, runtime) {
            Ok(picture) => picture.boxed(),
            Err(error) => std::future::ready(Err(error)).boxed(),
        }
    }

    fn shared(
        &self,
        feed: Arc<Feed>,
        width: Option<u32>,
        runtime: &tokio::runtime::Handle,
    ) -> Result<Shared<BoxFuture<'static, Outcome>>, MediaError> {
        let fit = fit(width)?;
        let codec = video_of(&feed)?;
        let mut entries = self.entries.lock();
        entries.retain(|_, entry| entry.made.get().is_none_or(|made| made.elapsed() < FRESH));
        let key = (feed.id(), width.map(|width| width & !1));
        if let Some(entry) = entries.get(&key) {
            return Ok(entry.picture.clone());
        }
        if entries.len() >= MOST {
            return Err(MediaError::Transient(format!("{MOST} pictures are being made already")));
        }
        let entry = Entry::start(feed, codec, fit, runtime);
        let picture = entry.picture.clone();
        entries.insert(key, entry);
        Ok(picture)
    }
}

impl Entry {
    /// Made by a task, so that it is made even when who asked first goes away.
    fn start(feed: Arc<Feed>, codec: Codec, fit: Fit, runtime: &tokio::runtime::Handle) -> Self {
        let made = Arc::new(OnceLock::new());
        let done = made.clone();
        let task = runtime.spawn(async move {
            let outcome = tokio::time::timeout(LIMIT, picture(feed, codec, fit)).await;
            let _ = done.set(Instant::now());
            outcome.unwrap_or_else(|_| Err(late()))
        });
        let picture = async move { task.await.unwrap_or_else(|error| Err(fatal("snapshot", error))) };
        Self { picture: picture.boxed().shared(), made }
    }
}

async fn picture(feed: Arc<Feed>, codec: Codec, fit: Fit) -> Outcome {
    let failed = |error: tokio::task::JoinError| fatal("snapshot", error);
    let packets = tokio::task::spawn_blocking(move || packets(&feed, codec)).await.map_err(failed)??;
    let turn = DECODES.acquire().await.map_err(|error| fatal("snapshot", error))?;
    let made = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        decode(&packets, codec, fit)
    });
    made.await.map_err(failed)?
}

fn fit(width: Option<u32>) -> Result<Fit, MediaError> {
    match width {
        None => Ok(Fit::Within(*WIDTHS.end())),
        Some(width) if WIDTHS.contains(&width) => Ok(Fit::Width(width & !1)),
        Some(width) => Err(fatal("snapshot", format!("a width of {width} is not between 16 and 1920"))),
    }
}

fn video_of(feed: &Feed) -> Result<Codec, MediaError> {
    let video = feed.tracks().into_iter().map(|track| track.codec).find(|codec| codec.kind() == Kind::Video);
    video.ok_or_else(|| MediaError::NotReady("the feed has no video".into()))
}

fn late() -> MediaError {
    MediaError::NotReady(format!("no picture came within {} s", LIMIT.as_secs()))
}

/// The newest group of pictures when it is young; else the next keyframe, which is asked for.
fn packets(feed: &Feed, codec: Codec) -> Result<Vec<Arc<Packet>>, MediaError> {
    // Before looking, so that what comes meanwhile is not missed.
    let tap = feed.tap(TAP, Duration::ZERO);
    let newest: Vec<_> = feed.newest_pictures().iter().map(|item| item.packet.clone()).collect();
    let whole = whole_pictures(newest.clone());
    if !whole.is_empty() {
        return Ok(whole);
    }
    let (deadline, mut asked, mut coming) = (Instant::now() + LIMIT, None::<Instant>, Keyframe::default());
    // One that has come in part: its parameter sets may be in that part.
    if let Some(complete) = newest.into_iter().find_map(|packet| coming.push(packet)) {
        return Ok(complete);
    }
    while Instant::now() < deadline {
        if asked.is_none_or(|asked| asked.elapsed() > ASK) {
            asked = Some(Instant::now());
            feed.request_keyframe();
        }
        match tap.recv_timeout(Duration::from_millis(100)) {
            Ok(TapItem::Packet(packet)) if packet.codec == codec => {
                if let Some(whole) = coming.push(packet) {
                    return Ok(whole);
                }
            }
            Ok(TapItem::Ended) | Err(RecvTimeoutError::Disconnected) => {
                return Err(MediaError::NotReady("the feed has ended".into()));
            }
            Ok(_) | Err(RecvTimeoutError::Timeout) => {}
        }
    }
    Err(late())
}

/// Without what comes after a loss, and without a last picture that is not whole yet.
fn whole_pictures(mut packets: Vec<Arc<Packet>>) -> Vec<Arc<Packet>> {
    let breaks = packets.windows(2).position(|pair| pair[1].sequence != pair[0].sequence + 1);
    packets.truncate(breaks.map_or(packets.len(), |at| at + 1));
    let whole = packets.iter().rposition(|packet| packet.marker).map_or(0, |last| last + 1);
    packets.truncate(whole);
    packets
}

/// The packets of a keyframe as they come, perhaps not in order.
#[derive(Default)]
struct Keyframe {
    timestamp: Option<u32>,
    packets: BTreeMap<u64, Arc<Packet>>,
}

impl Keyframe {
    /// All of its packets, once they are there.
    fn push(&mut self, packet: Arc<Packet>) -> Option<Vec<Arc<Packet>>> {
        if packet.keyframe && self.timestamp != Some(packet.timestamp) {
            self.timestamp = Some(packet.timestamp);
            self.packets.retain(|_, other| other.timestamp == packet.timestamp);
        }
        // A packet may come before the one that tells that it is a keyframe's: the last picture's are kept for that.
        let wanted = self.timestamp.is_none_or(|timestamp| timestamp == packet.timestamp);
        if self.timestamp.is_none() {
            self.packets.retain(|_, other| other.timestamp == packet.timestamp);
        }
        if wanted && self.packets.len() < TAP {
            self.packets.insert(packet.sequence, packet);
        }
        self.whole()
    }

    fn whole(&self) -> Option<Vec<Arc<Packet>>> {
        self.timestamp?;
        let first = self.packets.values().position(|packet| packet.keyframe)?;
        let found: Vec<_> = self.packets.values().skip(first).cloned().collect();
        let ends = found.last().is_some_and(|last| last.marker);
        let complete = found.windows(2).all(|pair| pair[1].sequence == pair[0].sequence + 1);
        (ends && complete).then_some(found)
    }
}

/// The last picture that these packets make.
fn decode(packets: &[Arc<Packet>], codec: Codec, fit: Fit) -> Outcome {
    let payload_type = packets.first().and_then(|packet| packet.data.get(1)).map_or(96, |byte| byte & 0x7f);
    let buffers = packets.iter().map(|packet| gst::Buffer::from_slice(packet.data.clone()));
    let pictures = stills(Encoded::Rtp(codec, payload_type), buffers, fit, LIMIT)?;
    let (_, last) = pictures.last().ok_or_else(|| MediaError::NotReady("no picture could be decoded".into()))?;
    jpeg(last)
}

#[cfg(test)]
#[path = "snapshot_test.rs"]
mod tests;
