//! Whether a recording can be made: layouts that exist, pictures that can be written, and room on the machine for its mix.
//!
//! A budget, not a look at the moment's load: the same request gets the same answer on a busy day. Starts nothing.

use super::registry::Rooms;
use super::view::RoomView;
use crate::media;
use crate::model::{Layout, PictureWish, RecordingKind, RecordingWish};
use std::path::PathBuf;

/// A composed recording that asks for no size of its own.
const USUAL: PictureWish = PictureWish { width: 1280, height: 720, fps: 25 };

/// What mixes may take, and where their layouts are.
#[derive(Clone, Debug)]
pub struct Mixes {
    /// CPU cores for all together.
    pub cores: f64,
    /// Folder whose layouts override the embedded ones.
    pub templates: Option<PathBuf>,
}

/// What a recording would take.
#[derive(Clone, Debug, PartialEq)]
pub struct MixCost {
    /// CPU cores it takes while it runs.
    pub cores: f64,
    /// CPU cores that mixes may still take.
    pub free_cores: f64,
    /// Feeds counted: those that are live now, and at least one.
    pub feeds: usize,
    /// Why it would not be started, in words, and what to do instead.
    pub reason: Option<String>,
}

/// Why a recording cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unmixable {
    /// What was asked for is wrong.
    #[error("{0}")]
    Wish(String),
    /// The machine has no room for it.
    #[error("{0}")]
    Capacity(String),
}

impl Rooms {
    /// What a recording would take with the feeds that are live in its room now. Individual ones take next to nothing.
    pub async fn mix_cost(&self, room: &RoomView, wish: &RecordingWish) -> MixCost {
        let (feeds, all) = (live(room), self.mixes().map_or(f64::INFINITY, |mixes| mixes.cores));
        let cores = price(wish, feeds);
        let taken: f64 = self.list().await.iter().map(taken_by).sum();
        let free_cores = (all - taken).max(0.0);
        let possible = wish.kind == RecordingKind::Individual || cores <= free_cores;
        let reason = (!possible).then(|| {
            format!(
                "a mix of {feeds} feeds takes about {cores:.1} cores, and {free_cores:.1} of the {all:.1} for mixes are \
                 free: record individually now and make the mix afterwards (`millrace compose`), or raise \
                 recording.mix_cpu_percent"
            )
        });
        MixCost { cores, free_cores, feeds, reason }
    }

    /// Whether a recording can be made now.
    pub async fn check_recording(&self, room: &RoomView, wish: &RecordingWish) -> Result<(), Unmixable> {
        if wish.kind == RecordingKind::Composed {
            self.check_layout(&wish.layout).map_err(|words| Unmixable::Wish(format!("layout: {words}")))?;
        }
        if let Some(PictureWish { width, height, fps }) = wish.picture {
            media::check_picture(width as usize, height as usize, fps).map_err(Unmixable::Wish)?;
        }
        self.mix_cost(room, wish).await.reason.map_or(Ok(()), |reason| Err(Unmixable::Capacity(reason)))
    }

    /// Whether there is such a layout; else what is wrong, in words.
    pub fn check_layout(&self, layout: &Layout) -> Result<(), String> {
        let folder = self.mixes().and_then(|mixes| mixes.templates.as_deref());
        media::check_layout(layout, folder)
    }
}

fn live(room: &RoomView) -> usize {
    room.feeds.iter().filter(|feed| feed.live).count().max(1)
}

fn taken_by(room: &RoomView) -> f64 {
    let running = room.recordings.iter().filter(|recording| !recording.state.is_over());
    running.map(|recording| price(&recording.wish, live(room))).sum()
}

fn price(wish: &RecordingWish, feeds: usize) -> f64 {
    let PictureWish { width, height, fps } = wish.picture.unwrap_or(USUAL);
    media::mix_cost(wish.kind, feeds, (width, height), fps)
}
