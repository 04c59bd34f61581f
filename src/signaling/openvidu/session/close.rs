//! The end of a session: with its last participant, or by the application's word.

use super::State;
use super::happening::end;
use super::recorded::Recorded;
use super::state::Effect;

/// Reasons of a participant that say nothing of the session.
const PERSONAL: [&str; 4] = ["disconnect", "forceDisconnectByUser", "forceDisconnectByServer", "networkDisconnect"];

impl State {
    /// Everybody is evicted, one after the other, then it is over.
    pub fn close(&mut self, reason: &str) {
        if std::mem::replace(&mut self.over, true) {
            return;
        }
        let everybody: Vec<String> =
            self.connections.iter().filter(|c| c.active.is_some()).map(|c| c.id.clone()).collect();
        for who in everybody {
            self.evict(&who, reason, None);
        }
        self.finish(reason);
    }

    /// Without participants nothing keeps it: its unused tokens die with it.
    pub(super) fn end_if_empty(&mut self) {
        let empty = self.connections.iter().all(|connection| connection.active.is_none());
        if self.active && empty && !self.over && self.recorded == Recorded::No {
            self.over = true;
            self.finish("lastParticipantLeft");
        }
    }

    fn finish(&mut self, reason: &str) {
        let reason = if PERSONAL.contains(&reason) { "lastParticipantLeft" } else { reason };
        self.connections.clear();
        if self.active {
            self.tell("sessionDestroyed", end(self.created_at, self.now, reason));
        }
        self.effects.push(Effect::Over);
    }
}
