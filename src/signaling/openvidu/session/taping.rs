//! A session's task and its recording: begins it, adds streams, stops it. Whatever becomes of it, the session goes on.

use super::super::recording::kept::KeptStream;
use super::Millis;
use super::actor::{Actor, now};
use crate::model::RecordingId;
use crate::room::Command;
use std::time::Duration;

/// When this time has come; never without one.
pub(super) async fn until(at: Option<Millis>) {
    match at {
        Some(at) => tokio::time::sleep(Duration::from_millis(u64::try_from(at - now()).unwrap_or(0))).await,
        None => std::future::pending().await,
    }
}

impl Actor {
    /// As the session's properties say.
    pub(super) fn record(&self) {
        let Some(handle) = self.handle() else { return };
        let (recorder, properties) = (self.recorder.clone(), self.state.properties().recording.clone());
        tokio::spawn(async move {
            if let Err(why) = recorder.start(&handle, properties).await {
                tracing::warn!(?why, "a session is not recorded");
            }
        });
    }

    /// Its media may begin to flow at any time: the room hears of it at once.
    pub(super) async fn record_feed(&self, id: String, recording: RecordingId, stream: KeptStream) {
        if let Some(room) = &self.room {
            let _ended_meanwhile = room.request(None, Command::RecordFeed { recording, feed: stream.feed }).await;
        }
        let recorder = self.recorder.clone();
        tokio::spawn(async move { recorder.add(&id, stream).await });
    }

    /// Its end is told when it is there.
    pub(super) fn stop_recording(&self, id: String) {
        let recorder = self.recorder.clone();
        tokio::spawn(async move {
            if let Err(why) = recorder.end(&id).await {
                tracing::warn!(?why, "a recording does not stop");
            }
        });
    }
}
