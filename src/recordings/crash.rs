//! What a service that died left behind: states and sizes are put right from what lies on the disk.

use super::is_running;
use crate::model::{EndReason, Recording, RecordingFile, RecordingState};
use std::path::Path;

const DETAIL: &str = "the service stopped while recording";

/// Ends a recording that nobody writes any more.
pub(super) fn settle(recording: &mut Recording, folder: &Path) {
    recording.state = RecordingState::Failed;
    recording.reason = Some(EndReason::EngineError);
    recording.ended_at = last_write(recording, folder).or(Some(recording.started_at));
    for file in recording.files.iter_mut().filter(|f| is_running(f.state)) {
        settle_file(file, folder);
    }
}

fn settle_file(file: &mut RecordingFile, folder: &Path) {
    file.state = RecordingState::Failed;
    file.reason = Some(EndReason::EngineError);
    file.detail = Some(DETAIL.into());
    if let Ok(metadata) = std::fs::metadata(folder.join(&file.name)) {
        file.bytes = metadata.len();
    }
}

fn last_write(recording: &Recording, folder: &Path) -> Option<jiff::Timestamp> {
    let times = recording.files.iter().filter_map(|f| std::fs::metadata(folder.join(&f.name)).ok()?.modified().ok());
    times.max().and_then(|t| jiff::Timestamp::try_from(t).ok())
}
