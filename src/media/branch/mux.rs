//! The recorder's pipeline: RTP with our time in, a file out.
//!
//! Both muxers of GStreamer 1.22 wait for data of every track before they write any (`webmmux` ignores GAP events of
//! audio and video). So a silent audio track is filled with Opus silence by `writing`, and a picture that is missing is
//! taken out of the muxer's sight (`away`). Packets are handed over in lists: one wake-up of the pipeline for many.

use super::away::Away;
use crate::media::MediaError;
use crate::media::elements::rtp_caps;
use crate::media::feed::SourceTrack;
use crate::media::template::{Template, element};
use crate::model::{Codec, EndReason, Kind};
use gst::prelude::*;
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// What may wait for a slow disk, or for the other track, in bytes.
const QUEUE_LIMIT: u64 = 32 << 20;

/// How the pipeline ended.
#[derive(Debug, PartialEq)]
pub(super) enum Outcome {
    /// The file is complete.
    Complete,
    /// It failed.
    Failed(EndReason, String),
}

pub(super) struct Mux {
    pipeline: gst::Pipeline,
    bus: gst::Bus,
    inputs: Vec<Input>,
    size: Arc<OnceLock<(u32, u32)>>,
    failed: bool,
    away: Option<Away>,
    returns: bool,
}

struct Input {
    codec: Codec,
    kind: Kind,
    payload_type: u8,
    source: gst_app::AppSrc,
    sequence: u16,
    waiting: Vec<gst::Buffer>,
    waiting_bytes: u64,
}

/// A packet for the muxer.
pub(super) struct Sample<'a> {
    pub kind: Kind,
    pub pts: gst::ClockTime,
    pub rtp: u32,
    pub marker: bool,
    /// Whether packets before it are missing, so that the depayloader drops the frame they belong to.
    pub after_gap: bool,
    pub payload: &'a [u8],
}

impl Mux {
    /// The pipeline of these tracks, playing.
    pub(super) fn start(template: &Template, tracks: &[&SourceTrack], path: &Path) -> Result<Self, MediaError> {
        let mut mux = Self::build(template, tracks)?;
        element(&mux.pipeline, "out")?.set_property("location", path.display().to_string());
        match mux.pipeline.set_state(gst::State::Playing) {
            Ok(_) => Ok(mux),
            Err(_) => {
                let words = mux.start_error();
                mux.close();
                Err(MediaError::Fatal(words))
            }
        }
    }

    /// The same, not started: shows that it can be made.
    pub(super) fn build(template: &Template, tracks: &[&SourceTrack]) -> Result<Self, MediaError> {
        let pipeline = template.build(tracks.iter().map(|t| t.codec.as_str()))?;
        pipeline.use_clock(Some(&gst::SystemClock::obtain()));
        let bus = pipeline.bus().ok_or_else(|| MediaError::Fatal("a pipeline without a bus".into()))?;
        let inputs = tracks.iter().map(|t| Input::new(&pipeline, t)).collect::<Result<Vec<_>, _>>()?;
        let muxer = element(&pipeline, "mux")?;
        let size = watch_size(&muxer);
        let source = |kind| inputs.iter().find(|input: &&Input| input.kind == kind).map(|input| &input.source);
        let both = source(Kind::Audio).zip(source(Kind::Video));
        let away = both.and_then(|(sound, pictures)| Away::new(sound, pictures, &muxer));
        let returns = template.extension == "webm";
        Ok(Self { pipeline, bus, inputs, size, failed: false, away, returns })
    }

    pub(super) fn pipeline(&self) -> &gst::Pipeline {
        &self.pipeline
    }

    /// Whether there is room for more of this kind: not while a slow disk or a missing track holds the muxer.
    pub(super) fn has_room(&self, kind: Kind) -> bool {
        self.input(kind).is_some_and(|input| input.source.current_level_bytes() + input.waiting_bytes < QUEUE_LIMIT)
    }

    pub(super) fn has(&self, kind: Kind) -> bool {
        self.input(kind).is_some()
    }

    /// The codec of what comes in.
    pub(super) fn codec(&self, kind: Kind) -> Option<Codec> {
        self.input(kind).map(|input| input.codec)
    }

    /// Pictures are not waited for until they are not `away` any more.
    pub(super) fn set_away(&mut self, away: bool) {
        self.away.iter_mut().for_each(|pictures| pictures.set(away));
    }

    /// Whether pictures that were away can come back into the same file.
    pub(super) fn returns(&self) -> bool {
        self.returns
    }

    /// Hands over what was pushed.
    pub(super) fn push_on(&mut self) {
        let present = self.away.as_ref().is_none_or(Away::is_present);
        let ready = self.inputs.iter_mut().filter(|input| present || input.kind == Kind::Audio);
        ready.for_each(Input::push_on);
        self.away.iter().for_each(Away::settle);
    }

    /// Whether pictures wait for their return to the muxer.
    pub(super) fn is_settled(&self) -> bool {
        self.inputs.iter().all(|input| input.waiting.is_empty())
    }

    /// Never blocks; goes on its way with the next `push_on`. Failures come out of `poll`.
    pub(super) fn push(&mut self, sample: &Sample) {
        if let Some(input) = self.inputs.iter_mut().find(|input| input.kind == sample.kind) {
            input.push(sample);
        }
    }

    /// No more will come.
    pub(super) fn end(&self) {
        for input in &self.inputs {
            let _ = input.source.end_of_stream();
        }
    }

    /// Whether `poll` has told of a failure: nothing more gets into the file, and what the elements say later of
    /// the same failure ("Internal data stream error") is not the reason.
    pub(super) fn has_failed(&self) -> bool {
        self.failed
    }

    /// Drains the bus; waits up to `wait` for the first message.
    pub(super) fn poll(&mut self, wait: gst::ClockTime) -> Option<Outcome> {
        let mut next = self.bus.timed_pop(wait);
        while let Some(message) = next {
            if let Some(outcome) = self.on_message(&message) {
                self.failed |= matches!(outcome, Outcome::Failed(..));
                return Some(outcome);
            }
            next = self.bus.pop();
        }
        None
    }

    /// The first picture's size as the parser found it.
    pub(super) fn size(&self) -> Option<(u32, u32)> {
        self.size.get().copied()
    }

    /// To NULL, on this thread: may wait for the disk.
    pub(super) fn close(self) {
        let _ = self.pipeline.set_state(gst::State::Null);
        self.bus.set_flushing(true);
    }

    fn input(&self, kind: Kind) -> Option<&Input> {
        self.inputs.iter().find(|input| input.kind == kind)
    }

    fn on_message(&self, message: &gst::Message) -> Option<Outcome> {
        match message.view() {
            gst::MessageView::Eos(_) => Some(Outcome::Complete),
            gst::MessageView::Error(error) => Some(failure(&error.error(), error.debug().as_deref())),
            gst::MessageView::Latency(_) => {
                let _ = self.pipeline.recalculate_latency();
                None
            }
            _ => None,
        }
    }

    fn start_error(&mut self) -> String {
        match self.poll(gst::ClockTime::ZERO) {
            Some(Outcome::Failed(_, words)) => words,
            _ => "the recorder's pipeline does not start".into(),
        }
    }
}

/// Sorts a pipeline's error: full disk, other trouble with the file, or trouble of ours.
fn failure(error: &gst::glib::Error, more: Option<&str>) -> Outcome {
    let reason = match error.kind::<gst::ResourceError>() {
        Some(gst::ResourceError::NoSpaceLeft) => EndReason::DiskFull,
        Some(_) => EndReason::StorageFailed,
        None => EndReason::EngineError,
    };
    tracing::debug!(%error, more, "recorder pipeline");
    Outcome::Failed(reason, error.message().to_owned())
}

impl Input {
    fn new(pipeline: &gst::Pipeline, track: &SourceTrack) -> Result<Self, MediaError> {
        let name = format!("in_{}", track.codec.kind().as_str());
        let source = element(pipeline, &name)?
            .downcast::<gst_app::AppSrc>()
            .map_err(|_| MediaError::Fatal(format!("pipeline template: {name} is not an appsrc")))?;
        source.set_caps(Some(&rtp_caps(track.codec, track.payload_type)));
        source.set_format(gst::Format::Time);
        source.set_max_bytes(2 * QUEUE_LIMIT);
        let (kind, payload_type) = (track.codec.kind(), track.payload_type);
        Ok(Self { codec: track.codec, kind, payload_type, source, sequence: 0, waiting: Vec::new(), waiting_bytes: 0 })
    }

    fn push(&mut self, sample: &Sample) {
        self.sequence = self.sequence.wrapping_add(if sample.after_gap { 2 } else { 1 });
        let mut buffer = gst::Buffer::from_slice(self.packet(sample));
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(sample.pts);
        }
        self.waiting_bytes += sample.payload.len() as u64;
        self.waiting.push(buffer);
    }

    fn push_on(&mut self) {
        if !self.waiting.is_empty() {
            self.waiting_bytes = 0;
            let _ = self.source.push_buffer_list(self.waiting.drain(..).collect::<gst::BufferList>());
        }
    }

    /// An RTP packet of one continuous stream, whatever the sources were: header (RFC 3550 5.1) and payload alone.
    fn packet(&self, sample: &Sample) -> Vec<u8> {
        let mut packet = Vec::with_capacity(12 + sample.payload.len());
        packet.extend([0x80, (u8::from(sample.marker) << 7) | (self.payload_type & 0x7f)]);
        packet.extend(self.sequence.to_be_bytes());
        packet.extend(sample.rtp.to_be_bytes());
        packet.extend(1u32.to_be_bytes());
        packet.extend(sample.payload);
        packet
    }
}

/// Notes the picture's first size, and keeps later ones from the muxer: the file's header says the first for good, and
/// `mp4mux` 1.22 writes broken fragments after a change of caps. Decoders learn of the new size from the stream itself.
fn watch_size(mux: &gst::Element) -> Arc<OnceLock<(u32, u32)>> {
    let size = Arc::new(OnceLock::new());
    for pad in mux.sink_pads() {
        let noted = size.clone();
        pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
            let found = info.event().and_then(|event| match event.view() {
                gst::EventView::Caps(caps) => size_of(caps.caps()),
                _ => None,
            });
            match found.map(|found| noted.set(found)) {
                // `Drop` makes GStreamer 1.22 free the event twice, which it reports as critical.
                Some(Err(_)) => gst::PadProbeReturn::Handled,
                _ => gst::PadProbeReturn::Ok,
            }
        });
    }
    size
}

fn size_of(caps: &gst::CapsRef) -> Option<(u32, u32)> {
    let structure = caps.structure(0)?;
    let side = |name| u32::try_from(structure.get::<i32>(name).ok()?).ok();
    Some((side("width")?, side("height")?))
}
