//! The end of a session: with its last participant, or by the application's word.

use super::State;
use super::happening::end;
use super::recorded::Recorded;
use super::state::Effect;

/// Reasons of a participant that say nothing of the session.
const PERSONAL: [&str; 4] = ["disconnect", "forceDisconnectByUser", "forceDisconnectByServer", "networkDisconnect"];

impl State {
    /// Everybody is evicted, one after the other; with its recording it is over.
    pub fn close(&mut self, reason: &'static str) {
        if self.is_ending() {
            return;
        }
        self.ending = Some(reason);
        let everybody: Vec<String> = self.participants().filter(|c| c.active.is_some()).map(|c| c.id.clone()).collect();
        for who in everybody {
            self.evict(&who, reason, None);
        }
        self.evict_agents();
        match self.recorded {
            Recorded::No => self.finish(reason),
            _ => self.stop_recording(of_recording(reason)),
        }
    }

    /// Without participants nothing keeps it but its recording: its unused tokens die with it.
    pub(super) fn end_if_empty(&mut self) {
        self.end_if_empty_after(None);
    }

    /// The same when a recording has been stopped for this reason.
    pub(super) fn end_if_empty_after(&mut self, recording: Option<&'static str>) {
        if !self.active || !self.is_empty() || self.is_ending() {
            return;
        }
        if self.recorded != Recorded::No {
            return self.nobody_left();
        }
        self.evict_agents();
        self.finish(recording.unwrap_or("lastParticipantLeft"));
    }

    /// It is over.
    pub(super) fn finish(&mut self, reason: &str) {
        self.over = true;
        let reason = if PERSONAL.contains(&reason) { "lastParticipantLeft" } else { reason };
        self.connections.clear();
        if self.active {
            self.tell("sessionDestroyed", end(self.created_at, self.now, reason));
        }
        self.effects.push(Effect::Over);
    }
}

/// A recording stops with its session.
fn of_recording(reason: &'static str) -> &'static str {
    if reason == "openviduServerStopped" { reason } else { "sessionClosedByServer" }
}
