//! Streams of bytes that hold several tracks: which container it is, by its first bytes, and the demuxer for it.
//!
//! Demuxers are named here and never searched for: one that GStreamer would find by itself could follow playlists anywhere.

use super::attach::Attach;
use super::head::element;
use super::trouble::Trouble;
use crate::model::IngestReason;
use gst::prelude::*;
use std::sync::Arc;

/// How tracks are held together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// MPEG transport stream.
    Ts,
    /// Flash video: RTMP.
    Flv,
    /// MP4, MOV, fragmented or not.
    Mp4,
    /// Matroska, WebM.
    Matroska,
    /// JPEG pictures one after the other (`multipart/x-mixed-replace`).
    Multipart,
}

impl Container {
    /// By its first bytes, 12 at least; `None`: unknown.
    pub fn of(head: &[u8]) -> Option<Self> {
        match head {
            [0x47, ..] => Some(Self::Ts),
            [b'F', b'L', b'V', ..] => Some(Self::Flv),
            [0x1a, 0x45, 0xdf, 0xa3, ..] => Some(Self::Matroska),
            [_, _, _, _, b'f', b't', b'y', b'p', ..]
            | [_, _, _, _, b's', b't', b'y', b'p', ..]
            | [_, _, _, _, b'm', b'o', b'o', b'v', ..]
            | [_, _, _, _, b'm', b'o', b'o', b'f', ..] => Some(Self::Mp4),
            [b'-', b'-', ..] | [b'\r', b'\n', b'-', b'-', ..] => Some(Self::Multipart),
            _ => None,
        }
    }

    /// What a source of bytes says its bytes are.
    pub fn caps(self) -> gst::Caps {
        match self {
            Self::Ts => {
                gst::Caps::builder("video/mpegts").field("systemstream", true).field("packetsize", 188i32).build()
            }
            Self::Flv => gst::Caps::new_empty_simple("video/x-flv"),
            Self::Mp4 => gst::Caps::new_empty_simple("video/quicktime"),
            Self::Matroska => gst::Caps::new_empty_simple("video/x-matroska"),
            Self::Multipart => gst::Caps::new_empty_simple("multipart/x-mixed-replace"),
        }
    }

    /// Its demuxer, whose pads the site takes.
    ///
    /// # Errors
    /// `Failed`: it is not installed.
    pub fn demuxer(self, attach: &Arc<Attach>) -> Result<gst::Element, Trouble> {
        let demuxer = element(match self {
            Self::Ts => "tsdemux",
            Self::Flv => "flvdemux",
            Self::Mp4 => "qtdemux",
            Self::Matroska => "matroskademux",
            Self::Multipart => "multipartdemux",
        })?;
        if self == Self::Multipart {
            demuxer.set_property("single-stream", true);
        }
        let (pads, all) = (Arc::downgrade(attach), Arc::downgrade(attach));
        demuxer.connect_pad_added(move |_, pad| {
            if let Some(attach) = pads.upgrade().filter(|_| pad.direction() == gst::PadDirection::Src) {
                attach.pad(pad);
            }
        });
        demuxer.connect_no_more_pads(move |_| {
            if let Some(attach) = all.upgrade() {
                attach.complete();
            }
        });
        Ok(demuxer)
    }
}

/// Nothing that can be read.
pub fn unknown() -> Trouble {
    let detail =
        "it is neither MP4, MPEG-TS, FLV, Matroska, MJPEG nor an HLS playlist: check that the URI leads to a stream";
    Trouble::new(IngestReason::Unsupported, detail)
}

/// Adds the elements, links them one after the other and starts them, the last first.
///
/// # Errors
/// `Failed`.
pub fn chain(pipeline: &gst::Pipeline, elements: &[&gst::Element]) -> Result<(), Trouble> {
    let failed = |error: gst::glib::BoolError| Trouble::new(IngestReason::Failed, error.to_string());
    pipeline.add_many(elements).map_err(failed)?;
    gst::Element::link_many(elements).map_err(failed)?;
    elements.iter().rev().try_for_each(|element| start(element))
}

/// A source that cannot begin says why on the bus, and that is told instead of this.
fn start(element: &gst::Element) -> Result<(), Trouble> {
    let detail = || format!("{} does not start", element.name());
    element.sync_state_with_parent().map_err(|_| Trouble::new(IngestReason::Unreachable, detail()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_are_told_by_their_first_bytes() {
        assert_eq!(Container::of(b"\x47\x40\x00\x10 more bytes"), Some(Container::Ts));
        assert_eq!(Container::of(b"\0\0\0\x20ftypisom"), Some(Container::Mp4));
        assert_eq!(Container::of(b"FLV\x01\x05\0\0\0\x09"), Some(Container::Flv));
        assert_eq!(Container::of(b"--frame\r\nContent-Type: image/jpeg"), Some(Container::Multipart));
        assert_eq!(Container::of(b"<!DOCTYPE html>"), None);
        assert_eq!(Container::of(b""), None);
    }
}
