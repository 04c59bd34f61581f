//! Elementary streams that browsers do not play become H264 or Opus.
//!
//! [`Transcoder`] is a pipeline of its own: frames in, frames out, keyframes by time and on request. `codec` names what comes.
//! When one is needed, and what becomes of what it makes, is the caller's.

pub(in crate::media) mod codec;
#[cfg(test)]
mod tests;

pub use codec::Encoding;

use super::bus::first_failure;
use super::template::{Template, element};
use super::{MediaError, census};
use crate::model::Kind;
use gst::prelude::*;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// What may wait for a coder that is too slow.
const QUEUE_LIMIT: Duration = Duration::from_millis(1500);

/// What a transcoder made.
pub struct Coded {
    /// An access unit of H264 (byte stream, parameter sets before each keyframe), or a packet of Opus.
    pub buffer: gst::Buffer,
    /// Running time, on the timeline of the frames that were pushed.
    pub at: Option<gst::ClockTime>,
    /// Decoders can begin here; sound: always.
    pub keyframe: bool,
}

/// A running transcoder; dropped, it ends. That may take as long as a frame, and must not be done in a thread of its own
/// pipeline (`Output`).
pub struct Transcoder {
    pipeline: gst::Pipeline,
    source: gst_app::AppSrc,
    keyframe: Arc<AtomicBool>,
    /// Pictures before this running time are decoded only, nanoseconds.
    shown_from: Arc<AtomicU64>,
    /// It was given many frames at once, and may take its time.
    catching_up: AtomicBool,
    failed: Arc<OnceLock<String>>,
}

/// Gets the frames, in the pipeline's thread: it must not block for long.
pub type Output = Arc<dyn Fn(Coded) + Send + Sync>;

impl Transcoder {
    /// Starts one for frames with `caps`; the pipeline is called `name`.
    ///
    /// # Errors
    /// `NotReady` when there is no way to decode it, `Fatal` when the pipeline does not start.
    pub fn start(
        name: &str,
        caps: &gst::Caps,
        keyframes: Duration,
        templates: Option<&Path>,
        output: Output,
    ) -> Result<Self, MediaError> {
        let unknown =
            || MediaError::NotReady(format!("no way to decode {}", caps.structure(0).map_or("it", |s| s.name())));
        let encoding = Encoding::of(caps).ok_or_else(unknown)?;
        let pipeline = Template::load(encoding.template(), templates)?.build([encoding.input])?;
        pipeline.set_property("name", name);
        census::count("pipeline", &pipeline);
        let (keyframe, shown_from) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        hide_before(&element(&pipeline, "convert")?, &shown_from);
        if encoding.kind == Kind::Video {
            pace_keyframes(&element(&pipeline, "encoder")?, keyframes, &keyframe);
        }
        let source = input(&pipeline, encoding.kind, caps)?;
        let sink = element(&pipeline, "out")?
            .downcast::<gst_app::AppSink>()
            .map_err(|_| MediaError::Fatal("a rendition's template: `out` is no appsink".into()))?;
        deliver(&sink, encoding.kind, output);
        let failed = first_failure(&pipeline);
        let catching_up = AtomicBool::new(false);
        let transcoder = Self { pipeline, source, keyframe, shown_from, catching_up, failed };
        transcoder.play()?;
        Ok(transcoder)
    }

    fn play(&self) -> Result<(), MediaError> {
        self.pipeline.use_clock(Some(&gst::SystemClock::obtain()));
        self.pipeline.set_start_time(gst::ClockTime::NONE);
        self.pipeline.set_base_time(gst::ClockTime::ZERO);
        let started = self.pipeline.set_state(gst::State::Playing);
        let why = || self.failure().unwrap_or("a transcoder does not start").to_owned();
        started.map(drop).map_err(|_| MediaError::Fatal(why()))
    }

    /// A frame whose PTS is its running time. Never blocks. `false`: the coder is too slow and the frame is left out.
    pub fn push(&self, frame: gst::Buffer) -> bool {
        let waiting = self.source.current_level_time().nseconds();
        let crowded = u128::from(waiting) > QUEUE_LIMIT.as_nanos();
        if !crowded {
            self.catching_up.store(false, Ordering::Relaxed);
        } else if !self.catching_up.load(Ordering::Relaxed) {
            return false;
        }
        self.source.push_buffer(frame).is_ok()
    }

    /// Frames since the last keyframe: decoded for those that follow, and not shown before running time `shown_from`.
    pub fn catch_up(&self, frames: &[gst::Buffer], shown_from: Option<gst::ClockTime>) {
        self.shown_from.store(shown_from.map_or(0, gst::ClockTime::nseconds), Ordering::Relaxed);
        self.catching_up.store(true, Ordering::Relaxed);
        for frame in frames {
            let _ = self.source.push_buffer(frame.clone());
        }
    }

    /// The caps of the frames that follow.
    pub fn set_caps(&self, caps: &gst::Caps) {
        self.source.set_caps(Some(caps));
    }

    /// The next picture becomes a keyframe.
    pub fn request_keyframe(&self) {
        self.keyframe.store(true, Ordering::Relaxed);
    }

    /// Why it has stopped, if it has.
    pub fn failure(&self) -> Option<&str> {
        self.failed.get().map(String::as_str)
    }

    /// Its graph as DOT.
    pub fn graph(&self) -> String {
        self.pipeline.debug_to_dot_data(gst::DebugGraphDetails::all()).to_string()
    }
}

impl Drop for Transcoder {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
        if let Some(bus) = self.pipeline.bus() {
            bus.unset_sync_handler();
        }
    }
}

fn input(pipeline: &gst::Pipeline, kind: Kind, caps: &gst::Caps) -> Result<gst_app::AppSrc, MediaError> {
    let name = if kind == Kind::Video { "in_video" } else { "in_audio" };
    let source = element(pipeline, name)?
        .downcast::<gst_app::AppSrc>()
        .map_err(|_| MediaError::Fatal(format!("a rendition's template: {name} is no appsrc")))?;
    source.set_caps(Some(caps));
    source.set_format(gst::Format::Time);
    source.set_is_live(true);
    source.set_max_bytes(0);
    source.set_max_buffers(0);
    source.set_max_time(gst::ClockTime::ZERO);
    Ok(source)
}

/// Frames leave with their running time: x264enc shifts PTS and segment by a thousand hours.
fn deliver(sink: &gst_app::AppSink, kind: Kind, output: Output) {
    let give = move |sink: &gst_app::AppSink| {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        let segment = sample.segment().and_then(|s| s.downcast_ref::<gst::ClockTime>());
        if let Some(buffer) = sample.buffer_owned() {
            let at = segment.and_then(|s| s.to_running_time(buffer.pts()?));
            let keyframe = kind == Kind::Audio || !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
            output(Coded { buffer, at, keyframe });
        }
        Ok(gst::FlowSuccess::Ok)
    };
    sink.set_callbacks(gst_app::AppSinkCallbacks::builder().new_sample(give).build());
}

fn hide_before(decoded: &gst::Element, shown_from: &Arc<AtomicU64>) {
    let Some(pad) = decoded.static_pad("sink") else { return };
    let shown_from = shown_from.clone();
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| match &info.data {
        Some(gst::PadProbeData::Buffer(buffer))
            if buffer.pts().is_some_and(|at| at.nseconds() < shown_from.load(Ordering::Relaxed)) =>
        {
            // `Drop` would free it twice.
            gst::PadProbeReturn::Handled
        }
        _ => gst::PadProbeReturn::Ok,
    });
}

/// Before each picture: whether it must become a keyframe, and at each size: how many bits it may have.
fn pace_keyframes(encoder: &gst::Element, interval: Duration, wanted: &Arc<AtomicBool>) {
    let Some(pad) = encoder.static_pad("sink") else { return };
    let (wanted, interval) = (wanted.clone(), interval.as_nanos() as u64);
    let last = AtomicU64::new(u64::MAX);
    let kinds = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM;
    pad.add_probe(kinds, move |pad, info| {
        let Some(encoder) = pad.parent_element() else { return gst::PadProbeReturn::Ok };
        match &info.data {
            Some(gst::PadProbeData::Event(event)) => fit_bitrate(&encoder, event),
            Some(gst::PadProbeData::Buffer(buffer)) => {
                let at = buffer.pts().map_or(0, gst::ClockTime::nseconds);
                let since = at.checked_sub(last.load(Ordering::Relaxed)).unwrap_or(u64::MAX);
                // Half a picture early is better than one late.
                if wanted.swap(false, Ordering::Relaxed) || since.saturating_add(20_000_000) >= interval {
                    last.store(at, Ordering::Relaxed);
                    force_keyframe(&encoder);
                }
            }
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
}

fn force_keyframe(encoder: &gst::Element) {
    let event = gst_video::UpstreamForceKeyUnitEvent::builder().all_headers(true).build();
    if let Some(pad) = encoder.static_pad("src") {
        pad.send_event(event);
    }
}

fn fit_bitrate(encoder: &gst::Element, event: &gst::Event) {
    let gst::EventView::Caps(caps) = event.view() else { return };
    let Ok(info) = gst_video::VideoInfo::from_caps(caps.caps()) else { return };
    let fps = info.fps();
    let fps = if fps.numer() > 0 { f64::from(fps.numer()) / f64::from(fps.denom().max(1)) } else { 25.0 };
    let kilobits = codec::kilobits(info.width() as i32, info.height() as i32, fps);
    encoder.set_property("bitrate", kilobits);
}
