//! What may be asked of a recording.

use crate::model::{FeedId, Kind};
use serde::{Deserialize, Serialize};

/// What a recording consists of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecordingKind {
    /// One file per feed, as it comes.
    #[default]
    Individual,
    /// One file: pictures in a layout, sounds mixed.
    Composed,
    /// One file: sounds mixed.
    Audio,
}

impl RecordingKind {
    /// The text, the same as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Individual => "individual",
            Self::Composed => "composed",
            Self::Audio => "audio",
        }
    }
}

/// How a composed picture is arranged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum Layout {
    /// A file of `pipelines/recording/layouts/`: `grid`, `speaker`, `side-by-side`, `picture-in-picture`…
    Named(String),
    /// Boxes of one's own, later ones over earlier ones; feeds without a box are not shown.
    Custom(Vec<LayoutBox>),
}

impl Default for Layout {
    fn default() -> Self {
        Self::Named("grid".into())
    }
}

/// A place in a picture, in parts of its width and height: 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LayoutBox {
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
    /// Name of the participant shown here; without one the next who has no box.
    #[serde(default)]
    pub participant: Option<String>,
}

/// Size and rate of a composed picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PictureWish {
    /// Width in pixels, even, 64 to 3840.
    pub width: u32,
    /// Height in pixels, even, 64 to 2160.
    pub height: u32,
    /// Pictures per second, 1 to 60.
    pub fps: u32,
}

/// How the file of a mix is, beside its layout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Film {
    /// Size and rate; `None`: as the layout says.
    pub picture: Option<PictureWish>,
    /// Without sound.
    pub silent: bool,
}

/// What is to be recorded, and until when. An empty body will do.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RecordingWish {
    /// What it consists of.
    pub kind: RecordingKind,
    /// Only this of each feed: sound or pictures. A composed recording with `video` alone has no sound; `audio` of a mix is
    /// the kind `audio`.
    pub only: Option<Kind>,
    /// Of a composed recording; switchable while it runs.
    pub layout: Layout,
    /// Size and rate of a composed picture; without it as the layout says.
    pub picture: Option<PictureWish>,
    /// Only these feeds; without it all of the room, present and future.
    pub feeds: Option<Vec<FeedId>>,
    /// Begin so many milliseconds ago, as far as the room or feed kept them (`preroll_ms` of the room's settings).
    pub preroll_ms: u64,
    /// Stop when nobody has published for so many milliseconds; without it it goes on until the room closes.
    pub stop_when_empty_ms: Option<u64>,
    /// Stop after so many milliseconds.
    pub max_length_ms: Option<u64>,
}

impl RecordingWish {
    /// How the file of a mix is.
    pub fn film(&self) -> Film {
        let composed = self.kind == RecordingKind::Composed;
        Film { picture: self.picture.filter(|_| composed), silent: composed && self.only == Some(Kind::Video) }
    }
}

/// Whether a room records by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecordWhen {
    /// When asked.
    #[default]
    Manual,
    /// Whenever somebody publishes.
    Always,
}

/// A room's settings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RoomSettings {
    /// Whether it records by itself.
    pub record: RecordWhen,
    /// What a recording is when nothing else is asked for.
    pub recording: RecordingWish,
    /// Keep the last so many milliseconds of each feed in memory, so that a recording or a clip can begin in the past.
    pub preroll_ms: u64,
}
