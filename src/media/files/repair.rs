//! Makes a finished, seekable file of one that a crash cut off.
//!
//! Decides that the file is written anew beside the old one and takes its place in one step, so that a crash in the
//! middle leaves the old one and the repair can be repeated. Repairing a finished file gives the same file again.

use super::copy::{Copied, copy, verify};
use super::scan::Window;
use crate::media::MediaError;
use crate::model::{Codec, FileFacts};
use std::fs::File;
use std::path::{Path, PathBuf};

/// When so many bytes more than a fifth of the file are no picture or sound, there may be some behind a place that cannot
/// be read: the old file is kept as `NAME.damaged`. A crash leaves less: a fragment that was being written.
const KEEP_DAMAGED: u64 = 4 << 20;

/// What a repaired file holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Repaired {
    /// Length in milliseconds.
    pub duration_ms: u64,
    /// Size in bytes.
    pub bytes: u64,
    /// Codecs in it, in the order of its tracks.
    pub codecs: Vec<Codec>,
    /// Width of the first picture in pixels.
    pub width: Option<u32>,
    /// Height of the first picture in pixels.
    pub height: Option<u32>,
    /// What could be measured: pictures, framerate, bitrate, gaps.
    pub facts: FileFacts,
    /// What could not be read, in words.
    pub detail: Option<String>,
}

/// Finishes the file in its place: everything up to the last whole picture and sound is kept, with duration and index.
///
/// A file with damage in its middle may be read up to there only; then the old one is kept beside it as `NAME.damaged`.
///
/// `NotReady`: no file, or nothing in it. `Fatal`: neither WebM nor MP4, or not one picture or sound is whole.
/// `Transient`: the disk is full or hangs. The file is as it was after any error.
pub fn repair(path: &Path) -> Result<Repaired, MediaError> {
    let part = beside(path, ".part");
    let repaired = rewrite(path, &part);
    if repaired.is_err() {
        let _ = std::fs::remove_file(&part);
    }
    repaired
}

fn rewrite(path: &Path, part: &Path) -> Result<Repaired, MediaError> {
    let copied = copy(path, Window::ALL, 0, None, part)?;
    verify(&copied, part)?;
    let failed = |error: std::io::Error| MediaError::Transient(format!("{}: {error}", path.display()));
    if copied.scan.length - copied.scan.media.min(copied.scan.length) > KEEP_DAMAGED + copied.scan.length / 5 {
        let kept = beside(path, ".damaged");
        let _ = std::fs::remove_file(&kept);
        std::fs::hard_link(path, &kept).map_err(failed)?;
    }
    std::fs::rename(part, path).map_err(failed)?;
    sync_folder(path).map_err(failed)?;
    Ok(Repaired::of(&copied))
}

/// The name is kept by the disk too (`fsync` of the folder).
fn sync_folder(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

impl Repaired {
    pub(super) fn of(copied: &Copied) -> Self {
        let size = copied.scan.size();
        Self {
            duration_ms: copied.scan.end() / 1_000_000,
            bytes: copied.bytes,
            codecs: copied.codecs(),
            width: size.map(|(width, _)| width),
            height: size.map(|(_, height)| height),
            facts: copied.facts(),
            detail: copied.scan.damage.as_ref().map(|(words, left)| format!("{left} bytes at the end: {words}")),
        }
    }
}

/// `NAME.EXTENSION` and this.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
