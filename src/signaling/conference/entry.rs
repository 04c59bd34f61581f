//! Coming into a room: under a name that nobody alive has, or whose holder gives no sign of life any more.

use super::super::client::ClientAddress;
use super::super::making::find_or_make;
use super::{Desk, names};
use crate::model::{EndReason, Grants, ParticipantId, RoomId};
use crate::room::registry::Joining;
use crate::room::{EventStream, RoomError, RoomHandle, RoomView};
use std::time::Duration;

/// How often a room that is just closing is waited for and made anew.
const TRIES: u32 = 3;
/// How long each time.
const CLOSING: Duration = Duration::from_secs(2);

/// A place in a room.
pub struct Seat {
    /// Who we are there.
    pub me: ParticipantId,
    /// What it tells us.
    pub events: EventStream,
}

/// Comes in; also how the room looks then.
pub async fn enter(
    desk: &Desk,
    client: ClientAddress,
    grants: &Grants,
    id: &RoomId,
    name: &str,
) -> Result<(RoomHandle, Seat, RoomView), RoomError> {
    if !grants.allows_room(id) {
        return Err(RoomError::Forbidden("the token is for another room".into()));
    }
    for _ in 0..TRIES {
        let room = find_or_make(&desk.shared, client, id)?;
        let who = joining(names::participant(name, None), name, grants);
        match desk.sockets.join(&room, who.clone()).await {
            Ok(events) => match room.view().await {
                Ok(view) => return Ok((room, Seat { me: who.id, events }, view)),
                Err(_) => continue,
            },
            // It is closing: its successor has the same name.
            Err(RoomError::RoomNotFound) => {
                drop(tokio::time::timeout(CLOSING, room.close(EndReason::RoomEmpty)).await);
            }
            Err(error) => return Err(error),
        }
        tokio::task::yield_now().await;
    }
    Err(RoomError::Internal("the room is just being closed: try again in a moment".into()))
}

/// A further place of somebody who is in the room, to publish from.
pub async fn sit_beside(room: &RoomHandle, name: &str, label: &str, grants: &Grants) -> Result<Seat, RoomError> {
    let me = names::participant(name, Some(label));
    let events = room.join(joining(me.clone(), &format!("{name} ({label})"), grants)).await?;
    Ok(Seat { me, events })
}

fn joining(id: ParticipantId, name: &str, grants: &Grants) -> Joining {
    Joining {
        id,
        name: name.to_owned(),
        dialect: "conference",
        grants: grants.clone(),
        leaves_with_its_feed: false,
        unique: true,
    }
}
