//! Participants of a room, clients that are connected, invitations.

use super::Shared;
use super::access::Access;
use super::error::ApiError;
use super::rooms::body_or_default;
use crate::media::PeerStats;
use crate::model::ParticipantId;
use crate::room::view::ParticipantView;
use crate::room::{Command, Presence, Role};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

/// A participant with the live figures of its publishing peer.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Participant {
    #[serde(flatten)]
    participant: ParticipantView,
    /// `null` when it publishes nothing.
    publisher_stats: Option<PeerStats>,
}

/// Everybody in a room.
#[utoipa::path(
    get, path = "/rooms/{id}/participants", tag = "participants",
    params(("id" = String, Path, description = "the room")),
    responses((status = OK, body = Vec<Participant>), (status = NOT_FOUND, body = ApiError))
)]
pub async fn list(
    access: Access,
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Json<Vec<Participant>>, ApiError> {
    let view = access.room(&shared, &id)?.view().await?;
    let with_stats = |participant: ParticipantView| Participant {
        publisher_stats: participant.publisher.and_then(|peer| shared.engine.peer_stats(peer)),
        participant,
    };
    Ok(Json(view.participants.into_iter().map(with_stats).collect()))
}

/// Removes a participant from a room.
#[utoipa::path(
    delete, path = "/rooms/{id}/participants/{participant}", tag = "participants",
    params(("id" = String, Path, description = "the room"), ("participant" = String, Path, description = "whom")),
    responses((status = NO_CONTENT), (status = NOT_FOUND, body = ApiError))
)]
pub async fn kick(
    access: Access,
    State(shared): State<Shared>,
    Path((id, participant)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    access.admin_only()?;
    let command = Command::Kick { participant: ParticipantId::new(participant) };
    access.room(&shared, &id)?.request(None, command).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Every client that is connected: consoles and devices.
#[utoipa::path(get, path = "/clients", tag = "clients", responses((status = OK, body = Vec<Presence>)))]
pub async fn clients(access: Access, State(shared): State<Shared>) -> Json<Vec<Presence>> {
    Json(presence(&access, &shared))
}

/// The devices that are connected, in a room or available.
#[utoipa::path(get, path = "/devices", tag = "clients", responses((status = OK, body = Vec<Presence>)))]
pub async fn devices(access: Access, State(shared): State<Shared>) -> Json<Vec<Presence>> {
    let mut devices = presence(&access, &shared);
    devices.retain(|client| client.role == Role::Device);
    Json(devices)
}

/// A token for one room does not learn who is in others.
fn presence(access: &Access, shared: &Shared) -> Vec<Presence> {
    let mut clients = shared.lobby.list();
    clients.retain(|client| client.room.as_ref().is_none_or(|room| access.sees(room)));
    clients
}

/// Who invites; an empty body will do.
#[derive(Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Invitation {
    /// The client id that devices are told as inviter; default `api`.
    inviter: Option<String>,
}

/// Whom an invitation reached.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Invited {
    /// Client ids of the devices.
    devices: Vec<String>,
}

/// Invites every available device to publish in a room.
#[utoipa::path(
    post, path = "/rooms/{id}/invite", tag = "clients", params(("id" = String, Path, description = "the room")),
    request_body(content = Option<Invitation>, content_type = "application/json"),
    responses((status = OK, body = Invited), (status = NOT_FOUND, body = ApiError))
)]
pub async fn invite(
    access: Access,
    State(shared): State<Shared>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Invited>, ApiError> {
    let invitation: Invitation = body_or_default(&body)?;
    let room = access.room(&shared, &id)?;
    let invited = shared.lobby.invite(room.id(), invitation.inviter.as_deref().unwrap_or("api"));
    Ok(Json(Invited { devices: invited.into_iter().map(|client| client.id).collect() }))
}
