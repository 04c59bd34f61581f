//! A publisher's tracks; the only place that knows how fan-out is done.
//!
//! RTP comes in decrypted from `ingest`, without a jitter buffer; retransmissions (RFC 4588) are undone,
//! losses are asked for again, keyframe requests are merged. Packets go out to `egress` (subscribers) and to taps
//! (branches: recorders).

pub mod clock;
mod expected;
mod intake;
mod keyframe;
mod layers;
mod live;
mod loss;
mod past;
mod rate;
mod requests;
mod source;
mod stage;
mod staged;
mod track;
mod voice;

use super::egress::{Batch, Pool};
use super::rtcp::{self, Feedback};
use super::rtp::{Header, History, Item};
use super::{FeedStats, MediaError};
use crate::model::{Codec, Content, FeedId, Kind, TrackInfo};
use clock::{Clock, Report};
pub use expected::Expected;
use intake::Intake;
use keyframe::Limiter;
use layers::Layers;
pub use layers::{Layer, LayerSource, MOST as MOST_LAYERS, OnWanted, Simulcast};
use parking_lot::{Mutex, RwLock};
use past::Past;
pub use source::{Source, SourceTrack, TapItem, Upstream};
pub use stage::Stage;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};
use track::Track;
pub use voice::OnVoice;

/// Told once when RTP of every negotiated track, or of one and 500 ms later, came in; and again after changes.
pub type OnLive = Box<dyn Fn(Vec<TrackInfo>) + Send + Sync>;

/// Who joins gets the pictures since the newest keyframe at once, when they are no more and no older than this: a burst
/// that a line takes without loss.
const REPLAY_PACKETS: u64 = 160;
const REPLAY_AGE: Duration = Duration::from_millis(1200);

/// Packets that are sent together at most.
const LONGEST_BATCH: usize = 64;

/// A feed.
pub struct Feed {
    id: FeedId,
    pool: Arc<Pool>,
    on_live: OnLive,
    intake: Mutex<Intake>,
    clock: Mutex<Clock>,
    keyframes: Mutex<Limiter>,
    upstream: RwLock<Option<Arc<dyn Upstream>>>,
    /// Our SSRC in RTCP to the publisher.
    ssrc: u32,
    content: Mutex<Content>,
    voice: voice::Watched,
    /// Of a simulcast publisher.
    layers: RwLock<Option<Arc<Layers>>>,
    /// Where a filter is, or was, put between the publisher and all others: one a kind of track at most.
    stages: RwLock<Vec<Arc<Stage>>>,
    /// Subscriptions being served by each sending thread; kept by `egress`.
    pub(super) audience: Box<[AtomicUsize]>,
    /// Those who wait for its first media.
    expected: AtomicUsize,
    /// Subscriptions that show its pictures or wait for them; kept by `egress`.
    pub(super) watchers: AtomicUsize,
}

impl Feed {
    /// A feed without a source yet. `keyframe_interval`: least time between two keyframe requests.
    pub fn new(id: FeedId, pool: Arc<Pool>, keyframe_interval: Duration, on_live: OnLive) -> Arc<Self> {
        let feed = Arc::new(Self {
            id,
            pool: Arc::clone(&pool),
            on_live,
            intake: Mutex::default(),
            clock: Mutex::default(),
            keyframes: Mutex::new(Limiter::new(keyframe_interval)),
            upstream: RwLock::new(None),
            ssrc: rand::random::<u32>() | 1,
            content: Mutex::default(),
            voice: voice::Watched::default(),
            layers: RwLock::default(),
            stages: RwLock::default(),
            audience: pool.audience(),
            expected: AtomicUsize::new(0),
            watchers: AtomicUsize::new(0),
        });
        pool.watch(&feed);
        feed
    }

    /// Identity.
    pub fn id(&self) -> FeedId {
        self.id
    }

    /// What is filmed.
    pub fn content(&self) -> Content {
        *self.content.lock()
    }

    /// Says what is filmed.
    pub fn set_content(&self, content: Content) {
        *self.content.lock() = content;
        self.layering().iter().flat_map(|layers| layers.feeds()).for_each(|feed| feed.set_content(content));
    }

    /// Sets or replaces the tracks of a source without layers, likewise.
    pub fn set_source(&self, source: Source) {
        self.retune(&source);
        let new = Arc::as_ptr(&source.upstream).cast::<()>();
        let before = self.upstream.write().replace(source.upstream);
        let replaced = before.is_some_and(|before| Arc::as_ptr(&before).cast::<()>() != new);
        let mut intake = self.intake.lock();
        let changed = !intake.has_codecs_of(&source.tracks);
        let other_sound = replaced || !intake.has_sound_of(&source.tracks);
        if replaced || !intake.has_ssrcs_of(&source.tracks) {
            // Another peer connection of the publisher has other clocks.
            *self.clock.lock() = Clock::default();
        }
        let mut former = std::mem::take(&mut intake.tracks);
        let layered = self.layers.read().is_some();
        for new in source.tracks {
            let known = former.iter().position(|t| t.source.codec == new.codec).map(|at| former.swap_remove(at));
            intake.tracks.push(match known {
                Some(mut track) => {
                    track.renegotiated(new, replaced);
                    track
                }
                None => Track::new(new),
            });
        }
        intake.tracks.iter_mut().for_each(|t| t.relayed = self.relays(t.source.codec.kind(), layered));
        let codecs: Vec<Codec> = intake.tracks.iter().map(|t| t.source.codec).collect();
        intake.live.negotiated(&codecs);
        if changed {
            let tracks = intake.tracks.iter().map(|t| t.source.clone()).collect();
            intake.tell(&TapItem::TracksChanged(tracks));
        }
        drop(intake);
        if other_sound {
            self.voice.with(voice::Voice::stop);
        }
    }

    /// A packet of one of the tracks; `None` when there is nothing to forward.
    fn accept(&self, mut packet: Vec<u8>, at: Instant) -> Option<Arc<Item>> {
        let Some(header) = Header::read(&packet) else {
            drop_packet("malformed");
            return None;
        };
        let mut intake = self.intake.lock();
        let taken = intake.tracks.iter_mut().find_map(|t| t.take(&header, &mut packet, at).ok());
        let Some(taken) = taken else {
            drop_packet("unannounced");
            return None;
        };
        intake.last_rtp = Some(at);
        let item = taken?;
        let level = item.level.map(|level| (level, item.packet.timestamp, item.packet.codec.clock_rate()));
        if item.packet.keyframe && item.packet.codec.kind() == Kind::Video {
            self.keyframes.lock().arrived();
        }
        intake.tell(&TapItem::Packet(Arc::clone(&item.packet)));
        let ends_frame = item.packet.marker && item.packet.codec.kind() == Kind::Video;
        intake.batch.push(Arc::clone(&item));
        if ends_frame || intake.batch.len() >= LONGEST_BATCH {
            self.send(&mut intake);
        }
        let news = intake.look(at);
        let waits = intake.waits();
        let kept = intake.past.as_mut().is_some_and(|past| past.wants_keyframe(at));
        let anew = intake.tracks.iter_mut().any(|t| std::mem::take(&mut t.wants_keyframe)) || kept;
        drop(intake);
        if let Some((level, rtp, clock)) = level {
            self.voice.with(|voice| voice.hear(level, rtp, clock, at));
        }
        if anew {
            self.request_keyframe();
        } else if waits {
            self.pool.hurry();
        }
        if let Some(tracks) = news {
            (self.on_live)(tracks);
        }
        Some(item)
    }

    /// One decrypted RTCP compound of the publisher (sender reports are used).
    pub fn on_rtcp(&self, packet: &[u8]) {
        let our_ntp = clock::ntp_now();
        let layers = self.layering();
        let carried = layers.as_ref().and_then(|layers| layers.on_rtcp(packet));
        let carried = carried.into_iter().chain(self.staged_clocks(packet)).collect::<Vec<_>>();
        rtcp::read(packet, |feedback| {
            let Feedback::SenderReport { ssrc, ntp, rtp } = feedback else { return };
            let rtp = carried.iter().find(|(of, _)| *of == ssrc).map_or(rtp, |(_, ticks)| rtp.wrapping_add(*ticks));
            let mut intake = self.intake.lock();
            let Some(codec) = intake.tracks.iter().find(|t| t.ssrc() == Some(ssrc)).map(|t| t.source.codec) else {
                return;
            };
            self.clock.lock().report(codec, Report { ntp, rtp }, our_ntp);
            intake.tell(&TapItem::SenderReport { codec, ntp, rtp });
        });
        if let Some(layers) = layers {
            layers.align(&mut self.clock.lock());
        }
    }

    /// Says which RTP time a track stands at just now, at `ntp` by our own wall clock (32.32): for sources that are no RTP
    /// peers. Not for tracks that the feed does not have.
    pub fn report(&self, codec: Codec, ntp: u64, rtp: u32) {
        let mut intake = self.intake.lock();
        self.clock.lock().report(codec, Report { ntp, rtp }, ntp);
        intake.tell(&TapItem::SenderReport { codec, ntp, rtp });
    }

    /// The input is drained for now: what makes no picture wait goes to the subscribers. Whether something still waits for
    /// the rest of its picture: sent together it costs a fraction.
    pub fn drained(&self) -> bool {
        let mut intake = self.intake.lock();
        let incomplete = intake.batch.iter().any(|item| item.packet.codec.kind() == Kind::Video);
        if !incomplete {
            self.send(&mut intake);
        }
        drop(intake);
        self.stages_drained();
        self.layering().is_some_and(|layers| layers.drained()) || incomplete
    }

    /// Hands what waits to the subscribers.
    pub fn flush(&self) {
        self.send(&mut self.intake.lock());
        self.layering().iter().flat_map(|layers| layers.feeds()).for_each(|feed| feed.flush());
    }

    fn send(&self, intake: &mut Intake) {
        if intake.batch.is_empty() {
            return;
        }
        let items: Arc<[Arc<Item>]> = intake.batch.drain(..).collect();
        self.pool.send(&Batch { feed: self.id, items }, &self.audience);
    }

    /// The tracks as negotiated.
    pub fn tracks(&self) -> Vec<SourceTrack> {
        self.intake.lock().tracks.iter().map(|t| t.source.clone()).collect()
    }

    /// When RTP came in last.
    pub fn last_rtp(&self) -> Option<Instant> {
        self.intake.lock().last_rtp
    }

    /// Keeps the last seconds in memory (zero: nothing), for `tap` and `past`.
    pub fn keep_past(&self, span: Duration) {
        let past = &mut self.intake.lock().past;
        match past {
            _ if span.is_zero() => *past = None,
            Some(past) => past.set_span(span),
            None => *past = Some(Past::new(span)),
        }
    }

    /// What was kept since the keyframe at or before `from` ago, or since the oldest kept one; sender reports among it.
    pub fn past(&self, from: Duration) -> Vec<TapItem> {
        self.intake.lock().past.as_ref().map_or_else(Vec::new, |past| past.since(from, Instant::now()))
    }

    /// Packets for a branch: those kept since `from` ago (zero: none), then all from now on, none lost or doubled in
    /// between. At most `capacity` of the latter wait, then the branch loses some (counted) and nobody else.
    /// Ends when the receiver is dropped.
    pub fn tap(&self, capacity: usize, from: Duration) -> Receiver<TapItem> {
        let mut intake = self.intake.lock();
        let past = intake.past.as_ref().filter(|_| !from.is_zero());
        let past = past.map_or_else(Vec::new, |past| past.since(from, Instant::now()));
        let (sender, receiver) = sync_channel(capacity.max(8) + past.len());
        // What the publisher's clocks said before: the branch can align its tracks from the start.
        for (codec, report) in self.clock.lock().reports() {
            let _ = sender.try_send(TapItem::SenderReport { codec: *codec, ntp: report.ntp, rtp: report.rtp });
        }
        for item in past {
            let _ = sender.try_send(item);
        }
        if intake.closed {
            let _ = sender.try_send(TapItem::Ended);
        } else {
            intake.taps.push(sender);
        }
        receiver
    }

    /// Ends the feed: taps hear `Ended`, subscribers get no more.
    pub fn close(&self) {
        let mut intake = self.intake.lock();
        intake.closed = true;
        intake.tell(&TapItem::Ended);
        // A tap whose channel is full hears it by the channel's end.
        intake.taps.clear();
        intake.past = None;
        intake.tracks.clear();
        intake.batch.clear();
        drop(intake);
        self.voice.with(voice::Voice::stop);
        *self.upstream.write() = None;
        let layers = self.layers.write().take();
        layers.iter().for_each(|layers| layers.close());
        self.close_stages();
    }

    /// Live figures.
    pub fn stats(&self) -> FeedStats {
        let (now, layering) = (Instant::now(), self.layering());
        let of_layers: u64 = layering.iter().flat_map(|l| l.feeds()).map(|feed| feed.keyframes.lock().sent()).sum();
        FeedStats {
            tracks: self.intake.lock().tracks.iter().map(|t| t.stats(now)).collect(),
            keyframe_requests: self.keyframes.lock().sent() + of_layers,
            subscribers: self.audience.iter().map(|count| count.load(Ordering::Relaxed)).sum(),
            layers: layering.map(|layers| layers.stats()).unwrap_or_default(),
            filter: None,
        }
    }

    /// Who uses it just now: subscribers, those who wait for its first media, and branches. What is only kept of its past counts for nothing.
    pub fn users(&self) -> usize {
        let subscribers: usize = self.audience.iter().map(|count| count.load(Ordering::Relaxed)).sum();
        subscribers + self.expected.load(Ordering::Relaxed) + self.intake.lock().taps.len()
    }

    /// Who uses its pictures just now: subscribers that show them or wait for their keyframe, and branches.
    pub fn picture_users(&self) -> usize {
        self.watchers.load(Ordering::Relaxed) + self.intake.lock().taps.len()
    }

    /// Whether the feed can serve: it has at least one track.
    pub fn ready(&self) -> Result<(), MediaError> {
        if self.intake.lock().tracks.is_empty() {
            return Err(MediaError::NotReady("the feed has no track yet".into()));
        }
        Ok(())
    }

    /// A track's packets for retransmission.
    pub(super) fn history(&self, codec: Codec) -> Option<Arc<RwLock<History>>> {
        self.intake.lock().tracks.iter().find(|t| t.source.codec == codec).map(|t| Arc::clone(&t.history))
    }

    /// What shows a picture at once to who joins: the video since the newest keyframe, empty when that is too much.
    pub(super) fn newest_pictures(&self) -> Vec<Arc<Item>> {
        let intake = self.intake.lock();
        let video = intake.tracks.iter().find(|t| t.source.codec.kind() == Kind::Video);
        video.map(|t| t.newest_pictures(REPLAY_PACKETS, REPLAY_AGE)).unwrap_or_default()
    }

    /// What the publisher's clock said last of a track.
    fn last_report(&self, codec: Codec) -> Option<Report> {
        self.clock.lock().reports().iter().find(|(known, _)| *known == codec).map(|(_, report)| *report)
    }

    /// The RTP time at which the publisher's track stands at this instant of our clock (NTP).
    pub(super) fn rtp_at(&self, codec: Codec, our_ntp: u64) -> Option<u32> {
        self.clock.lock().rtp_at(codec, our_ntp)
    }
}

fn drop_packet(reason: &'static str) {
    super::egress::dropped(reason, 1);
}
