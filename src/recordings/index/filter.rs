//! Which recordings are asked for.

use crate::model::{RecordingState, RoomId};
use jiff::Timestamp;
use rusqlite::ToSql;

/// Which recordings are asked for; all that are not in the bin by default. What is not set does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this room.
    pub room: Option<RoomId>,
    /// In this state.
    pub state: Option<RecordingState>,
    /// Begun at this time or later.
    pub since: Option<Timestamp>,
    /// Begun before this time.
    pub until: Option<Timestamp>,
    /// Somebody of this id was there.
    pub participant: Option<String>,
    /// At most so many.
    pub limit: Option<u32>,
    /// Without the first so many.
    pub offset: u32,
    /// With those in the bin.
    pub deleted: bool,
}

impl Filter {
    /// `WHERE …` and its parameters.
    pub(super) fn condition(&self) -> (String, Vec<Box<dyn ToSql>>) {
        let mut terms: Vec<&str> = Vec::new();
        let mut values: Vec<Box<dyn ToSql>> = Vec::new();
        let mut add = |term: &'static str, value: Option<Box<dyn ToSql>>| {
            if let Some(value) = value {
                terms.push(term);
                values.push(value);
            }
        };
        let time = |at: Option<Timestamp>| at.map(|at| Box::new(at.as_microsecond()) as Box<dyn ToSql>);
        add("room = ?", self.room.as_ref().map(|room| Box::new(room.as_str().to_owned()) as _));
        add("state = ?", self.state.map(|state| Box::new(state.as_str()) as _));
        add("started_at >= ?", time(self.since));
        add("started_at < ?", time(self.until));
        add(
            "EXISTS (SELECT 1 FROM participants p WHERE p.recording = recordings.id AND p.participant = ?)",
            self.participant.clone().map(|who| Box::new(who) as _),
        );
        if !self.deleted {
            terms.push("deleted_at IS NULL");
        }
        let text = if terms.is_empty() { String::new() } else { format!("WHERE {}", terms.join(" AND ")) };
        (text, values)
    }

    /// `LIMIT …`; SQLite's -1 is no limit.
    pub(super) fn window(&self) -> String {
        format!("LIMIT {} OFFSET {}", self.limit.map_or(-1, i64::from), self.offset)
    }
}
