//! Cameras of a session in its room.

use super::Actor;
use crate::model::{FeedId, IngestWish};
use crate::room::registry::Reply;
use crate::room::{Command, RoomError};

impl Actor {
    /// Asks the room for an ingest; whether it can be opened shows later. A camera has no client who would hear of its end.
    pub(super) async fn open(&mut self, wish: IngestWish) -> Result<FeedId, RoomError> {
        let added = self.add(wish).await;
        added.inspect_err(|error| tracing::warn!(room.id = %self.room_id, %error, "a session's camera is not added"))
    }

    async fn add(&mut self, wish: IngestWish) -> Result<FeedId, RoomError> {
        let room = self.room()?;
        if !self.watched {
            let events = room.watch().await?;
            self.hear("", events);
            self.watched = true;
        }
        match room.request(None, Command::AddIngest { wish: Box::new(wish) }).await? {
            Reply::Ingest(ingest) => Ok(ingest.feed),
            _ => Err(RoomError::Internal("the room did not say which feed it is".into())),
        }
    }

    /// Closes it; it may be gone already.
    pub(super) async fn shut(&mut self, name: String) {
        let Some(room) = &self.room else { return };
        let _gone_already = room.request(None, Command::RemoveIngest { name }).await;
    }
}
