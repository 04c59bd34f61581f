//! The mixes by their recordings.

use super::Inner;
use crate::media::branch::Disk;
use crate::media::mix::{Joining, Mix, MixEvent, MixSpec, Target};
use crate::media::{BranchReport, MediaError, MediaEvent, MediaSink};
use crate::model::{EndReason, FeedId, Film, Layout, RecordingId};
use parking_lot::{Condvar, Mutex};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Packets that may wait for a mix: some seconds of video.
const TAP_CAPACITY: usize = 4096;

/// `None` from `stop` until its last event.
type Stage = Option<Mix>;

pub struct Mixers {
    min_free_bytes: u64,
    disk: Arc<Disk>,
    pub templates: Option<PathBuf>,
    all: Mutex<HashMap<RecordingId, Stage>>,
    fewer: Condvar,
}

impl Mixers {
    pub fn new(min_free_bytes: u64, templates: Option<PathBuf>) -> Self {
        Self { min_free_bytes, disk: Arc::default(), templates, all: Mutex::default(), fewer: Condvar::new() }
    }

    fn with(&self, recording: &RecordingId, tell: impl FnOnce(&Mix)) {
        if let Some(Some(mix)) = self.all.lock().get(recording) {
            tell(mix);
        }
    }

    pub fn set_layout(&self, recording: &RecordingId, layout: Layout) {
        self.with(recording, |mix| mix.set_layout(layout));
    }
    pub fn pause(&self, recording: &RecordingId, paused: bool) {
        self.with(recording, |mix| mix.pause(paused));
    }

    pub fn stop(&self, recording: &RecordingId, reason: EndReason) {
        let mix = self.all.lock().get_mut(recording).and_then(Option::take);
        mix.into_iter().for_each(|mix| mix.stop(reason));
    }

    pub fn stop_all(&self, reason: EndReason) {
        let all: Vec<RecordingId> = self.all.lock().keys().cloned().collect();
        all.iter().for_each(|recording| self.stop(recording, reason));
    }

    /// Waits until all files are finished.
    pub fn wait_until(&self, end: Instant) {
        let mut all = self.all.lock();
        while !all.is_empty() && !self.fewer.wait_until(&mut all, end).timed_out() {}
    }

    /// It has told its end.
    pub fn remove(&self, recording: &RecordingId) {
        let _ended = self.all.lock().remove(recording);
        self.fewer.notify_all();
    }
}

impl Mixers {
    /// A mix under this name, from now on. `NotReady`: there is one already.
    pub fn add(&self, name: &RecordingId, start: impl FnOnce() -> Result<Mix, MediaError>) -> Result<(), MediaError> {
        // Held until the mix is there: it may end at once, and must find itself.
        let mut all = self.all.lock();
        if all.contains_key(name) {
            return Err(MediaError::NotReady(format!("a mix called {name} runs already")));
        }
        all.insert(name.clone(), Some(start()?));
        Ok(())
    }
}

impl Inner {
    pub fn mix(
        self: &Arc<Self>,
        (recording, stem): (RecordingId, PathBuf),
        (layout, film): (Option<Layout>, Film),
        title: String,
        events: &MediaSink,
    ) {
        let (inner, sink, id) = (Arc::downgrade(self), events.clone(), recording.clone());
        let on_event = move |event| {
            if let (MixEvent::Ended(..), Some(inner)) = (&event, inner.upgrade()) {
                inner.mixers.remove(&id);
            }
            let _ = sink.send(tell(&id, event));
        };
        let spec = MixSpec {
            recording: recording.clone(),
            target: Target::File { stem, min_free_bytes: self.mixers.min_free_bytes, disk: self.mixers.disk.clone() },
            layout,
            film,
            title,
            templates: self.mixers.templates.clone(),
            events: Box::new(on_event),
        };
        match self.mixers.add(&recording, || Mix::start(spec)) {
            Ok(()) => {}
            Err(error @ MediaError::NotReady(_)) => tracing::warn!(%recording, %error, "no second mix of a recording"),
            Err(error) => {
                let ended = MixEvent::Ended(EndReason::EngineError, BranchReport::nothing(error.to_string()));
                let _ = events.send(tell(&recording, ended));
            }
        }
    }

    pub fn mix_feed(&self, recording: &RecordingId, id: FeedId, name: Option<String>) {
        let Some(name) = name else { return self.mixers.with(recording, |mix| mix.leave(id)) };
        // A mix that watched itself would keep itself in use.
        let Some(feed) = self.feeds.get(id).filter(|_| !self.live_mixes.is_own(recording, id)) else { return };
        let wanted = Arc::downgrade(&feed);
        self.mixers.with(recording, |mix| {
            mix.join(Joining {
                feed: id,
                name,
                tracks: feed.tracks(),
                packets: feed.tap(TAP_CAPACITY, Duration::ZERO),
                request_keyframe: Box::new(move || {
                    if let Some(feed) = wanted.upgrade() {
                        feed.request_keyframe();
                    }
                }),
            });
        });
    }
}

fn tell(recording: &RecordingId, event: MixEvent) -> MediaEvent {
    let recording = recording.clone();
    match event {
        MixEvent::Started(report) => MediaEvent::RecordingStarted { recording, feed: None, report },
        MixEvent::Ended(reason, report) => MediaEvent::RecordingEnded { recording, feed: None, reason, report },
    }
}
