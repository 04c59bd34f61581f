//! Stops recordings and makes what is left of them: sheet, ZIP, picture.
//!
//! Whoever ends one, it ends here: its session hears that it stops, then that it is ready. What a service that died left
//! behind is settled at the next start.

use super::super::session::actor::Handle;
use super::kept::Kept;
use super::news::News;
use super::pack::pack;
use super::recorder::{NotStarted, NotStopped, Recorder};
use crate::model::{Recording, RoomId};
use crate::room::{Command, RoomHandle};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;

/// A recording is complete within this.
const STOP_LIMIT: Duration = Duration::from_secs(40);
/// Width of the picture of a composed one, in pixels.
const PICTURE_WIDTH: u32 = 480;
/// Its name beside the media.
const PICTURE: &str = "openvidu.jpg";

impl Recorder {
    /// Stops one by the application's word; returns when its files are complete.
    pub async fn stop(&self, id: &str, session: Option<Handle>) -> Result<Kept, NotStopped> {
        let status = self.running().get(id).map(|running| running.kept.status.clone());
        match status.as_deref() {
            Some("starting") => return Err(NotStopped::Starting),
            Some("started") => {}
            _ => return Err(NotStopped::NotFound),
        }
        let session = session.ok_or(NotStopped::NotRecorded)?;
        match session.with(|state| state.stop_by_hand()).await {
            Some(true) => self.end(id).await,
            // Somebody else was quicker.
            Some(false) => Err(NotStopped::NotFound),
            None => Err(NotStopped::NotRecorded),
        }
    }

    /// Stops one that its session has told to stop; returns when its files are complete.
    pub async fn end(&self, id: &str) -> Result<Kept, NotStopped> {
        let over = self.running().get(id).map(|running| running.over.clone());
        let (Some(mut over), Some(kept)) = (over, self.turn(id, "stopped").await) else {
            return Err(NotStopped::NotFound);
        };
        self.stop_writing(&kept).await;
        // An error is its end.
        let ended = timeout(STOP_LIMIT, over.changed()).await;
        let words = || NotStopped::Failed(format!("it is not complete after {} s", STOP_LIMIT.as_secs()));
        let kept = self.get(id).await.filter(|kept| ended.is_ok() && kept.is_over());
        kept.ok_or_else(words)
    }

    async fn stop_writing(&self, kept: &Kept) {
        if let Ok(room) = self.rooms.find(&RoomId::of_name(&kept.session)) {
            let _over = room.request(None, Command::StopRecording { recording: kept.of.clone() }).await;
        }
    }

    /// Until it is over, whoever ended it; then its session and the application are told.
    pub(super) async fn watch(
        self,
        session: Handle,
        room: RoomHandle,
        kept: Kept,
        mut news: News,
        over: watch::Sender<()>,
    ) {
        let recording = news.over(&kept.of, Some(&room)).await;
        let reason = recording.as_ref().and_then(|recording| recording.reason);
        session.with(move |state| state.recording_ended(reason)).await;
        let kept = self.finish(kept, recording.as_ref()).await;
        let told = kept.clone();
        session.with(move |state| state.recording_over(Some(&told))).await;
        self.running().remove(&kept.id);
        drop(over);
    }

    /// One that did not begin to run: what was written stays, as failed. Returns why, for the application.
    pub(super) async fn give_up(
        &self,
        session: &Handle,
        room: &RoomHandle,
        kept: Kept,
        mut news: News,
        words: String,
    ) -> NotStarted {
        self.stop_writing(&kept).await;
        let recording = match self.shelf.look(&kept.of).await {
            Some(recording) if recording.state.is_over() => Some(recording),
            _ => timeout(STOP_LIMIT, news.over(&kept.of, Some(room))).await.unwrap_or_default(),
        };
        let kept = self.finish(kept, recording.as_ref()).await.turned("failed");
        self.keep(&kept).await;
        self.running().remove(&kept.id);
        session.with(move |state| state.recording_failed(&kept)).await;
        NotStarted::Failed(words)
    }

    /// What is left of it.
    async fn finish(&self, kept: Kept, recording: Option<&Recording>) -> Kept {
        // The running one knows the streams that came later.
        let latest = self.running().get(&kept.id).map(|running| running.kept.clone());
        let mut kept = latest.unwrap_or(kept);
        match recording {
            Some(recording) => {
                kept.finish(recording);
                kept.file = self.file(&kept, recording).await;
                self.draw(&kept, recording).await;
            }
            None => kept.status = "failed".into(),
        }
        self.keep(&kept).await;
        kept
    }

    /// What its address names, and which file that is.
    async fn file(&self, kept: &Kept, recording: &Recording) -> Option<(String, String)> {
        if kept.individual {
            let packed = pack(&self.shelf, kept, recording).await;
            let packed =
                packed.inspect_err(|error| tracing::warn!(recording.id = %kept.of, %error, "the ZIP cannot be made"));
            return packed.ok().map(|file| (format!("{}.zip", kept.name), file));
        }
        let file = recording.files.first()?;
        let ending = file.name.rsplit('.').next().unwrap_or("mp4");
        Some((format!("{}.{ending}", kept.name), file.name.clone()))
    }

    /// A picture of a film, from its middle.
    async fn draw(&self, kept: &Kept, recording: &Recording) {
        let Some(film) = recording.files.iter().find(|file| file.width.is_some() && !kept.individual) else { return };
        let (of, name, middle) = (kept.of.clone(), film.name.clone(), Duration::from_millis(film.duration_ms / 2));
        let path = self.shelf.path(&kept.of, PICTURE);
        let drawn = self.shelf.blocking(move |store| {
            let jpeg = store.still(of.as_str(), &name, middle, PICTURE_WIDTH)?;
            std::fs::write(path, jpeg).map_err(|error| error.to_string())
        });
        if let Some(Err(reason)) = drawn.await {
            tracing::info!(recording.id = %kept.of, reason, "no picture of a film");
        }
    }

    /// Finishes what a service that died has left.
    pub(super) async fn settle(self) {
        let mut news = News::of(&self.rooms, &self.shelf);
        for kept in self.shelf.list().await.into_iter().filter(|kept| kept.status == "stopped") {
            let recording = match self.shelf.look(&kept.of).await {
                Some(recording) if recording.state.is_over() => Some(recording),
                _ => news.over(&kept.of, None).await,
            };
            self.finish(kept, recording.as_ref()).await;
        }
    }

    /// Removes one that is finished.
    pub async fn delete(&self, kept: &Kept) -> bool {
        self.shelf.delete(kept).await
    }

    /// Path of a finished one's file; `jpg` is its picture.
    pub fn path(&self, kept: &Kept, name: &str) -> Option<std::path::PathBuf> {
        let poster = name.strip_suffix(".jpg") == Some(kept.id.as_str());
        let file = kept.file.as_ref().filter(|(known, _)| known == name).map(|(_, file)| file.as_str());
        file.or(poster.then_some(PICTURE)).map(|file| self.shelf.path(&kept.of, file))
    }
}
