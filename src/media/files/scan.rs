//! What a file, or a part of it, holds. Pure, but for `scan`, which reads it.
//!
//! Decides where a part begins (at a keyframe) and ends, and what is measured in it.

use super::reader::{Frame, Reader};
use crate::media::MediaError;
use crate::model::{Codec, FileFacts, Kind};
use std::path::Path;

/// Pictures (sounds, where there are none) farther apart are a gap, in nanoseconds.
const GAP: u64 = 1_000_000_000;
/// More gaps than this are not listed one by one.
const MOST_GAPS: usize = 1000;
/// A part is read so far beyond its end, in nanoseconds: tracks do not lie side by side exactly.
const BEYOND: u64 = 30_000_000_000;
/// A last picture is as long as the one before, but not longer than this, in nanoseconds.
const LONGEST: u64 = 1_000_000_000;

/// A part of a file in nanoseconds, `to` excluded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Window {
    pub from: u64,
    pub to: u64,
}

impl Window {
    /// All of it.
    pub(super) const ALL: Self = Self { from: 0, to: u64::MAX };

    pub(super) fn holds(&self, frame: &Frame) -> bool {
        (self.from..self.to).contains(&frame.at)
    }

    /// Whether nothing of it can come after this one.
    pub(super) fn is_over(&self, frame: &Frame) -> bool {
        frame.at > self.to.saturating_add(BEYOND)
    }
}

/// One track's frames.
#[derive(Clone, Debug)]
pub(super) struct Track {
    /// As numbered by the reader.
    pub number: usize,
    /// Form of its first frame.
    pub caps: gst::Caps,
    pub frames: u64,
    pub first: u64,
    pub last: u64,
    /// End of the last frame.
    pub end: u64,
    gaps: Vec<(u64, u64)>,
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub(super) struct Scan {
    /// Tracks that have frames.
    pub tracks: Vec<Track>,
    /// Bytes of the file that were looked at.
    pub length: u64,
    /// Bytes of all frames.
    pub media: u64,
    /// Why reading ended before the end, and how many bytes were not read.
    pub damage: Option<(String, u64)>,
}

/// Reads the file to where it reaches now, or to `limit` bytes.
pub(super) fn scan(path: &Path, window: Window, limit: Option<u64>) -> Result<Scan, MediaError> {
    let mut reader = Reader::open(path, limit)?;
    let mut scan = Scan { length: reader.length(), ..Scan::default() };
    while let Some(frame) = reader.next()? {
        if window.holds(&frame) {
            scan.note(&frame);
        } else if window.is_over(&frame) {
            break;
        }
    }
    scan.damage = reader.damage().map(|(words, left)| (words.to_owned(), left));
    Ok(scan)
}

/// Where a part that is wanted from `from` on must begin: the newest keyframe not after it, else the first one; with
/// sound alone just there.
pub(super) fn begin(path: &Path, from: u64, limit: Option<u64>) -> Result<u64, MediaError> {
    let mut reader = Reader::open(path, limit)?;
    let mut best: Option<u64> = None;
    while let Some(frame) = reader.next()? {
        let candidate = frame.is_picture() && frame.keyframe;
        if candidate && best.is_none_or(|best| frame.at <= from && frame.at > best) {
            best = Some(frame.at);
        }
        let found = frame.is_picture() && best.is_some() && frame.at > from;
        if found || frame.at > from.saturating_add(BEYOND) {
            break;
        }
    }
    Ok(best.unwrap_or(from))
}

impl Scan {
    pub(super) fn note(&mut self, frame: &Frame) {
        self.media += frame.buffer.size() as u64;
        match self.tracks.iter_mut().find(|track| track.number == frame.track) {
            Some(track) => track.note(frame),
            None => self.tracks.push(Track::new(frame)),
        }
    }

    /// End of the last frame in nanoseconds.
    pub(super) fn end(&self) -> u64 {
        self.tracks.iter().map(|track| track.end).max().unwrap_or(0)
    }

    /// Time of the first frame in nanoseconds.
    pub(super) fn first(&self) -> u64 {
        self.tracks.iter().map(|track| track.first).min().unwrap_or(0)
    }

    pub(super) fn codecs(&self) -> Vec<Codec> {
        self.tracks.iter().filter_map(|track| codec_of(&track.caps)).collect()
    }

    /// Size of the first picture in pixels.
    pub(super) fn size(&self) -> Option<(u32, u32)> {
        let structure = self.video()?.caps.structure(0)?;
        let side = |name| u32::try_from(structure.get::<i32>(name).ok()?).ok();
        Some((side("width")?, side("height")?))
    }

    /// What was measured, of a part that takes so many bytes.
    pub(super) fn facts(&self, bytes: u64) -> FileFacts {
        let seconds = self.end().saturating_sub(self.first()) as f64 / 1e9;
        let mut facts = FileFacts {
            pictures: self.video().map_or(0, |track| track.frames),
            framerate: self.video().map_or(0.0, Track::rate),
            bitrate: if seconds > 0.0 { (bytes as f64 * 8.0 / seconds) as u64 } else { 0 },
            ..FileFacts::default()
        };
        for (at, length) in self.video().or(self.tracks.first()).into_iter().flat_map(|track| &track.gaps) {
            facts.missing(at / 1_000_000, length / 1_000_000, "lost");
        }
        facts
    }

    fn video(&self) -> Option<&Track> {
        self.tracks.iter().find(|track| track.is_video())
    }
}

impl Track {
    fn new(frame: &Frame) -> Self {
        let (number, caps) = (frame.track, frame.caps.clone());
        Self {
            number,
            caps,
            frames: 1,
            first: frame.at,
            last: frame.at,
            end: frame.at + frame.length(),
            gaps: Vec::new(),
        }
    }

    fn note(&mut self, frame: &Frame) {
        let apart = frame.at.saturating_sub(self.last);
        if apart > GAP && self.gaps.len() < MOST_GAPS {
            self.gaps.push((self.last, apart));
        }
        let length = if frame.length() > 0 { frame.length() } else { apart.min(LONGEST) };
        self.frames += 1;
        self.first = self.first.min(frame.at);
        self.last = self.last.max(frame.at);
        self.end = self.end.max(frame.at.saturating_add(length));
    }

    fn is_video(&self) -> bool {
        self.caps.structure(0).is_some_and(|s| s.name().starts_with("video/"))
    }

    fn rate(&self) -> f64 {
        let span = self.last.saturating_sub(self.first) as f64 / 1e9;
        if span > 0.0 { (self.frames - 1) as f64 / span } else { 0.0 }
    }
}

/// What a demuxer calls our codecs.
pub(super) fn codec_of(caps: &gst::Caps) -> Option<Codec> {
    match caps.structure(0)?.name().as_str() {
        "video/x-vp8" => Some(Codec::Vp8),
        "video/x-h264" => Some(Codec::H264),
        "video/x-vp9" => Some(Codec::Vp9),
        "video/x-av1" => Some(Codec::Av1),
        "audio/x-opus" => Some(Codec::Opus),
        _ => None,
    }
}

/// Whether it is sound or a picture.
pub(super) fn kind_of(caps: &gst::Caps) -> Kind {
    match caps.structure(0).is_some_and(|s| s.name().starts_with("video/")) {
        true => Kind::Video,
        false => Kind::Audio,
    }
}
