//! A recording's life: pausing, stopping, deadlines, completion. No state lasts for ever unless media flows.

use super::{Run, State, done};
use crate::media::MediaRequest;
use crate::model::{EndReason, Happening, RecordingId, RecordingState};
use crate::room::command::RoomError;
use crate::room::registry::Reply;
use std::time::{Duration, Instant};

/// `starting`: a recording into which nothing came within this is given up.
pub(super) const START_LIMIT: Duration = Duration::from_secs(600);
/// `paused`: one that nobody resumes is completed.
const PAUSE_LIMIT: Duration = Duration::from_secs(12 * 3600);
/// `finishing`: the engine completes files within 5 s; this is the backstop.
const FINISH_LIMIT: Duration = Duration::from_secs(7);
/// What is not urgent is in the manifest within this.
pub(super) const SAVE_WITHIN: Duration = Duration::from_secs(1);

impl State {
    pub(in crate::room::state) fn pause_recording(
        &mut self,
        id: &RecordingId,
        paused: bool,
    ) -> Result<Reply, RoomError> {
        let now = self.now.instant;
        let run = self.recorder.runs.get_mut(id).ok_or(RoomError::RecordingNotFound)?;
        use RecordingState::{Paused, Recording};
        match (run.recording.state, paused) {
            (Recording, true) => run.pause(now),
            (Paused, false) => run.resume(now),
            (Paused, true) | (Recording, false) => return Ok(done(&run.recording)),
            (state, _) => return Err(RoomError::WrongState(format!("the recording is {}", state.as_str()))),
        }
        self.log_in(id, if paused { Happening::Paused } else { Happening::Resumed });
        self.ask(MediaRequest::PauseRecording { recording: id.clone(), paused });
        self.recording_changed(id);
        self.recorder.runs.get(id).map(|run| done(&run.recording)).ok_or(RoomError::RecordingNotFound)
    }

    pub(in crate::room::state) fn stop_recording(&mut self, id: &RecordingId) -> Result<Reply, RoomError> {
        let before = self.recorder.runs.get(id).ok_or(RoomError::RecordingNotFound)?.recording.clone();
        self.finish_recording(id, EndReason::Requested, None);
        let over = self.effects.iter().rev().find_map(|effect| match effect {
            super::Effect::SaveRecording(saved) if saved.id == *id => Some((**saved).clone()),
            _ => None,
        });
        Ok(done(&over.unwrap_or(before)))
    }

    /// Stops all recordings: the room closes.
    pub(in crate::room::state) fn finish_recordings(&mut self, reason: EndReason) {
        for id in self.recorder.ids() {
            self.finish_recording(&id, reason, None);
        }
    }

    /// Stops all files, the recording with them.
    pub(super) fn finish_recording(&mut self, id: &RecordingId, reason: EndReason, detail: Option<String>) {
        let deadline = self.now.instant + FINISH_LIMIT;
        let Some(run) = self.recorder.runs.get_mut(id).filter(|run| run.is_open()) else { return };
        run.recording.state = RecordingState::Finishing;
        run.recording.reason = Some(reason);
        run.recording.detail = detail;
        run.deadline = Some(deadline);
        if !run.writing.is_empty() {
            self.ask(MediaRequest::StopRecording { recording: id.clone(), feed: None, reason });
            self.recording_changed(id);
        }
        self.complete_recording(id);
    }

    /// The recording is over when it was told to finish and no file is open.
    pub(super) fn complete_recording(&mut self, id: &RecordingId) {
        let over = |run: &Run| run.recording.state == RecordingState::Finishing && run.writing.is_empty();
        let ended_at = self.now.wall;
        let Some(run) = self.recorder.runs.get_mut(id).filter(|run| over(run)) else { return };
        let any = run.recording.files.iter().any(|file| file.state == RecordingState::Ready);
        run.recording.state = if any { RecordingState::Ready } else { RecordingState::Failed };
        run.recording.ended_at = Some(ended_at);
        if !any {
            let words = run.recording.files.iter().find_map(|file| file.detail.clone());
            run.recording.detail = run.recording.detail.take().or(words).or(Some("no picture or sound came".into()));
        }
        self.recording_changed(id);
        self.recorder.runs.remove(id);
        self.end_if_done();
    }

    /// Whether anything is there to be recorded, for `stop_when_empty`.
    pub(in crate::room::state) fn note_recorded_emptiness(&mut self) {
        let now = self.now.instant;
        let live: Vec<_> = self.feeds.iter().filter(|(_, feed)| feed.tracks.is_some()).map(|(id, _)| *id).collect();
        for run in self.recorder.runs.values_mut() {
            let any = live.iter().any(|feed| run.wants(*feed));
            run.empty_since = (!any).then(|| run.empty_since.unwrap_or(now));
        }
    }

    /// All that is due now.
    pub(in crate::room::state) fn tick_recordings(&mut self) {
        let now = self.now.instant;
        for id in self.recorder.ids() {
            let Some(run) = self.recorder.runs.get_mut(&id) else { continue };
            match run.due(now, self.limits.recording_empty_limit) {
                Some(Due::Finish(reason, words)) => self.finish_recording(&id, reason, Some(words.into())),
                Some(Due::GiveUp) => self.give_up(&id),
                None if run.save_at.is_some_and(|at| at <= now) => {
                    run.save_at = None;
                    let recording = Box::new(run.recording.clone());
                    self.effects.push(super::Effect::SaveRecording(recording));
                }
                None => {}
            }
        }
    }

    /// Recorders that never end hold nothing up.
    fn give_up(&mut self, id: &RecordingId) {
        let Some(run) = self.recorder.runs.get_mut(id) else { return };
        for writing in std::mem::take(&mut run.writing).into_values() {
            if let Some(file) = writing.place.and_then(|at| run.recording.files.get_mut(at)) {
                file.state = RecordingState::Failed;
                file.reason = Some(EndReason::EngineError);
                file.detail = Some("the recorder did not complete the file in time".into());
            }
        }
        self.complete_recording(id);
    }
}

/// What a deadline asks for.
enum Due {
    Finish(EndReason, &'static str),
    GiveUp,
}

impl Run {
    fn pause(&mut self, now: Instant) {
        self.recorded += self.going_since.take().map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        self.deadline = Some(now + PAUSE_LIMIT);
        self.change_state(RecordingState::Recording, RecordingState::Paused);
    }

    fn resume(&mut self, now: Instant) {
        self.going_since = Some(now);
        self.deadline = None;
        self.change_state(RecordingState::Paused, RecordingState::Recording);
    }

    /// Of the recording and of its open files.
    fn change_state(&mut self, from: RecordingState, to: RecordingState) {
        self.recording.state = to;
        self.recording.files.iter_mut().filter(|file| file.state == from).for_each(|file| file.state = to);
    }

    /// When the wished length is reached; never while it is paused.
    fn length_deadline(&self) -> Option<Instant> {
        let most = Duration::from_millis(self.recording.wish.max_length_ms.filter(|_| self.is_open())?);
        Some(self.going_since? + most.saturating_sub(self.recorded))
    }

    fn empty_deadline(&self, usual: Duration) -> Option<Instant> {
        let limit = self.recording.wish.stop_when_empty_ms.map_or(usual, Duration::from_millis);
        let since = self.empty_since.filter(|_| self.is_open() && !limit.is_zero())?;
        // Before anything came there is the deadline of `starting`.
        (self.recording.state != RecordingState::Starting).then(|| since + limit)
    }

    /// `usual`: how long a recording of nobody lasts when the wish says nothing.
    pub(super) fn next_deadline(&self, usual: Duration) -> Option<Instant> {
        let all = [self.deadline, self.length_deadline(), self.empty_deadline(usual), self.save_at];
        all.into_iter().flatten().min()
    }

    fn due(&self, now: Instant, usual: Duration) -> Option<Due> {
        let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if is_due(self.deadline) {
            return Some(match self.recording.state {
                RecordingState::Starting => Due::Finish(EndReason::NoMedia, "no picture or sound came"),
                RecordingState::Paused => Due::Finish(EndReason::Expired, "nobody resumed it"),
                _ => Due::GiveUp,
            });
        }
        if is_due(self.length_deadline()) {
            return Some(Due::Finish(EndReason::LengthReached, "the length that was asked for is reached"));
        }
        is_due(self.empty_deadline(usual)).then_some(Due::Finish(EndReason::RoomEmpty, "nobody publishes any more"))
    }
}
