//! The recorders by recording and feed.

use super::Inner;
use crate::config;
use crate::media::branch::{Disk, Recorder, RecorderEvent, RecorderSpec};
use crate::media::feed::Feed;
use crate::media::{BranchReport, MediaEvent, MediaSink};
use crate::model::{EndReason, FeedId, Kind, RecordingId};
use parking_lot::{Condvar, Mutex};
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Packets that may wait for a recorder: some seconds of video.
const TAP_CAPACITY: usize = 4096;

type Key = (RecordingId, FeedId);
/// Path without extension, how far back, and whether sound or pictures alone.
type Wish = (PathBuf, Duration, Option<Kind>);

/// A recorder is `Starting` while its pipeline is made, `Stopping` until its last event.
enum Stage {
    Starting,
    Running(Recorder),
    Stopping,
}

pub struct Recorders {
    settings: config::Recording,
    disk: Arc<Disk>,
    all: Mutex<HashMap<Key, Stage>>,
    /// Recordings whose recorders, those to come too, do not write.
    paused: Mutex<HashSet<RecordingId>>,
    fewer: Condvar,
}

impl Recorders {
    pub fn new(settings: config::Recording) -> Self {
        Self { settings, disk: Arc::default(), all: Mutex::default(), paused: Mutex::default(), fewer: Condvar::new() }
    }

    /// All files of a recording, those that begin later too.
    pub fn pause(&self, recording: &RecordingId, paused: bool) {
        let all = self.all.lock();
        if paused {
            self.paused.lock().insert(recording.clone());
        } else {
            self.paused.lock().remove(recording);
        }
        for (_, stage) in all.iter().filter(|(key, _)| key.0 == *recording) {
            if let Stage::Running(recorder) = stage {
                recorder.pause(paused);
            }
        }
    }

    fn is_paused(&self, recording: &RecordingId) -> bool {
        self.paused.lock().contains(recording)
    }

    fn stop_where(&self, wanted: impl Fn(&Key) -> bool, reason: EndReason) {
        let stopping: Vec<Recorder> = {
            let mut all = self.all.lock();
            let stages = all.iter_mut().filter(|(key, _)| wanted(key)).map(|(_, stage)| stage);
            let stopped = stages.map(|stage| std::mem::replace(stage, Stage::Stopping));
            stopped
                .filter_map(|stage| if let Stage::Running(recorder) = stage { Some(recorder) } else { None })
                .collect()
        };
        stopping.into_iter().for_each(|recorder| recorder.stop(reason));
    }

    pub fn stop(&self, recording: &RecordingId, feed: Option<FeedId>, reason: EndReason) {
        self.stop_where(|key| key.0 == *recording && feed.is_none_or(|feed| feed == key.1), reason);
    }
    pub fn stop_feed(&self, feed: FeedId, reason: EndReason) {
        self.stop_where(|key| key.1 == feed, reason);
    }
    pub fn stop_all(&self, reason: EndReason) {
        self.stop_where(|_| true, reason);
    }

    /// The graphs of a feed's recorders.
    pub fn graphs(&self, feed: FeedId) -> Vec<String> {
        let all = self.all.lock();
        let of_feed = all.iter().filter(|(key, _)| key.1 == feed);
        of_feed.filter_map(|(_, stage)| if let Stage::Running(r) = stage { Some(r.graph()) } else { None }).collect()
    }

    /// Waits until all files are finished.
    pub fn wait_until(&self, end: Instant) {
        let mut all = self.all.lock();
        while !all.is_empty() && !self.fewer.wait_until(&mut all, end).timed_out() {}
    }

    /// Claims a place; `false` when it is taken.
    fn begin(&self, key: &Key) -> bool {
        let mut all = self.all.lock();
        let free = !all.contains_key(key);
        if free {
            all.insert(key.clone(), Stage::Starting);
        }
        free
    }

    /// The recorder runs; one that was stopped while it started is stopped now.
    fn started(&self, key: &Key, recorder: Recorder) {
        let mut all = self.all.lock();
        match all.get_mut(key) {
            Some(stage @ Stage::Starting) => {
                // It may have changed since the recorder was asked for.
                recorder.pause(self.is_paused(&key.0));
                *stage = Stage::Running(recorder);
            }
            _ => {
                drop(all);
                recorder.stop(EndReason::Requested);
            }
        }
    }

    fn remove(&self, key: &Key) {
        let mut all = self.all.lock();
        let _ended = all.remove(key);
        if !all.keys().any(|other| other.0 == key.0) {
            self.paused.lock().remove(&key.0);
        }
        drop(all);
        self.fewer.notify_all();
    }
}

impl Inner {
    /// Begins `preroll` ago, as far as the feed kept it.
    pub fn record(self: &Arc<Self>, key: Key, to: Wish, events: &MediaSink) {
        let feed = key.1;
        let Some(feed) = self.feeds.get(feed) else {
            return refuse(&key, EndReason::FeedEnded, "the feed does not exist".into(), events);
        };
        if !self.recorders.begin(&key) {
            return tracing::warn!(recording = %key.0, feed.id = %key.1, "this feed is being recorded there already");
        }
        let (inner, events) = (self.clone(), events.clone());
        tokio::task::spawn_blocking(move || match Recorder::start(inner.spec(&key, &feed, to, &events)) {
            Ok(recorder) => inner.recorders.started(&key, recorder),
            Err(error) => {
                inner.recorders.remove(&key);
                refuse(&key, EndReason::EngineError, error.to_string(), &events);
            }
        });
    }

    fn spec(
        self: &Arc<Self>,
        key: &Key,
        feed: &Arc<Feed>,
        (stem, preroll, only): Wish,
        events: &MediaSink,
    ) -> RecorderSpec {
        let (key, events, inner) = (key.clone(), events.clone(), Arc::downgrade(self));
        let (recording, wanted) = (key.0.clone(), Arc::downgrade(feed));
        let on_event = move |event| {
            if let (RecorderEvent::Ended(..), Some(inner)) = (&event, inner.upgrade()) {
                inner.recorders.remove(&key);
            }
            let _ = events.send(tell(&key, event));
        };
        let (settings, paused) = (&self.recorders.settings, self.recorders.is_paused(&recording));
        RecorderSpec {
            recording,
            feed: feed.id(),
            tracks: feed.tracks(),
            packets: feed.tap(TAP_CAPACITY, preroll),
            only,
            stem,
            min_free_bytes: settings.min_free_bytes,
            templates: settings.templates.clone(),
            paused,
            disk: self.recorders.disk.clone(),
            request_keyframe: Box::new(move || {
                if let Some(feed) = wanted.upgrade() {
                    feed.request_keyframe();
                }
            }),
            events: Box::new(on_event),
        }
    }
}

fn tell((recording, feed): &Key, event: RecorderEvent) -> MediaEvent {
    let (recording, feed) = (recording.clone(), *feed);
    match event {
        RecorderEvent::Started(report) => MediaEvent::RecordingStarted { recording, feed: Some(feed), report },
        RecorderEvent::Ended(reason, report) => {
            MediaEvent::RecordingEnded { recording, feed: Some(feed), reason, report }
        }
    }
}

/// A file that never was.
fn refuse(key: &Key, reason: EndReason, detail: String, events: &MediaSink) {
    let report = BranchReport::nothing(detail);
    let _ = events.send(tell(key, RecorderEvent::Ended(reason, report)));
}
