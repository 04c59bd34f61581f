//! A recording as rows: written whole, in one transaction, and read back.

use super::{Filter, Index};
use crate::model::{Happening, Recording, RecordingEvent};
use crate::recordings::StoreError;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params, params_from_iter};
use std::collections::HashMap;

const TABLES: [&str; 3] = ["files", "participants", "events"];

impl Index {
    /// Writes a recording; `stamp` tells its manifest's file from a later one.
    pub fn put(&self, recording: &Recording, stamp: (i64, i64)) -> Result<(), StoreError> {
        self.with(|db| {
            let change = db.transaction()?;
            clear(&change, recording.id.as_str())?;
            put_recording(&change, recording, stamp)?;
            put_files(&change, recording)?;
            put_happenings(&change, recording)?;
            change.commit()
        })
    }

    /// Forgets a recording. Its uploads are the queue's affair.
    pub fn remove(&self, id: &str) -> Result<(), StoreError> {
        self.with(|db| {
            let change = db.transaction()?;
            clear(&change, id)?;
            change.commit()
        })
    }

    /// One recording, as its manifest has it.
    pub fn get(&self, id: &str) -> Result<Option<Recording>, StoreError> {
        self.with(|db| {
            let sql = "SELECT manifest FROM recordings WHERE id = ?";
            db.query_row(sql, [id], recording_of).optional()
        })
    }

    /// Those asked for, newest first.
    pub fn find(&self, filter: &Filter) -> Result<Vec<Recording>, StoreError> {
        let (condition, values) = filter.condition();
        let sql = format!(
            "SELECT manifest FROM recordings {condition} ORDER BY started_at DESC, id DESC {}",
            filter.window()
        );
        self.with(|db| db.prepare(&sql)?.query_map(params_from_iter(values), recording_of)?.collect())
    }

    /// Those that are not over.
    pub fn running(&self) -> Result<Vec<Recording>, StoreError> {
        let sql = "SELECT manifest FROM recordings WHERE state NOT IN ('ready', 'failed')";
        self.with(|db| db.prepare(sql)?.query_map([], recording_of)?.collect())
    }

    /// How many there are, whatever the filter's window.
    pub fn count(&self, filter: &Filter) -> Result<u64, StoreError> {
        let (condition, values) = filter.condition();
        let sql = format!("SELECT count(*) FROM recordings {condition}");
        self.with(|db| db.query_row(&sql, params_from_iter(values), |row| unsigned(row, 0)))
    }

    /// The manifests known, each with its file's stamp.
    pub fn stamps(&self) -> Result<HashMap<String, (i64, i64)>, StoreError> {
        let sql = "SELECT id, modified_ns, length FROM recordings";
        self.with(|db| db.prepare(sql)?.query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))?.collect())
    }

    /// Bytes that the files of recordings that are over take on this disk.
    pub fn bytes_of_finished(&self) -> Result<u64, StoreError> {
        let sql = "SELECT coalesce(sum(f.bytes), 0) FROM files f JOIN recordings r ON r.id = f.recording \
                   WHERE r.state IN ('ready', 'failed') AND NOT EXISTS (SELECT 1 FROM uploads u \
                   WHERE u.recording = f.recording AND u.file = f.name AND u.local_removed)";
        self.with(|db| db.query_row(sql, [], |row| unsigned(row, 0)))
    }
}

/// SQLite's integers have a sign; what is below zero would be none of ours.
pub(in crate::recordings) fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(|value| u64::try_from(value).unwrap_or_default())
}

/// Only we write that column, so what is in it is a manifest.
fn recording_of(row: &Row<'_>) -> rusqlite::Result<Recording> {
    let text: String = row.get(0)?;
    let wrong =
        |e: serde_json::Error| rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, e.into());
    serde_json::from_str(&text).map_err(wrong)
}

fn clear(db: &Connection, id: &str) -> rusqlite::Result<()> {
    for table in TABLES {
        db.execute(&format!("DELETE FROM {table} WHERE recording = ?"), [id])?;
    }
    db.execute("DELETE FROM recordings WHERE id = ?", [id]).map(drop)
}

fn put_recording(db: &Transaction<'_>, r: &Recording, (modified_ns, length): (i64, i64)) -> rusqlite::Result<()> {
    let manifest = serde_json::to_string(r).map_err(|e| rusqlite::Error::ToSqlConversionFailure(e.into()))?;
    let sql = "INSERT INTO recordings (id, room, state, started_at, ended_at, deleted_at, manifest, modified_ns, length) \
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let micros = |at: Option<jiff::Timestamp>| at.map(jiff::Timestamp::as_microsecond);
    let (started, ended, deleted) = (r.started_at.as_microsecond(), micros(r.ended_at), micros(r.deleted_at));
    let row = params![
        r.id.as_str(),
        r.room.as_str(),
        r.state.as_str(),
        started,
        ended,
        deleted,
        manifest,
        modified_ns,
        length
    ];
    db.execute(sql, row).map(drop)
}

fn put_files(db: &Transaction<'_>, r: &Recording) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO files (recording, name, feed, publisher, segment, state, started_at, duration_ms, bytes) \
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let mut insert = db.prepare_cached(sql)?;
    for f in &r.files {
        let feed = f.feed.map(|feed| feed.0 as i64);
        let started = f.started_at.map(jiff::Timestamp::as_microsecond);
        let (duration, bytes) = (f.duration_ms as i64, f.bytes as i64);
        let (id, state) = (r.id.as_str(), f.state.as_str());
        insert.execute(params![id, f.name, feed, f.publisher, f.segment, state, started, duration, bytes])?;
    }
    Ok(())
}

fn put_happenings(db: &Transaction<'_>, r: &Recording) -> rusqlite::Result<()> {
    let sql = "INSERT INTO events (recording, number, at, what, event) VALUES (?, ?, ?, ?, ?)";
    let mut insert = db.prepare_cached(sql)?;
    for (number, event) in r.events.iter().enumerate() {
        let json = serde_json::to_value(event).map_err(|e| rusqlite::Error::ToSqlConversionFailure(e.into()))?;
        let what = json["what"].as_str().unwrap_or_default();
        let at = event.at.as_microsecond();
        insert.execute(params![r.id.as_str(), number as i64, at, what, json.to_string()])?;
        put_presence(db, r.id.as_str(), event)?;
    }
    Ok(())
}

/// Who was there: from the first time somebody came to the last time they left.
fn put_presence(db: &Transaction<'_>, id: &str, event: &RecordingEvent) -> rusqlite::Result<()> {
    let at = event.at.as_microsecond();
    match &event.what {
        Happening::Joined { participant, name } => {
            let sql = "INSERT INTO participants (recording, participant, name, joined_at) VALUES (?, ?, ?, ?) \
                       ON CONFLICT DO UPDATE SET name = excluded.name, left_at = NULL";
            db.prepare_cached(sql)?.execute(params![id, participant.as_str(), name, at]).map(drop)
        }
        Happening::Left { participant, .. } => {
            let sql = "UPDATE participants SET left_at = ? WHERE recording = ? AND participant = ?";
            db.prepare_cached(sql)?.execute(params![at, id, participant.as_str()]).map(drop)
        }
        _ => Ok(()),
    }
}
