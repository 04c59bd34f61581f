//! What goes back to the publisher: requests for what is missing and for keyframes, and what falls due with time.

use super::{Feed, Track, Upstream};
use crate::media::rtcp;
use crate::model::Kind;
use std::sync::Arc;
use std::time::Instant;

impl Feed {
    /// Called by the pool's timer: NACKs, keyframe requests and feedback that are due. Whether to look again soon.
    pub fn tick(&self, now: Instant) -> bool {
        let mut intake = self.intake.lock();
        let mut broken = false;
        let mut nacks = Vec::new();
        for track in intake.tracks.iter_mut().filter(|t| t.misses()) {
            let due = track.losses.due(now);
            broken |= due.given_up && track.source.codec.kind() == Kind::Video;
            let sequences: Vec<u16> = due.ask.iter().map(|n| *n as u16).collect();
            nacks.extend(track.ssrc().and_then(|ssrc| rtcp::nack(self.ssrc, ssrc, &sequences)));
        }
        let news = intake.look(now);
        let waits = intake.waits();
        drop(intake);
        self.voice.with(|voice| voice.look(now));
        nacks.iter().for_each(|packet| self.send_upstream(packet));
        if let Some(tracks) = news {
            (self.on_live)(tracks);
        }
        if broken {
            self.request_keyframe();
        } else if self.keyframes.lock().due(now) {
            self.send_keyframe_request();
        }
        if let Some(upstream) = self.upstream() {
            upstream.tick(now);
        }
        if let Some(layers) = self.layering() {
            layers.tick(self.picture_users() > 0 || self.intake.lock().past.is_some(), now);
        }
        waits || self.keyframes.lock().is_wanted()
    }

    /// Asks the publisher for a keyframe, merged and rate-limited.
    pub fn request_keyframe(&self) {
        if let Some(layer) = self.layering().and_then(|layers| layers.carried()) {
            return layer.request_keyframe();
        }
        if let Some(stage) = self.stage(Kind::Video) {
            return stage.request_keyframe();
        }
        let now = self.keyframes.lock().request(Instant::now());
        if now {
            self.send_keyframe_request();
        }
        self.pool.hurry();
    }

    fn send_keyframe_request(&self) {
        let video = |t: &&Track| t.source.codec.kind() == Kind::Video;
        let ssrc = self.intake.lock().tracks.iter().find(video).and_then(Track::ssrc);
        match ssrc {
            Some(ssrc) => {
                metrics::counter!("media_keyframe_requests_total").increment(1);
                self.send_upstream(&rtcp::pli(self.ssrc, ssrc));
            }
            // Nothing to ask: sound alone, or no packet came yet, and the first will begin a keyframe.
            None => self.keyframes.lock().arrived(),
        }
    }

    fn send_upstream(&self, packet: &[u8]) {
        if let Some(upstream) = self.upstream() {
            upstream.send_rtcp(packet);
        }
    }

    /// Cloned out of the lock: sending does not hold it.
    pub(super) fn upstream(&self) -> Option<Arc<dyn Upstream>> {
        self.upstream.read().clone()
    }
}
