//! One track's decoding pipeline: RTP packets or a recorded file in, pictures or sound out.
//!
//! Decides how decoders are fed and that one which fails ends alone; leaves what is done with what comes out to
//! `input`. Nobody is ever blocked: a full `appsink` holds the decoder, packets then wait encoded in the `appsrc`.

use super::canvas::Rect;
use crate::media::bus::first_failure;
use crate::media::elements::rtp_caps;
use crate::media::feed::SourceTrack;
use crate::media::rtp::Packet;
use crate::media::template::{Template, element};
use crate::media::{MediaError, census};
use crate::model::{Codec, Kind};
use gst::prelude::*;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// What may wait for a decoder that is too slow, in bytes.
const QUEUE_LIMIT: u64 = 8 << 20;
/// Running time of a mix's time zero in pipelines fed with packets: what belongs before it has a time, too.
pub const BIAS: i64 = 60_000_000_000;

/// While something is waited for, whether the pipeline has failed is looked at so often.
const LOOK: Duration = Duration::from_millis(50);

/// What a decoder has.
pub enum Next {
    /// Something decoded.
    Sample(gst::Sample),
    /// Nothing yet.
    Later,
    /// Nothing more, for ever.
    Over,
}

/// A decoding pipeline; dropped, it ends.
pub struct Decoder {
    pipeline: gst::Pipeline,
    source: Option<gst_app::AppSrc>,
    sink: gst_app::AppSink,
    failed: Arc<OnceLock<String>>,
}

/// A packet lent to a pipeline without a copy.
struct Lent(Arc<Packet>);

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.0.data
    }
}

impl Decoder {
    /// Of a feed's track.
    pub fn of_track(track: &SourceTrack, templates: Option<&Path>) -> Result<Self, MediaError> {
        let pipeline = build(track.codec, "", templates)?;
        let source = element(&pipeline, input_name(track.codec))?
            .downcast::<gst_app::AppSrc>()
            .map_err(|_| MediaError::Fatal("a mix's template: its input is no appsrc".into()))?;
        source.set_caps(Some(&rtp_caps(track.codec, track.payload_type)));
        source.set_format(gst::Format::Time);
        source.set_max_bytes(2 * QUEUE_LIMIT);
        Self::start(pipeline, Some(source))
    }

    /// Of a track of a recorded file.
    pub fn of_file(codec: Codec, path: &Path, templates: Option<&Path>) -> Result<Self, MediaError> {
        let pipeline = build(codec, "-file", templates)?;
        element(&pipeline, input_name(codec))?.set_property("location", path.display().to_string());
        Self::start(pipeline, None)
    }

    fn start(pipeline: gst::Pipeline, source: Option<gst_app::AppSrc>) -> Result<Self, MediaError> {
        census::count("pipeline", &pipeline);
        let sink = element(&pipeline, "out")?
            .downcast::<gst_app::AppSink>()
            .map_err(|_| MediaError::Fatal("a mix's template: `out` is no appsink".into()))?;
        let failed = first_failure(&pipeline);
        let started = pipeline.set_state(gst::State::Playing);
        let decoder = Self { pipeline, source, sink, failed };
        match started {
            Ok(_) => Ok(decoder),
            Err(_) => Err(MediaError::Fatal(decoder.failure().unwrap_or("a decoder does not start").to_owned())),
        }
    }

    /// A packet that belongs at `at` nanoseconds of the mix. `false`: the decoder is too slow and the packet is left out.
    pub fn push(&self, packet: &Arc<Packet>, at: i64) -> bool {
        let Some(source) = &self.source else { return false };
        let Ok(time) = u64::try_from(at + BIAS) else { return true };
        if source.current_level_bytes() > QUEUE_LIMIT {
            return false;
        }
        let mut buffer = gst::Buffer::from_slice(Lent(packet.clone()));
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(gst::ClockTime::from_nseconds(time));
        }
        let _ = source.push_buffer(buffer);
        true
    }

    /// No more packets: what the decoder holds back comes out.
    pub fn end(&self) {
        if let Some(source) = &self.source {
            let _ = source.end_of_stream();
        }
    }

    /// Pictures come in this size from now on, with borders where the aspect asks for them.
    pub fn resize(&self, area: Rect) {
        let side = |length: usize| i32::try_from(length).unwrap_or(2);
        let caps = gst::Caps::builder("video/x-raw")
            .field("format", "I420")
            .field("width", side(area.width))
            .field("height", side(area.height))
            .field("pixel-aspect-ratio", gst::Fraction::new(1, 1));
        if let Some(filter) = self.pipeline.by_name("box") {
            filter.set_property("caps", caps.build());
        }
    }

    /// The next thing decoded; waits for it so long at most. What fails is not waited for.
    pub fn next(&self, wait: Duration) -> Next {
        let deadline = Instant::now() + wait;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let step = u64::try_from(left.min(LOOK).as_nanos()).unwrap_or(0);
            match self.sink.try_pull_sample(gst::ClockTime::from_nseconds(step)) {
                Some(sample) => return Next::Sample(sample),
                None if self.sink.is_eos() || self.failure().is_some() => return Next::Over,
                None if left.is_zero() => return Next::Later,
                None => {}
            }
        }
    }

    /// Why it failed, if it has.
    pub fn failure(&self) -> Option<&str> {
        self.failed.get().map(String::as_str)
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
        if let Some(bus) = self.pipeline.bus() {
            bus.unset_sync_handler();
        }
    }
}

fn build(codec: Codec, kind: &str, templates: Option<&Path>) -> Result<gst::Pipeline, MediaError> {
    let what = match codec.kind() {
        Kind::Audio => "sound",
        Kind::Video => "picture",
    };
    Template::load(&format!("recording/mix-{what}{kind}"), templates)?.build([codec.as_str()])
}

fn input_name(codec: Codec) -> &'static str {
    match codec.kind() {
        Kind::Audio => "in_audio",
        Kind::Video => "in_video",
    }
}
