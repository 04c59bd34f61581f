//! When a recording stops by itself: a while after the last participant has left, or when nobody came to publish.
//!
//! That all publishers go while people stay does not stop it.

use super::recorded::Recorded;
use super::state::Effect;
use super::{Millis, State};

impl State {
    /// When something is due, if anything is.
    pub fn due(&self) -> Option<Millis> {
        self.autostop_at
    }

    /// Does what is due.
    pub fn tick(&mut self) {
        if self.autostop_at.is_some_and(|at| at <= self.now) {
            self.stop_recording("automaticStop");
        }
    }

    /// It runs since now: it is not to run for nobody, nor in a session that is closing.
    pub(super) fn look_after_recording(&mut self) {
        let published = self.connections.iter().any(|c| c.stream().is_some()) || !self.foreign.is_empty();
        match self.ending {
            Some(_) => self.stop_recording("sessionClosedByServer"),
            None if self.is_empty() => self.nobody_left(),
            None if !published => self.count_down(),
            None => {}
        }
    }

    /// The last participant has left a session that is recorded.
    pub(super) fn nobody_left(&mut self) {
        match self.rules.autostop.is_zero() {
            true => self.stop_recording("lastParticipantLeft"),
            false => self.count_down(),
        }
    }

    /// Somebody publishes.
    pub(super) fn stays_recorded(&mut self) {
        self.autostop_at = None;
    }

    fn count_down(&mut self) {
        let limit = Millis::try_from(self.rules.autostop.as_millis()).unwrap_or(Millis::MAX);
        let running = matches!(self.recorded, Recorded::Running(_)) && limit > 0;
        let at = self.now.saturating_add(limit);
        if running {
            self.autostop_at.get_or_insert(at);
        }
    }

    /// Stops it, unless it does not run.
    pub(super) fn stop_recording(&mut self, reason: &'static str) {
        if matches!(self.recorded, Recorded::Running(_))
            && let Some(id) = self.recording_stops(reason)
        {
            self.effects.push(Effect::StopRecording(id));
        }
    }
}
