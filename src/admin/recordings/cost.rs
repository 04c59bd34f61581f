//! What a mix takes of the machine, told before it starts, and the refusal when there is no room for it.
//!
//! Decides the words and statuses; the budget is the rooms'.

use super::super::Shared;
use super::super::access::Access;
use super::super::error::ApiError;
use crate::media;
use crate::model::{RecordingKind, RecordingWish};
use crate::room::{MixCost, RoomView, Unmixable};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

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
    let wish = RecordingWish { kind: thought.kind, ..RecordingWish::default() };
    let MixCost { cores, free_cores, feeds, reason } = shared.rooms.mix_cost(&view, &wish).await;
    Ok(Json(Cost { cores, free_cores, feeds, possible: reason.is_none(), reason }))
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
    shared.rooms.check_recording(room, wish).await.map_err(|why| match why {
        Unmixable::Wish(words) => ApiError::bad_request(words),
        Unmixable::Capacity(words) => ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "no_capacity", words),
    })
}
