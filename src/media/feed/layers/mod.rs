//! The layers of a simulcast publisher (RFC 8853): the same pictures in two or three sizes at once.
//!
//! Each layer is a feed of its own, inside this one: its losses are asked for, its keyframes requested, its packets kept
//! and sent to who is shown it. The publisher's feed carries the best layer that flows, as one track: it changes to
//! another at a keyframe, and its users see the size change. Decides which layer that is and which ones nobody uses; leaves
//! who is shown what to others, and telling the publisher to its peer.
//!
//! `flow` is how a layer comes in, `run` makes one track of them, `wanted` what the publisher is told; all pure.

mod flow;
mod of_feed;
pub(super) mod run;
mod simulcast;
mod wanted;

use super::clock::Clock;
use super::{Feed, SourceTrack, Upstream};
use crate::media::LayerStats;
use crate::media::rtp::{Header, Item, find_extension};
use crate::model::FeedId;
use flow::{Flow, best, ranked};
use parking_lot::Mutex;
use run::{Carried, Carrier};
pub use simulcast::{LayerSource, OnWanted, Simulcast};
use std::sync::Arc;
use std::time::Instant;
use wanted::Wanted;

/// Layers of a publisher at most.
pub const MOST: usize = 3;

/// A rendition that the publisher sends.
#[derive(Clone)]
pub struct Layer {
    /// Its name in the publisher's description (RFC 8851); numbers from 0 when it has none.
    pub rid: String,
    /// Its pictures alone. Whoever uses them wakes a layer that rests.
    pub feed: Arc<Feed>,
    /// The publisher was told to stop it, and did.
    pub resting: bool,
    /// Bits per second while it was sent last.
    pub bitrate: u64,
    /// Of its last keyframe, in pixels.
    pub size: Option<(u32, u32)>,
}

/// One layer's packets, and the SSRCs they come with.
struct Lane {
    rid: String,
    feed: Arc<Feed>,
    /// Of media and of retransmissions.
    ssrcs: [Option<u32>; 2],
}

/// All layers of a feed.
pub struct Layers {
    simulcast: Simulcast,
    on_wanted: OnWanted,
    state: Mutex<State>,
}

struct State {
    track: SourceTrack,
    ids: [u8; 2],
    lanes: Vec<Lane>,
    flows: Vec<Flow>,
    carrier: Carrier,
    wanted: Wanted,
    upstream: Arc<dyn Upstream>,
}

/// What becomes of a packet.
pub enum Route {
    /// It is of no layer.
    Other(Vec<u8>),
    /// It is of one that the feed does not carry just now, or nothing to forward.
    Kept,
    /// The feed goes on with it.
    Carried(Vec<u8>, Option<Begins>),
}

/// Another source of the feed's pictures begins.
pub struct Begins {
    /// Its SSRC.
    pub ssrc: u32,
    /// Its numbers do not go on where the feed's were.
    pub anew: bool,
}

impl Layers {
    /// Of a publisher's first offer, or of a further one: layers of the same name go on for who is shown them, and on
    /// the same connection their SSRCs stay known.
    pub fn new(
        of: &Feed,
        former: Option<&Self>,
        (simulcast, on_wanted): (Simulcast, OnWanted),
        track: &SourceTrack,
        upstream: &Arc<dyn Upstream>,
    ) -> Arc<Self> {
        let mut former = former.map(|former| former.state.lock());
        let stays = former.as_ref().is_some_and(|former| Arc::ptr_eq(&former.upstream, upstream));
        let mut known = former.as_mut().map(|former| std::mem::take(&mut former.lanes)).unwrap_or_default();
        let lanes: Vec<Lane> = simulcast
            .layers
            .iter()
            .map(|source| {
                let same = known.iter().position(|lane| lane.rid == source.rid).map(|at| known.swap_remove(at));
                let heard = same.as_ref().filter(|_| stays).map_or([None; 2], |lane| lane.ssrcs);
                let feed = same.map_or_else(|| lane_feed(of), |lane| lane.feed);
                Lane { rid: source.rid.clone(), feed, ssrcs: [source.ssrc.or(heard[0]), source.rtx_ssrc.or(heard[1])] }
            })
            .collect();
        known.iter().for_each(|gone| gone.feed.close());
        lanes.iter().for_each(|lane| lane.tune(track, upstream));
        let flows = vec![Flow::default(); lanes.len()];
        let carrier = former.as_mut().map(|former| former.end()).unwrap_or_default();
        let wanted = Wanted::new(lanes.len(), Instant::now());
        let (track, upstream, ids) = (track.clone(), Arc::clone(upstream), simulcast.ids);
        let state = State { track, ids, lanes, flows, carrier, wanted, upstream };
        Arc::new(Self { simulcast, on_wanted, state: Mutex::new(state) })
    }

    /// Whether a further offer changes nothing of the layers.
    pub fn are(&self, simulcast: &Simulcast, track: &SourceTrack, upstream: &Arc<dyn Upstream>) -> bool {
        let state = self.state.lock();
        self.simulcast == *simulcast && state.track == *track && Arc::ptr_eq(&state.upstream, upstream)
    }

    /// The publisher sends one layer now.
    pub fn close(&self) {
        self.feeds().iter().for_each(|feed| feed.close());
    }

    /// One authentic packet of the publisher.
    pub fn route(&self, packet: Vec<u8>, at: Instant) -> Route {
        self.state.lock().route(packet, at)
    }

    /// An authentic RTCP compound. Gives the SSRC of the layer that the feed carries, and what its times are moved by.
    pub fn on_rtcp(&self, packet: &[u8]) -> Option<(u32, u32)> {
        let state = self.state.lock();
        state.lanes.iter().for_each(|lane| lane.feed.on_rtcp(packet));
        let layer = state.carrier.layer()?;
        Some((state.lanes[layer].ssrcs[0]?, state.carrier.ticks(layer)?))
    }

    /// One publisher has one clock: what came least delayed holds for all its streams.
    pub fn align(&self, clock: &mut Clock) {
        let feeds = self.feeds();
        feeds.iter().for_each(|feed| clock.align(&feed.clock.lock()));
        feeds.iter().for_each(|feed| feed.clock.lock().align(clock));
    }

    /// The input is drained for now. Whether something still waits for the rest of its picture.
    pub fn drained(&self) -> bool {
        self.feeds().iter().filter(|feed| feed.drained()).count() > 0
    }

    /// Time has passed. `used`: the feed's own pictures are.
    pub fn tick(&self, used: bool, now: Instant) {
        let news = self.state.lock().look(used, now);
        if let Some(rids) = news {
            (self.on_wanted)(rids);
        }
    }

    /// The feed of the layer that is carried, or else that would be: whose keyframes count.
    pub fn carried(&self) -> Option<Arc<Feed>> {
        let state = self.state.lock();
        let layer = state.carrier.layer()?;
        state.lanes.get(layer).map(|lane| Arc::clone(&lane.feed))
    }

    /// All layers' feeds.
    pub fn feeds(&self) -> Vec<Arc<Feed>> {
        self.state.lock().lanes.iter().map(|lane| Arc::clone(&lane.feed)).collect()
    }

    /// Those that flow, and those that rest; best first.
    pub fn all(&self) -> Vec<Layer> {
        let (state, now) = (self.state.lock(), Instant::now());
        ranked(&state.flows, |at| state.is_there(at, now)).into_iter().map(|at| state.layer(at, now)).collect()
    }

    /// Figures of all, best first.
    pub fn stats(&self) -> Vec<LayerStats> {
        let (state, now) = (self.state.lock(), Instant::now());
        let order = ranked(&state.flows, |_| true);
        let stats = order.into_iter().filter_map(|at| {
            let (lane, resting) = (&state.lanes[at], state.rests(at, now));
            let track = lane.feed.stats().tracks.into_iter().next()?;
            Some(LayerStats { rid: lane.rid.clone(), track, resting, users: lane.feed.picture_users() })
        });
        stats.collect()
    }
}

/// Without a place in any list: only the feed it belongs to knows it.
pub(super) fn lane_feed(of: &Feed) -> Arc<Feed> {
    let interval = of.keyframes.lock().interval();
    let feed = Feed::new(FeedId::next(), Arc::clone(&of.pool), interval, Box::new(|_| {}));
    feed.set_content(of.content());
    feed
}

impl Lane {
    /// Its feed takes this lane's SSRCs from now on.
    fn tune(&self, track: &SourceTrack, upstream: &Arc<dyn Upstream>) {
        let [ssrc, rtx_ssrc] = self.ssrcs;
        let track = SourceTrack { ssrc, rtx_ssrc, ..track.clone() };
        self.feed.set_source(super::Source { tracks: vec![track], upstream: Arc::clone(upstream) });
    }
}

impl State {
    /// Its lanes are others' now. Who still holds it finds nothing.
    fn end(&mut self) -> Carrier {
        self.flows.clear();
        self.wanted = Wanted::new(0, Instant::now());
        self.carrier.interrupted()
    }

    fn route(&mut self, packet: Vec<u8>, at: Instant) -> Route {
        let Some(header) = Header::read(&packet) else { return Route::Other(packet) };
        let payload_types = [Some(self.track.payload_type), self.track.rtx_payload_type];
        let Some(which) = payload_types.iter().position(|known| *known == Some(header.payload_type)) else {
            return Route::Other(packet);
        };
        let Some(layer) = self.lane_of(&packet, header.ssrc, which) else {
            super::drop_packet("unannounced");
            return Route::Kept;
        };
        let Some(item) = self.lanes[layer].feed.accept(packet, at) else { return Route::Kept };
        self.note(layer, &item, at);
        match self.carry(layer, &item, at) {
            Some(Carried { data, begins }) => {
                let ssrc = self.lanes[layer].ssrcs[0];
                Route::Carried(data, begins.and_then(|anew| Some(Begins { ssrc: ssrc?, anew })))
            }
            None => Route::Kept,
        }
    }

    /// By its SSRC, or by its name: an SSRC that is new under a known name is an encoder that began anew.
    fn lane_of(&mut self, packet: &[u8], ssrc: u32, which: usize) -> Option<usize> {
        if let Some(known) = self.lanes.iter().position(|lane| lane.ssrcs[which] == Some(ssrc)) {
            return Some(known);
        }
        let rid = find_extension(packet, Some(self.ids[which]).filter(|id| *id != 0)?)?;
        let named = self.lanes.iter().position(|lane| lane.rid.as_bytes() == rid)?;
        let lane = &mut self.lanes[named];
        lane.ssrcs[which] = Some(ssrc);
        if which == 0 {
            // Of a new encoder the retransmissions are new too, and name themselves.
            lane.ssrcs[1] = None;
        }
        lane.tune(&self.track, &self.upstream);
        Some(named)
    }

    fn note(&mut self, layer: usize, item: &Item, at: Instant) {
        let packet = &item.packet;
        self.flows[layer].heard(packet.keyframe, packet.size, at);
        if packet.marker {
            let others = self.flows.iter_mut().enumerate().filter(|(other, _)| *other != layer);
            others.for_each(|(_, flow)| flow.missed(layer));
        }
    }

    /// What the feed gets of it. The best layer takes over with its next keyframe.
    fn carry(&mut self, layer: usize, item: &Item, at: Instant) -> Option<Carried> {
        let best = best(&self.flows, |at_layer| self.flows[at_layer].flows(at));
        let carried = self.carrier.layer();
        if best != carried && best == Some(layer) && !item.packet.keyframe {
            // Merged and repeated by the layer's own limiter.
            self.lanes[layer].feed.request_keyframe();
        }
        if Some(layer) != carried && best != Some(layer) {
            return None;
        }
        let report = |at: usize| self.lanes[at].feed.last_report(self.track.codec);
        let reports = (report(layer), carried.and_then(report));
        self.carrier.carry(layer, item.generation, &item.packet, reports)
    }

    /// Whether the publisher was told to stop it, and did.
    fn rests(&self, layer: usize, now: Instant) -> bool {
        !self.wanted.is_sent(layer) && !self.flows[layer].flows(now)
    }

    /// Whether somebody can be shown it, perhaps after it was woken.
    fn is_there(&self, layer: usize, now: Instant) -> bool {
        let flow = &self.flows[layer];
        flow.begun && (flow.flows(now) || self.rests(layer, now) || self.wanted.is_coming(layer, now))
    }

    fn layer(&self, at: usize, now: Instant) -> Layer {
        let (lane, flow) = (&self.lanes[at], &self.flows[at]);
        let (rid, feed) = (lane.rid.clone(), Arc::clone(&lane.feed));
        Layer { rid, feed, resting: self.rests(at, now), bitrate: flow.bitrate, size: flow.size }
    }

    /// The names of those that are wanted, best first, when it is time to tell them.
    fn look(&mut self, used: bool, now: Instant) -> Option<Vec<String>> {
        for (lane, flow) in self.lanes.iter().zip(&mut self.flows).filter(|(_, flow)| flow.flows(now)) {
            let rate = lane.feed.stats().tracks.first().map_or(0, |track| track.bitrate);
            flow.bitrate = if rate > 0 { rate } else { flow.bitrate };
        }
        let uses = self.uses(used, now);
        let flows: Vec<bool> = self.flows.iter().map(|flow| flow.flows(now)).collect();
        if !self.wanted.look(|at| uses[at], |at| flows[at], now) {
            return None;
        }
        let order = ranked(&self.flows, |at| self.wanted.is_sent(at));
        Some(order.into_iter().map(|at| self.lanes[at].rid.clone()).collect())
    }

    /// Which layers are used. Of a feed that is used itself: the best one, the one it has to make do with, and those
    /// between them once it is clear that the best does not come; one that was never seen may be better. When nobody
    /// watches anything, the smallest: who comes next sees a picture at once.
    fn uses(&self, used: bool, now: Instant) -> Vec<bool> {
        let order = ranked(&self.flows, |at| self.flows[at].begun);
        let missing = order.first().is_some_and(|top| {
            !self.flows[*top].flows(now) && self.wanted.is_sent(*top) && !self.wanted.is_coming(*top, now)
        });
        let carried = self.carrier.layer();
        let for_feed = |at: usize| {
            let rank = |layer: usize| order.iter().position(|known| *known == layer);
            let better = carried.and_then(rank).is_none_or(|carried| rank(at).is_none_or(|own| own <= carried));
            !self.flows[at].begun || order.first() == Some(&at) || carried == Some(at) || (missing && better)
        };
        let shown = |at: usize| self.lanes[at].feed.picture_users() > 0 || (used && for_feed(at));
        let mut uses: Vec<bool> = (0..self.lanes.len()).map(shown).collect();
        if !uses.contains(&true) {
            match order.last() {
                Some(smallest) => uses[*smallest] = true,
                None => uses.fill(true),
            }
        }
        uses
    }
}

#[cfg(test)]
mod tests;
