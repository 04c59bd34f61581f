//! Messages that participants send each other through the room, unread. What is said to one who is not here yet is kept,
//! a bounded amount of it, and lost when its sender leaves: it would be of a connection that is no more.

use super::State;
use crate::model::{Opaque, ParticipantId};
use crate::room::command::RoomError;
use crate::room::event::EventKind;
use std::collections::BTreeMap;

/// Messages kept for one participant: an offer, and the candidates of a machine with many interfaces. They must fit into
/// its stream at once.
const MAX_KEPT: usize = 128;
/// Bytes of them.
const MAX_KEPT_BYTES: usize = 512 * 1024;
/// Absent participants that something is kept for.
const MAX_ABSENT: usize = 16;

/// What is kept, by whom it is for, in the order it was said.
#[derive(Debug, Default)]
pub struct Kept(BTreeMap<ParticipantId, Vec<(ParticipantId, Opaque)>>);

impl Kept {
    fn keep(&mut self, from: &ParticipantId, to: ParticipantId, body: Opaque) -> Result<(), RoomError> {
        if !self.0.contains_key(&to) && self.0.len() >= MAX_ABSENT {
            return Err(RoomError::Limit(format!("messages kept for {MAX_ABSENT} who are not here")));
        }
        let kept = self.0.entry(to).or_default();
        let bytes: usize = kept.iter().map(|(_, body)| body.as_str().len()).sum();
        if kept.len() >= MAX_KEPT || bytes + body.as_str().len() > MAX_KEPT_BYTES {
            return Err(RoomError::Limit(format!(
                "{MAX_KEPT} messages of together {MAX_KEPT_BYTES} bytes wait already"
            )));
        }
        kept.push((from.clone(), body));
        Ok(())
    }

    /// Whoever leaves takes back what it said.
    pub fn forget(&mut self, from: &ParticipantId) {
        self.0.values_mut().for_each(|kept| kept.retain(|(sender, _)| sender != from));
        self.0.retain(|_, kept| !kept.is_empty());
    }
}

impl State {
    pub(super) fn relay(
        &mut self,
        from: &ParticipantId,
        to: Option<ParticipantId>,
        body: Opaque,
        keep: bool,
    ) -> Result<(), RoomError> {
        let said = |body| EventKind::Relayed { from: from.clone(), body };
        let Some(to) = to else {
            let others: Vec<_> = self.participants.keys().filter(|who| *who != from).cloned().collect();
            others.iter().for_each(|who| self.tell(who, said(body.clone())));
            return Ok(());
        };
        let here = self.participants.get(&to).is_some_and(|there| there.lost_at.is_none());
        match (here, keep) {
            (true, _) => self.tell(&to, said(body)),
            (false, true) => self.relays.keep(from, to, body)?,
            (false, false) => return Err(RoomError::ParticipantNotFound),
        }
        Ok(())
    }

    pub(super) fn tell_kept(&mut self, who: &ParticipantId) {
        for (from, body) in self.relays.0.remove(who).unwrap_or_default() {
            self.tell(who, EventKind::Relayed { from, body });
        }
    }
}

#[cfg(test)]
mod tests;
