//! A call whose media runs through the server: each side converses with it and is shown the other; its recording.
//!
//! Decides when whom is asked for what. The room holds the conversations and their descriptions; what is kept here is only
//! which feed is whose, and which recording is the call's.

use super::calls::Calls;
use super::lines::{LineId, Side};
use super::task::participant;
use crate::model::{
    Candidate, FeedId, Layout, Recording, RecordingId, RecordingKind, RecordingState, RecordingWish, Sdp,
};
use crate::room::{self, Command, Reply, RoomError, RoomHandle};

/// The conversation of the two.
pub struct Talk {
    calls: Calls,
    line: LineId,
    room: RoomHandle,
    feeds: [Option<FeedId>; 2],
    /// The subscriber has answered: all that media needs is there.
    runs: bool,
    /// A recording is wanted, and there was none yet. The line that says so may be gone before media flows.
    record: bool,
    recording: Option<RecordingId>,
}

impl Talk {
    /// Nothing said yet.
    pub fn new(calls: Calls, line: LineId, room: RoomHandle) -> Self {
        Self { calls, line, room, feeds: [None, None], runs: false, record: false, recording: None }
    }

    /// Whether the call goes on without its line.
    pub fn runs(&self) -> bool {
        self.runs
    }

    /// The initiator has offered; the subscriber is offered something in turn.
    pub async fn begin(&mut self, offer: Sdp) -> Result<(), RoomError> {
        self.record = self.calls.lines().wish(self.line).record;
        self.ask(Side::Initiator, Command::Converse { offer: Some(offer) }).await?;
        self.ask(Side::Subscriber, Command::Converse { offer: None }).await
    }

    /// The subscriber has answered.
    pub async fn answer(&mut self, answer: Sdp) -> Result<(), RoomError> {
        self.ask(Side::Subscriber, Command::AnswerConversation { answer }).await?;
        self.runs = true;
        Ok(())
    }

    /// A candidate; those before the description are kept by the room.
    pub async fn candidate(&self, side: Side, candidate: Option<Candidate>) -> Result<(), RoomError> {
        self.ask(side, Command::Candidate { side: room::Side::Publisher, candidate }).await
    }

    /// A side's feed is known; once both are, each sees the other.
    pub async fn publishes(&mut self, side: Side, feed: FeedId) {
        self.feeds[side as usize] = Some(feed);
        if self.feeds.iter().any(Option::is_none) {
            return;
        }
        for side in Side::BOTH {
            let feed = self.feeds[side.other() as usize];
            if let Err(error) = self.ask(side, Command::Face { feed }).await {
                tracing::warn!(%error, "a side of a call cannot be shown the other");
            }
        }
    }

    /// Media flows: the recording begins, if one is wanted.
    pub async fn record(&mut self) {
        if std::mem::take(&mut self.record) {
            self.start(RecordingKind::Composed).await;
        }
    }

    /// A mix that fails (there may be no CPU left for one) is replaced by the files of each.
    pub async fn recording_changed(&mut self, recording: Recording) {
        if self.recording.as_ref() != Some(&recording.id) || !recording.state.is_over() {
            return;
        }
        let failed = recording.state == RecordingState::Failed;
        match failed && recording.wish.kind == RecordingKind::Composed {
            true => self.start(RecordingKind::Individual).await,
            false => self.calls.lines().unrecorded(self.line),
        }
    }

    async fn start(&mut self, kind: RecordingKind) {
        let wish = RecordingWish { kind, layout: Layout::Named("side-by-side".into()), ..RecordingWish::default() };
        match self.room.request(None, Command::StartRecording { wish: Some(wish) }).await {
            Ok(Reply::Recording(recording)) => self.recording = Some(recording.id),
            Ok(_) | Err(RoomError::RoomNotFound) => {}
            Err(error) => {
                tracing::warn!(%error, "a call cannot be recorded");
                self.calls.lines().unrecorded(self.line);
            }
        }
    }

    async fn ask(&self, side: Side, command: Command) -> Result<(), RoomError> {
        self.room.request(Some(&participant(side)), command).await.map(|_| ())
    }
}
