//! What is measured in a recording's file, and where copies of it are.

use crate::model::EndReason;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What was measured while a file was written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub struct FileFacts {
    /// Sound's place in the file minus where the sender's clocks (RTCP sender reports) put it, against the picture,
    /// in milliseconds, at the start; positive: sound is late. `None`: no reports, or not both tracks.
    pub offset_start_ms: Option<f64>,
    /// The same at the end.
    pub offset_end_ms: Option<f64>,
    /// How much faster (positive) the sender's sound clock ran than its picture clock, in parts per million.
    pub drift_ppm: Option<f64>,
    /// Mean pictures per second.
    pub framerate: f64,
    /// Mean bits per second.
    pub bitrate: u64,
    /// Pictures written.
    pub pictures: u64,
    /// RTP packets that never came.
    pub packets_lost: u64,
    /// Seconds that are missing, with the reason.
    pub gaps: Vec<Gap>,
    /// When somebody spoke in it, as `[from, to]` in milliseconds (RFC 6464 levels).
    pub speech: Vec<[u64; 2]>,
}

/// Something is missing here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Gap {
    /// Place in the file in milliseconds.
    pub at_ms: u64,
    /// How much is missing, in milliseconds. It takes no time in the file when it was a pause.
    pub length_ms: u64,
    /// `paused`, `lost`, `reconnect`, `disk`, `muted`.
    pub why: String,
}

/// A poster and a sprite of thumbnails, files of the recording's folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Thumbnails {
    /// The file they show.
    pub file: String,
    /// Poster's file name (JPEG).
    pub poster: String,
    /// Sprite's file name (JPEG).
    pub sprite: String,
    /// Width of one thumbnail in pixels.
    pub width: u32,
    /// Height of one thumbnail in pixels.
    pub height: u32,
    /// Thumbnails in a row of the sprite.
    pub columns: u32,
    /// Thumbnails in all.
    pub count: u32,
    /// Milliseconds from one to the next.
    pub interval_ms: u64,
}

/// Where a copy of a file stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UploadState {
    /// Waits for its turn, or for the next attempt.
    Waiting,
    /// Is being sent.
    Sending,
    /// There, its size and checksum verified.
    Done,
    /// Given up; `error` says why. It is tried again when asked for, or at the next start.
    Failed,
}

/// A copy of a file at a destination.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Upload {
    /// `primary` or `backup`.
    pub destination: String,
    /// Its address there, without credentials.
    pub url: String,
    /// Where it stands.
    pub state: UploadState,
    /// Bytes sent so far.
    pub sent_bytes: u64,
    /// Attempts so far.
    pub attempts: u32,
    /// Why the last attempt failed, in words.
    pub error: Option<String>,
    /// When it was verified.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub verified_at: Option<Timestamp>,
    /// Whether the file in the local folder was removed since.
    pub local_removed: bool,
    /// SHA-256 in hex of the bytes that were read back from there, once verified.
    #[serde(default)]
    pub sha256: Option<String>,
}

impl FileFacts {
    /// Notes that something is missing.
    pub fn missing(&mut self, at_ms: u64, length_ms: u64, why: &str) {
        self.gaps.push(Gap { at_ms, length_ms, why: why.into() });
    }
}

/// Why a file is missing seconds, from why the one before ended.
pub fn gap_reason(reason: EndReason) -> &'static str {
    match reason {
        EndReason::CodecChanged => "codec_changed",
        EndReason::DiskFull | EndReason::StorageFailed => "disk",
        _ => "reconnect",
    }
}
