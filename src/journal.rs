//! What happened, for operators: every event of every room becomes one log line and some figures.
//!
//! Decides the words and the names of the figures; that something went wrong is said by its `EndReason`.

mod webhook;

pub use webhook::deliver;

use crate::model::{EndReason, FeedId, Recording, RecordingId, RecordingState, RoomId};
use crate::room::{Audience, Event, EventKind};
use metrics::counter;
use std::collections::{HashMap, HashSet};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tracing::{Level, info, warn};

/// Writes down events until there are no more.
pub async fn keep(mut events: Receiver<Event>) {
    let mut journal = Journal::default();
    loop {
        match events.recv().await {
            Ok(event) => journal.note(&event),
            Err(RecvError::Lagged(count)) => warn!(count, "the journal was too slow and skipped events"),
            Err(RecvError::Closed) => return,
        }
    }
}

/// Recordings that are over and remembered, so that a later change (an upload) is not told as another end.
const REMEMBERED: usize = 10_000;

/// What was noted already: a feed is announced again to each late joiner, a recording reports its progress.
#[derive(Default)]
struct Journal {
    feeds: HashSet<(RoomId, FeedId)>,
    recordings: HashMap<RecordingId, RecordingState>,
}

/// A line at `warn` when the reason is somebody's to look into, else at `info`.
macro_rules! ended {
    ($reason:expr, $($rest:tt)*) => {
        if $reason.is_failure() { warn!(reason = %$reason, $($rest)*) } else { info!(reason = %$reason, $($rest)*) }
    };
}

impl Journal {
    fn note(&mut self, event: &Event) {
        let room = &event.room;
        match &event.kind {
            EventKind::RoomCreated => room_created(room),
            EventKind::RoomClosed { reason } => self.room_closed(room, *reason),
            EventKind::ParticipantJoined { participant } => {
                counter!("media_participants_joined_total").increment(1);
                info!(room.id = %room, %participant, "participant joined");
            }
            EventKind::ParticipantLeft { participant, reason } => {
                counter!("media_participants_left_total", "reason" => reason.as_str()).increment(1);
                ended!(reason, room.id = %room, %participant, "participant left");
            }
            EventKind::RecordingChanged { recording } => self.recording(recording),
            kind => self.media(room, kind, &event.to),
        }
    }

    fn media(&mut self, room: &RoomId, kind: &EventKind, to: &Audience) {
        match kind {
            EventKind::FeedPublished { feed, publisher, tracks } => {
                // To a late joiner alone it is no news.
                if !matches!(to, Audience::One(_)) && self.feeds.insert((room.clone(), *feed)) {
                    counter!("media_feeds_published_total").increment(1);
                    let codecs: Vec<_> = tracks.iter().map(|track| track.codec.as_str()).collect();
                    info!(room.id = %room, %feed, %publisher, codecs = codecs.join(","), "feed live");
                }
            }
            EventKind::FeedEnded { feed, publisher, reason, detail } => {
                self.feeds.remove(&(room.clone(), *feed));
                counter!("media_feeds_ended_total", "reason" => reason.as_str()).increment(1);
                ended!(reason, room.id = %room, %feed, %publisher, detail, "feed ended");
            }
            EventKind::SubscriptionStarted { participant, feed, peer } => {
                counter!("media_subscriptions_started_total").increment(1);
                info!(room.id = %room, %participant, %feed, peer.id = %peer, "subscription connected");
            }
            EventKind::SubscriptionEnded { participant, feed, peer, reason, detail } => {
                counter!("media_subscriptions_ended_total", "reason" => reason.as_str()).increment(1);
                ended!(reason, room.id = %room, %participant, %feed, peer.id = %peer, detail, "subscription ended");
            }
            kind => refused(room, kind, to),
        }
    }

    fn room_closed(&mut self, room: &RoomId, reason: EndReason) {
        self.feeds.retain(|(of, _)| of != room);
        counter!("media_rooms_closed_total", "reason" => reason.as_str()).increment(1);
        ended!(reason, room.id = %room, "room closed");
    }

    fn recording(&mut self, recording: &Recording) {
        if self.recordings.insert(recording.id.clone(), recording.state) == Some(recording.state) {
            return;
        }
        if self.recordings.len() > REMEMBERED {
            self.recordings.retain(|_, state| !state.is_over());
        }
        match recording.state {
            RecordingState::Recording => {
                counter!("media_recordings_started_total").increment(1);
                info!(room.id = %recording.room, recording = %recording.id, "recording started");
            }
            RecordingState::Starting | RecordingState::Paused => {
                info!(room.id = %recording.room, recording = %recording.id, "recording {}", recording.state.as_str());
            }
            RecordingState::Finishing => info!(room.id = %recording.room, recording = %recording.id, "recording stops"),
            RecordingState::Ready | RecordingState::Failed => recording_ended(recording),
        }
    }
}

fn room_created(room: &RoomId) {
    counter!("media_rooms_created_total").increment(1);
    info!(room.id = %room, "room created");
}

/// Offers and answers on their way are for the debug log; what was refused is for everybody's.
fn refused(room: &RoomId, kind: &EventKind, to: &Audience) {
    let who = match to {
        Audience::One(participant) => participant.as_str(),
        Audience::Everyone | Audience::Journal => "",
    };
    match kind {
        EventKind::PublishRefused { error } => {
            info!(room.id = %room, participant = who, reason = %error, "offer refused")
        }
        EventKind::SubscriptionRefused { feed, error, .. } => {
            info!(room.id = %room, participant = who, %feed, reason = %error, "offer to watch refused");
        }
        EventKind::AnswerRefused { feed, error } => {
            info!(room.id = %room, participant = who, %feed, reason = %error, "answer refused");
        }
        other if tracing::enabled!(Level::DEBUG) => {
            tracing::debug!(room.id = %room, participant = who, ?other, "event")
        }
        _ => (),
    }
}

/// A recording's end with its facts: what an operator asks about first.
fn recording_ended(recording: &Recording) {
    let reason = recording.reason.unwrap_or(EndReason::Requested);
    let bytes: u64 = recording.files.iter().map(|file| file.bytes).sum();
    let duration_ms = recording.files.iter().map(|file| file.duration_ms).max().unwrap_or(0);
    let detail = recording.files.iter().find_map(|file| file.detail.as_deref()).unwrap_or_default();
    counter!("media_recordings_ended_total", "reason" => reason.as_str()).increment(1);
    counter!("media_recorded_bytes_total").increment(bytes);
    let (room, id, files) = (&recording.room, &recording.id, recording.files.len());
    if recording.state == RecordingState::Failed || reason.is_failure() {
        warn!(room.id = %room, recording = %id, %reason, files, duration_ms, bytes, detail, "recording failed");
    } else {
        info!(room.id = %room, recording = %id, %reason, files, duration_ms, bytes, "recording ready");
    }
}

#[cfg(test)]
mod tests;
