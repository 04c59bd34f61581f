//! The room's recordings, several at once: `starting → recording ⇄ paused → finishing → ready | failed`.
//!
//! Decides which feeds are written and what becomes of the whole; leaves the store to `actor`, writing to the engine.
//! Every waiting state has a deadline (`life`), every change is an event (`State::recording_changed`).

mod files;
mod life;
mod log;
mod mix;

use super::{Awaited, Effect, State};
use crate::media::MediaRequest;
use crate::model::{
    FeedId, Gap, RecordWhen, Recording, RecordingId, RecordingKind, RecordingState, RecordingWish, RoomSettings,
};
use crate::room::command::RoomError;
use crate::room::event::{Audience, EventKind};
use crate::room::registry::Reply;
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Recordings of a room at once.
const MOST: usize = 8;

/// All recordings of the room: those being made, and those that run.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    pub settings: RoomSettings,
    /// In the order in which the store was asked.
    creating: VecDeque<(u64, RecordingWish)>,
    created: u64,
    runs: BTreeMap<RecordingId, Run>,
}

#[derive(Debug)]
struct Run {
    recording: Recording,
    folder: PathBuf,
    /// What the engine is writing, by feed; `None` is the mix.
    writing: BTreeMap<Option<FeedId>, Writing>,
    /// How many files were asked for: makes their names.
    asked: usize,
    /// Of `starting`, `paused` and `finishing`.
    deadline: Option<Instant>,
    empty_since: Option<Instant>,
    /// How long was recorded before the last pause, and since when it goes on.
    recorded: Duration,
    going_since: Option<Instant>,
    /// When the manifest is to be written, for what is not urgent.
    save_at: Option<Instant>,
    /// Recorders that failed, by feed.
    failures: BTreeMap<FeedId, usize>,
}

/// A file on its way.
#[derive(Debug)]
struct Writing {
    name: String,
    /// Its place in `recording.files` once begun.
    place: Option<usize>,
    segment: u32,
    /// What is missing between the file before and this one.
    before: Option<Gap>,
}

impl Run {
    fn new(recording: Recording, folder: PathBuf, now: Instant) -> Self {
        Self {
            recording,
            folder,
            writing: BTreeMap::new(),
            asked: 0,
            deadline: Some(now + life::START_LIMIT),
            empty_since: None,
            recorded: Duration::ZERO,
            going_since: Some(now),
            save_at: None,
            failures: BTreeMap::new(),
        }
    }

    fn is_open(&self) -> bool {
        use RecordingState::{Paused, Recording, Starting};
        matches!(self.recording.state, Starting | Recording | Paused)
    }

    fn is_mix(&self) -> bool {
        self.recording.wish.kind != RecordingKind::Individual
    }

    fn wants(&self, feed: FeedId) -> bool {
        self.is_open() && self.recording.wish.feeds.as_ref().is_none_or(|only| only.contains(&feed))
    }
}

impl Recorder {
    pub fn is_busy(&self) -> bool {
        !self.creating.is_empty() || !self.runs.is_empty()
    }
    /// All that is not over, oldest first.
    pub fn running(&self) -> Vec<Recording> {
        self.runs.values().map(|run| run.recording.clone()).collect()
    }
    /// When something is due next.
    pub fn deadline(&self, empty_limit: Duration) -> Option<Instant> {
        self.runs.values().filter_map(|run| run.next_deadline(empty_limit)).min()
    }
    fn ids(&self) -> Vec<RecordingId> {
        self.runs.keys().cloned().collect()
    }
    fn open(&self) -> impl Iterator<Item = &Run> {
        self.runs.values().filter(|run| run.is_open())
    }
}

impl State {
    /// The same wish again is the recording that runs already.
    pub(super) fn start_recording(&mut self, wish: Option<RecordingWish>) -> Result<Option<Reply>, RoomError> {
        let wish = wish.unwrap_or_else(|| self.recorder.settings.recording.clone());
        if let Some(same) = self.recorder.open().find(|run| run.recording.wish == wish) {
            return Ok(Some(done(&same.recording)));
        }
        let unknown = wish.feeds.iter().flatten().any(|feed| !self.feeds.contains_key(feed));
        if unknown {
            return Err(RoomError::FeedNotFound);
        }
        let token = self.ask_store(wish)?;
        self.effects.push(Effect::ReplyLater(Awaited::Recording(token)));
        Ok(None)
    }

    /// Asks the store for a recording, once for equal wishes.
    fn ask_store(&mut self, wish: RecordingWish) -> Result<u64, RoomError> {
        let recorder = &mut self.recorder;
        if let Some((token, _)) = recorder.creating.iter().find(|(_, asked)| *asked == wish) {
            return Ok(*token);
        }
        if recorder.creating.len() + recorder.runs.len() >= MOST {
            return Err(RoomError::Limit(format!(
                "{MOST} recordings of a room at once, those being completed included"
            )));
        }
        recorder.created += 1;
        let token = recorder.created;
        recorder.creating.push_back((token, wish.clone()));
        self.effects.push(Effect::CreateRecording(token, wish));
        Ok(token)
    }

    pub(super) fn recording_created(&mut self, token: u64, result: Result<(Recording, PathBuf), String>) {
        self.recorder.creating.retain(|(asked, _)| *asked != token);
        let (recording, folder) = match result {
            Ok(made) => made,
            Err(problem) => {
                self.reply_now(token, Err(RoomError::Storage(problem)));
                return self.end_if_done();
            }
        };
        self.reply_now(token, Ok(done(&recording)));
        let id = recording.id.clone();
        self.recorder.runs.insert(id.clone(), Run::new(recording, folder, self.now.instant));
        self.log_who_is_there(&id);
        self.recording_changed(&id);
        if let Some(reason) = self.closing {
            return self.finish_recording(&id, reason, None);
        }
        self.start_mix(&id);
        let preroll = self.recorder.runs.get(&id).map_or(0, |run| run.recording.wish.preroll_ms);
        for feed in self.feeds.keys().copied().collect::<Vec<_>>() {
            self.record_feed_in(&id, feed, Duration::from_millis(preroll));
        }
        let wanted = self.recorder.runs.get(&id).map(|run| self.feeds.keys().copied().filter(|feed| run.wants(*feed)));
        let wanted: Vec<_> = wanted.into_iter().flatten().collect();
        self.wake_ingests(&wanted);
        self.note_recorded_emptiness();
    }

    /// A feed's media flows: into every recording that wants it, and a room that always records begins one.
    pub(super) fn record_feed(&mut self, feed: FeedId) {
        self.keep_past(feed);
        let always = self.recorder.settings.record == RecordWhen::Always;
        let wish = self.recorder.settings.recording.clone();
        let runs = self.recorder.open().any(|run| run.recording.wish == wish);
        if always && !runs && self.closing.is_none() && self.ask_store(wish).is_err() {
            tracing::warn!(room.id = %self.id, "the room is to be recorded always, but has too many recordings");
        }
        for id in self.recorder.ids() {
            self.record_feed_in(&id, feed, Duration::ZERO);
        }
        self.note_recorded_emptiness();
    }

    /// A feed ended: its files are completed, the recordings go on.
    pub(super) fn finish_feed(&mut self, feed: FeedId) {
        for id in self.recorder.ids() {
            self.finish_file(&id, feed);
        }
    }

    /// The room's settings; they count for what begins from now on.
    pub(super) fn configure(&mut self, settings: RoomSettings) {
        let changed = self.recorder.settings.preroll_ms != settings.preroll_ms;
        self.recorder.settings = settings;
        let live: Vec<_> = self.feeds.iter().filter(|(_, f)| f.tracks.is_some()).map(|(id, _)| *id).collect();
        for feed in live {
            if changed {
                self.ask_keep_past(feed);
            }
            self.record_feed(feed);
        }
    }

    fn keep_past(&mut self, feed: FeedId) {
        if self.recorder.settings.preroll_ms > 0 {
            self.ask_keep_past(feed);
        }
    }

    fn ask_keep_past(&mut self, feed: FeedId) {
        let span = Duration::from_millis(self.recorder.settings.preroll_ms);
        self.ask(MediaRequest::KeepPast { feed, span });
    }

    fn reply_now(&mut self, token: u64, reply: Result<Reply, RoomError>) {
        self.effects.push(Effect::ReplyNow(Awaited::Recording(token), reply));
    }

    /// Saved, and told to everybody.
    fn recording_changed(&mut self, id: &RecordingId) {
        let Some(run) = self.recorder.runs.get_mut(id) else { return };
        run.save_at = None;
        let recording = run.recording.clone();
        self.effects.push(Effect::SaveRecording(Box::new(recording.clone())));
        self.emit(Audience::Everyone, EventKind::RecordingChanged { recording: Box::new(recording) });
    }
}

fn done(recording: &Recording) -> Reply {
    Reply::Recording(Box::new(recording.clone()))
}
