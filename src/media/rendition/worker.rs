//! A rendition's thread: the feed's packets in order and time, pictures to the encoder, sound along.

use super::clock::{self, Clock};
use super::encoder::{self, Line};
use super::sound::Carry;
use super::{Rendition, Shape};
use crate::media::branch::{Ordered, Timed};
use crate::media::feed::{Feed, Source, SourceTrack, TapItem};
use crate::media::mix::since;
use crate::media::outlet::{Chain, Gate};
use crate::model::{Codec, Kind};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// Packets that may wait: some seconds of video.
const TAP_CAPACITY: usize = 4096;
/// Whether somebody wants it is looked at so often, when no packet comes.
const LOOK: Duration = Duration::from_millis(50);
/// An encoder that fails is made anew not sooner than this.
const RETRY: Duration = Duration::from_secs(1);
/// One that fails more often in a row is given up.
const MOST_FAILURES: u32 = 5;
/// What fmtp says of the pictures.
const FMTP: &str = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f";
/// Added to the line's time, so that what belongs before its zero has a time in the pipeline, too.
pub(super) const BIAS: i64 = 60_000_000_000;

pub(super) struct Worker {
    source: Weak<Feed>,
    rendition: Arc<Rendition>,
    shape: Shape,
    templates: Option<PathBuf>,
    packets: Receiver<TapItem>,
    ordered: Ordered,
    tracks: Vec<SourceTrack>,
    chain: Option<(Codec, Chain)>,
    line: Arc<Line>,
    gate: Gate,
    carry: Carry,
    picture: Clock,
    sound: Clock,
    zero: Option<u64>,
    failed: Option<Instant>,
    failures: u32,
}

impl Worker {
    pub(super) fn new(source: &Arc<Feed>, rendition: Arc<Rendition>, shape: Shape, templates: Option<PathBuf>) -> Self {
        let packets = source.tap(TAP_CAPACITY, Duration::ZERO);
        let tracks = source.tracks();
        let worker = Self {
            source: Arc::downgrade(source),
            rendition,
            shape,
            templates,
            packets,
            ordered: Ordered::new(tracks.clone()),
            tracks,
            chain: None,
            line: Arc::default(),
            gate: Gate::new(Instant::now()),
            carry: Carry::default(),
            picture: Clock::new(Codec::H264.clock_rate()),
            sound: Clock::new(Codec::Opus.clock_rate()),
            zero: None,
            failed: None,
            failures: 0,
        };
        worker.announce();
        worker
    }

    /// Until the feed ends, the encoder cannot be made, or `unused` says so.
    pub(super) fn run(mut self, unused: impl Fn(&Rendition) -> bool) {
        while self.failures < MOST_FAILURES && self.take() && !unused(&self.rendition) {
            let now = Instant::now();
            self.look_after(now);
            while let Some(timed) = self.ordered.pop(now) {
                self.on_packet(&timed);
            }
            if self.gate.asks(now)
                && let Some(source) = self.source.upgrade()
            {
                source.request_keyframe();
            }
        }
        self.chain = None;
        self.rendition.feed.close();
    }

    /// What has come, after waiting for it a little; `false`: the feed is over.
    fn take(&mut self) -> bool {
        let mut next = self.packets.recv_timeout(LOOK);
        loop {
            match next {
                Ok(TapItem::Ended) | Err(RecvTimeoutError::Disconnected) => return false,
                Err(RecvTimeoutError::Timeout) => return true,
                Ok(item) => {
                    self.ordered.take(&item);
                    if let TapItem::TracksChanged(tracks) = item {
                        self.tracks = tracks;
                        self.announce();
                    }
                }
            }
            next = self.packets.try_recv().map_err(|error| match error {
                TryRecvError::Empty => RecvTimeoutError::Timeout,
                TryRecvError::Disconnected => RecvTimeoutError::Disconnected,
            });
        }
    }

    /// The rendition's tracks, by the feed's.
    fn announce(&self) {
        let tracks = self.tracks.iter().map(|track| match track.codec.kind() {
            Kind::Audio => SourceTrack { ssrc: Some(self.sound.ssrc), ..plain(track) },
            Kind::Video => SourceTrack {
                codec: Codec::H264,
                fmtp: FMTP.into(),
                payload_type: self.payload_type(),
                ssrc: Some(self.picture.ssrc),
                ..plain(track)
            },
        });
        let tracks: Vec<_> = tracks.collect();
        if !tracks.is_empty() {
            self.rendition.feed.set_source(Source { tracks, upstream: self.line.clone() });
        }
    }

    /// Of the pictures: not the sound's.
    fn payload_type(&self) -> u8 {
        let taken = |number| self.tracks.iter().any(|t| t.codec.kind() == Kind::Audio && t.payload_type == number);
        if taken(97) { 98 } else { 97 }
    }

    fn on_packet(&mut self, timed: &Timed) {
        let Some(arrival) = self.ordered.first_arrival() else { return };
        let zero = *self.zero.get_or_insert_with(|| clock::zero(since(arrival, Instant::now())));
        match timed.packet.codec.kind() {
            Kind::Audio => self.on_sound(timed, zero),
            Kind::Video => self.on_picture(timed, zero),
        }
    }

    fn on_sound(&mut self, timed: &Timed, zero: u64) {
        let feed = &self.rendition.feed;
        if let Some(report) = self.sound.report(timed.at, zero) {
            feed.on_rtcp(&report);
        }
        if let Some(packet) = self.carry.packet(timed, &self.sound) {
            feed.on_rtp(packet, Instant::now());
            feed.drained();
        }
    }

    fn on_picture(&mut self, timed: &Timed, zero: u64) {
        let codec = timed.packet.codec;
        if self.chain.as_ref().is_some_and(|(known, _)| *known != codec) {
            self.chain = None;
            self.gate.restart(timed.packet.at);
        }
        if !self.gate.lets(timed) {
            return self.chain.iter_mut().for_each(|(_, chain)| chain.lose());
        }
        if let Some(report) = self.picture.report(timed.at, zero) {
            self.rendition.feed.on_rtcp(&report);
        }
        let at = u64::try_from(timed.at.saturating_add(BIAS)).unwrap_or(0);
        let pushed = self.chain(codec, timed.packet.at).is_some_and(|chain| chain.push(timed, at));
        if !pushed {
            self.gate.freeze(timed.packet.at);
        }
    }

    /// The encoder of this codec, made if there is none.
    fn chain(&mut self, codec: Codec, now: Instant) -> Option<&mut Chain> {
        let waits = self.failed.is_some_and(|failed| now.saturating_duration_since(failed) < RETRY);
        if self.chain.is_none() && !waits {
            let track = self.tracks.iter().find(|track| track.codec == codec)?;
            let to = (self.shape, self.payload_type());
            let templates = self.templates.as_deref();
            match encoder::start(track, to, &self.picture, &self.line, &self.rendition.feed, templates) {
                Ok(chain) => self.chain = Some((codec, chain)),
                Err(error) => self.failed(&error.to_string()),
            }
        }
        self.chain.as_mut().map(|(_, chain)| chain)
    }

    /// An encoder that failed is made anew.
    fn look_after(&mut self, now: Instant) {
        let why = self.chain.as_ref().and_then(|(_, chain)| chain.failure()).map(str::to_owned);
        match why {
            Some(why) => {
                self.chain = None;
                self.gate.restart(now);
                self.failed(&why);
            }
            None if self.failed.is_some_and(|at| now.saturating_duration_since(at) > 10 * RETRY) => self.failures = 0,
            None => {}
        }
    }

    fn failed(&mut self, why: &str) {
        tracing::warn!(why, failures = self.failures, "a rendition's encoder failed");
        self.failed = Some(Instant::now());
        self.failures += 1;
    }
}

/// As a track is that needs no repair.
fn plain(track: &SourceTrack) -> SourceTrack {
    SourceTrack { rtx_payload_type: None, rtx_ssrc: None, nack: false, ..track.clone() }
}
