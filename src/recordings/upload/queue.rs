//! The queue's rows. Every change is a statement or a transaction of its own, so a crash leaves a queue that goes on.

use crate::model::{Upload, UploadState};
use crate::recordings::index::unsigned;
use crate::recordings::manifest::MANIFEST;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Result, Row, params};
use std::time::Duration;

/// A file whose turn it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Job {
    pub recording: String,
    pub file: String,
    pub destination: String,
    pub url: String,
    /// Attempts in a row that came no farther, before this one.
    pub failures: u32,
    /// An upload in parts under way: its id, the file's size and the bytes in a part, the ids of the parts sent.
    pub under_way: Option<UnderWay>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UnderWay {
    pub id: String,
    pub size: u64,
    pub part_bytes: u64,
    pub parts: Vec<String>,
}

/// Adds a file, unless it is there. One that was meant for another place and is not done goes to the new one.
pub(super) fn add(db: &Connection, recording: &str, file: &str, destination: &str, url: &str) -> Result<()> {
    db.prepare_cached(
        "INSERT INTO uploads (recording, file, destination, url, state) VALUES (?1, ?2, ?3, ?4, 'waiting') \
         ON CONFLICT DO UPDATE SET url = ?4, upload_id = NULL, sent_bytes = 0 WHERE url <> ?4 AND state <> 'done'",
    )?
    .execute(params![recording, file, destination, url])
    .map(drop)
}

/// Sends a file once more that was sent before: it changed.
pub(super) fn add_again(db: &Connection, recording: &str, file: &str) -> Result<()> {
    db.execute(
        "UPDATE uploads SET state = 'waiting', sent_bytes = 0, farthest = 0, next_at = 0, verified_at = NULL, sha256 = NULL \
         WHERE recording = ? AND file = ?",
        [recording, file],
    )
    .map(drop)
}

/// What a manifest tells of a copy. What was under way there is not known any more: it begins anew.
pub(super) fn import(db: &Connection, recording: &str, file: &str, upload: &Upload) -> Result<()> {
    let done = upload.state == UploadState::Done;
    let (state, sent) = if done { ("done", upload.sent_bytes as i64) } else { ("waiting", 0) };
    let at = upload.verified_at.map(Timestamp::as_microsecond);
    db.execute(
        "INSERT OR IGNORE INTO uploads (recording, file, destination, url, state, sent_bytes, attempts, verified_at, \
         sha256, local_removed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        params![
            recording,
            file,
            upload.destination,
            upload.url,
            state,
            sent,
            upload.attempts,
            at,
            upload.sha256,
            upload.local_removed
        ],
    )
    .map(drop)
}

/// What failed, was cut off or waits is due now.
pub(super) fn requeue(db: &Connection, recording: Option<&str>) -> Result<()> {
    db.execute(
        "UPDATE uploads SET state = 'waiting', next_at = 0, failures = 0 \
         WHERE state <> 'done' AND (?1 IS NULL OR recording = ?1)",
        [recording],
    )
    .map(drop)
}

/// Takes the next file of a destination: oldest recording first, a manifest after all else of its recording.
pub(super) fn claim(db: &Connection, destination: &str) -> Result<Option<Job>> {
    let sql = format!(
        "SELECT u.recording, u.file, u.destination, u.url, u.failures, u.upload_id, u.size, u.part_bytes \
         FROM uploads u JOIN recordings r ON r.id = u.recording \
         WHERE u.destination = ?1 AND u.state IN ('waiting', 'sending') AND u.next_at <= ?2 AND r.deleted_at IS NULL \
         AND (u.file <> '{MANIFEST}' OR NOT EXISTS (SELECT 1 FROM uploads o WHERE o.recording = u.recording \
         AND o.destination = u.destination AND o.file <> u.file AND o.state IN ('waiting', 'sending'))) \
         ORDER BY r.started_at, u.file = '{MANIFEST}', u.file LIMIT 1"
    );
    let Some(mut job) = db.prepare_cached(&sql)?.query_row(params![destination, now_ms()], job_of).optional()? else {
        return Ok(None);
    };
    if let Some(under_way) = &mut job.under_way {
        let sql = "SELECT part_id FROM parts WHERE recording = ? AND file = ? AND destination = ? ORDER BY number";
        let mut parts = db.prepare_cached(sql)?;
        under_way.parts = parts
            .query_map(key(&job.recording, &job.file, &job.destination), |row| row.get(0))?
            .collect::<Result<_>>()?;
    }
    let sql = "UPDATE uploads SET state = 'sending', attempts = attempts + 1 WHERE recording = ? AND file = ? AND destination = ?";
    db.prepare_cached(sql)?.execute(key(&job.recording, &job.file, &job.destination))?;
    Ok(Some(job))
}

fn key<'a>(recording: &'a str, file: &'a str, destination: &'a str) -> [&'a str; 3] {
    [recording, file, destination]
}

fn job_of(row: &Row<'_>) -> Result<Job> {
    let id: Option<String> = row.get(5)?;
    let (size, part_bytes) = (unsigned(row, 6)?, unsigned(row, 7)?);
    Ok(Job {
        recording: row.get(0)?,
        file: row.get(1)?,
        destination: row.get(2)?,
        url: row.get(3)?,
        failures: row.get(4)?,
        under_way: id.map(|id| UnderWay { id, size, part_bytes, parts: Vec::new() }),
    })
}

/// When the next file is due, in milliseconds since 1970.
pub(super) fn next_at(db: &Connection, destination: &str) -> Result<Option<i64>> {
    let sql = "SELECT min(next_at) FROM uploads WHERE destination = ? AND state = 'waiting' AND next_at > ?";
    db.query_row(sql, params![destination, now_ms()], |row| row.get(0))
}

impl Job {
    fn key(&self) -> [&str; 3] {
        key(&self.recording, &self.file, &self.destination)
    }

    /// An upload in parts has begun. `false`: the recording was removed meanwhile.
    pub fn begun(&self, db: &mut Connection, under_way: &UnderWay) -> Result<bool> {
        self.forget_parts(db)?;
        let [recording, file, destination] = self.key();
        let (size, part_bytes) = (under_way.size as i64, under_way.part_bytes as i64);
        let changed = db.execute(
            "UPDATE uploads SET upload_id = ?, size = ?, part_bytes = ?, sent_bytes = 0 \
             WHERE recording = ? AND file = ? AND destination = ?",
            params![under_way.id, size, part_bytes, recording, file, destination],
        )?;
        Ok(changed > 0)
    }

    /// A part has arrived. `false`: the recording was removed meanwhile.
    pub fn part_sent(&self, db: &mut Connection, number: usize, part_id: &str, sent_bytes: u64) -> Result<bool> {
        let [recording, file, destination] = self.key();
        let change = db.transaction()?;
        let changed = change.execute(
            "UPDATE uploads SET sent_bytes = ? WHERE recording = ? AND file = ? AND destination = ? \
             AND EXISTS (SELECT 1 FROM recordings r WHERE r.id = uploads.recording)",
            params![sent_bytes as i64, recording, file, destination],
        )?;
        if changed > 0 {
            change.execute(
                "INSERT OR REPLACE INTO parts (recording, file, destination, number, part_id) VALUES (?, ?, ?, ?, ?)",
                params![recording, file, destination, number as i64, part_id],
            )?;
        }
        change.commit()?;
        Ok(changed > 0)
    }

    /// The upload in parts is over, one way or the other.
    pub fn forget_parts(&self, db: &mut Connection) -> Result<()> {
        let change = db.transaction()?;
        change.execute("DELETE FROM parts WHERE recording = ? AND file = ? AND destination = ?", self.key())?;
        let sql = "UPDATE uploads SET upload_id = NULL WHERE recording = ? AND file = ? AND destination = ?";
        change.execute(sql, self.key())?;
        change.commit()
    }

    /// There, and verified. A manifest that changed while it was sent (`add_again`) still waits for its turn.
    pub fn done(&self, db: &mut Connection, size: u64, sha256: &str) -> Result<()> {
        let [recording, file, destination] = self.key();
        let now = Timestamp::now().as_microsecond();
        db.execute(
            "UPDATE uploads SET state = 'done', sent_bytes = ?, verified_at = ?, sha256 = ?, error = NULL, failures = 0 \
             WHERE recording = ? AND file = ? AND destination = ? AND (file <> ? OR state = 'sending')",
            params![size as i64, now, sha256, recording, file, destination, MANIFEST],
        )
        .map(drop)
    }

    /// Not this time. `wait` makes of the number of attempts in a row that came no farther the time until the next one;
    /// `None` gives up. Returns that number.
    pub fn failed(&self, db: &mut Connection, words: &str, wait: impl Fn(u32) -> Option<Duration>) -> Result<u32> {
        let [recording, file, destination] = self.key();
        let sql = "SELECT CASE WHEN sent_bytes > farthest THEN 0 ELSE failures END FROM uploads \
                   WHERE recording = ? AND file = ? AND destination = ?";
        let failures = 1 + db.query_row(sql, self.key(), |row| row.get::<_, u32>(0)).optional()?.unwrap_or_default();
        let wait = wait(failures);
        let next_at = wait.map_or(0, |wait| now_ms().saturating_add(wait.as_millis() as i64));
        db.execute(
            "UPDATE uploads SET state = ?, error = ?, next_at = ?, failures = ?, farthest = max(farthest, sent_bytes) \
             WHERE recording = ? AND file = ? AND destination = ?",
            params![
                if wait.is_some() { "waiting" } else { "failed" },
                words,
                next_at,
                failures,
                recording,
                file,
                destination
            ],
        )?;
        Ok(failures)
    }
}

/// Milliseconds since 1970.
pub(super) fn now_ms() -> i64 {
    Timestamp::now().as_millisecond()
}

/// Whether a copy is there, verified.
pub(super) fn is_done(db: &Connection, recording: &str, file: &str, destination: &str) -> Result<bool> {
    let sql = "SELECT count(*) FROM uploads WHERE recording = ? AND file = ? AND destination = ? AND state = 'done'";
    db.prepare_cached(sql)?.query_row(key(recording, file, destination), |row| row.get::<_, u32>(0)).map(|n| n > 0)
}

/// The local file is no more.
pub(super) fn local_removed(db: &Connection, recording: &str, file: &str) -> Result<()> {
    db.execute("UPDATE uploads SET local_removed = 1 WHERE recording = ? AND file = ?", [recording, file]).map(drop)
}

/// Files whose every copy is done while the local one is still noted, of all recordings: a crash came in between.
pub(super) fn not_removed(db: &Connection) -> Result<Vec<(String, String)>> {
    let sql = format!(
        "SELECT recording, file FROM uploads WHERE file <> '{MANIFEST}' GROUP BY recording, file \
         HAVING min(state = 'done') = 1 AND max(local_removed) = 0"
    );
    db.prepare(&sql)?.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// Forgets a recording's rows; uploads in parts under way are noted to be called off.
pub(super) fn forget(db: &Connection, recording: &str) -> Result<()> {
    db.execute(
        "INSERT OR IGNORE INTO abandoned (url, destination, upload_id) SELECT url, destination, upload_id FROM uploads \
         WHERE recording = ? AND upload_id IS NOT NULL",
        [recording],
    )?;
    db.execute("DELETE FROM parts WHERE recording = ?", [recording])?;
    db.execute("DELETE FROM uploads WHERE recording = ?", [recording]).map(drop)
}

/// Uploads in parts to be called off, as address and id.
pub(super) fn abandoned(db: &Connection, destination: &str) -> Result<Vec<(String, String)>> {
    let mut sql = db.prepare_cached("SELECT url, upload_id FROM abandoned WHERE destination = ?")?;
    sql.query_map([destination], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// One of them was called off.
pub(super) fn called_off(db: &Connection, url: &str, upload_id: &str) -> Result<()> {
    db.execute("DELETE FROM abandoned WHERE url = ? AND upload_id = ?", [url, upload_id]).map(drop)
}

/// The copies of a recording's files, for people.
pub(super) fn of_recording(db: &Connection, recording: &str) -> Result<Vec<(String, Upload)>> {
    let mut sql = db.prepare_cached(
        "SELECT file, destination, url, state, sent_bytes, attempts, error, verified_at, local_removed, sha256 \
         FROM uploads WHERE recording = ? ORDER BY file, destination = 'backup'",
    )?;
    sql.query_map([recording], upload_of)?.collect()
}

fn upload_of(row: &Row<'_>) -> Result<(String, Upload)> {
    let state = match row.get::<_, String>(3)?.as_str() {
        "sending" => UploadState::Sending,
        "done" => UploadState::Done,
        "failed" => UploadState::Failed,
        _ => UploadState::Waiting,
    };
    let verified: Option<i64> = row.get(7)?;
    let upload = Upload {
        destination: row.get(1)?,
        url: row.get(2)?,
        state,
        sent_bytes: unsigned(row, 4)?,
        attempts: row.get(5)?,
        error: row.get(6)?,
        verified_at: verified.and_then(|at| Timestamp::from_microsecond(at).ok()),
        local_removed: row.get(8)?,
        sha256: row.get(9)?,
    };
    Ok((row.get(0)?, upload))
}

#[cfg(test)]
mod tests;
