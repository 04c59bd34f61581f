//! Sitting down in a room: who may, and what became of one who sat there before.
//!
//! A room's way of media is its first joiner's; it is read from who is in it, so that there is nothing to go stale.

use super::super::client::ClientAddress;
use super::super::making::find_or_make;
use super::super::session::member::random;
use super::Desk;
use super::translate::{DIALECTS, Refusal, dialect, name, participant};
use super::wire::{Join, Role, Via};
use crate::model::{EndReason, Grants, ParticipantId};
use crate::room::registry::Joining;
use crate::room::view::{ParticipantView, RoomView};
use crate::room::{Command, EventStream, RoomError, RoomHandle};
use std::time::Duration;

/// How often a room that is just closing is waited for and made anew.
const TRIES: u32 = 3;
/// How long each time.
const CLOSING: Duration = Duration::from_secs(2);

/// A place in a room.
pub struct Seat {
    /// The room.
    pub room: RoomHandle,
    /// What it tells us.
    pub events: EventStream,
    /// Who we are there.
    pub me: ParticipantId,
    /// As what.
    pub role: Role,
}

/// Sits down; also how the room looks then.
pub async fn take(
    desk: &Desk,
    client: ClientAddress,
    grants: &Grants,
    join: &Join,
) -> Result<(Seat, RoomView), Refusal> {
    if !grants.allows_room(&join.id) {
        return Err(Refusal::bad_request("the token is for another room"));
    }
    for _ in 0..TRIES {
        let room = find_or_make(&desk.shared, client, &join.id).map_err(|error| Refusal::of(&error, join.role))?;
        match enter(desk, room.clone(), grants, join).await? {
            Some(seated) => return Ok(seated),
            // It is closing: its successor has the same name.
            None => drop(tokio::time::timeout(CLOSING, room.close(EndReason::RoomEmpty)).await),
        }
        tokio::task::yield_now().await;
    }
    Err(Refusal::server_error("the room is just being closed: try again in a moment"))
}

/// `None`: the room is no more.
async fn enter(
    desk: &Desk,
    room: RoomHandle,
    grants: &Grants,
    join: &Join,
) -> Result<Option<(Seat, RoomView)>, Refusal> {
    let refused = |error: RoomError| Refusal::of(&error, join.role);
    let me = participant(join.role, join.via, &random::<4>().map_err(refused)?);
    let Ok(before) = room.view().await else { return Ok(None) };
    check_way(join.via, &before, None)?;
    let events = match desk.sockets.join(&room, joining(&me, grants, join)).await {
        Ok(events) => events,
        Err(RoomError::RoomNotFound) => return Ok(None),
        Err(error) => return Err(refused(error)),
    };
    let Ok(view) = room.view().await else { return Ok(None) };
    let mine = view.participants.iter().find(|who| who.id == me);
    if let Err(refusal) = check_way(join.via, &view, mine) {
        drop(events);
        let _closed_already = room.request(Some(&me), Command::Leave).await;
        return Err(refusal);
    }
    Ok(Some((Seat { room, events, me, role: join.role }, view)))
}

fn joining(me: &ParticipantId, grants: &Grants, join: &Join) -> Joining {
    Joining {
        id: me.clone(),
        name: name(join.role).into(),
        dialect: dialect(join.via),
        grants: grants.clone(),
        leaves_with_its_feed: false,
        unique: true,
    }
}

/// Whether nobody of the other way is here, or nobody who came before us if two came at the same moment.
fn check_way(via: Via, room: &RoomView, mine: Option<&ParticipantView>) -> Result<(), Refusal> {
    let earlier = |who: &&ParticipantView| mine.is_none_or(|me| (who.joined_at, &who.id) < (me.joined_at, &me.id));
    let others = |who: &&ParticipantView| DIALECTS.contains(&who.dialect.as_str()) && who.dialect != dialect(via);
    match (room.participants.iter().filter(earlier).any(|who| others(&who)), via) {
        (false, _) => Ok(()),
        (true, Via::Pages) => Err(Refusal::bad_request(
            "this room's media goes through the server: join with \"via\": \"server\", or take another room",
        )),
        (true, Via::Server) => Err(Refusal::bad_request(
            "this room's media goes from page to page: join without \"via\", or take another room",
        )),
    }
}

impl Seat {
    /// Whether nobody but its holder is in the way of another seat in its room.
    pub async fn may_become(&self, desk: &Desk, join: &Join) -> Result<(), Refusal> {
        let Ok(mut view) = self.room.view().await else { return Ok(()) };
        view.participants.retain(|who| who.id != self.me);
        check_way(join.via, &view, None)?;
        let wanted = (self.room.id().clone(), participant(join.role, join.via, ""));
        let held = view.participants.iter().any(|who| who.id == wanted.1 && who.connected);
        match held && desk.sockets.is_alive(&wanted).await {
            true => Err(Refusal::of(&RoomError::Occupied, join.role)),
            false => Ok(()),
        }
    }

    /// Leaves at once: who comes back sits down anew. A stream that has ended is not ours to leave by: another may sit here.
    pub async fn leave(self) {
        let replaced = self.events.is_closed();
        drop(self.events);
        if !replaced {
            let _closed_already = self.room.request(Some(&self.me), Command::Leave).await;
        }
    }
}
