//! Feeds and subscriptions with their live figures.

use super::Shared;
use super::access::Access;
use super::error::ApiError;
use crate::media::{FeedStats, PeerStats};
use crate::model::{FeedId, ParticipantId};
use crate::room::RoomError;
use crate::room::view::{FeedView, SubscriptionView};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

/// A feed with what arrives from its publisher.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Feed {
    #[serde(flatten)]
    feed: FeedView,
    /// `null` when its media is just beginning or ending.
    stats: Option<FeedStats>,
}

/// A subscription with what is sent to its subscriber.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Subscription {
    /// Who watches.
    #[schema(value_type = String)]
    participant: ParticipantId,
    #[serde(flatten)]
    subscription: SubscriptionView,
    /// `null` when it is just beginning or ending.
    stats: Option<PeerStats>,
}

/// All feeds of a room.
#[utoipa::path(
    get, path = "/rooms/{id}/feeds", tag = "feeds", params(("id" = String, Path, description = "the room")),
    responses((status = OK, body = Vec<Feed>), (status = NOT_FOUND, body = ApiError))
)]
pub async fn list(
    access: Access,
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Json<Vec<Feed>>, ApiError> {
    Ok(Json(feeds(&access, &shared, &id).await?))
}

/// One feed.
#[utoipa::path(
    get, path = "/rooms/{id}/feeds/{feed}", tag = "feeds",
    params(("id" = String, Path, description = "the room"), ("feed" = u64, Path, description = "the feed")),
    responses((status = OK, body = Feed), (status = NOT_FOUND, body = ApiError))
)]
pub async fn get(
    access: Access,
    State(shared): State<Shared>,
    Path((id, feed)): Path<(String, String)>,
) -> Result<Json<Feed>, ApiError> {
    let mut feeds = feeds(&access, &shared, &id).await?.into_iter();
    let found = feeds.find(|candidate| candidate.feed.id.0.to_string() == feed);
    Ok(Json(found.ok_or(RoomError::FeedNotFound)?))
}

/// How large a picture is wanted.
#[derive(Deserialize, utoipa::IntoParams)]
pub struct Size {
    /// Width in pixels, 16 to 1920; without it the feed's own.
    width: Option<u32>,
}

/// A picture of a live feed, now. Decoded on demand, at most once a second however many ask.
#[utoipa::path(
    get, path = "/rooms/{id}/feeds/{feed}/snapshot.jpg", tag = "feeds",
    params(("id" = String, Path, description = "the room"), ("feed" = u64, Path, description = "the feed"), Size),
    responses(
        (status = OK, content_type = "image/jpeg"), (status = NOT_FOUND, body = ApiError),
        (status = CONFLICT, description = "the feed has no picture", body = ApiError),
    )
)]
pub async fn snapshot(
    access: Access,
    State(shared): State<Shared>,
    Path((id, feed)): Path<(String, String)>,
    Query(size): Query<Size>,
) -> Result<Response, ApiError> {
    if size.width.is_some_and(|width| !(16..=1920).contains(&width)) {
        return Err(ApiError::bad_request("width: 16 to 1920 pixels"));
    }
    let feed = find(&access, &shared, &id, &feed).await?;
    let picture = shared.engine.snapshot(feed, size.width).await?;
    Ok(([(header::CONTENT_TYPE, "image/jpeg"), (header::CACHE_CONTROL, "private, max-age=1")], picture).into_response())
}

/// A feed of a room that the token may enter.
pub async fn find(access: &Access, shared: &Shared, room: &str, feed: &str) -> Result<FeedId, ApiError> {
    let view = access.room(shared, room)?.view().await?;
    let found = view.feeds.iter().find(|candidate| candidate.id.0.to_string() == feed);
    Ok(found.ok_or(RoomError::FeedNotFound)?.id)
}

async fn feeds(access: &Access, shared: &Shared, id: &str) -> Result<Vec<Feed>, ApiError> {
    let view = access.room(shared, id)?.view().await?;
    let with_stats = |feed: FeedView| Feed { stats: shared.engine.feed_stats(feed.id), feed };
    Ok(view.feeds.into_iter().map(with_stats).collect())
}

/// All subscriptions in a room.
#[utoipa::path(
    get, path = "/rooms/{id}/subscriptions", tag = "feeds", params(("id" = String, Path, description = "the room")),
    responses((status = OK, body = Vec<Subscription>), (status = NOT_FOUND, body = ApiError))
)]
pub async fn subscriptions(
    access: Access,
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Json<Vec<Subscription>>, ApiError> {
    let view = access.room(&shared, &id)?.view().await?;
    let mut all = Vec::new();
    for participant in view.participants {
        all.extend(participant.subscriptions.into_iter().map(|subscription| Subscription {
            participant: participant.id.clone(),
            stats: shared.engine.peer_stats(subscription.peer),
            subscription,
        }));
    }
    Ok(Json(all))
}
