//! WHIP (RFC 9725): `POST /whip/{room}` publishes. The routes, and who is let in.
//!
//! Who may publish in a room may make it by publishing: an encoder has no other way to ask for one. The room closes
//! some time after its last participant, as any.

pub mod translate;
pub mod wire;

use super::session::{Dialect, Endpoint, Problem, Sessions, handlers, http, location};
use super::Shared;
use super::client::{ClientAddress, host};
use crate::auth::TokenRole;
use crate::model::{Grants, RoomId};
use crate::room::RoomError;
use crate::room::registry::Joining;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::post;
use translate::Publishing;

/// The dialect's routes.
pub fn router(shared: Shared) -> axum::Router {
    let routes = axum::Router::new()
        .route("/whip/{room}", post(publish).options(http::endpoint_options))
        .route("/whip/{room}/sessions/{session}", handlers::session(http::FRAGMENT));
    handlers::finish(routes, Endpoint { shared, sessions: Sessions::default() })
}

async fn publish(
    State(Endpoint { shared, sessions }): State<Endpoint>,
    Path(room): Path<String>,
    Query(query): Query<wire::Query>,
    client: ClientAddress,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let (id, grants) = http::admit(&shared, &headers, TokenRole::Device, &room)?;
    let offer = http::offer(&headers, body)?;
    let who = joining(&query.name()?, id.clone(), grants);
    let room = shared.rooms.create(Some(id.clone())).map_err(|error: RoomError| Problem::of::<Publishing>(&error))?;
    let opened = sessions.open(room, who, Publishing, offer).await?;
    let location = location(Publishing::NAME, &id, &opened.id);
    let ice_servers = shared.handout.servers(host(&headers), Some(&client.household().to_string()));
    Ok(http::created(&opened, location, http::FRAGMENT, &ice_servers))
}

fn joining(name: &str, room: RoomId, grants: Grants) -> Joining {
    Joining {
        id: translate::participant(name),
        name: name.to_owned(),
        dialect: Publishing::NAME,
        grants: Grants { control: false, subscribe: false, publish: grants.publish, room: Some(room) },
        leaves_with_its_feed: true,
        unique: false,
    }
}
