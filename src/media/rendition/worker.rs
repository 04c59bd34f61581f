//! A rendition's thread: the feed's packets in order and time, pictures to the encoder, sound along.

use super::Renditions;
use super::clock::{self, Clock};
use super::encoder::{self, Line, Recipe};
use super::hardware::factory;
use super::price::Share;
use super::shared::Rendition;
use super::sound::Carry;
use crate::media::MediaError;
use crate::media::branch::{Ordered, Timed};
use crate::media::feed::clock::ntp_now;
use crate::media::feed::{Feed, Source, SourceTrack, TapItem};
use crate::media::mix::since;
use crate::media::outlet::{Chain, Gate};
use crate::model::{Codec, Kind};
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
/// What it costs is looked at so often.
const ACCOUNT: Duration = Duration::from_secs(1);
/// RTP time that has moved by more than this many ticks against the source's is told at once.
const JUMP: u32 = 45;
/// Added to the line's time, so that what belongs before its zero has a time in the pipeline, too.
pub(super) const BIAS: i64 = 60_000_000_000;

pub(super) struct Worker {
    source: Weak<Feed>,
    rendition: Arc<Rendition>,
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
    /// The pictures' RTP time less the source's, when that was last told.
    told: Option<u32>,
    failed: Option<Instant>,
    failures: u32,
    share: Share,
    accounted: Instant,
}

impl Worker {
    pub(super) fn new(source: &Arc<Feed>, rendition: Arc<Rendition>) -> Self {
        let packets = source.tap(TAP_CAPACITY, Duration::ZERO);
        let tracks = wanted(&rendition, source.tracks());
        let mut worker = Self {
            source: Arc::downgrade(source),
            packets,
            ordered: Ordered::new(tracks.clone()),
            tracks,
            chain: None,
            line: Arc::default(),
            gate: Gate::new(Instant::now()),
            carry: Carry::default(),
            picture: Clock::new(rendition.key.codec.clock_rate()),
            sound: Clock::new(Codec::Opus.clock_rate()),
            zero: None,
            told: None,
            failed: None,
            failures: 0,
            share: Share::default(),
            accounted: Instant::now(),
            rendition,
        };
        worker.announce();
        worker
    }

    /// Until the feed ends, the encoder cannot be made, or nobody wants it any more.
    pub(super) fn run(mut self, renditions: &Renditions) {
        while self.failures < MOST_FAILURES && self.take() && !renditions.free(&self.rendition) {
            let now = Instant::now();
            self.look_after(now);
            while let Some(timed) = self.ordered.pop(now) {
                self.on_packet(&timed, renditions);
            }
            if self.gate.asks(now)
                && let Some(source) = self.source.upgrade()
            {
                source.request_keyframe();
            }
            self.account(now, renditions);
        }
        if self.failures >= MOST_FAILURES {
            failure("given_up");
            tracing::error!(feed = %self.rendition.key.feed, "a rendition is given up: its encoder fails again and again");
        }
        self.chain = None;
        self.rendition.feed.close();
    }

    /// What it costs, once a second.
    fn account(&mut self, now: Instant, renditions: &Renditions) {
        self.share.add(&self.rendition.meter);
        if now.saturating_duration_since(self.accounted) < ACCOUNT {
            return;
        }
        self.accounted = now;
        let cores = self.rendition.meter.cores(now).filter(|_| self.chain.is_some());
        if let Some((cores, source)) = cores.zip(self.source.upgrade()) {
            renditions.account(&source, &self.rendition, cores);
        }
    }

    /// What has come, after waiting for it a little; `false`: the feed is over.
    fn take(&mut self) -> bool {
        let mut next = self.packets.recv_timeout(LOOK);
        loop {
            match next {
                Ok(TapItem::Ended) | Err(RecvTimeoutError::Disconnected) => return false,
                Err(RecvTimeoutError::Timeout) => return true,
                Ok(item) => {
                    if let TapItem::TracksChanged(tracks) = item {
                        let before = self.payload_type();
                        self.tracks = wanted(&self.rendition, tracks);
                        if self.payload_type() != before {
                            self.chain = None;
                            self.gate.restart(Instant::now());
                        }
                        self.ordered.change(&self.tracks);
                        self.announce();
                    } else {
                        self.ordered.take(&item);
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
    fn announce(&mut self) {
        let sound = self.tracks.iter().find(|track| track.codec.kind() == Kind::Audio);
        if let Some(rate) = sound.map(|track| track.codec.clock_rate()).filter(|rate| *rate != self.sound.rate) {
            self.sound = Clock::new(rate);
        }
        let tracks = self.tracks.iter().map(|track| match track.codec.kind() {
            Kind::Audio => SourceTrack { ssrc: Some(self.sound.ssrc), ..plain(track) },
            Kind::Video => SourceTrack {
                codec: self.rendition.key.codec,
                fmtp: if self.rendition.key.codec == Codec::H264 { FMTP.into() } else { String::new() },
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

    fn on_packet(&mut self, timed: &Timed, renditions: &Renditions) {
        let Some(arrival) = self.ordered.first_arrival() else { return };
        let zero = *self.zero.get_or_insert_with(|| clock::zero(since(arrival, Instant::now())));
        match timed.packet.codec.kind() {
            Kind::Audio => self.on_sound(timed, zero),
            Kind::Video => self.on_picture(timed, zero, renditions),
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

    fn on_picture(&mut self, timed: &Timed, zero: u64, renditions: &Renditions) {
        let codec = timed.packet.codec;
        if self.chain.as_ref().is_some_and(|(known, _)| *known != codec) {
            self.chain = None;
            self.gate.restart(timed.packet.at);
        }
        if !self.gate.lets(timed) {
            return self.chain.iter_mut().for_each(|(_, chain)| chain.lose());
        }
        self.tell_time(timed, zero);
        let at = u64::try_from(timed.at.saturating_add(BIAS)).unwrap_or(0);
        let pushed = self.chain(codec, timed.packet.at, renditions).is_some_and(|chain| chain.push(timed, at));
        if !pushed {
            self.gate.freeze(timed.packet.at);
        }
    }

    /// Which instant the pictures' RTP time is: that of the same picture in the source, when its reports have told, so that
    /// who changes from one to the other loses no time. With sound, both are on the line that they were put in sync on.
    fn tell_time(&mut self, timed: &Timed, zero: u64) {
        let (codec, now) = (timed.packet.codec, ntp_now());
        let source = self.source.upgrade().filter(|_| !self.rendition.key.sound);
        let Some(source_rtp) = source.and_then(|source| source.rtp_at(codec, now)) else {
            if let Some(report) = self.picture.report(timed.at, zero) {
                self.rendition.feed.on_rtcp(&report);
            }
            return;
        };
        let ahead = self.picture.rtp(timed.at).wrapping_sub(timed.packet.timestamp);
        let moved = self.told.is_none_or(|told| told.wrapping_sub(ahead).cast_signed().unsigned_abs() > JUMP);
        if self.picture.is_due(timed.at) || moved {
            self.told = Some(ahead);
            self.rendition.feed.report(self.rendition.key.codec, now, source_rtp.wrapping_add(ahead));
        }
    }

    /// The encoder of this codec, made if there is none.
    fn chain(&mut self, codec: Codec, now: Instant, renditions: &Renditions) -> Option<&mut Chain> {
        let waits = self.failed.is_some_and(|failed| now.saturating_duration_since(failed) < RETRY);
        if self.chain.is_none() && !waits {
            match self.start(codec, renditions) {
                Ok(chain) => self.chain = chain.map(|chain| (codec, chain)),
                Err(error) => self.failed("start", &error.to_string()),
            }
        }
        self.chain.as_mut().map(|(_, chain)| chain)
    }

    fn start(&self, codec: Codec, renditions: &Renditions) -> Result<Option<Chain>, MediaError> {
        let Some(track) = self.tracks.iter().find(|track| track.codec == codec) else { return Ok(None) };
        let Rendition { key, feed, meter, .. } = &*self.rendition;
        // Hardware that failed, or takes no more streams, is no reason for a black picture.
        let template = renditions.encoders.choose(key.codec, self.failures > 0)?;
        self.rendition.encoded_by(factory(&template));
        let recipe =
            Recipe { template: &template, rung: &key.rung, payload_type: self.payload_type(), clock: &self.picture };
        encoder::start(track, &recipe, &self.line, feed, meter).map(Some)
    }

    /// An encoder that failed is made anew.
    fn look_after(&mut self, now: Instant) {
        let why = self.chain.as_ref().and_then(|(_, chain)| chain.failure()).map(str::to_owned);
        match why {
            Some(why) => {
                self.chain = None;
                self.gate.restart(now);
                self.failed("encoder", &why);
            }
            None if self.failed.is_some_and(|at| now.saturating_duration_since(at) > 10 * RETRY) => self.failures = 0,
            None => {}
        }
    }

    fn failed(&mut self, reason: &'static str, why: &str) {
        failure(reason);
        tracing::warn!(why, failures = self.failures, "a rendition's encoder failed");
        self.failed = Some(Instant::now());
        self.failures += 1;
    }
}

fn failure(reason: &'static str) {
    metrics::counter!("media_rendition_failures_total", "reason" => reason).increment(1);
}

/// Of the source's tracks, those that the rendition has.
fn wanted(rendition: &Rendition, mut tracks: Vec<SourceTrack>) -> Vec<SourceTrack> {
    tracks.retain(|track| rendition.key.sound || track.codec.kind() == Kind::Video);
    tracks
}

/// As a track is that needs no repair.
fn plain(track: &SourceTrack) -> SourceTrack {
    SourceTrack { rtx_payload_type: None, rtx_ssrc: None, nack: false, ..track.clone() }
}
