//! What a feed does with its layers.

use super::{Begins, Layer, Layers, OnWanted, Route, Simulcast};
use crate::media::feed::{Feed, Source};
use crate::media::rtp::Item;
use crate::model::Kind;
use std::sync::Arc;
use std::time::Instant;

impl Feed {
    /// Sets or replaces the publisher's tracks (first negotiation, renegotiation, or another peer taking over), of which
    /// the video may have layers. Subscribers keep their SSRC, sequence and timestamps.
    pub fn set_publication(&self, source: Source, layers: Option<(Simulcast, OnWanted)>) {
        let video = source.tracks.iter().find(|track| track.codec.kind() == Kind::Video).cloned();
        let mut current = self.layers.write();
        let new = layers.zip(video).map(|(layers, track)| match &*current {
            Some(same) if same.are(&layers.0, &track, &source.upstream) => Arc::clone(same),
            former => Layers::new(self, former.as_deref(), layers, &track, &source.upstream),
        });
        let former = std::mem::replace(&mut *current, new);
        let is_over = current.is_none();
        drop(current);
        former.filter(|_| is_over).iter().for_each(|former| former.close());
        self.set_source(source);
    }

    /// One decrypted RTP packet. Unknown SSRCs are counted and dropped.
    pub fn on_rtp(&self, packet: Vec<u8>, at: Instant) {
        let route = match self.layering() {
            Some(layers) => layers.route(packet, at),
            None => Route::Other(packet),
        };
        match route {
            Route::Other(packet) => self.stage_or_accept(packet, at),
            Route::Kept => self.intake.lock().last_rtp = Some(at),
            Route::Carried(packet, begins) => drop(self.go_on(packet, begins, at)),
        }
    }

    /// With the layer that is carried.
    fn go_on(&self, packet: Vec<u8>, begins: Option<Begins>, at: Instant) -> Option<Arc<Item>> {
        if let Some(Begins { ssrc, anew }) = begins {
            let mut intake = self.intake.lock();
            let video = intake.tracks.iter_mut().find(|track| track.source.codec.kind() == Kind::Video);
            video.into_iter().for_each(|track| track.begin(ssrc, anew));
        }
        self.accept(packet, at)
    }

    /// The smaller layers, best first: those that come in, and those that rest and would come when they are used.
    /// The best of all is no part of it: it is what the feed itself carries.
    pub fn layers(&self) -> Vec<Layer> {
        let layers = self.layering().map(|layers| layers.all()).unwrap_or_default();
        layers.into_iter().skip(1).collect()
    }

    /// The best layer, which the feed itself carries. While it rests the feed carries the next one, and using the feed
    /// wakes it: what it will take of a line is this layer's `bitrate`, not the feed's own figures just then. `None`: the
    /// publisher sends one layer.
    pub fn best_layer(&self) -> Option<Layer> {
        self.layering()?.all().into_iter().next()
    }

    /// Cloned out of the lock.
    pub(in crate::media::feed) fn layering(&self) -> Option<Arc<Layers>> {
        self.layers.read().clone()
    }
}
