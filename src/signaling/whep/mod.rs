//! WHEP (draft-ietf-wish-whep, the client offers): `POST /whep/{room}` and `/whep/{room}/{feed}` watch. The routes, and
//! who is let in. `layer`: what a viewer wants at most.
//!
//! A room is never made here: there would be nothing to watch.

mod layer;
pub mod translate;
pub mod wire;

use super::session::member::random;
use super::session::{Dialect, Endpoint, Problem, Sessions, handlers, http, location};
use super::Shared;
use super::client::{ClientAddress, host};
use crate::auth::TokenRole;
use crate::model::{FeedId, Grants, RoomId};
use crate::room::registry::Joining;
use crate::room::{Command, Reply, RoomError, RoomHandle};
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use axum::routing::post;
use std::time::Duration;
use translate::Watching;
use wire::Address;

/// A mix that is made for this viewer is live within this.
const FIND_LIMIT: Duration = Duration::from_secs(15);

/// The dialect's routes.
pub fn router(shared: Shared) -> axum::Router {
    let routes = axum::Router::new()
        .route("/whep/{room}", post(watch).options(http::endpoint_options))
        .route("/whep/{room}/{feed}", post(watch).options(http::endpoint_options))
        .route("/whep/{room}/sessions/{session}", handlers::session(layer::ACCEPTS))
        .route("/whep/{room}/sessions/{session}/layer", layer::routes());
    handlers::finish(routes, Endpoint { shared, sessions: Sessions::default() })
}

async fn watch(
    State(Endpoint { shared, sessions }): State<Endpoint>,
    Path(address): Path<Address>,
    Query(query): Query<wire::Query>,
    client: ClientAddress,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let (id, grants) = http::admit(&shared, &headers, TokenRole::Web, &address.room)?;
    let offer = http::offer(&headers, body)?;
    let refused = |error: RoomError| Problem::of::<Watching>(&error);
    let room = shared.rooms.find(&id).map_err(refused)?;
    let feed = find(&room, address.feed).await.map_err(refused)?;
    let who = joining(&random::<4>().map_err(refused)?, id.clone(), grants);
    let opened = sessions.open(room, who, Watching { feed, own: query.own }, offer).await?;
    let location = location(Watching::NAME, &id, &opened.id);
    let link = layer::link(&location);
    let ice_servers = shared.handout.servers(host(&headers), Some(&client.household().to_string()));
    let mut response = http::created(&opened, location, layer::ACCEPTS, &ice_servers);
    response.headers_mut().extend(link.map(|link| (header::LINK, link)));
    Ok(response)
}

async fn find(room: &RoomHandle, name: Option<String>) -> Result<FeedId, RoomError> {
    let asked = room.request(None, Command::FindFeed { name });
    match tokio::time::timeout(FIND_LIMIT, asked).await {
        Ok(Ok(Reply::Feed(feed))) => Ok(feed),
        Ok(Ok(_)) => Err(RoomError::Internal("the room answered something else".into())),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(RoomError::Internal("the mix did not start in time".into())),
    }
}

fn joining(name: &str, room: RoomId, grants: Grants) -> Joining {
    Joining {
        id: translate::participant(name),
        name: name.to_owned(),
        dialect: Watching::NAME,
        grants: Grants { control: false, publish: false, subscribe: grants.subscribe, room: Some(room) },
        leaves_with_its_feed: false,
        unique: false,
    }
}
