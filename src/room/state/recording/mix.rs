//! Recordings that are a mix: one file for all feeds, which come and go in it.

use super::{State, Writing};
use crate::media::MediaRequest;
use crate::model::{Happening, Layout, RecordingId, RecordingKind};
use crate::room::command::RoomError;

impl State {
    pub(super) fn start_mix(&mut self, id: &RecordingId) {
        let title = self.id.to_string();
        let Some(run) = self.recorder.runs.get_mut(id).filter(|run| run.is_mix() && run.is_open()) else { return };
        run.writing.insert(None, Writing { name: title.clone(), place: None, segment: 1, before: None });
        let (recording, stem) = (id.clone(), run.folder.join("mix"));
        let wish = &run.recording.wish;
        let layout = (wish.kind == RecordingKind::Composed).then(|| wish.layout.clone());
        let film = wish.film();
        self.ask(MediaRequest::Mix { recording, stem, layout, film, title });
    }

    /// Another layout from now on.
    pub(in crate::room::state) fn set_layout(&mut self, id: &RecordingId, layout: Layout) -> Result<(), RoomError> {
        let run = self.recorder.runs.get_mut(id).filter(|run| run.is_open()).ok_or(RoomError::RecordingNotFound)?;
        if run.recording.wish.kind != RecordingKind::Composed {
            return Err(RoomError::WrongState("only a composed recording has a layout".into()));
        }
        run.recording.wish.layout = layout.clone();
        self.log_in(id, Happening::LayoutChanged { layout: layout.clone() });
        self.ask(MediaRequest::MixLayout { recording: id.clone(), layout });
        self.recording_changed(id);
        Ok(())
    }
}
