//! Tools for files of recordings, finished, growing or cut off by a crash: repair, clips, length, pictures of them.
//!
//! Decides how such files are read and written again, without transcoding. All functions block, for seconds with long
//! files: call them off the async threads. Each wait has a deadline, each leaves nothing behind but its result. Leaves
//! to `recordings` which files there are and what is done when.

mod clip;
mod copy;
#[cfg(test)]
mod mutations_test;
mod queue;
mod reader;
mod repair;
mod scan;
#[cfg(test)]
pub(in crate::media) mod testing;
#[cfg(test)]
mod tests;
mod thin;
mod thumbnails;
mod waveform;
mod writer;

pub use clip::{Clip, clip, clip_of_tap, duration};
pub(in crate::media) use reader::close;
pub use repair::{Repaired, repair};
pub use thumbnails::{still, thumbnails};

use super::MediaError;
use gst::prelude::*;
use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;

/// The two containers of our recorder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::media) enum Container {
    Webm,
    Mp4,
}

impl Container {
    /// By the file's first bytes: an EBML header (RFC 8794 11), or an `ftyp` box (ISO/IEC 14496-12 4.3).
    fn of(file: &mut File, path: &Path) -> Result<Self, MediaError> {
        let mut head = [0; 8];
        let read = file.read_exact(&mut head).and_then(|()| file.rewind());
        match (read.is_ok(), head) {
            (true, [0x1a, 0x45, 0xdf, 0xa3, ..]) => Ok(Self::Webm),
            (true, [.., b'f', b't', b'y', b'p']) => Ok(Self::Mp4),
            (false, _) => Err(MediaError::NotReady(format!("{}: nothing is in it", path.display()))),
            _ => Err(fatal(path.display(), "neither WebM nor MP4")),
        }
    }

    fn demuxer(self) -> &'static str {
        match self {
            Self::Webm => "matroskademux",
            Self::Mp4 => "qtdemux",
        }
    }

    fn muxer(self) -> &'static str {
        match self {
            Self::Webm => "webmmux",
            Self::Mp4 => "mp4mux",
        }
    }
}

/// A pipeline of a text of ours, and an element of it.
pub(in crate::media) fn launch<T: IsA<gst::Element>>(text: &str, name: &str) -> Result<(gst::Pipeline, T), MediaError> {
    gst::init().map_err(|error| fatal("GStreamer", error))?;
    let pipeline = gst::parse::launch(text).map_err(|error| fatal("pipeline", error))?;
    let pipeline = pipeline.downcast::<gst::Pipeline>().map_err(|_| fatal("pipeline", "it is a single element"))?;
    let element = pipeline.by_name(name).and_then(|element| element.downcast::<T>().ok());
    element.map(|element| (pipeline, element)).ok_or_else(|| fatal("pipeline", format!("no {name} in it")))
}

pub(in crate::media) fn fatal(what: impl std::fmt::Display, why: impl std::fmt::Display) -> MediaError {
    MediaError::Fatal(format!("{what}: {why}"))
}
