//! A recording's files: one per feed and segment, or the mix. A participant's next file begins where a container could
//! not go on (another codec, another connection, a recorder that failed), and says what is missing between them.

use super::{Run, State, Writing};
use crate::media::{BranchReport, MediaRequest};
use crate::model::{EndReason, FeedId, Gap, RecordingFile, RecordingId, RecordingState, gap_reason};
use crate::room::command::RoomError;
use std::time::Duration;

/// A recorder that fails is started anew so often.
const RETRIES: usize = 3;

impl State {
    /// Begins a file for a live feed, or shows it in the mix, if this recording wants it and has not got it.
    pub(super) fn record_feed_in(&mut self, id: &RecordingId, feed: FeedId, preroll: Duration) {
        let Some((published, tracks)) = self.feeds.get(&feed).and_then(|feed| Some((feed, feed.tracks.as_ref()?)))
        else {
            return;
        };
        let (name, has) = (published.name.clone(), |kind| tracks.iter().any(|track| track.kind() == kind));
        let Some(run) = self.recorder.runs.get_mut(id).filter(|run| run.wants(feed)) else { return };
        if run.recording.wish.only.is_some_and(|only| !has(only)) {
            return;
        }
        let recording = id.clone();
        if run.is_mix() {
            return self.ask(MediaRequest::MixFeed { recording, feed, name: Some(name) });
        }
        if run.writing.contains_key(&Some(feed)) {
            return;
        }
        run.asked += 1;
        let segment = run.segments_of(&name) + 1;
        run.writing.insert(Some(feed), Writing { name, place: None, segment, before: None });
        let stem = run.folder.join(format!("{:02}-{feed}", run.asked));
        let (paused, only) = (run.recording.state == RecordingState::Paused, run.recording.wish.only);
        self.ask(MediaRequest::Record { recording: recording.clone(), feed, stem, preroll, only });
        if paused {
            self.ask(MediaRequest::PauseRecording { recording, paused });
        }
    }

    /// A feed joins those that a recording consists of.
    pub(in crate::room::state) fn record_one_more(&mut self, id: &RecordingId, feed: FeedId) -> Result<(), RoomError> {
        if !self.feeds.contains_key(&feed) {
            return Err(RoomError::FeedNotFound);
        }
        let run = self.recorder.runs.get_mut(id).filter(|run| run.is_open()).ok_or(RoomError::RecordingNotFound)?;
        if let Some(only) = run.recording.wish.feeds.as_mut().filter(|only| !only.contains(&feed)) {
            only.push(feed);
            self.record_feed_in(id, feed, Duration::ZERO);
            self.note_recorded_emptiness();
        }
        Ok(())
    }

    /// A feed ended: its file is completed, or it leaves the mix.
    pub(super) fn finish_file(&mut self, id: &RecordingId, feed: FeedId) {
        let Some(run) = self.recorder.runs.get(id).filter(|run| run.wants(feed)) else { return };
        let recording = id.clone();
        if run.is_mix() {
            self.ask(MediaRequest::MixFeed { recording, feed, name: None });
        } else if run.writing.contains_key(&Some(feed)) {
            let (feed, reason) = (Some(feed), EndReason::FeedEnded);
            self.ask(MediaRequest::StopRecording { recording, feed, reason });
        }
    }

    pub(in crate::room::state) fn recording_started(
        &mut self,
        id: &RecordingId,
        feed: Option<FeedId>,
        report: BranchReport,
    ) {
        let Some(run) = self.recorder.runs.get_mut(id).filter(|run| run.writing.contains_key(&feed)) else { return };
        run.begin_file(feed, report);
        if run.recording.state == RecordingState::Starting {
            run.recording.state = RecordingState::Recording;
            run.deadline = None;
        }
        self.recording_changed(id);
    }

    pub(in crate::room::state) fn recording_ended(
        &mut self,
        id: &RecordingId,
        feed: Option<FeedId>,
        reason: EndReason,
        report: BranchReport,
    ) {
        let Some(run) = self.recorder.runs.get_mut(id) else { return };
        let Some(writing) = run.writing.remove(&feed) else { return };
        run.end_file(feed, writing, reason, report);
        self.recording_changed(id);
        self.after_file(id, feed, reason);
    }

    fn after_file(&mut self, id: &RecordingId, feed: Option<FeedId>, reason: EndReason) {
        match (reason, feed) {
            // No other file can be written either; a mix is all there is.
            (EndReason::DiskFull | EndReason::StorageFailed, _) | (_, None) => self.finish_recording(id, reason, None),
            (EndReason::CodecChanged, Some(feed)) => self.record_feed_in(id, feed, Duration::ZERO),
            (EndReason::EngineError, Some(feed)) => self.try_again(id, feed),
            _ => {}
        }
        self.complete_recording(id);
    }

    /// A recorder that failed by itself costs some seconds, not the rest.
    fn try_again(&mut self, id: &RecordingId, feed: FeedId) {
        let Some(run) = self.recorder.runs.get_mut(id) else { return };
        let failures = run.failures.entry(feed).or_default();
        *failures += 1;
        if *failures <= RETRIES {
            self.record_feed_in(id, feed, Duration::ZERO);
        }
    }
}

impl Run {
    fn segments_of(&self, name: &str) -> u32 {
        let begun = self.recording.files.iter().filter(|file| file.publisher == name).map(|file| file.segment);
        let waiting = self.writing.values().filter(|writing| writing.name == name).map(|writing| writing.segment);
        begun.chain(waiting).max().unwrap_or(0)
    }

    fn begin_file(&mut self, feed: Option<FeedId>, report: BranchReport) {
        let (place, paused) = (self.recording.files.len(), self.recording.state == RecordingState::Paused);
        let Some(writing) = self.writing.get(&feed) else { return };
        let before = missing_before(&self.recording.files, writing, &report);
        let Some(writing) = self.writing.get_mut(&feed) else { return };
        writing.before = before;
        let mut begun = writing.file(feed, report);
        if paused {
            begun.state = RecordingState::Paused;
        }
        match writing.place {
            Some(at) => self.recording.files[at] = begun,
            None => {
                writing.place = Some(place);
                self.recording.files.push(begun);
            }
        }
    }

    fn end_file(&mut self, feed: Option<FeedId>, mut writing: Writing, reason: EndReason, report: BranchReport) {
        let written = report.started_at.is_some();
        if writing.place.is_none() {
            writing.before = missing_before(&self.recording.files, &writing, &report);
        }
        let mut ended = writing.file(feed, report);
        ended.reason = Some(reason);
        ended.state = if reason.is_failure() { RecordingState::Failed } else { RecordingState::Ready };
        match writing.place.and_then(|at| self.recording.files.get_mut(at)) {
            Some(known) => *known = ended,
            // Nothing came before it was stopped: there is no file to speak of.
            None if !written && !reason.is_failure() => {}
            None => self.recording.files.push(ended),
        }
    }
}

impl Writing {
    fn file(&self, feed: Option<FeedId>, report: BranchReport) -> RecordingFile {
        let mut facts = report.facts;
        facts.gaps.splice(0..0, self.before.clone());
        RecordingFile {
            name: report.file,
            feed,
            publisher: self.name.clone(),
            segment: self.segment,
            state: RecordingState::Recording,
            codecs: report.codecs,
            started_at: report.started_at,
            duration_ms: report.duration_ms,
            bytes: report.bytes,
            width: report.size.map(|(width, _)| width),
            height: report.size.map(|(_, height)| height),
            reason: None,
            detail: report.detail,
            facts,
            uploads: Vec::new(),
        }
    }
}

/// What is missing between the participant's file before and this one.
fn missing_before(files: &[RecordingFile], writing: &Writing, report: &BranchReport) -> Option<Gap> {
    let before = files.iter().rev().find(|file| file.publisher == writing.name && file.segment < writing.segment)?;
    let paused: u64 = before.facts.gaps.iter().filter(|gap| gap.why == "paused").map(|gap| gap.length_ms).sum();
    let length = i64::try_from(before.duration_ms + paused).ok()?;
    let end = before.started_at?.as_millisecond().saturating_add(length);
    let length = report.started_at?.as_millisecond().saturating_sub(end);
    let why = gap_reason(before.reason.unwrap_or(EndReason::FeedEnded)).to_owned();
    Some(Gap { at_ms: 0, length_ms: u64::try_from(length).unwrap_or(0), why })
}
