//! What is measured while a file is written: length, gaps, pictures, speech.
//!
//! Knows no clock but the file's. Leaves when something is written to `worker`.

use super::align::Align;
use super::voice::Voice;
use crate::media::BranchReport;
use crate::media::rtp::Packet;
use crate::model::{Codec, FileFacts, Kind};
use std::path::{Path, PathBuf};

/// Length of the last picture is not known; it is as long as the one before, but not more than this.
const LONGEST_FRAME: i64 = 1_000_000_000;
/// Shorter gaps are not told, in nanoseconds.
const TOLD_GAP: i64 = 250_000_000;
/// Shorter silence neither.
const TOLD_SILENCE: i64 = 1_000_000_000;
/// More gaps than this become one with the last.
const MOST_GAPS: usize = 1000;
const SOUND: i64 = 20_000_000;
const MS: i64 = 1_000_000;

/// What is known of the file.
pub(super) struct Facts {
    path: PathBuf,
    codecs: Vec<Codec>,
    started_at: Option<jiff::Timestamp>,
    pub size: Option<(u32, u32)>,
    pub lost: u64,
    measured: FileFacts,
    voice: Voice,
    first_picture: Option<i64>,
    last_picture: Option<i64>,
    last_time: Option<u32>,
    last_sound: Option<i64>,
    silent_from: Option<i64>,
    /// End of the last sample in nanoseconds.
    end: i64,
}

impl Facts {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.into(),
            codecs: Vec::new(),
            started_at: None,
            size: None,
            lost: 0,
            measured: FileFacts::default(),
            voice: Voice::default(),
            first_picture: None,
            last_picture: None,
            last_time: None,
            last_sound: None,
            silent_from: None,
            end: 0,
        }
    }

    pub(super) fn began(&mut self, first: &Packet, codecs: Vec<Codec>) {
        let ago = jiff::SignedDuration::try_from(first.at.elapsed()).unwrap_or_default();
        self.started_at = jiff::Timestamp::now().checked_sub(ago).ok();
        self.size = first.size;
        self.codecs = codecs.into_iter().map(Codec::in_files).collect();
    }

    /// End of the file so far in nanoseconds.
    pub(super) fn end(&self) -> i64 {
        self.end
    }

    /// A packet was written; `why` a gap before it, if there is one, came about.
    pub(super) fn wrote(&mut self, packet: &Packet, pts: i64, why: Option<&str>) {
        match packet.codec.kind() {
            Kind::Video => self.wrote_picture(packet, pts, why),
            Kind::Audio => self.wrote_sound(pts, why),
        }
    }

    fn wrote_picture(&mut self, packet: &Packet, pts: i64, why: Option<&str>) {
        let last = self.last_picture.unwrap_or(pts);
        if let Some(why) = why {
            self.gap(last, pts, TOLD_GAP, why);
        }
        if self.last_time.replace(packet.timestamp) != Some(packet.timestamp) {
            self.measured.pictures += 1;
        }
        self.first_picture.get_or_insert(pts);
        self.last_picture = Some(last.max(pts));
        self.end = self.end.max(pts + (pts - last).clamp(0, LONGEST_FRAME));
    }

    fn wrote_sound(&mut self, pts: i64, why: Option<&str>) {
        let last = self.last_sound.map_or(pts, |last| last + SOUND);
        match (why, self.silent_from.take()) {
            (Some(why), _) => self.gap(last, pts, TOLD_GAP, why),
            (None, Some(from)) => self.gap(from, pts, TOLD_SILENCE, "muted"),
            (None, None) => {}
        }
        self.last_sound = Some(pts);
        self.end = self.end.max(pts + SOUND);
    }

    /// Sound was filled with silence from here on.
    pub(super) fn filled(&mut self, from: i64) {
        self.silent_from.get_or_insert(from);
    }

    /// The level of the sound at this place.
    pub(super) fn heard(&mut self, pts: i64, level: u8) {
        self.voice.heard(u64::try_from(pts / MS).unwrap_or(0), level);
    }

    /// Nothing was written for so long on the wall, which takes no time in the file. What comes next follows at once.
    pub(super) fn paused(&mut self, length: i64) {
        let at = self.end;
        self.last_picture = self.last_picture.map(|_| at);
        self.last_sound = self.last_sound.map(|_| at - SOUND);
        self.silent_from = None;
        self.push_gap(at, length.max(0), "paused");
    }

    fn gap(&mut self, from: i64, to: i64, least: i64, why: &str) {
        if to - from <= least {
            return;
        }
        // Both tracks miss the same seconds.
        if let Some(last) = self.measured.gaps.last_mut()
            && last.why == why
            && i64::try_from(last.at_ms + last.length_ms).unwrap_or(0) * MS >= from
        {
            last.length_ms = last.length_ms.max(milliseconds(to).saturating_sub(last.at_ms));
            return;
        }
        self.push_gap(from, to - from, why);
    }

    fn push_gap(&mut self, at: i64, length: i64, why: &str) {
        if self.measured.gaps.len() < MOST_GAPS {
            self.measured.missing(milliseconds(at), milliseconds(length), why);
        } else if let Some(last) = self.measured.gaps.last_mut() {
            last.length_ms = milliseconds(at + length).saturating_sub(last.at_ms);
        }
    }

    pub(super) fn on_disk(&self) -> u64 {
        std::fs::metadata(&self.path).map_or(0, |metadata| metadata.len())
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Sound that stays silent to the end is told too.
    pub(super) fn close(&mut self) {
        if let Some(from) = self.silent_from.take() {
            self.gap(from, self.end, TOLD_SILENCE, "muted");
        }
    }

    pub(super) fn report(&self, align: &Align, detail: Option<String>) -> BranchReport {
        let bytes = self.on_disk();
        BranchReport {
            file: self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
            codecs: self.codecs.clone(),
            started_at: self.started_at,
            duration_ms: milliseconds(self.end),
            bytes,
            size: self.size,
            detail,
            facts: self.measured(align, bytes),
        }
    }

    fn measured(&self, align: &Align, bytes: u64) -> FileFacts {
        let seconds = self.end as f64 / 1e9;
        let shown = self.last_picture.zip(self.first_picture).map_or(0, |(last, first)| last - first) as f64 / 1e9;
        let rate = |count: f64, over: f64| if over > 0.0 { count / over } else { 0.0 };
        FileFacts {
            offset_start_ms: align.offset_start_ms(),
            offset_end_ms: align.offset_end_ms(),
            drift_ppm: align.drift_ppm(),
            framerate: rate(self.measured.pictures.saturating_sub(1) as f64, shown),
            bitrate: rate(bytes as f64 * 8.0, seconds) as u64,
            packets_lost: self.lost,
            speech: self.voice.intervals(),
            ..self.measured.clone()
        }
    }
}

fn milliseconds(nanoseconds: i64) -> u64 {
    u64::try_from(nanoseconds / MS).unwrap_or(0)
}
