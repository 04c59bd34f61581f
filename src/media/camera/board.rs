//! What is known of a source, for who asks; each change is told, logged and counted.

use super::trouble::Trouble;
use crate::media::{MediaEvent, MediaSink};
use crate::model::{IngestState, IngestStatus, IngestTrack, IngestTrouble, IngestWish, PeerId};
use gst::prelude::*;
use jiff::Timestamp;
use parking_lot::Mutex;
use std::time::Duration;

/// A keyframe that is further from the last makes joining slow.
const SLOW_KEYFRAMES: Duration = Duration::from_secs(4);

/// A source's status.
pub struct Board {
    peer: PeerId,
    /// As people know it, for the log.
    name: String,
    /// Where it is, without secrets.
    uri: String,
    events: MediaSink,
    status: Mutex<IngestStatus>,
    /// The trouble that was logged since it was live last: not again each time.
    logged: Mutex<Option<Trouble>>,
    pipeline: Mutex<gst::glib::WeakRef<gst::Pipeline>>,
}

impl Board {
    /// Of a source that is being opened.
    pub fn new(peer: PeerId, wish: &IngestWish, events: MediaSink) -> Self {
        gauge(IngestState::Connecting).increment(1.0);
        let status = IngestStatus { since: Timestamp::now(), ..IngestStatus::default() };
        let (name, uri) = (wish.name.clone(), wish.shown().uri);
        Self {
            peer,
            name,
            uri,
            events,
            status: Mutex::new(status),
            logged: Mutex::default(),
            pipeline: Mutex::default(),
        }
    }

    /// All that is known.
    pub fn status(&self) -> IngestStatus {
        self.status.lock().clone()
    }

    /// Which pipeline is to be shown.
    pub fn show(&self, pipeline: gst::glib::WeakRef<gst::Pipeline>) {
        *self.pipeline.lock() = pipeline;
    }

    /// Its graph as DOT, without properties: among them are user and password. `None` while it is not open.
    pub fn graph(&self) -> Option<String> {
        let pipeline = self.pipeline.lock().upgrade()?;
        Some(pipeline.debug_to_dot_data(gst::DebugGraphDetails::MEDIA_TYPE | gst::DebugGraphDetails::STATES).into())
    }

    /// It is being opened.
    pub fn connecting(&self) {
        self.change(IngestState::Connecting, |status| status.next_try_at = None);
    }

    /// It is live; `again`: after an outage.
    pub fn live(&self, again: bool) {
        if again {
            metrics::counter!("media_ingest_reconnects_total").increment(1);
        }
        self.change(IngestState::Live, |status| {
            status.reconnects += u64::from(again);
            status.next_try_at = None;
        });
        self.logged.lock().take();
        tracing::info!(peer.id = %self.peer, ingest = self.name, again, "a source is live");
    }

    /// Nobody wants it.
    pub fn idle(&self) {
        self.change(IngestState::Idle, |status| status.next_try_at = None);
        tracing::info!(peer.id = %self.peer, ingest = self.name, "a source is closed until somebody wants it");
    }

    /// It came to its end.
    pub fn ended(&self) {
        self.change(IngestState::Ended, |status| status.next_try_at = None);
        tracing::info!(peer.id = %self.peer, ingest = self.name, "a source came to its end");
    }

    /// It failed, and is tried again after this.
    pub fn waiting(&self, trouble: &Trouble, wait: Duration) {
        metrics::counter!("media_ingest_failures_total", "reason" => trouble.reason.as_str()).increment(1);
        let now = Timestamp::now();
        let next = now.checked_add(jiff::SignedDuration::try_from(wait).unwrap_or_default()).ok();
        self.change(IngestState::Waiting, |status| {
            let Trouble { reason, detail } = trouble.clone();
            status.trouble = Some(IngestTrouble { reason, detail, at: now });
            status.next_try_at = next;
        });
        let (reason, detail) = (trouble.reason.as_str(), &trouble.detail);
        let repeated = self.logged.lock().replace(trouble.clone()).as_ref() == Some(trouble);
        match repeated {
            true => tracing::debug!(peer.id = %self.peer, ingest = self.name, reason, detail, "a source fails still"),
            false => {
                tracing::warn!(peer.id = %self.peer, ingest = self.name, uri = self.uri, reason, detail, ?wait, "a source failed")
            }
        }
    }

    /// Its figures; told only when more than figures changed.
    pub fn figures(&self, tracks: Vec<IngestTrack>, users: usize, skew: Option<f64>) {
        let mut status = self.status.lock();
        let before: Vec<_> = status.tracks.iter().map(shape).collect();
        let changed = before != tracks.iter().map(shape).collect::<Vec<_>>();
        let warnings = warnings(&tracks);
        let warned = warnings != status.warnings;
        (status.tracks, status.users, status.warnings) = (tracks, users, warnings);
        status.clock_skew_ppm = skew.or(status.clock_skew_ppm);
        if changed || warned {
            self.tell(&status);
        }
    }

    /// Who uses it.
    pub fn users(&self, users: usize) {
        self.status.lock().users = users;
    }

    fn change(&self, state: IngestState, more: impl FnOnce(&mut IngestStatus)) {
        let mut status = self.status.lock();
        if status.state != state {
            gauge(status.state).decrement(1.0);
            gauge(state).increment(1.0);
            (status.state, status.since) = (state, Timestamp::now());
        }
        more(&mut status);
        self.tell(&status);
    }

    fn tell(&self, status: &IngestStatus) {
        let _ = self.events.send(MediaEvent::IngestChanged { peer: self.peer, status: Box::new(status.clone()) });
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        gauge(self.status.lock().state).decrement(1.0);
    }
}

fn gauge(state: IngestState) -> metrics::Gauge {
    let state = match state {
        IngestState::Connecting => "connecting",
        IngestState::Live => "live",
        IngestState::Waiting => "waiting",
        IngestState::Idle => "idle",
        IngestState::Ended => "ended",
    };
    metrics::gauge!("media_ingests", "state" => state)
}

/// What of a track is not a figure.
fn shape(track: &IngestTrack) -> (String, bool, Option<String>, Option<u32>, Option<u32>) {
    (track.encoding.clone(), track.passthrough, track.why.clone(), track.width, track.height)
}

fn warnings(tracks: &[IngestTrack]) -> Vec<String> {
    let slow = |track: &&IngestTrack| {
        let interval = Duration::from_millis(track.keyframe_interval_ms.unwrap_or(0));
        track.passthrough && interval > SLOW_KEYFRAMES
    };
    let say = |track: &IngestTrack| {
        let seconds = track.keyframe_interval_ms.unwrap_or(0).div_ceil(1000);
        format!(
            "joining takes up to {seconds} s, its keyframes are that rare: let it send more, or set video to transcode"
        )
    };
    tracks.iter().filter(slow).map(say).collect()
}
