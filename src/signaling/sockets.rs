//! The sockets of those who sit, for whoever wants a seat that is taken: does its holder still live?
//!
//! A page that lost its network is back before the pings have found its old socket dead, and pages of old take a refusal
//! for the last word. So the holder is asked at once.

use super::socket::Pulse;
use crate::model::{ParticipantId, RoomId};
use crate::room::registry::Joining;
use crate::room::view::ParticipantView;
use crate::room::{Command, EventStream, RoomError, RoomHandle};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a holder has to answer.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// A seat: where, and whose.
pub type Place = (RoomId, ParticipantId);

/// One socket for each seat that is taken. Cheap to clone.
#[derive(Clone, Default)]
pub struct Sockets(Arc<Mutex<Table>>);

#[derive(Default)]
struct Table {
    last: u64,
    seated: HashMap<Place, (u64, Pulse)>,
}

/// A socket is known by its seat until this is dropped.
pub struct Entry {
    sockets: Sockets,
    place: Place,
    number: u64,
}

impl Sockets {
    /// Somebody has sat down.
    pub fn enter(&self, place: Place, pulse: Pulse) -> Entry {
        let mut table = self.table();
        table.last += 1;
        let number = table.last;
        table.seated.insert(place.clone(), (number, pulse));
        Entry { sockets: self.clone(), place, number }
    }

    /// Whether a seat's holder gives a sign of life; also one who is not known here.
    pub async fn is_alive(&self, place: &Place) -> bool {
        match self.find(place) {
            Some((_, pulse)) => pulse.is_alive(PATIENCE).await,
            None => true,
        }
    }

    /// The socket of a holder that gives no sign of life. Of several who ask one gets it, so that no newcomer is taken for
    /// the dead.
    async fn take_dead(&self, place: &Place) -> Option<Pulse> {
        let (number, pulse) = self.find(place)?;
        let dead = !pulse.is_alive(PATIENCE).await;
        (dead && self.remove(place, number)).then_some(pulse)
    }

    /// Joins as somebody new: who had the name and lost its connection is gone for good, and a holder that gives no sign of life
    /// makes place.
    pub async fn join(&self, room: &RoomHandle, who: Joining) -> Result<EventStream, RoomError> {
        let left_behind = |one: &ParticipantView| one.id == who.id && !one.connected;
        if room.view().await?.participants.iter().any(left_behind) {
            remove(room, &who.id).await;
        }
        match room.join(who.clone()).await {
            Err(RoomError::Occupied) => {}
            other => return other,
        }
        let dead = self.take_dead(&(room.id().clone(), who.id.clone())).await;
        if dead.is_some() {
            remove(room, &who.id).await;
        }
        let events = room.join(who).await;
        if let Some(dead) = dead {
            tracing::info!(reason = "no_sign_of_life", "a seat was taken over");
            dead.end();
        }
        events
    }

    fn find(&self, place: &Place) -> Option<(u64, Pulse)> {
        self.table().seated.get(place).cloned()
    }

    /// Whether it was there.
    fn remove(&self, place: &Place, number: u64) -> bool {
        let mut table = self.table();
        let there = table.seated.get(place).is_some_and(|(newest, _)| *newest == number);
        if there {
            table.seated.remove(place);
        }
        there
    }

    /// Never held across an await; a panic elsewhere leaves the table whole.
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn remove(room: &RoomHandle, who: &ParticipantId) {
    let _gone_already = room.request(None, Command::Kick { participant: who.clone() }).await;
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.sockets.remove(&self.place, self.number);
    }
}
