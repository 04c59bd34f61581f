//! What a mix takes of the machine, told before it starts, and the refusal when there is no room for it.
//!
//! A budget, not a look at the moment's load: the same request gets the same answer on a busy day.

use super::super::Shared;
use super::super::access::Access;
use super::super::error::ApiError;
use crate::media;
use crate::model::{RecordingKind, RecordingWish};
use crate::room::RoomView;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

/// Of a composed recording, in pixels.
const SIZE: (u32, u32) = (1280, 720);
/// Its pictures per second.
const FPS: u32 = 25;

/// A mix that is thought of.
#[derive(Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
pub struct Thought {
    /// What it is to consist of.
    #[param(inline)]
    kind: RecordingKind,
}

/// What a recording would take.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Cost {
    /// CPU cores it takes while it runs, measured on the machine that the documentation names.
    cores: f64,
    /// Cores that mixes may still take: `recording.mix_cpu_percent` of all, without what running ones take.
    free_cores: f64,
    /// Feeds counted: those that are live now, and at least one.
    feeds: usize,
    /// Whether it would be started.
    possible: bool,
    /// Why not, in words, and what to do instead.
    reason: Option<String>,
}

/// What a recording of this kind would take of the machine with the feeds that are live now. Individual recordings take
/// next to nothing.
#[utoipa::path(
    get, path = "/rooms/{id}/recordings/cost", tag = "recordings",
    params(("id" = String, Path, description = "the room"), Thought),
    responses((status = OK, body = Cost), (status = NOT_FOUND, body = ApiError))
)]
pub async fn cost(
    access: Access,
    State(shared): State<Shared>,
    Path(id): Path<String>,
    Query(thought): Query<Thought>,
) -> Result<Json<Cost>, ApiError> {
    let view = access.room(&shared, &id)?.view().await?;
    Ok(Json(of(&shared, &view, thought.kind).await))
}

/// A layout by its name.
#[derive(Serialize, utoipa::ToSchema)]
pub struct LayoutInfo {
    /// What a wish says.
    name: String,
    /// What it looks like, in a sentence.
    purpose: String,
}

/// The layouts that composed recordings may have; boxes of one's own are the alternative.
#[utoipa::path(get, path = "/recording-layouts", tag = "recordings", responses((status = OK, body = Vec<LayoutInfo>)))]
pub async fn layouts(_access: Access) -> Json<Vec<LayoutInfo>> {
    let all = media::layouts().into_iter();
    Json(all.map(|(name, purpose)| LayoutInfo { name, purpose }).collect())
}

/// Refuses what the machine has no room for, and layouts that do not exist.
pub async fn check(shared: &Shared, room: &RoomView, wish: &RecordingWish) -> Result<(), ApiError> {
    if wish.kind == RecordingKind::Composed {
        media::check_layout(&wish.layout).map_err(|words| ApiError::bad_request(format!("layout: {words}")))?;
    }
    match of(shared, room, wish.kind).await.reason {
        Some(reason) => Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "no_capacity", reason)),
        None => Ok(()),
    }
}

async fn of(shared: &Shared, room: &RoomView, kind: RecordingKind) -> Cost {
    let feeds = live(room);
    let cores = price(kind, feeds);
    let taken: f64 = shared.rooms.list().await.iter().map(taken_by).sum();
    let free_cores = (shared.mix_cores - taken).max(0.0);
    let possible = kind == RecordingKind::Individual || cores <= free_cores;
    let reason = (!possible).then(|| {
        format!(
            "a mix of {feeds} feeds takes about {cores:.1} cores, and {free_cores:.1} of the {:.1} for mixes are free: \
             record individually now and make the mix afterwards (`millrace compose`), or raise recording.mix_cpu_percent",
            shared.mix_cores
        )
    });
    Cost { cores, free_cores, feeds, possible, reason }
}

fn live(room: &RoomView) -> usize {
    room.feeds.iter().filter(|feed| feed.live).count().max(1)
}

fn taken_by(room: &RoomView) -> f64 {
    let running = room.recordings.iter().filter(|recording| !recording.state.is_over());
    running.map(|recording| price(recording.wish.kind, live(room))).sum()
}

fn price(kind: RecordingKind, feeds: usize) -> f64 {
    media::mix_cost(kind, feeds, SIZE, FPS)
}
