//! Rooms that guests make: counted as their maker's as long as they live, whoever is in them.

use super::Shared;
use super::client::ClientAddress;
use super::quota::{Held, Kind};
use crate::model::RoomId;
use crate::room::{RoomError, RoomHandle};

/// A room of this name, made if it is not there. Needs a tokio runtime.
pub fn find_or_make(shared: &Shared, client: ClientAddress, id: &RoomId) -> Result<RoomHandle, RoomError> {
    let Shared { rooms, quotas, .. } = shared;
    if let Ok(room) = rooms.find(id) {
        return Ok(room);
    }
    let held = quotas.hold(client, Kind::Room).map_err(|over| RoomError::Limit(over.limit()))?;
    quotas.made(client).map_err(|over| RoomError::Limit(over.limit()))?;
    let room = rooms.create(Some(id.clone()))?;
    tokio::spawn(hold(held, room.clone()));
    Ok(room)
}

async fn hold(held: Held, room: RoomHandle) {
    room.ended().await;
    drop(held);
}
