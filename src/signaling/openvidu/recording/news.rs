//! What becomes of one recording, as its room tells it; what was missed is looked up in the store.

use super::shelf::Shelf;
use crate::model::{Recording, RecordingId};
use crate::room::{Event, EventKind, RoomHandle, Rooms};
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, timeout};

/// The store is asked when there was no news for so long.
const LOOK: Duration = Duration::from_secs(1);
/// A room that is gone has stored its recordings within this.
const GONE_LIMIT: Duration = Duration::from_secs(10);

/// News of recordings.
pub struct News {
    journal: Receiver<Event>,
    shelf: Shelf,
}

impl News {
    /// From now on: to be taken before a recording is asked for.
    pub fn of(rooms: &Rooms, shelf: &Shelf) -> Self {
        Self { journal: rooms.journal(), shelf: shelf.clone() }
    }

    /// How it stands after its next change; `None`: there is no such recording any more.
    pub async fn next(&mut self, of: &RecordingId) -> Option<Recording> {
        match timeout(LOOK, self.change(of)).await {
            Ok(Some(changed)) => Some(changed),
            _ => self.shelf.look(of).await,
        }
    }

    async fn change(&mut self, of: &RecordingId) -> Option<Recording> {
        loop {
            match self.journal.recv().await {
                Ok(Event { kind: EventKind::RecordingChanged { recording }, .. }) if recording.id == *of => {
                    return Some(*recording);
                }
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => return None,
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }

    /// When it is over; `None`: it is gone, or its room ended without it.
    pub async fn over(&mut self, of: &RecordingId, room: Option<&RoomHandle>) -> Option<Recording> {
        let mut gone: Option<Instant> = None;
        loop {
            let recording = self.next(of).await?;
            if recording.state.is_over() {
                return Some(recording);
            }
            if room.is_some_and(RoomHandle::is_gone) {
                let since = *gone.get_or_insert_with(Instant::now);
                if since.elapsed() > GONE_LIMIT {
                    return None;
                }
            }
        }
    }
}
