//! The index's form: numbered steps, each done once, counted by SQLite's `user_version`.

use rusqlite::{Connection, ErrorCode, ffi};

/// Step N brings a database of version N-1 to N. Never change one that was released: add another.
pub(super) const MIGRATIONS: [&str; 2] =
    [include_str!("migrations/0001_recordings.sql"), include_str!("migrations/0002_uploads.sql")];

/// Does the steps that are missing, each whole or not at all.
pub(super) fn migrate(db: &mut Connection) -> rusqlite::Result<()> {
    let version: u32 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version as usize > MIGRATIONS.len() {
        let words = format!("its version is {version}, this service knows up to {}", MIGRATIONS.len());
        return Err(unusable(ErrorCode::SchemaChanged, words));
    }
    for (step, sql) in (1_u32..).zip(MIGRATIONS).skip(version as usize) {
        let change = db.transaction()?;
        change.execute_batch(sql)?;
        change.pragma_update(None, "user_version", step)?;
        change.commit()?;
    }
    Ok(())
}

/// An error of ours in SQLite's words.
pub(super) fn unusable(code: ErrorCode, words: String) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(ffi::Error { code, extended_code: 0 }, Some(words))
}
