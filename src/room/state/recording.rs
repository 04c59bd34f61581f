//! The room's recording: one at a time, one file per feed (one more when a feed changes its codec).
//!
//! Decides which feeds are written and what becomes of the whole; leaves the store to `actor`, writing to the engine.

use super::{Effect, State};
use crate::media::{BranchReport, MediaRequest};
use crate::model::{EndReason, FeedId, Recording, RecordingFile, RecordingId, RecordingState};
use crate::room::command::RoomError;
use crate::room::event::{Audience, EventKind};
use crate::room::registry::Reply;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The engine completes files within 5 s; this is the backstop.
const FINISH_LIMIT: Duration = Duration::from_secs(7);

/// None, being made, or running.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    creating: bool,
    run: Option<Run>,
}

#[derive(Debug)]
struct Run {
    recording: Recording,
    folder: PathBuf,
    /// What the engine is writing, with the publisher's name and the place in `recording.files` once begun.
    writing: BTreeMap<FeedId, (String, Option<usize>)>,
    /// How many files were asked for: makes their names.
    asked: usize,
    deadline: Option<Instant>,
}

impl Recorder {
    pub(super) fn is_busy(&self) -> bool {
        self.creating || self.run.is_some()
    }
    pub(super) fn current(&self) -> Option<&Recording> {
        self.run.as_ref().map(|run| &run.recording)
    }
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.run.as_ref().and_then(|run| run.deadline)
    }
    /// The run, while it takes new files.
    fn running(&mut self) -> Option<&mut Run> {
        self.run.as_mut().filter(|run| run.recording.state == RecordingState::Recording)
    }
    fn of(&mut self, id: &RecordingId) -> Option<&mut Run> {
        self.run.as_mut().filter(|run| run.recording.id == *id)
    }
}

impl State {
    pub(super) fn start_recording(&mut self) -> Result<Option<Reply>, RoomError> {
        match self.recorder.current() {
            Some(running) if running.state == RecordingState::Recording => Ok(Some(done(running))),
            Some(_) => Err(RoomError::Limit("the last recording is still being completed".into())),
            None => {
                if !std::mem::replace(&mut self.recorder.creating, true) {
                    self.effects.push(Effect::CreateRecording);
                }
                Ok(None)
            }
        }
    }

    pub(super) fn recording_created(&mut self, result: Result<(Recording, PathBuf), String>) {
        self.recorder.creating = false;
        let (recording, folder) = match result {
            Ok(made) => made,
            Err(problem) => {
                self.reply(Err(RoomError::Storage(problem)));
                return self.end_if_done();
            }
        };
        self.reply(Ok(done(&recording)));
        self.recorder.run = Some(Run { recording, folder, writing: BTreeMap::new(), asked: 0, deadline: None });
        self.recording_changed();
        if let Some(reason) = self.closing {
            self.finish_recording(reason);
        }
        for feed in self.feeds.keys().copied().collect::<Vec<_>>() {
            self.record_feed(feed);
        }
    }

    /// Begins a file for a live feed, if a recording runs and none is being written.
    pub(super) fn record_feed(&mut self, feed: FeedId) {
        let Some(published) = self.feeds.get(&feed).filter(|feed| feed.tracks.is_some()) else { return };
        let Some(run) = self.recorder.running().filter(|run| !run.writing.contains_key(&feed)) else { return };
        run.asked += 1;
        run.writing.insert(feed, (published.name.clone(), None));
        let stem = run.folder.join(format!("{:02}-{feed}", run.asked));
        let recording = run.recording.id.clone();
        self.ask(MediaRequest::Record { recording, feed, stem, preroll: Duration::ZERO });
    }

    pub(super) fn stop_recording(&mut self, id: &RecordingId) -> Result<Reply, RoomError> {
        self.recorder.of(id).ok_or(RoomError::RecordingNotFound)?;
        let last = self.finish_recording(EndReason::Requested);
        last.as_ref().map(done).ok_or(RoomError::RecordingNotFound)
    }

    /// Stops all files, the recording with them. Returns it as it stands then.
    pub(super) fn finish_recording(&mut self, reason: EndReason) -> Option<Recording> {
        let deadline = self.now.instant + FINISH_LIMIT;
        if let Some(run) = self.recorder.running() {
            run.recording.state = RecordingState::Finishing;
            run.recording.reason = Some(reason);
            run.deadline = Some(deadline);
            let recording = run.recording.id.clone();
            if !run.writing.is_empty() {
                self.ask(MediaRequest::StopRecording { recording, feed: None, reason });
                self.recording_changed();
            }
        }
        let as_it_stands = self.recorder.current().cloned();
        self.complete_recording().or(as_it_stands)
    }

    /// A feed ended: its file is completed, the recording goes on.
    pub(super) fn finish_file(&mut self, feed: FeedId) {
        let Some(run) = self.recorder.running().filter(|run| run.writing.contains_key(&feed)) else { return };
        let recording = run.recording.id.clone();
        self.ask(MediaRequest::StopRecording { recording, feed: Some(feed), reason: EndReason::FeedEnded });
    }

    pub(super) fn recording_started(&mut self, id: &RecordingId, feed: FeedId, report: BranchReport) {
        let Some(run) = self.recorder.of(id) else { return };
        let Some((publisher, place)) = run.writing.get_mut(&feed) else { return };
        place.get_or_insert(run.recording.files.len());
        run.recording.files.push(file(feed, publisher, report));
        self.recording_changed();
    }

    pub(super) fn recording_ended(&mut self, id: &RecordingId, feed: FeedId, reason: EndReason, report: BranchReport) {
        let Some(run) = self.recorder.of(id) else { return };
        let Some((publisher, place)) = run.writing.remove(&feed) else { return };
        let written = report.started_at.is_some();
        let mut ended = file(feed, &publisher, report);
        ended.reason = Some(reason);
        ended.state = if reason.is_failure() { RecordingState::Failed } else { RecordingState::Ready };
        match place.and_then(|at| run.recording.files.get_mut(at)) {
            Some(known) => *known = ended,
            // Nothing came before it was stopped: there is no file to speak of.
            None if !written && !reason.is_failure() => {}
            None => run.recording.files.push(ended),
        }
        self.recording_changed();
        self.after_file(feed, reason);
    }

    fn after_file(&mut self, feed: FeedId, reason: EndReason) {
        match reason {
            // No other file can be written either.
            EndReason::DiskFull | EndReason::StorageFailed => {
                self.finish_recording(reason);
            }
            EndReason::CodecChanged => self.record_feed(feed),
            _ => {}
        }
        self.complete_recording();
    }

    /// The recording is over when it was told to finish and no file is open. Returns it then.
    fn complete_recording(&mut self) -> Option<Recording> {
        let over = |run: &Run| run.recording.state == RecordingState::Finishing && run.writing.is_empty();
        let ended_at = self.now.wall;
        let run = self.recorder.run.as_mut().filter(|run| over(run))?;
        let any = run.recording.files.iter().any(|file| file.state == RecordingState::Ready);
        run.recording.state = if any { RecordingState::Ready } else { RecordingState::Failed };
        run.recording.ended_at = Some(ended_at);
        self.recording_changed();
        let run = self.recorder.run.take();
        self.end_if_done();
        run.map(|run| run.recording)
    }

    pub(super) fn end_overdue_recording(&mut self) {
        if !self.is_due(self.recorder.deadline()) {
            return;
        }
        let Some(run) = self.recorder.run.as_mut() else { return };
        for (_, place) in std::mem::take(&mut run.writing).into_values() {
            if let Some(file) = place.and_then(|at| run.recording.files.get_mut(at)) {
                file.state = RecordingState::Failed;
                file.reason = Some(EndReason::EngineError);
                file.detail = Some("the recorder did not complete the file in time".into());
            }
        }
        self.complete_recording();
    }

    fn recording_changed(&mut self) {
        let Some(recording) = self.recorder.current().cloned() else { return };
        self.effects.push(Effect::SaveRecording(recording.clone()));
        self.emit(Audience::Everyone, EventKind::RecordingChanged { recording });
    }
}

fn done(recording: &Recording) -> Reply {
    Reply::Recording(Box::new(recording.clone()))
}

fn file(feed: FeedId, publisher: &str, report: BranchReport) -> RecordingFile {
    RecordingFile {
        name: report.file,
        feed: Some(feed),
        publisher: publisher.into(),
        segment: 1,
        state: RecordingState::Recording,
        codecs: report.codecs,
        started_at: report.started_at,
        duration_ms: report.duration_ms,
        bytes: report.bytes,
        width: report.size.map(|(width, _)| width),
        height: report.size.map(|(_, height)| height),
        reason: None,
        detail: report.detail,
        facts: report.facts,
        uploads: Vec::new(),
    }
}
