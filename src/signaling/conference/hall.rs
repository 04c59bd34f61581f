//! What a room's clients of this dialect share beside the room: the last chat messages, which producers are paused, whose hand
//! is up. It lasts as long as one of them is there.

use super::member::Note;
use crate::model::{ParticipantId, RoomId};
use serde_json::Value;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// Chat messages kept for late joiners.
const HISTORY: usize = 100;
/// Producers noted as paused at most: those of a full room.
const PAUSED: usize = 4096;

/// One for each room in which this dialect is spoken. Cheap to clone.
#[derive(Clone, Default)]
pub struct Halls(Arc<Mutex<HashMap<RoomId, Weak<Hall>>>>);

/// A room's.
#[derive(Debug, Default)]
pub struct Hall(Mutex<Notes>);

#[derive(Debug, Default)]
struct Notes {
    said: VecDeque<Value>,
    paused: BTreeSet<String>,
    hands: BTreeSet<ParticipantId>,
}

impl Halls {
    /// A room's; made for the first.
    pub fn of(&self, room: &RoomId) -> Arc<Hall> {
        let mut halls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        halls.retain(|_, hall| hall.strong_count() > 0);
        if let Some(hall) = halls.get(room).and_then(Weak::upgrade) {
            return hall;
        }
        let hall = Arc::new(Hall::default());
        halls.insert(room.clone(), Arc::downgrade(&hall));
        hall
    }
}

impl Hall {
    /// Keeps it.
    pub fn note(&self, note: Note) {
        let mut notes = self.notes();
        match note {
            Note::Said(message) => {
                notes.said.push_back(message);
                while notes.said.len() > HISTORY {
                    notes.said.pop_front();
                }
            }
            Note::Paused(producer, true) if notes.paused.len() < PAUSED => drop(notes.paused.insert(producer)),
            Note::Paused(producer, _) => drop(notes.paused.remove(&producer)),
            Note::Hand(who, true) => drop(notes.hands.insert(who)),
            Note::Hand(who, false) => drop(notes.hands.remove(&who)),
        }
    }

    /// What was said, oldest first.
    pub fn said(&self) -> Vec<Value> {
        self.notes().said.iter().cloned().collect()
    }

    /// Whose hand is up.
    pub fn hands(&self) -> BTreeSet<ParticipantId> {
        self.notes().hands.clone()
    }

    /// Whether a producer is paused.
    pub fn is_paused(&self, producer: &str) -> bool {
        self.notes().paused.contains(producer)
    }

    /// Never held across an await.
    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn it_keeps_the_last_words_while_somebody_is_there() {
        let (halls, room) = (Halls::default(), RoomId::new("1"));
        let hall = halls.of(&room);
        (0..150).for_each(|n| hall.note(Note::Said(json!(n))));
        assert_eq!((halls.of(&room).said().len(), halls.of(&room).said()[0].clone()), (100, json!(50)));
        drop(hall);
        assert!(halls.of(&room).said().is_empty());
    }
}
