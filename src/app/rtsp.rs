//! The RTSP server: its port, and who may come in by which token.

use super::{StartError, serve};
use crate::auth::{Auth, AuthError, TokenRole};
use crate::config::Config;
use crate::media::GstEngine;
use crate::media::rtsp::{Door, Place, Refusal};
use crate::model::FeedId;
use crate::room::{Command, Reply, RoomError, Rooms};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A listening server.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    task: JoinHandle<()>,
}

impl Server {
    /// Waits for its end, which `closing` brought about.
    pub async fn ended(mut self, limit: Duration) {
        if tokio::time::timeout(limit, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}

/// Listens, unless it is switched off.
pub fn start(
    config: &Config,
    engine: &GstEngine,
    (auth, rooms): (&Auth, &Rooms),
    closing: &CancellationToken,
) -> Result<Option<Server>, StartError> {
    let Some(wanted) = config.rtsp.listen else { return Ok(None) };
    let (listener, address) = serve::bind("rtsp.listen", "MILLRACE_RTSP__LISTEN", wanted)?;
    let house = engine.rtsp(Arc::new(Tokens { auth: auth.clone(), rooms: rooms.clone() }), config.rtsp.max_clients);
    let task = tokio::spawn(house.serve(listener, closing.clone()));
    Ok(Some(Server { address, task }))
}

/// The door: a console's or the API's token, good for the room.
struct Tokens {
    auth: Auth,
    rooms: Rooms,
}

impl Door for Tokens {
    fn enter(&self, place: Place, token: Option<String>) -> BoxFuture<'static, Result<FeedId, Refusal>> {
        let grants = self.auth.check(token.as_deref().unwrap_or_default(), TokenRole::Web);
        let rooms = self.rooms.clone();
        async move {
            let grants = grants.map_err(|error| match error {
                AuthError::Unauthorized => Refusal::Unauthorized,
                AuthError::Forbidden => Refusal::Forbidden,
            })?;
            if !grants.subscribe || !grants.allows_room(&place.room) {
                return Err(Refusal::Forbidden);
            }
            let room = rooms.find(&place.room).map_err(|_| Refusal::NotFound)?;
            match room.request(None, Command::FindFeed { name: place.feed }).await {
                Ok(Reply::Feed(feed)) => Ok(feed),
                Ok(_) => Err(Refusal::NotFound),
                Err(RoomError::RoomNotFound | RoomError::FeedNotFound) => Err(Refusal::NotFound),
                Err(RoomError::Forbidden(_)) => Err(Refusal::Forbidden),
                Err(_) => Err(Refusal::Busy),
            }
        }
        .boxed()
    }
}
