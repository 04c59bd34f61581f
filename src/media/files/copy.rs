//! Copies a part of a file into a finished one, frame by frame.

use super::reader::Reader;
use super::scan::{Scan, Window, scan};
use super::writer::Writer;
use super::{MediaError, fatal};
use crate::model::{Codec, FileFacts};
use std::path::Path;

/// What was written.
#[derive(Clone, Debug)]
pub(super) struct Copied {
    pub scan: Scan,
    pub bytes: u64,
}

impl Copied {
    pub(super) fn codecs(&self) -> Vec<Codec> {
        self.scan.codecs()
    }
    pub(super) fn facts(&self) -> FileFacts {
        self.scan.facts(self.bytes)
    }
}

/// Writes the frames of the window into `out`, all earlier by `shift` nanoseconds, from what `source` holds within `limit`
/// bytes. Reads it twice: a muxer must know all tracks when it begins, and when one of them is over.
pub(super) fn copy(
    source: &Path,
    window: Window,
    shift: u64,
    limit: Option<u64>,
    out: &Path,
) -> Result<Copied, MediaError> {
    let scan = scan(source, window, limit)?;
    if scan.tracks.is_empty() {
        return Err(MediaError::NotReady("no picture or sound is in this part of the file".into()));
    }
    let mut reader = Reader::open(source, Some(scan.length))?;
    let mut writer = Writer::start(reader.container(), &scan.tracks, out)?;
    while let Some(frame) = reader.next()? {
        if window.holds(&frame) {
            writer.push(&frame, shift)?;
        } else if window.is_over(&frame) {
            break;
        }
    }
    let bytes = writer.finish()?;
    Ok(Copied { scan, bytes })
}

/// Whether the copy holds what it should, read back from the disk.
pub(super) fn verify(copied: &Copied, out: &Path) -> Result<(), MediaError> {
    let count = |scan: &Scan| scan.tracks.iter().map(|track| track.frames).sum::<u64>();
    let found = count(&scan(out, Window::ALL, None)?);
    let wanted = count(&copied.scan);
    if found == wanted { Ok(()) } else { Err(fatal("the copy is not whole", format!("{found} of {wanted} frames"))) }
}
