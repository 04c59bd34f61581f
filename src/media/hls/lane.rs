//! One track on its way to its shelf: units in, chunks cut and muxed.
//!
//! A unit waits for the next one, since only that tells how long it lasts.

use super::cutter::{Cut, Cutter, Rules};
use super::multivariant::{Facts, aac, avc};
use super::muxer::{Made, Muxer};
use super::shelf::{Chunk, Opening};
use super::shelves::Shelves;
use crate::media::MediaError;
use crate::model::Kind;
use bytes::Bytes;
use gst::prelude::*;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// Nothing for so long: what comes then is told as a discontinuity.
const JUMP: u64 = 1_500_000_000;
/// How long a unit lasts when nothing says so.
const STEP: u64 = 40_000_000;
/// What a muxer holds back comes within this.
const FINISH: Duration = Duration::from_secs(1);

/// A unit that waits for the next.
struct Waiting {
    buffer: gst::Buffer,
    start: u64,
    keyframe: bool,
    /// Nothing was before it for a while.
    after_jump: bool,
}

/// A segment of this track ends before a unit that begins here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Border {
    pub at: u64,
    pub discontinuity: bool,
}

/// A track.
pub struct Lane {
    kind: Kind,
    name: String,
    shelves: Arc<Shelves>,
    cutter: Cutter,
    caps: Option<gst::Caps>,
    /// The caps are new: the next keyframe begins another muxer.
    renew: bool,
    muxer: Option<Muxer>,
    /// The number of the next header.
    inits: u32,
    /// Chunks that the muxer has not given yet, without their bytes.
    due: Arc<Mutex<VecDeque<Chunk>>>,
    waiting: Option<Waiting>,
    /// The open chunk, without its end.
    open: Option<Chunk>,
    /// How long the last unit lasted, and where it ended.
    step: u64,
    reached: u64,
    /// Where the leading track's segments ended.
    borders: VecDeque<Border>,
}

impl Lane {
    /// A track without units yet; `name` is for its pipelines.
    pub fn new(kind: Kind, name: String, shelves: Arc<Shelves>) -> Self {
        Self {
            kind,
            name,
            shelves,
            cutter: Cutter::default(),
            caps: None,
            renew: false,
            muxer: None,
            inits: 0,
            due: Arc::default(),
            waiting: None,
            open: None,
            step: STEP,
            reached: 0,
            borders: VecDeque::new(),
        }
    }

    /// Whether the track exists.
    pub fn is_there(&self) -> bool {
        self.caps.is_some()
    }

    /// How its units are from now on.
    pub fn set_caps(&mut self, caps: gst::Caps) {
        if self.caps.as_ref().is_some_and(|known| same_media(known, &caps)) {
            return;
        }
        self.shelves.track(self.kind, facts(self.kind, &caps));
        self.caps = Some(caps);
        self.renew = true;
    }

    /// The leading track's segment ended here.
    pub fn border(&mut self, border: Border) {
        self.borders.push_back(border);
    }

    /// Whether a keyframe would end a segment that is long enough.
    pub fn wants_keyframe(&self, rules: &Rules) -> bool {
        self.cutter.is_due(self.reached, rules)
    }

    /// A unit. `leads`: where its segments end is this track's affair; then where one did is returned.
    pub fn take(&mut self, buffer: gst::Buffer, leads: bool, rules: &Rules) -> Result<Option<Border>, MediaError> {
        let Some(start) = buffer.pts().map(gst::ClockTime::nseconds) else { return Ok(None) };
        if self.waiting.as_ref().is_some_and(|before| start <= before.start) {
            return Ok(None); // silence took its place
        }
        let keyframe = !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
        let after_jump = self.waiting.as_ref().is_some_and(|before| start.saturating_sub(before.start) > JUMP);
        match self.waiting.replace(Waiting { buffer, start, keyframe, after_jump }) {
            Some(before) => {
                let end = if after_jump { before.start + self.step } else { start };
                self.pass(before, end, leads, rules)
            }
            None => Ok(None),
        }
    }

    /// Where its newest unit begins.
    pub fn newest(&self) -> Option<u64> {
        self.waiting.as_ref().map(|unit| unit.start)
    }

    /// The last units go their way, and all that is held back comes out.
    pub fn finish(&mut self, leads: bool, rules: &Rules) {
        if let Some(last) = self.waiting.take() {
            let end = last.start + self.step;
            let _ = self.pass(last, end, leads, rules);
        }
        self.close(true);
        self.end_muxer();
    }

    fn pass(&mut self, unit: Waiting, end: u64, leads: bool, rules: &Rules) -> Result<Option<Border>, MediaError> {
        if self.renew && !unit.keyframe {
            return Ok(None);
        }
        let (mut ends, mut opening) = self.ends_here(&unit, leads, rules);
        opening.discontinuity |= unit.after_jump && leads;
        let anew = std::mem::take(&mut self.renew);
        opening.discontinuity |= anew && leads && self.muxer.is_some();
        ends |= opening.discontinuity || anew;
        let first = self.open.is_none();
        let cut = self.cutter.cut((unit.start, end), ends, rules);
        if cut != Cut::Nothing {
            self.close(cut == Cut::Segment);
        }
        if anew {
            self.start_muxer()?;
        } else if let Some(muxer) = self.muxer.as_ref().filter(|_| cut != Cut::Nothing) {
            muxer.split(cut == Cut::Segment && unit.keyframe);
        }
        opening.init = self.inits.saturating_sub(1);
        let opens = (first || cut == Cut::Segment).then_some(opening);
        self.push(unit, end, opens);
        let border = Border { at: self.cutter.part_start().unwrap_or(0), discontinuity: opening.discontinuity };
        Ok((leads && cut == Cut::Segment).then_some(border))
    }

    /// Whether a segment ends before this unit, and what is to be told of the next.
    fn ends_here(&mut self, unit: &Waiting, leads: bool, rules: &Rules) -> (bool, Opening) {
        let mut opening = Opening::default();
        if leads {
            return (unit.keyframe && self.cutter.is_due(unit.start, rules), opening);
        }
        let mut ends = false;
        while let Some(border) = self.borders.pop_front_if(|border| border.at <= unit.start + self.step / 2) {
            ends = true;
            opening.discontinuity |= border.discontinuity;
        }
        (ends, opening)
    }

    fn push(&mut self, unit: Waiting, end: u64, opens: Option<Opening>) {
        self.open.get_or_insert_with(|| Chunk {
            bytes: Bytes::new(),
            start: unit.start,
            end,
            independent: unit.keyframe,
            opens,
            closes: false,
        });
        if let Some(muxer) = &self.muxer {
            muxer.push(unit.buffer, unit.start, end);
        }
        self.step = end.saturating_sub(unit.start).clamp(1, JUMP);
        self.reached = end;
    }

    /// The open chunk ends where its last unit ends.
    fn close(&mut self, closes: bool) {
        if let Some(open) = self.open.take() {
            self.due.lock().push_back(Chunk { end: self.reached, closes, ..open });
        }
    }

    fn start_muxer(&mut self) -> Result<(), MediaError> {
        self.end_muxer();
        let Some(caps) = &self.caps else { return Ok(()) };
        let (kind, number, shelves) = (self.kind, self.inits, self.shelves.clone());
        let due = Arc::new(Mutex::new(VecDeque::new()));
        self.due = due.clone();
        self.inits += 1;
        let name = format!("{}-{}-{number}", self.name, kind.as_str());
        let on_made = move |made| match made {
            Made::Init(bytes) => shelves.change(kind, |shelf| shelf.init(number, bytes)),
            Made::Chunk(bytes) => {
                let due: Option<Chunk> = due.lock().pop_front();
                if let Some(chunk) = due {
                    shelves.put(kind, Chunk { bytes, ..chunk });
                }
            }
        };
        self.muxer = Some(Muxer::start(&name, caps, on_made)?);
        Ok(())
    }

    fn end_muxer(&mut self) {
        let in_time = self.muxer.take().is_none_or(|muxer| muxer.finish(FINISH));
        if !in_time {
            tracing::warn!(pipeline = self.name, "an HLS muxer did not give its last part in time");
        }
    }
}

/// What makes another header necessary; a frame rate that is guessed anew does not.
fn same_media(one: &gst::Caps, other: &gst::Caps) -> bool {
    let (Some(one), Some(other)) = (one.structure(0), other.structure(0)) else { return false };
    let same = |field: &str| match (one.value(field), other.value(field)) {
        (Ok(one), Ok(other)) => one.compare(other) == Some(std::cmp::Ordering::Equal),
        (one, other) => one.is_err() && other.is_err(),
    };
    one.name() == other.name() && ["codec_data", "width", "height", "rate", "channels"].into_iter().all(same)
}

fn facts(kind: Kind, caps: &gst::Caps) -> Facts {
    let structure = caps.structure(0);
    let record = structure.and_then(|s| s.get::<gst::Buffer>("codec_data").ok());
    let record = record.and_then(|buffer| Some(buffer.map_readable().ok()?.to_vec())).unwrap_or_default();
    let codec = match kind {
        Kind::Video => avc(&record).unwrap_or_else(|| "avc1.42e01f".into()),
        Kind::Audio => aac(&record).unwrap_or_else(|| "mp4a.40.2".into()),
    };
    let size = structure.and_then(|s| Some((s.get("width").ok()?, s.get("height").ok()?)));
    Facts { codec, size, bits: (0, 0) }
}
