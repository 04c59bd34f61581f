//! Who talks with whom: from the acceptance of a ring until either side is free or offline.

use super::{Name, Presence, Refusal, RoomId, Sid};
use std::time::{Duration, Instant};

/// The page of an accepted caller says within this that he is busy.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// One side of a call; the other side has its counterpart.
pub(super) struct Talk {
    with: Name,
    room: RoomId,
    /// His own ring was accepted at that time: the next `busy` is for that call.
    answered: Option<Instant>,
}

impl Presence {
    /// The room of the call that this page's user has with the other.
    pub fn talk(&self, sid: Sid, other: &str) -> Result<RoomId, Refusal> {
        let who = self.user_of(sid)?;
        let talk = self.users.get(&who).and_then(|user| user.talk.as_ref()).filter(|talk| *talk.with == *other);
        talk.map(|talk| talk.room.clone()).ok_or(Refusal::NotTalking)
    }

    /// Whom a user accepts by being busy, and who else rings him. One who is named has been taken from the rings.
    pub(super) fn chosen(&mut self, who: &Name, named: Option<&str>, now: Instant) -> (Option<Name>, Vec<Name>) {
        let answered = self.settle(who).is_some_and(|at| now.saturating_duration_since(at) < ANSWER_LIMIT);
        let mut callers = self.rings.take(who, now);
        let accepted = match named {
            Some(name) => self.users.get_key_value(name).map(|(name, _)| name.clone()),
            None if answered => None,
            None => callers.pop(),
        };
        (accepted, callers)
    }

    /// They talk from now on; the sockets of the caller, who must know. What he rings at the callee is no ring any more.
    pub(super) fn accept(&mut self, who: &Name, caller: &Name, now: Instant) -> Vec<Sid> {
        self.rings.remove(who, caller, now);
        // A name of its own: logins are unproven, and who guesses one would be in the room.
        let room = RoomId::new(format!("ring-{:032x}", rand::random::<u128>()));
        self.part(who);
        self.part(caller);
        for (one, other, answered) in [(who, caller, None), (caller, who, Some(now))] {
            if let Some(user) = self.users.get_mut(one) {
                user.talk = Some(Talk { with: other.clone(), room: room.clone(), answered });
            }
        }
        self.sids_of(caller)
    }

    /// Since when the user's own ring is accepted; that is used up by it.
    pub(super) fn settle(&mut self, who: &str) -> Option<Instant> {
        self.users.get_mut(who)?.talk.as_mut()?.answered.take()
    }

    /// The user's call is over, for both.
    pub(super) fn part(&mut self, who: &str) {
        let Some(talk) = self.users.get_mut(who).and_then(|user| user.talk.take()) else { return };
        if let Some(other) = self.users.get_mut(&talk.with) {
            other.talk.take_if(|theirs| *theirs.with == *who);
        }
    }
}
