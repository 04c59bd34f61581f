//! Writes frames into a finished file: duration and index are there, and the index of an MP4 stands in front.
//!
//! Decides how muxers are set; there is nothing in it for an operator, so it is no template.

use super::reader::{Frame, close};
use super::scan::{Track, kind_of};
use super::{Container, fatal, launch};
use crate::media::MediaError;
use crate::model::Kind;
use gst::prelude::*;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What may wait for the muxer of one track, in bytes, while it is not waiting for the other.
const QUEUE: u64 = 8 << 20;
/// A disk that takes nothing for so long hangs.
const STALL: Duration = Duration::from_secs(20);
/// Completing copies an MP4 once: at least so many bytes a second are expected of the disk.
const SLOWEST: u64 = 4 << 20;

/// A file being written. Dropped without `finish` it is removed.
pub(super) struct Writer {
    pipeline: gst::Pipeline,
    bus: gst::Bus,
    inputs: Vec<Input>,
    path: PathBuf,
    complete: bool,
}

struct Input {
    number: usize,
    source: gst_app::AppSrc,
    left: u64,
}

impl Writer {
    /// A file with these tracks.
    pub(super) fn start(container: Container, tracks: &[Track], path: &Path) -> Result<Self, MediaError> {
        let input =
            |(at, track): (usize, &Track)| format!(" appsrc name=in_{at} ! mux.{}_%u", kind_of(&track.caps).as_str());
        let inputs = tracks.iter().enumerate().map(input).collect::<String>();
        let text = format!("{} name=mux ! filesink name=out sync=false async=false{inputs}", container.muxer());
        let (pipeline, sink) = launch::<gst::Element>(&text, "out")?;
        sink.set_property("location", path.display().to_string());
        if let (Container::Mp4, Some(mux)) = (container, pipeline.by_name("mux")) {
            mux.set_property("faststart", true);
            mux.set_property("faststart-file", aside(path).display().to_string());
        }
        let inputs = tracks.iter().enumerate().map(|(at, track)| Input::new(&pipeline, at, track));
        let inputs = inputs.collect::<Result<_, _>>()?;
        let bus = pipeline.bus().ok_or_else(|| fatal("a pipeline", "without a bus"))?;
        let mut writer = Self { pipeline, bus, inputs, path: path.into(), complete: false };
        match writer.pipeline.set_state(gst::State::Playing) {
            Ok(_) => Ok(writer),
            Err(error) => Err(writer.failure().unwrap_or_else(|| fatal("the muxer does not start", error))),
        }
    }

    /// One more frame, `shift` nanoseconds earlier than it was.
    pub(super) fn push(&mut self, frame: &Frame, shift: u64) -> Result<(), MediaError> {
        let Some(at) = self.inputs.iter().position(|input| input.number == frame.track) else { return Ok(()) };
        self.wait_for_room(at)?;
        let Some(input) = self.inputs.get_mut(at) else { return Ok(()) };
        let pushed = input.source.push_buffer(shifted(frame, shift));
        input.left = input.left.saturating_sub(1);
        if input.left == 0 {
            // The muxer waits no longer for a track that is over.
            let _ = input.source.end_of_stream();
        }
        match pushed {
            Ok(_) => Ok(()),
            Err(error) => Err(self.failure().unwrap_or_else(|| fatal("the muxer takes no more", error))),
        }
    }

    /// Completes the file and has the disk keep it; its size in bytes.
    pub(super) fn finish(mut self) -> Result<u64, MediaError> {
        for input in self.inputs.iter().filter(|input| input.left > 0) {
            let _ = input.source.end_of_stream();
        }
        self.wait_for_end()?;
        close(&self.pipeline);
        let kept = |error: std::io::Error| MediaError::Transient(format!("{}: {error}", self.path.display()));
        let file = std::fs::File::open(&self.path).map_err(kept)?;
        file.sync_all().map_err(kept)?;
        let bytes = file.metadata().map_err(kept)?.len();
        self.complete = true;
        Ok(bytes)
    }

    /// The muxer takes in turns what comes first: with something of each track it is at work, and is waited for.
    fn wait_for_room(&mut self, at: usize) -> Result<(), MediaError> {
        let deadline = Instant::now() + STALL;
        while self.is_full(at) {
            if let Some(error) = self.failure_within(gst::ClockTime::from_mseconds(5)) {
                return Err(error);
            }
            if Instant::now() > deadline {
                return Err(MediaError::Transient("the disk takes no more".into()));
            }
        }
        Ok(())
    }

    fn is_full(&self, at: usize) -> bool {
        let level = |input: &Input| input.source.current_level_bytes();
        let starved = |input: &Input| input.left > 0 && level(input) == 0;
        self.inputs.get(at).is_some_and(|input| level(input) > QUEUE) && !self.inputs.iter().any(starved)
    }

    fn wait_for_end(&mut self) -> Result<(), MediaError> {
        let size = self.path.metadata().map_or(0, |m| m.len()) + aside(&self.path).metadata().map_or(0, |m| m.len());
        let limit = STALL + Duration::from_secs(size / SLOWEST);
        let kinds = [gst::MessageType::Eos, gst::MessageType::Error];
        let limit = gst::ClockTime::try_from(limit).unwrap_or(gst::ClockTime::from_seconds(60));
        match self.bus.timed_pop_filtered(limit, &kinds) {
            Some(message) if message.type_() == gst::MessageType::Eos => Ok(()),
            Some(message) => Err(words(&message)),
            None => Err(MediaError::Transient(format!("{}: not completed in {limit}", self.path.display()))),
        }
    }

    fn failure(&mut self) -> Option<MediaError> {
        self.failure_within(gst::ClockTime::ZERO)
    }

    fn failure_within(&mut self, wait: gst::ClockTime) -> Option<MediaError> {
        self.bus.timed_pop_filtered(wait, &[gst::MessageType::Error]).map(|message| words(&message))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.complete {
            close(&self.pipeline);
            let _ = std::fs::remove_file(&self.path);
        }
        let _ = std::fs::remove_file(aside(&self.path));
    }
}

impl Input {
    fn new(pipeline: &gst::Pipeline, at: usize, track: &Track) -> Result<Self, MediaError> {
        let source = pipeline.by_name(&format!("in_{at}")).and_then(|e| e.downcast::<gst_app::AppSrc>().ok());
        let source = source.ok_or_else(|| fatal("a pipeline", "without an input"))?;
        // The first form for good: a later size is in the stream, where decoders find it, and muxers refuse it in caps.
        source.set_caps(Some(&track.caps));
        source.set_format(gst::Format::Time);
        source.set_max_bytes(0);
        if kind_of(&track.caps) == Kind::Video
            && let Some(pad) = source.static_pad("src").and_then(|pad| pad.peer())
        {
            fine_clock(&pad);
        }
        Ok(Self { number: track.number, source, left: track.frames })
    }
}

/// An MP4's picture times in steps of 1/90000 s, as RTP has them: by default it takes those of the frame rate it supposes.
fn fine_clock(pad: &gst::Pad) {
    if pad.has_property_with_type("trak-timescale", u32::static_type()) {
        pad.set_property("trak-timescale", 90_000u32);
    }
}

/// Where `mp4mux` keeps the media until the index can be written in front of it.
fn aside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".media");
    name.into()
}

fn shifted(frame: &Frame, shift: u64) -> gst::Buffer {
    let mut buffer = frame.buffer.copy();
    let at = gst::ClockTime::from_nseconds(frame.at.saturating_sub(shift));
    if let Some(buffer) = buffer.get_mut() {
        // Decoded as late as it is shown: WebRTC has no pictures out of order.
        let late = buffer.pts().zip(buffer.dts()).map_or(0, |(pts, dts)| pts.nseconds().saturating_sub(dts.nseconds()));
        buffer.set_pts(at);
        buffer.set_dts(gst::ClockTime::from_nseconds(at.nseconds().saturating_sub(late)));
    }
    buffer
}

fn words(message: &gst::Message) -> MediaError {
    match message.view() {
        gst::MessageView::Error(error) if error.error().is::<gst::ResourceError>() => {
            MediaError::Transient(error.error().message().to_owned())
        }
        gst::MessageView::Error(error) => fatal("muxer", error.error().message()),
        _ => fatal("muxer", "it ended by itself"),
    }
}
