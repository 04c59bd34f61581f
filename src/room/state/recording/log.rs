//! What happened in the room while a recording ran: the page of a recording shows it, `millrace compose` follows it.

use super::{State, life};
use crate::model::{Happening, RecordingEvent, RecordingId};

/// A room's comings and goings of weeks fit.
const MOST: usize = 10_000;

impl State {
    /// Into every recording that is not being completed.
    pub(in crate::room::state) fn log(&mut self, what: &Happening) {
        for id in self.recorder.ids() {
            self.log_in(&id, what.clone());
        }
    }

    pub(super) fn log_in(&mut self, id: &RecordingId, what: Happening) {
        let (at, soon) = (self.now.wall, self.now.instant + life::SAVE_WITHIN);
        let Some(run) = self.recorder.runs.get_mut(id).filter(|run| run.is_open()) else { return };
        if run.recording.events.len() < MOST {
            run.recording.events.push(RecordingEvent { at, what });
            run.save_at.get_or_insert(soon);
        }
    }

    pub(super) fn log_who_is_there(&mut self, id: &RecordingId) {
        let joined = |(participant, p): (&_, &super::super::Participant)| Happening::Joined {
            participant: Clone::clone(participant),
            name: p.joining.name.clone(),
        };
        let mut known: Vec<_> = self.participants.iter().map(joined).collect();
        let live = self.feeds.iter().filter(|(_, feed)| feed.tracks.is_some());
        known.extend(live.map(|(feed, f)| Happening::Published {
            feed: *feed,
            participant: f.publisher.clone(),
            name: f.name.clone(),
        }));
        known.into_iter().for_each(|what| self.log_in(id, what));
    }
}
