//! A recording's folder: its name, its manifest, and what may lie beside it.
//!
//! Decides names and how a manifest is written so that no crash can leave half of one; knows nothing of the index.

use crate::model::{Recording, RecordingId, RoomId};
use rand::Rng;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::time::UNIX_EPOCH;

/// The manifest's file name.
pub(super) const MANIFEST: &str = "manifest.json";

/// `20261121-040203-<room>-<4 random>`, so that a folder's listing sorts by time and tells the room.
pub(super) fn make_id(room: &RoomId, at: jiff::Timestamp) -> RecordingId {
    const ALPHABET: &[u8] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut rng = rand::rng();
    let random: String = (0..4).map(|_| char::from(ALPHABET[rng.random_range(0..ALPHABET.len())])).collect();
    let room: String = room.as_str().chars().filter(|c| is_id_char(*c)).take(64).collect();
    RecordingId::new(format!("{}-{room}-{random}", at.strftime("%Y%m%d-%H%M%S")))
}

fn is_id_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

/// Whether a text may name a recording: it is a folder's name too.
pub(super) fn is_id(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.chars().all(is_id_char)
}

/// Whether a text may name a file of media in a recording's folder.
pub(super) fn is_file_name(text: &str) -> bool {
    !text.is_empty() && text != MANIFEST && !text.starts_with('.') && text.chars().all(|c| is_id_char(c) || c == '.')
}

/// Reads the manifest of a folder whose name it has to bear; `None` without a readable one.
pub(super) fn read(folder: &Path) -> Option<Recording> {
    let id = folder.file_name()?.to_str().filter(|name| is_id(name))?;
    let text = fs::read(folder.join(MANIFEST)).ok()?;
    let recording: Recording = serde_json::from_slice(&text)
        .inspect_err(|error| tracing::warn!(recording.id = id, %error, "unreadable manifest"))
        .ok()?;
    (recording.id.as_str() == id).then_some(recording)
}

/// Tells whether a manifest changed since it was read: modification time in nanoseconds and size.
pub(super) fn stamp(folder: &Path) -> Option<(i64, i64)> {
    let metadata = fs::metadata(folder.join(MANIFEST)).ok()?;
    let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some((i64::try_from(modified.as_nanos()).ok()?, i64::try_from(metadata.len()).ok()?))
}

/// Writes the manifest: a new file, synced, renamed over the old one. Two writers do not mix: each has its own file.
pub(super) fn write(folder: &Path, recording: &Recording) -> io::Result<()> {
    let temporary = folder.join(format!(".{MANIFEST}.{:08x}", rand::rng().random::<u32>()));
    let result = write_synced(&temporary, &serde_json::to_vec_pretty(recording)?)
        .and_then(|()| fs::rename(&temporary, folder.join(MANIFEST)))
        .and_then(|()| fs::File::open(folder)?.sync_all());
    if result.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    result
}

fn write_synced(path: &Path, data: &[u8]) -> io::Result<()> {
    let mut file = fs::File::create(path)?;
    file.write_all(data)?;
    file.sync_all()
}

/// Removes temporary files that a crash left in a recording's folder. Only at start: nobody is writing then.
pub(super) fn sweep(folder: &Path) {
    let is_leftover = |name: &str| name.ends_with(".part") || name.starts_with(&format!(".{MANIFEST}."));
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_str().is_some_and(is_leftover) {
            let _ = fs::remove_file(entry.path());
        }
    }
}
