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

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};
    use tokio::sync::mpsc::unbounded_channel;

    fn picture(number: u64, keyframe: bool) -> Unit {
        let mut buffer = gst::Buffer::from_slice([0u8; 100]);
        let made = buffer.make_mut();
        made.set_pts(gst::ClockTime::from_mseconds(40 * number));
        made.set_dts(gst::ClockTime::from_mseconds(40 * number));
        if !keyframe {
            made.set_flags(gst::BufferFlags::DELTA_UNIT);
        }
        Unit::Access(Kind::Video, buffer)
    }

    #[test]
    fn who_takes_nothing_has_little_waiting_and_goes_on_with_a_keyframe() {
        crate::media::start().unwrap();
        let pipeline = gst::parse::launch("appsrc name=in format=time is-live=true ! fakesink sync=false async=false")
            .unwrap()
            .downcast::<gst::Pipeline>()
            .unwrap();
        let source = pipeline.by_name("in").unwrap().downcast::<gst_app::AppSrc>().unwrap();
        let pad = source.static_pad("src").unwrap();
        let stuck = pad.add_probe(gst::PadProbeType::BLOCK_DOWNSTREAM, |_, _| gst::PadProbeReturn::Ok).unwrap();
        pipeline.set_state(gst::State::Playing).unwrap();
        let (slow, (tell, _told)) = (Arc::new(AtomicBool::new(false)), unbounded_channel());
        let mut feeder = Feeder::new(&pipeline, vec![(Kind::Video, source.clone())], slow.clone(), tell);
        (0..250).for_each(|number| feeder.take(picture(number, number % 25 == 0)));
        let waits = source.current_level_time();
        assert!(slow.load(Relaxed) && waits <= MOST + gst::ClockTime::from_mseconds(80), "{waits}");
        pad.remove_probe(stuck);
        let deadline = Instant::now() + Duration::from_secs(10);
        while source.current_level_buffers() > 0 {
            assert!(Instant::now() < deadline, "the pipeline goes on");
            std::thread::park_timeout(Duration::from_millis(10));
        }
        feeder.take(picture(250, false));
        assert!(slow.load(Relaxed), "half a group is not sent");
        feeder.take(picture(251, true));
        assert!(!slow.load(Relaxed));
        pipeline.set_state(gst::State::Null).unwrap();
    }
}
