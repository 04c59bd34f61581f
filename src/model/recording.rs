//! What is known of a recording: the manifest on disk, the API's answer and the event's body are this one type.

use super::{Codec, EndReason, FeedId, RecordingId, RoomId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Where a recording, or one of its files, stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecordingState {
    /// Media is being written, or waited for.
    Recording,
    /// Told to stop; files are being completed.
    Finishing,
    /// Complete and playable.
    Ready,
    /// Ended early; what was written is kept. `reason` says why.
    Failed,
}

/// A recording of a room.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Recording {
    /// Its identity, and the name of its folder.
    pub id: RecordingId,
    /// The room recorded.
    pub room: RoomId,
    /// Where it stands; `Ready` once all files are.
    pub state: RecordingState,
    /// When it was asked for.
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// When the last file was complete.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
    /// Why it ended.
    pub reason: Option<EndReason>,
    /// One per feed, in the order in which they began.
    pub files: Vec<RecordingFile>,
}

/// One file of a recording: one feed, passthrough.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RecordingFile {
    /// File name inside the recording's folder, `[A-Za-z0-9_.-]+`.
    pub name: String,
    /// The feed recorded.
    pub feed: FeedId,
    /// Who published it.
    pub publisher: String,
    /// Where it stands.
    pub state: RecordingState,
    /// Codecs in it.
    pub codecs: Vec<Codec>,
    /// Wall clock of the first picture or sound; `None` until one was written.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started_at: Option<Timestamp>,
    /// Length in milliseconds.
    pub duration_ms: u64,
    /// Size in bytes.
    pub bytes: u64,
    /// Width of the first picture in pixels.
    pub width: Option<u32>,
    /// Height of the first picture in pixels.
    pub height: Option<u32>,
    /// Why it ended.
    pub reason: Option<EndReason>,
    /// The reason in words, when there is more to say.
    pub detail: Option<String>,
}
