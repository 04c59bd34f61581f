//! All units of a feed on their way to its shelves.
//!
//! Decides which track leads: pictures, whose keyframes end segments; the sound follows. Asks for the keyframes that
//! browsers do not send by themselves.

use super::cutter::Rules;
use super::lane::Lane;
use super::shelves::Shelves;
use crate::config::Hls;
use crate::media::MediaError;
use crate::media::outlet::Unit;
use crate::model::Kind;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A keyframe that does not come is asked for again.
const ASK: Duration = Duration::from_millis(500);
/// A first segment is no longer, whatever the camera's keyframes: somebody waits for it.
const FIRST: u64 = 6_000_000_000;
/// So much longer than its target a segment may be: lengths are rounded.
const SLACK: u64 = 300_000_000;
/// Sound that is so far behind the pictures is not waited for: players would stand still. Silence takes its place, and stays
/// half as far behind.
const LATE: u64 = 1_000_000_000;
/// A silent frame of AAC LC, stereo, and how long one lasts: 1024 samples at 48 kHz.
const SILENCE: [u8; 9] = [0x21, 0x00, 0x49, 0x90, 0x02, 0x19, 0x00, 0x23, 0x80];
const SILENCE_LASTS: u64 = 1024 * 1_000_000_000 / 48_000;

/// Takes what an outlet gives.
pub struct Packager {
    shelves: Arc<Shelves>,
    rules: Rules,
    video: Lane,
    audio: Lane,
    /// Time zero has been told.
    began: bool,
    asked: Option<Instant>,
    ask: Box<dyn Fn() + Send>,
}

impl Packager {
    /// `ask` asks for a keyframe.
    pub fn new(name: &str, settings: &Hls, shelves: Arc<Shelves>, ask: Box<dyn Fn() + Send>) -> Self {
        let ns = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let rules = Rules {
            segment: ns(settings.segment),
            part: ns(settings.part),
            longest: FIRST.max(ns(settings.segment) * 2),
        };
        let lane = |kind| Lane::new(kind, name.to_owned(), shelves.clone());
        let (video, audio) = (lane(Kind::Video), lane(Kind::Audio));
        Self { shelves, rules, video, audio, began: false, asked: None, ask }
    }

    /// The next unit. What cannot be muxed is logged and left out.
    pub fn take(&mut self, unit: Unit) {
        let taken = match unit {
            Unit::Caps(kind, caps) => {
                self.lane(kind).set_caps(caps);
                Ok(())
            }
            Unit::Access(kind, buffer) => self.access(kind, buffer),
            Unit::Ended(_) => {
                self.end();
                Ok(())
            }
        };
        if let Err(error) = taken {
            tracing::warn!(%error, "HLS");
        }
    }

    fn lane(&mut self, kind: Kind) -> &mut Lane {
        match kind {
            Kind::Video => &mut self.video,
            Kind::Audio => &mut self.audio,
        }
    }

    fn lead(&self) -> Kind {
        if self.video.is_there() { Kind::Video } else { Kind::Audio }
    }

    fn access(&mut self, kind: Kind, buffer: gst::Buffer) -> Result<(), MediaError> {
        if !std::mem::replace(&mut self.began, true) {
            self.shelves.begins(buffer.pts().map_or(0, gst::ClockTime::nseconds));
        }
        if let Some(terms) = self.shelves.terms() {
            self.rules.longest = terms.target * 1_000_000_000 + SLACK;
        }
        if let Some(pts) = buffer.pts().filter(|_| kind == Kind::Video) {
            self.keep_sound_near(pts.nseconds())?;
        }
        let (leads, rules) = (kind == self.lead(), self.rules);
        let border = self.lane(kind).take(buffer, leads, &rules)?;
        if let Some(border) = border.filter(|_| kind == Kind::Video && self.audio.is_there()) {
            self.audio.border(border);
        }
        if kind == Kind::Video && self.video.wants_keyframe(&rules) && self.asked.is_none_or(|at| at.elapsed() > ASK) {
            self.asked = Some(Instant::now());
            (self.ask)();
        }
        Ok(())
    }

    fn keep_sound_near(&mut self, pictures: u64) -> Result<(), MediaError> {
        let Some(newest) = self.audio.newest().filter(|newest| newest + LATE < pictures) else { return Ok(()) };
        let mut at = newest + SILENCE_LASTS;
        while at + LATE / 2 < pictures {
            let mut silence = gst::Buffer::from_slice(SILENCE);
            silence.make_mut().set_pts(gst::ClockTime::from_nseconds(at));
            self.audio.take(silence, false, &self.rules)?;
            at += SILENCE_LASTS;
        }
        Ok(())
    }

    fn end(&mut self) {
        let (lead, rules) = (self.lead(), self.rules);
        self.video.finish(lead == Kind::Video, &rules);
        self.audio.finish(lead == Kind::Audio, &rules);
        self.shelves.end();
    }
}
