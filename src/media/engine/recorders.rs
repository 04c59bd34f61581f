//! The recorders by recording and feed.

use super::Inner;
use crate::media::branch::{Recorder, RecorderEvent, RecorderSpec};
use crate::media::feed::Feed;
use crate::media::{BranchReport, MediaEvent, MediaSink};
use crate::model::{EndReason, FeedId, FileFacts, RecordingId};
use parking_lot::{Condvar, Mutex};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Packets that may wait for a recorder: some seconds of video.
const TAP_CAPACITY: usize = 4096;

type Key = (RecordingId, FeedId);

/// A recorder is `Starting` while its pipeline is made, `Stopping` until its last event.
enum Stage {
    Starting,
    Running(Recorder),
    Stopping,
}

pub struct Recorders {
    min_free_bytes: u64,
    all: Mutex<HashMap<Key, Stage>>,
    fewer: Condvar,
}

impl Recorders {
    pub fn new(min_free_bytes: u64) -> Self {
        Self { min_free_bytes, all: Mutex::default(), fewer: Condvar::new() }
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
            Some(stage @ Stage::Starting) => *stage = Stage::Running(recorder),
            _ => {
                drop(all);
                recorder.stop(EndReason::Requested);
            }
        }
    }

    fn remove(&self, key: &Key) {
        let _ended = self.all.lock().remove(key);
        self.fewer.notify_all();
    }
}

impl Inner {
    pub fn record(self: &Arc<Self>, recording: RecordingId, feed: FeedId, stem: PathBuf, events: &MediaSink) {
        let key = (recording, feed);
        let Some(feed) = self.feeds.get(feed) else {
            return refuse(&key, EndReason::FeedEnded, "the feed does not exist".into(), events);
        };
        if !self.recorders.begin(&key) {
            return tracing::warn!(recording = %key.0, feed.id = %key.1, "this feed is being recorded there already");
        }
        let (inner, events) = (self.clone(), events.clone());
        tokio::task::spawn_blocking(move || match Recorder::start(inner.spec(&key, &feed, stem, &events)) {
            Ok(recorder) => inner.recorders.started(&key, recorder),
            Err(error) => {
                inner.recorders.remove(&key);
                refuse(&key, EndReason::EngineError, error.to_string(), &events);
            }
        });
    }

    fn spec(self: &Arc<Self>, key: &Key, feed: &Arc<Feed>, stem: PathBuf, events: &MediaSink) -> RecorderSpec {
        let (key, events, inner) = (key.clone(), events.clone(), Arc::downgrade(self));
        let (recording, wanted) = (key.0.clone(), Arc::downgrade(feed));
        let on_event = move |event| {
            if let (RecorderEvent::Ended(..), Some(inner)) = (&event, inner.upgrade()) {
                inner.recorders.remove(&key);
            }
            let _ = events.send(tell(&key, event));
        };
        RecorderSpec {
            recording,
            feed: feed.id(),
            tracks: feed.tracks(),
            packets: feed.tap(TAP_CAPACITY, Duration::ZERO),
            stem,
            min_free_bytes: self.recorders.min_free_bytes,
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
    let report = BranchReport {
        file: String::new(),
        codecs: Vec::new(),
        started_at: None,
        duration_ms: 0,
        bytes: 0,
        size: None,
        detail: Some(detail),
        facts: FileFacts::default(),
    };
    let _ = events.send(tell(key, RecorderEvent::Ended(reason, report)));
}
