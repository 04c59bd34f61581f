//! What is known of a recording: the manifest on disk, the API's answer and the event's body are this one type.

use super::{Codec, EndReason, FeedId, ParticipantId, RecordingId, RoomId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

mod facts;
mod wish;
pub use facts::{FileFacts, Gap, Thumbnails, Upload, UploadState, gap_reason};
pub use wish::{Film, Layout, LayoutBox, PictureWish, RecordWhen, RecordingKind, RecordingWish, RoomSettings};

/// Where a recording, or one of its files, stands:
/// `starting → recording ⇄ paused → finishing → ready | failed`. Each waiting state has a deadline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecordingState {
    /// Asked for; the first picture or sound is waited for.
    Starting,
    /// Media is being written.
    #[default]
    Recording,
    /// Nothing is written until it is resumed; the files stay open.
    Paused,
    /// Told to stop; files are being completed.
    Finishing,
    /// Complete and playable.
    Ready,
    /// Ended early; what was written is kept. `reason` says why.
    Failed,
}

impl RecordingState {
    /// Whether nothing changes any more.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Ready | Self::Failed)
    }
    /// The text, the same as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Recording => "recording",
            Self::Paused => "paused",
            Self::Finishing => "finishing",
            Self::Ready => "ready",
            Self::Failed => "failed",
        }
    }
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
    /// The reason in words, when there is more to say.
    #[serde(default)]
    pub detail: Option<String>,
    /// What was asked for.
    #[serde(default)]
    pub wish: RecordingWish,
    /// Files in the order in which they began: one per feed and segment, or the mix.
    pub files: Vec<RecordingFile>,
    /// What happened in the room while it ran, in order: who was there, what was published, pauses, layouts.
    #[serde(default)]
    pub events: Vec<RecordingEvent>,
    /// Whether a crash cut it off and the repair at the next start finished it.
    #[serde(default)]
    pub repaired: bool,
    /// When it was put into the bin; from there it can be restored for a while.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub deleted_at: Option<Timestamp>,
    /// Pictures of it, once made.
    #[serde(default)]
    pub thumbnails: Option<Thumbnails>,
}

impl Recording {
    /// One that has just been asked for.
    pub fn new(id: RecordingId, room: RoomId, wish: RecordingWish, started_at: Timestamp) -> Self {
        Self {
            id,
            room,
            state: RecordingState::Starting,
            started_at,
            ended_at: None,
            reason: None,
            detail: None,
            wish,
            files: Vec::new(),
            events: Vec::new(),
            repaired: false,
            deleted_at: None,
            thumbnails: None,
        }
    }
}

/// One file of a recording: one feed's segment, passthrough, or a mix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RecordingFile {
    /// File name inside the recording's folder, `[A-Za-z0-9_.-]+`.
    pub name: String,
    /// The feed recorded; none for a mix.
    pub feed: Option<FeedId>,
    /// Who published it; the room's name for a mix.
    pub publisher: String,
    /// Counts the files of one participant from 1: a new one begins where a container could not go on.
    #[serde(default = "first")]
    pub segment: u32,
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
    /// What was measured in it.
    #[serde(default)]
    pub facts: FileFacts,
    /// Where copies of it went or are going.
    #[serde(default)]
    pub uploads: Vec<Upload>,
}

fn first() -> u32 {
    1
}

/// Something that happened while a recording ran.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RecordingEvent {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub what: Happening,
}

/// What happened while a recording ran.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Happening {
    /// Somebody was in the room, from here on.
    Joined {
        /// Who.
        #[schema(value_type = String)]
        participant: ParticipantId,
        /// Name for people.
        name: String,
    },
    /// Somebody left.
    Left {
        /// Who.
        #[schema(value_type = String)]
        participant: ParticipantId,
        /// Why.
        reason: EndReason,
    },
    /// A feed's media began to flow.
    Published {
        /// Which.
        feed: FeedId,
        /// By whom.
        #[schema(value_type = String)]
        participant: ParticipantId,
        /// Name for people.
        name: String,
    },
    /// A feed was over.
    Unpublished {
        /// Which.
        feed: FeedId,
        /// Why.
        reason: EndReason,
    },
    /// The recording was paused.
    Paused,
    /// The recording went on.
    Resumed,
    /// The layout of the mix was changed.
    LayoutChanged {
        /// To this.
        layout: Layout,
    },
}
