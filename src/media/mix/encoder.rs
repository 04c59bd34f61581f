//! The pipeline that writes the mix: raw pictures and sound in, a file or a feed's RTP out.
//!
//! Decides which encoder is used and how the file is completed; leaves what is in it to `mixer`, what becomes of RTP to
//! `on_air`. Pictures that wait are counted, never dropped: who pushes looks at `waiting` first.

use super::layout::{Plan, check_size};
use super::on_air::{OnAir, Start};
use crate::media::feed::Feed;
use crate::media::template::{Template, element};
use crate::media::{MediaError, census};
use crate::model::{Codec, EndReason, PictureWish};
use gst::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// Why a mix ends, in words when there is more to say.
pub type End = (EndReason, Option<String>);

/// Seconds from keyframe to keyframe.
const GROUP: u32 = 2;

/// How a file's pictures are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Pictures per second.
    pub fps: u32,
}

impl Look {
    /// As the layout says, unless a picture is asked for.
    pub fn of(plan: &Plan, wanted: Option<PictureWish>) -> Result<Self, MediaError> {
        let Some(PictureWish { width, height, fps }) = wanted else {
            return Ok(Self { width: plan.width, height: plan.height, fps: plan.fps });
        };
        let (width, height) = (width as usize, height as usize);
        check_size(width, height, fps).map_err(MediaError::Fatal)?;
        Ok(Self { width, height, fps })
    }
}

/// A file being written, or a feed being fed.
pub struct Encoder {
    pipeline: gst::Pipeline,
    video: Option<gst_app::AppSrc>,
    audio: Option<gst_app::AppSrc>,
    outcome: Receiver<Result<(), End>>,
    /// `None` for a feed.
    path: Option<PathBuf>,
}

impl Encoder {
    /// Starts a file beside `stem`, with the extension of what is written; `look` is `None` for sound alone, which is
    /// there without pictures in any case.
    pub fn start(stem: &Path, look: Option<Look>, sound: bool, templates: Option<&Path>) -> Result<Self, MediaError> {
        let template = file_template(look.is_some(), templates)?;
        Self::write(&template, &stem.with_extension(&template.extension), look, sound || look.is_none())
    }

    /// Starts a file of exactly this path.
    pub fn start_at(path: &Path, look: Option<Look>, templates: Option<&Path>) -> Result<Self, MediaError> {
        Self::write(&file_template(look.is_some(), templates)?, path, look, true)
    }

    /// Starts sending into a feed, whose source this becomes. Tells where its RTP time begins.
    pub fn start_feed(feed: &Arc<Feed>, look: Look, templates: Option<&Path>) -> Result<(Self, Start), MediaError> {
        static FOUND: OnceLock<&str> = OnceLock::new();
        let template = working(&["live/mix", "live/mix-openh264"], &FOUND, templates)?;
        let pipeline = build(&template, codecs(true, true))?;
        let start = OnAir::start(&pipeline, feed)?;
        Ok((Self::play(pipeline, None, Some(look))?, start))
    }

    /// Starts sending sound alone into a feed, in step with a feed that began at `start`.
    pub fn start_sound(feed: &Arc<Feed>, start: Start, templates: Option<&Path>) -> Result<Self, MediaError> {
        let pipeline = build(&Template::load("live/others", templates)?, codecs(false, true))?;
        OnAir::start_sound(&pipeline, feed, start)?;
        Self::play(pipeline, None, None)
    }

    fn write(template: &Template, path: &Path, look: Option<Look>, sound: bool) -> Result<Self, MediaError> {
        std::fs::File::create(path)
            .map_err(|error| MediaError::Fatal(format!("cannot write {}: {error}", path.display())))?;
        let pipeline = build(template, codecs(look.is_some(), sound))?;
        element(&pipeline, "out")?.set_property("location", path.display().to_string());
        Self::play(pipeline, Some(path.into()), look)
    }

    fn play(pipeline: gst::Pipeline, path: Option<PathBuf>, look: Option<Look>) -> Result<Self, MediaError> {
        let video = look.map(|look| picture_input(&pipeline, look)).transpose()?;
        let sound = pipeline.by_name("in_audio").is_some();
        let audio = sound.then(|| input(&pipeline, "in_audio", &sound_caps())).transpose()?;
        let outcome = watch(&pipeline)?;
        let encoder = Self { pipeline, video, audio, outcome, path };
        match encoder.pipeline.set_state(gst::State::Playing) {
            Ok(_) => Ok(encoder),
            Err(_) => Err(MediaError::Fatal(match encoder.poll() {
                Err((_, Some(words))) => words,
                _ => "the mix's pipeline does not start".into(),
            })),
        }
    }

    /// Its file; `None` for a feed.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Size of its file in bytes.
    pub fn bytes(&self) -> u64 {
        let written = self.path().map(std::fs::metadata);
        written.and_then(Result::ok).map_or(0, |metadata| metadata.len())
    }

    /// Lets the encoder use this many threads; 0: all the machine has. Without effect where it cannot be told.
    pub fn set_threads(&self, threads: u32) {
        let encoder = self.pipeline.by_name("encoder");
        if let Some(encoder) = encoder.filter(|encoder| encoder.find_property("threads").is_some()) {
            encoder.set_property_from_str("threads", &threads.to_string());
        }
    }

    /// Pictures (or, for sound alone, blocks) that wait to be encoded.
    pub fn waiting(&self) -> u64 {
        self.video.as_ref().or(self.audio.as_ref()).map_or(0, |source| source.current_level_buffers())
    }

    /// A picture. Never blocks.
    pub fn push_picture(&self, mut buffer: gst::Buffer, at: u64, length: u64) {
        stamp(&mut buffer, at, length);
        if let Some(video) = &self.video {
            let _ = video.push_buffer(buffer);
        }
    }

    /// What is written.
    pub fn codecs(&self) -> Vec<Codec> {
        codecs(self.video.is_some(), self.audio.is_some()).to_vec()
    }

    /// A block of sound. Never blocks.
    pub fn push_sound(&self, data: Vec<u8>, at: u64, length: u64) {
        let Some(audio) = &self.audio else { return };
        let mut buffer = gst::Buffer::from_slice(data);
        stamp(&mut buffer, at, length);
        let _ = audio.push_buffer(buffer);
    }

    /// Whether it still writes; else why not.
    pub fn poll(&self) -> Result<(), End> {
        self.outcome.try_recv().map_or(Ok(()), early)
    }

    /// The same, after waiting so long for something to happen.
    pub fn wait(&self, limit: Duration) -> Result<(), End> {
        self.outcome.recv_timeout(limit).map_or(Ok(()), early)
    }

    /// Stops where it is: a feed needs no completing.
    pub fn stop(self) {
        close(self);
    }

    /// Completes the file: index written, synced to the disk, all within `limit` and a second. What was written stays in
    /// any case.
    pub fn finish(self, limit: Duration) -> Result<(), End> {
        let deadline = Instant::now() + limit;
        for source in self.video.iter().chain(&self.audio) {
            let _ = source.end_of_stream();
        }
        let left = deadline.saturating_duration_since(Instant::now());
        let complete = match self.outcome.recv_timeout(left) {
            Ok(outcome) => outcome,
            Err(_) => {
                let words = format!("the file could not be completed within {} ms", limit.as_millis());
                Err((EndReason::StorageFailed, Some(words)))
            }
        };
        let path = self.path.clone();
        close(self);
        let synced = path.map_or(Ok(()), |path| std::fs::File::open(path).and_then(|file| file.sync_all()));
        complete.and_then(|()| {
            synced.map_err(|error| (EndReason::StorageFailed, Some(format!("the disk did not keep the file: {error}"))))
        })
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
        if let Some(bus) = self.pipeline.bus() {
            bus.unset_sync_handler();
        }
    }
}

/// Codecs of a mix.
fn codecs(pictures: bool, sound: bool) -> &'static [Codec] {
    match (pictures, sound) {
        (true, true) => &[Codec::H264, Codec::Opus],
        (true, false) => &[Codec::H264],
        (false, _) => &[Codec::Opus],
    }
}

fn build(template: &Template, codecs: &[Codec]) -> Result<gst::Pipeline, MediaError> {
    let pipeline = template.build(codecs.iter().map(|codec| codec.as_str()))?;
    census::count("pipeline", &pipeline);
    Ok(pipeline)
}

fn file_template(pictures: bool, templates: Option<&Path>) -> Result<Template, MediaError> {
    static FOUND: OnceLock<&str> = OnceLock::new();
    if !pictures {
        return Template::load("recording/sound", templates);
    }
    working(&["recording/mix", "recording/mix-openh264"], &FOUND, templates)
}

/// The first template whose encoder this machine has; looked for once.
fn working(
    all: &[&'static str],
    found: &OnceLock<&'static str>,
    templates: Option<&Path>,
) -> Result<Template, MediaError> {
    let names = codecs(true, true).iter().map(|codec| codec.as_str());
    let works = |name: &&str| Template::load(name, templates).and_then(|t| t.build(names.clone())).map(drop);
    let name = match (found.get(), all.iter().find(|name| found.get().is_none() && works(name).is_ok())) {
        (Some(name), _) => name,
        (None, Some(name)) => found.get_or_init(|| name),
        (None, None) => return Err(works(&all[0]).err().unwrap_or(MediaError::Fatal("no H264 encoder".into()))),
    };
    Template::load(name, templates)
}

fn picture_input(pipeline: &gst::Pipeline, look: Look) -> Result<gst_app::AppSrc, MediaError> {
    let encoder = element(pipeline, "encoder")?;
    for property in ["key-int-max", "gop-size"] {
        if encoder.find_property(property).is_some() {
            encoder.set_property_from_str(property, &(GROUP * look.fps).to_string());
        }
    }
    let side = |length: usize| i32::try_from(length).unwrap_or(2);
    // Decoded pictures are copied as they are, and WebRTC's are BT.601: said so in the file.
    let caps = gst::Caps::builder("video/x-raw")
        .field("format", "I420")
        .field("width", side(look.width))
        .field("height", side(look.height))
        .field("framerate", gst::Fraction::new(side(look.fps as usize), 1))
        .field("pixel-aspect-ratio", gst::Fraction::new(1, 1))
        .field("interlace-mode", "progressive")
        .field("colorimetry", "bt601");
    input(pipeline, "in_video", &caps.build())
}

fn sound_caps() -> gst::Caps {
    gst::Caps::builder("audio/x-raw")
        .field("format", "S16LE")
        .field("rate", 48_000i32)
        .field("channels", 2i32)
        .field("layout", "interleaved")
        .field("channel-mask", gst::Bitmask::new(3))
        .build()
}

fn input(pipeline: &gst::Pipeline, name: &str, caps: &gst::Caps) -> Result<gst_app::AppSrc, MediaError> {
    let source = element(pipeline, name)?
        .downcast::<gst_app::AppSrc>()
        .map_err(|_| MediaError::Fatal(format!("pipeline template: {name} is not an appsrc")))?;
    source.set_caps(Some(caps));
    source.set_format(gst::Format::Time);
    source.set_max_bytes(0);
    source.set_max_buffers(0);
    source.set_max_time(gst::ClockTime::ZERO);
    Ok(source)
}

fn stamp(buffer: &mut gst::Buffer, at: u64, length: u64) {
    let buffer = buffer.make_mut();
    buffer.set_pts(gst::ClockTime::from_nseconds(at));
    buffer.set_duration(gst::ClockTime::from_nseconds(length));
}

/// Messages become outcomes in the thread that posts them and are dropped.
fn watch(pipeline: &gst::Pipeline) -> Result<Receiver<Result<(), End>>, MediaError> {
    let bus = pipeline.bus().ok_or_else(|| MediaError::Fatal("a pipeline without a bus".into()))?;
    let (sender, receiver) = channel();
    bus.set_sync_handler(move |_, message| {
        tell(&sender, message);
        gst::BusSyncReply::Drop
    });
    Ok(receiver)
}

fn tell(outcome: &Sender<Result<(), End>>, message: &gst::Message) {
    let _ = match message.view() {
        gst::MessageView::Eos(_) => outcome.send(Ok(())),
        gst::MessageView::Error(error) => {
            let (error, more) = (error.error(), error.debug());
            tracing::debug!(%error, ?more, "mix pipeline");
            outcome.send(Err((reason(&error), Some(error.message().to_owned()))))
        }
        _ => Ok(()),
    };
}

/// Full disk, other trouble with the file, or trouble of ours.
fn reason(error: &gst::glib::Error) -> EndReason {
    match error.kind::<gst::ResourceError>() {
        Some(gst::ResourceError::NoSpaceLeft) => EndReason::DiskFull,
        Some(_) => EndReason::StorageFailed,
        None => EndReason::EngineError,
    }
}

fn early(outcome: Result<(), End>) -> Result<(), End> {
    outcome.and(Err((EndReason::EngineError, Some("the file ended by itself".into()))))
}

/// A disk that hangs may hold the pipeline: it is left behind then, and said so.
fn close(encoder: Encoder) {
    let (done, closed) = channel();
    let spawned = std::thread::Builder::new().name("mix-close".into()).spawn(move || {
        drop(encoder);
        let _ = done.send(());
    });
    if spawned.is_err() || closed.recv_timeout(Duration::from_secs(1)).is_err() {
        tracing::error!("a mix's pipeline does not stop: the disk hangs, the pipeline is left behind");
    }
}
