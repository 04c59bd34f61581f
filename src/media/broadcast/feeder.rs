//! What goes from an outlet into a broadcast's pipeline, never more than a few seconds of it.
//!
//! Decides where the line of time lies in the pipeline, and what is left out when the other side is slow: pictures until the
//! next keyframe, sound while it lasts.

use super::supervisor::Happening;
use crate::media::outlet::Unit;
use crate::model::Kind;
use gst::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use tokio::sync::mpsc::UnboundedSender;

/// What may wait for the other side.
const MOST: gst::ClockTime = gst::ClockTime::from_seconds(3);
/// Pictures go on when less waits.
const ENOUGH: gst::ClockTime = gst::ClockTime::from_seconds(1);

/// The inputs of a pipeline.
pub(super) struct Feeder {
    pipeline: gst::glib::WeakRef<gst::Pipeline>,
    sources: Vec<(Kind, gst_app::AppSrc)>,
    /// Running time of the outlet's zero.
    zero: Option<gst::ClockTime>,
    /// Pictures are left out until a keyframe.
    skips: bool,
    /// Something is being left out.
    slow: Arc<AtomicBool>,
    tell: UnboundedSender<Happening>,
}

impl Feeder {
    pub(super) fn new(
        pipeline: &gst::Pipeline,
        sources: Vec<(Kind, gst_app::AppSrc)>,
        slow: Arc<AtomicBool>,
        tell: UnboundedSender<Happening>,
    ) -> Self {
        Self { pipeline: pipeline.downgrade(), sources, zero: None, skips: false, slow, tell }
    }

    /// Takes what the outlet gives. Never blocks.
    pub(super) fn take(&mut self, unit: Unit) {
        match unit {
            Unit::Caps(kind, caps) => match self.source(kind) {
                Some(source) => source.set_caps(Some(&caps)),
                // The feed has got another track: another pipeline is needed.
                None => drop(self.tell.send(Happening::Anew)),
            },
            Unit::Access(kind, buffer) => self.push(kind, buffer),
            Unit::Ended(reason) => drop(self.tell.send(Happening::FeedOver(reason))),
        }
    }

    fn source(&self, kind: Kind) -> Option<&gst_app::AppSrc> {
        self.sources.iter().find(|(known, _)| *known == kind).map(|(_, source)| source)
    }

    fn push(&mut self, kind: Kind, mut buffer: gst::Buffer) {
        let Some(source) = self.source(kind).cloned() else { return };
        let keyframe = !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
        let (waits, picture) = (source.current_level_time(), kind == Kind::Video);
        if waits > MOST {
            self.slow.store(true, Relaxed);
            self.skips |= picture;
            return;
        }
        if picture && self.skips {
            if !keyframe || waits > ENOUGH {
                return;
            }
            self.skips = false;
            self.slow.store(false, Relaxed);
        }
        let Some(zero) = self.zero() else { return };
        let stamped = buffer.make_mut();
        stamped.set_pts(stamped.pts().map(|pts| pts + zero));
        stamped.set_dts(stamped.dts().map(|dts| dts + zero));
        let _ = source.push_buffer(buffer);
    }

    /// The muxer waits for late tracks by the clock, so units get the time at which they come.
    fn zero(&mut self) -> Option<gst::ClockTime> {
        if self.zero.is_none() {
            self.zero = self.pipeline.upgrade()?.current_running_time();
        }
        self.zero
    }
}
