//! Cameras of the settings, opened at start: each in its room, which is made for it.

use crate::config::Config;
use crate::model::RoomId;
use crate::room::{Command, Rooms};

/// Adds them all; one that cannot be added is logged, and the others are all the same.
pub async fn add(rooms: &Rooms, config: &Config) {
    for (room, cameras) in &config.cameras {
        for wish in cameras {
            let room = RoomId::new(room);
            let wish = Box::new(wish.clone());
            let name = wish.name.clone();
            let added = match rooms.create(Some(room.clone())) {
                Ok(handle) => handle.request(None, Command::AddIngest { wish }).await.map(|_| ()),
                Err(error) => Err(error),
            };
            if let Err(reason) = added {
                tracing::warn!(room.id = %room, name, %reason, "a camera of the settings cannot be added");
            }
        }
    }
}
