//! Where a filter stands: between a publisher's track and all who get it.
//!
//! The publisher's packets go into a feed of their own, which asks for what is missing and feeds the filter; what the filter
//! makes goes into another. The feed carries one of both as one track: it changes to the other at a keyframe, with numbers
//! and times that go on, so that nobody behind it has to be told. Decides which one that is; leaves what a filter does to
//! `media/filter`. A filter's packets have the RTP times of what they were made of.

use super::Feed;
use super::clock::Report;
use super::layers::lane_feed;
use super::layers::run::{Carried, Carrier};
use super::source::{Source, SourceTrack, Upstream};
use crate::media::rtp::Item;
use crate::model::Kind;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// As it comes, and as the filter makes it.
const RAW: usize = 0;
const MADE: usize = 1;
/// What a filter makes comes a little later than what it is made of: where one follows the other, time goes on by this
/// part of a second, so that files tell both apart.
const STEPS: u32 = 50;
/// Both have one clock.
const SAME: Option<Report> = Some(Report { ntp: 0, rtp: 0 });

/// One kind of track of a feed that is, or was, filtered.
pub struct Stage {
    kind: Kind,
    raw: Arc<Feed>,
    made: Arc<Feed>,
    /// What is to be carried, and what is.
    wants_made: AtomicBool,
    carries_made: AtomicBool,
    carrier: Mutex<Carrier>,
    track: Mutex<SourceTrack>,
}

impl Stage {
    /// For this track of a feed.
    pub(super) fn new(of: &Feed, track: &SourceTrack, upstream: Option<Arc<dyn Upstream>>) -> Arc<Self> {
        let stage = Arc::new(Self {
            kind: track.codec.kind(),
            raw: lane_feed(of),
            made: lane_feed(of),
            wants_made: AtomicBool::new(false),
            carries_made: AtomicBool::new(false),
            carrier: Mutex::new(Carrier::new(track.codec.clock_rate(), track.codec.clock_rate() / STEPS)),
            track: Mutex::new(track.clone()),
        });
        upstream.into_iter().for_each(|upstream| stage.tune(track, upstream));
        stage
    }

    /// Of what.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The publisher's packets as they come.
    pub fn raw(&self) -> &Arc<Feed> {
        &self.raw
    }

    /// The publisher's track is this one now.
    pub(super) fn tune(&self, track: &SourceTrack, upstream: Arc<dyn Upstream>) {
        *self.track.lock() = track.clone();
        self.raw.set_source(Source { tracks: vec![track.clone()], upstream });
    }

    /// Whether a packet of this payload type is one of the publisher's.
    pub(super) fn takes(&self, payload_type: u8) -> bool {
        let track = self.track.lock();
        track.payload_type == payload_type || track.rtx_payload_type == Some(payload_type)
    }

    /// A filter makes packets from now on, under this SSRC; `upstream` hears requests for keyframes.
    pub fn begin(&self, ssrc: u32, upstream: Arc<dyn Upstream>) {
        let plain = SourceTrack { rtx_payload_type: None, rtx_ssrc: None, nack: false, ..self.track.lock().clone() };
        let track = SourceTrack { ssrc: Some(ssrc), audio_level_id: 0, ..plain };
        self.made.set_source(Source { tracks: vec![track], upstream });
        self.wants_made.store(true, Ordering::SeqCst);
    }

    /// What the publisher sends is to be carried again.
    pub fn give_back(&self) {
        if self.wants_made.swap(false, Ordering::SeqCst) {
            self.raw.request_keyframe();
        }
    }

    /// Whether what a filter makes is carried just now.
    pub fn is_filtered(&self) -> bool {
        self.carries_made.load(Ordering::SeqCst)
    }

    /// An authentic packet of the publisher. `of`: the feed that this stage belongs to.
    pub(super) fn on_publisher(&self, of: &Feed, packet: Vec<u8>, at: Instant) {
        let mut carrier = self.carrier.lock();
        let Some(item) = self.raw.accept(packet, at) else { return };
        if carrier.layer().is_none() {
            carrier.go_on_as_is(RAW, item.generation, &item.packet);
        }
        // A filter knows no levels: who speaks is told by what the publisher says.
        if carrier.layer() == Some(MADE)
            && let Some(level) = item.level
        {
            of.hear(level, &item);
        }
        self.carry(&mut carrier, of, RAW, &item);
    }

    /// A packet that the filter made. `of`: the feed that this stage belongs to.
    pub fn on_made(&self, of: &Feed, packet: Vec<u8>, at: Instant) {
        let mut carrier = self.carrier.lock();
        if let Some(item) = self.made.accept(packet, at) {
            self.carry(&mut carrier, of, MADE, &item);
        }
    }

    /// Goes on with the packet if it is of what is carried, or begins what is wanted. Under the lock: one order for all.
    fn carry(&self, carrier: &mut Carrier, of: &Feed, layer: usize, item: &Item) {
        let wanted = if self.wants_made.load(Ordering::SeqCst) { MADE } else { RAW };
        if carrier.layer() != Some(layer) && layer != wanted {
            return of.alive(item.packet.at);
        }
        let carried = carrier.carry(layer, item.generation, &item.packet, (SAME, SAME));
        let Some(Carried { data, begins }) = carried else { return of.alive(item.packet.at) };
        self.carries_made.store(carrier.layer() == Some(MADE), Ordering::SeqCst);
        of.go_on_with(self.kind, data, begins, item.packet.at);
    }

    /// Of who has to make it: the filter, or the publisher.
    pub(super) fn request_keyframe(&self) {
        if self.is_filtered() { self.made.request_keyframe() } else { self.raw.request_keyframe() }
    }

    /// The publisher's SSRC, and by what the times of what is carried are moved.
    pub(super) fn clock(&self) -> Option<(u32, u32)> {
        let ssrc = self.raw.ssrc_of(self.kind)?;
        let carrier = self.carrier.lock();
        Some((ssrc, carrier.ticks(carrier.layer()?)?))
    }

    /// The input is drained for now.
    pub(super) fn drained(&self) {
        for feed in [&self.raw, &self.made] {
            feed.drained();
        }
    }

    pub(super) fn close(&self) {
        for feed in [&self.raw, &self.made] {
            feed.close();
        }
    }
}
