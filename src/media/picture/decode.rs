//! Decodes a handful of pictures or sounds in a pipeline of their own.

use super::Picture;
use crate::media::MediaError;
use crate::media::elements::rtp_caps;
use crate::media::files::{close, fatal, launch};
use crate::model::Codec;
use gst::prelude::*;
use std::time::{Duration, Instant};

/// How often a pipeline that gives nothing is asked whether it failed.
const LOOK: gst::ClockTime = gst::ClockTime::from_mseconds(50);

/// How encoded pictures come.
#[derive(Clone, Copy, Debug)]
pub(in crate::media) enum Encoded<'a> {
    /// As a demuxer gives them.
    Frames(&'a gst::Caps),
    /// In RTP packets of this payload type.
    Rtp(Codec, u8),
}

/// How large a picture is to be; its aspect is kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::media) enum Fit {
    /// As it is, but not wider than so many pixels.
    Within(u32),
    /// So many pixels wide.
    Width(u32),
    /// So wide and so high, with black bars where it has another aspect.
    Exactly(u32, u32),
}

/// Decodes what the buffers hold, numbered: each picture comes with the number of the buffer that it came in.
/// `NotReady`: no decoder for it. Broken pictures are left out.
pub(in crate::media) fn stills(
    encoded: Encoded,
    buffers: impl IntoIterator<Item = gst::Buffer>,
    fit: Fit,
    limit: Duration,
) -> Result<Vec<(u64, Picture)>, MediaError> {
    let text = format!(
        "{} ! videoconvert n-threads=1 ! videoscale n-threads=1 add-borders=true ! \
         video/x-raw,format=I420,pixel-aspect-ratio=1/1,{}",
        encoded.decoder()?,
        fit.caps()
    );
    let run = Run::start(&text, &encoded.caps(), limit)?;
    for (number, buffer) in buffers.into_iter().enumerate() {
        run.push(buffer, number as u64);
    }
    run.end();
    let mut pictures = Vec::new();
    loop {
        match run.next() {
            Ok(Some(sample)) => pictures.extend(Picture::read(&sample).map(|picture| (number(&sample), picture))),
            Ok(None) => return Ok(pictures),
            // What was decoded before a broken picture is good.
            Err(MediaError::Fatal(_)) if !pictures.is_empty() => return Ok(pictures),
            Err(error) => return Err(error),
        }
    }
}

/// The loudest sample of each packet of sound, 0 to 1, numbered as `stills`.
pub(in crate::media) fn peaks(
    caps: &gst::Caps,
    buffers: impl IntoIterator<Item = gst::Buffer>,
    limit: Duration,
) -> Result<Vec<(u64, f32)>, MediaError> {
    let run = Run::start("opusdec ! audioconvert ! audio/x-raw,format=S16LE,channels=1", caps, limit)?;
    for (number, buffer) in buffers.into_iter().enumerate() {
        run.push(buffer, number as u64);
    }
    run.end();
    let mut peaks = Vec::new();
    while let Some(sample) = run.next()? {
        let Some(map) = sample.buffer().and_then(|buffer| buffer.map_readable().ok()) else { continue };
        let loudest = map.chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]]).unsigned_abs()).max().unwrap_or(0);
        peaks.push((number(&sample), f32::from(loudest) / 32768.0));
    }
    Ok(peaks)
}

impl Encoded<'_> {
    fn caps(&self) -> gst::Caps {
        match self {
            Self::Frames(caps) => (*caps).clone(),
            Self::Rtp(codec, payload_type) => rtp_caps(*codec, *payload_type),
        }
    }

    /// The text of the decoder, one thread.
    fn decoder(&self) -> Result<String, MediaError> {
        let decode =
            |name: &str| decoder_of(name).ok_or_else(|| MediaError::NotReady(format!("no decoder for {name}")));
        match self {
            Self::Frames(caps) => decode(caps.structure(0).map_or("nothing", |s| s.name().as_str())),
            Self::Rtp(Codec::Vp8, _) => Ok(format!("rtpvp8depay ! {}", decode("video/x-vp8")?)),
            Self::Rtp(Codec::H264, _) => Ok(format!("rtph264depay ! {}", decode("video/x-h264")?)),
            Self::Rtp(Codec::Vp9, _) => Ok(format!("rtpvp9depay ! {}", decode("video/x-vp9")?)),
            Self::Rtp(Codec::Av1, _) => Ok(format!("rtpav1depay ! {}", decode("video/x-av1")?)),
            Self::Rtp(Codec::Opus | Codec::Pcmu | Codec::Pcma, _) => {
                Err(MediaError::NotReady("sound has no picture".into()))
            }
        }
    }
}

/// By the name that demuxers give to it; of several decoders the first that is installed.
fn decoder_of(name: &str) -> Option<String> {
    let (before, decoders): (_, &[_]) = match name {
        "video/x-vp8" => ("", &[("vp8dec", " threads=1")]),
        "video/x-vp9" => ("", &[("vp9dec", " threads=1")]),
        "video/x-h264" => ("h264parse ! ", &[("avdec_h264", " max-threads=1"), ("openh264dec", "")]),
        "video/x-av1" => ("av1parse ! ", &[("dav1ddec", ""), ("av1dec", "")]),
        _ => return None,
    };
    let installed = decoders.iter().find(|(decoder, _)| gst::ElementFactory::find(decoder).is_some());
    installed.map(|(decoder, properties)| format!("{before}{decoder}{properties}"))
}

impl Fit {
    fn caps(self) -> String {
        match self {
            Self::Within(most) => format!("width=[1,{most}]"),
            Self::Width(width) => format!("width={width}"),
            Self::Exactly(width, height) => format!("width={width},height={height}"),
        }
    }
}

/// A pipeline from an `appsrc` to an `appsink`.
pub(super) struct Run {
    pipeline: gst::Pipeline,
    source: gst_app::AppSrc,
    sink: gst_app::AppSink,
    deadline: Instant,
}

impl Run {
    pub(super) fn start(text: &str, caps: &gst::Caps, limit: Duration) -> Result<Self, MediaError> {
        let text = format!("appsrc name=in format=time max-bytes=0 ! {text} ! appsink name=out sync=false async=false");
        let (pipeline, source) = launch::<gst_app::AppSrc>(&text, "in")?;
        let sink = pipeline.by_name("out").and_then(|sink| sink.downcast::<gst_app::AppSink>().ok());
        let sink = sink.ok_or_else(|| fatal("pipeline", "no out in it"))?;
        source.set_caps(Some(caps));
        let run = Self { pipeline, source, sink, deadline: Instant::now() + limit };
        run.pipeline.set_state(gst::State::Playing).map_err(|error| fatal("a decoder does not start", error))?;
        Ok(run)
    }

    /// Never blocks. The number stands in the buffer's time, in seconds.
    pub(super) fn push(&self, mut buffer: gst::Buffer, number: u64) {
        let buffer_ref = buffer.make_mut();
        buffer_ref.set_pts(gst::ClockTime::from_seconds(number));
        buffer_ref.set_dts(gst::ClockTime::NONE);
        buffer_ref.set_duration(gst::ClockTime::NONE);
        let _ = self.source.push_buffer(buffer);
    }

    pub(super) fn end(&self) {
        let _ = self.source.end_of_stream();
    }

    /// What comes out next; `None` at the end.
    pub(super) fn next(&self) -> Result<Option<gst::Sample>, MediaError> {
        loop {
            if let Some(sample) = self.sink.try_pull_sample(LOOK) {
                return Ok(Some(sample));
            }
            if self.sink.is_eos() {
                return Ok(None);
            }
            let error = self.pipeline.bus().and_then(|bus| bus.pop_filtered(&[gst::MessageType::Error]));
            if let Some(gst::MessageView::Error(error)) = error.as_ref().map(|message| message.view()) {
                return Err(fatal("decoder", error.error().message()));
            }
            if Instant::now() > self.deadline {
                return Err(MediaError::Transient("decoding took too long".into()));
            }
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        close(&self.pipeline);
    }
}

fn number(sample: &gst::Sample) -> u64 {
    let time = sample.buffer().and_then(|buffer| buffer.pts());
    time.map_or(0, |time| (time + gst::ClockTime::from_mseconds(500)).seconds())
}
