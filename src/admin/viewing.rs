//! What a subscription gets and why, its limits, and the transcodes that run.

use super::Shared;
use super::access::Access;
use super::error::ApiError;
use super::rooms::body;
use crate::model::{Explanation, PeerId, Transcodes, ViewChange, ViewLimits};
use crate::room::{Command, Reply, RoomError, Watched};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};

/// What a viewer gets, since when, and why nothing better.
#[utoipa::path(
    get, path = "/rooms/{id}/subscriptions/{peer}/explain", tag = "feeds",
    params(("id" = String, Path, description = "the room"), ("peer" = u64, Path, description = "the subscription's peer")),
    responses(
        (status = OK, body = Explanation), (status = NOT_FOUND, body = ApiError),
        (status = CONFLICT, description = "it is not connected yet", body = ApiError),
    )
)]
pub async fn explain(
    access: Access,
    State(shared): State<Shared>,
    Path((id, peer)): Path<(String, String)>,
) -> Result<Json<Explanation>, ApiError> {
    let peer = find(&access, &shared, &id, &peer).await?;
    let explained = shared.engine.explain(peer);
    Ok(Json(explained.ok_or_else(|| RoomError::WrongState("the subscription is not connected yet".into()))?))
}

/// Changes what a subscription wants at most; what is left out stays, `null` lifts a limit.
#[utoipa::path(
    patch, path = "/rooms/{id}/subscriptions/{peer}", tag = "feeds", request_body = ViewChange,
    params(("id" = String, Path, description = "the room"), ("peer" = u64, Path, description = "the subscription's peer")),
    responses(
        (status = OK, body = ViewLimits), (status = NOT_FOUND, body = ApiError), (status = BAD_REQUEST, body = ApiError)
    )
)]
pub async fn limit(
    access: Access,
    State(shared): State<Shared>,
    Path((id, peer)): Path<(String, String)>,
    bytes: Bytes,
) -> Result<Json<ViewLimits>, ApiError> {
    let change: ViewChange = body(&bytes)?;
    let peer = find(&access, &shared, &id, &peer).await?;
    let command = Command::Limit { of: Watched::Peer(peer), change };
    match access.room(&shared, &id)?.request(None, command).await? {
        Reply::Limits(limits) => Ok(Json(limits)),
        _ => Err(RoomError::Internal("the room answered something else".into()).into()),
    }
}

/// The transcodes that run, what they cost and how many use them; with a token for one room those of its feeds.
#[utoipa::path(get, path = "/transcodes", tag = "feeds", responses((status = OK, body = Transcodes)))]
pub async fn transcodes(access: Access, State(shared): State<Shared>) -> Result<Json<Transcodes>, ApiError> {
    let mut all = shared.engine.transcodes();
    if let Some(only) = access.only_room() {
        let feeds = access.room(&shared, only.as_str())?.view().await?.feeds;
        all.running.retain(|transcode| feeds.iter().any(|feed| feed.id == transcode.feed));
    }
    Ok(Json(all))
}

/// A subscription of a room that the token may enter.
async fn find(access: &Access, shared: &Shared, room: &str, peer: &str) -> Result<PeerId, ApiError> {
    let view = access.room(shared, room)?.view().await?;
    let mut all = view.participants.iter().flat_map(|participant| &participant.subscriptions);
    let found = all.find(|subscription| subscription.peer.0.to_string() == peer);
    Ok(found.ok_or(RoomError::SubscriptionNotFound)?.peer)
}
