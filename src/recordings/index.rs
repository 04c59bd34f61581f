//! The index: an SQLite file beside the recordings' folders that answers questions about them.
//!
//! Decides its form and how one that is lost or broken comes back. It holds nothing that could not be made again from
//! the manifests, save how far an upload has come. Who writes when is the store's affair.

mod filter;
mod rows;
mod schema;

pub use filter::Filter;
pub(super) use rows::unsigned;

use super::StoreError;
use parking_lot::{Mutex, MutexGuard};
use rusqlite::{Connection, ErrorCode};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The index's file name in the recordings' folder.
pub(super) const FILE: &str = "index.sqlite";

pub(super) struct Index {
    file: PathBuf,
    db: Mutex<Connection>,
}

impl Index {
    /// Opens it, makes it, or brings it to the present form. One that cannot be read is put aside, and a new one made.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let file = dir.join(FILE);
        let db = match connect(&file) {
            Err(error) if is_hopeless(&error) => {
                tracing::warn!(reason = %error, "the index of recordings is unreadable and is made again from the manifests");
                put_aside(&file).map_err(|source| StoreError::Io { dir: dir.into(), source })?;
                connect(&file)
            }
            other => other,
        };
        let db = db.map_err(|source| StoreError::Index { file: file.clone(), source })?;
        Ok(Self { file, db: Mutex::new(db) })
    }

    /// Asks or changes, nobody else at the same time.
    pub fn with<T>(&self, ask: impl FnOnce(&mut Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let mut db: MutexGuard<'_, Connection> = self.db.lock();
        ask(&mut db).map_err(|source| StoreError::Index { file: self.file.clone(), source })
    }
}

fn connect(file: &Path) -> rusqlite::Result<Connection> {
    let mut db = Connection::open(file)?;
    db.busy_timeout(Duration::from_secs(5))?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "NORMAL")?;
    let sound: String = db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if sound != "ok" {
        return Err(schema::unusable(ErrorCode::DatabaseCorrupt, sound));
    }
    schema::migrate(&mut db)?;
    Ok(db)
}

/// Whether no second attempt could help: broken, no database at all, or of a later version of the service.
fn is_hopeless(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::SchemaChanged)
    )
}

fn put_aside(file: &Path) -> std::io::Result<()> {
    let suffix = jiff::Timestamp::now().strftime("broken-%Y%m%d-%H%M%S").to_string();
    fs::rename(file, file.with_file_name(format!("{FILE}.{suffix}")))?;
    for log in ["-wal", "-shm"] {
        // They belong to the broken one; a new database would take them for its own.
        let _not_there = fs::remove_file(file.with_file_name(format!("{FILE}{log}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
