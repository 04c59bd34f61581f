//! Which encoder makes a codec: one of the machine's own where there is one that really encodes, else software.
//!
//! Decides by trying: an element may be installed and its device absent, busy or broken. Each is tried once, for the first
//! rendition of its codec, in a thread of its own: a driver that hangs holds up nobody. What else may go wrong later is the
//! worker's affair, which goes on in software.

use crate::media::MediaError;
use crate::media::template::{Template, element};
use crate::model::Codec;
use gst::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// A hardware encoder has so long to encode the pictures of the trial.
const DEADLINE: Duration = Duration::from_secs(3);
/// It must give this many of them.
const PICTURES: u32 = 10;
/// They are these.
const INPUT: &str = "videotestsrc name=in_video num-buffers=20 pattern=smpte \
                     ! video/x-raw,format=I420,width=640,height=360,framerate=30/1 ! convert.";
/// Bits per second of the trial.
const BITRATE: u32 = 400_000;

/// A hardware encoder's template, and the Debian package of its element.
#[derive(Clone, Copy, Debug)]
pub struct Candidate {
    /// Below `pipelines/`, without `.toml`.
    pub template: &'static str,
    /// Of what it makes.
    pub codec: Codec,
    /// Has its element.
    pub package: &'static str,
}

/// All that are known, best first.
pub const CANDIDATES: [Candidate; 5] = [
    Candidate { template: "rendition/hardware/h264-va", codec: Codec::H264, package: "gstreamer1.0-plugins-bad" },
    Candidate { template: "rendition/hardware/h264-nv", codec: Codec::H264, package: "gstreamer1.0-plugins-bad" },
    Candidate { template: "rendition/hardware/h264-v4l2", codec: Codec::H264, package: "gstreamer1.0-plugins-good" },
    Candidate { template: "rendition/hardware/vp8-va", codec: Codec::Vp8, package: "gstreamer1.0-vaapi" },
    Candidate { template: "rendition/hardware/vp8-v4l2", codec: Codec::Vp8, package: "gstreamer1.0-plugins-good" },
];

/// What came of a candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It encodes.
    Works,
    /// GStreamer has no such element here: not installed, or no device for it.
    Absent,
    /// It is there and does not encode; why.
    Fails(String),
}

/// Tries a candidate; the name of its element comes along.
pub fn verdict(candidate: &Candidate, templates: Option<&Path>) -> (String, Verdict) {
    match Template::load(candidate.template, templates) {
        Ok(template) => (factory(&template), judge(template, DEADLINE)),
        Err(error) => (candidate.template.to_owned(), Verdict::Fails(error.to_string())),
    }
}

/// The name of the element that encodes.
pub(super) fn factory(template: &Template) -> String {
    template.encoder.as_ref().map_or_else(String::new, |encoder| encoder.factory.clone())
}

fn judge(template: Template, deadline: Duration) -> Verdict {
    let name = factory(&template);
    if crate::media::start().is_err() || gst::ElementFactory::find(&name).is_none() {
        return Verdict::Absent;
    }
    let (told, verdict) = channel();
    let started = std::thread::Builder::new().name(format!("try-{name}")).spawn(move || {
        let _ = told.send(encode(template, deadline));
    });
    match started.map(|_| verdict.recv_timeout(deadline)) {
        Ok(Ok(Ok(()))) => Verdict::Works,
        Ok(Ok(Err(why))) => Verdict::Fails(why),
        Ok(Err(_)) => Verdict::Fails(format!("nothing came within {deadline:?}")),
        Err(error) => Verdict::Fails(error.to_string()),
    }
}

/// Encodes some pictures; `Err` says why it does not.
fn encode(mut template: Template, deadline: Duration) -> Result<(), String> {
    template.inputs.insert("trial".into(), INPUT.into());
    let pipeline = template.build(["trial"]).map_err(|error| error.to_string())?;
    let pictures = prepare(&pipeline, &template).map_err(|error| error.to_string())?;
    let outcome = match pipeline.set_state(gst::State::Playing) {
        Ok(_) => count(&pictures, deadline),
        Err(_) => Err("it does not start".into()),
    };
    let _ = pipeline.set_state(gst::State::Null);
    if let Some(bus) = pipeline.bus() {
        bus.set_flushing(true);
    }
    outcome
}

fn prepare(pipeline: &gst::Pipeline, template: &Template) -> Result<Receiver<()>, MediaError> {
    if let Some(encoder) = &template.encoder {
        encoder.bitrate.apply(&element(pipeline, "encoder")?, BITRATE)?;
        encoder.keyframes.apply(&element(pipeline, "encoder")?, 300)?;
    }
    let (told, pictures) = channel();
    let take = move |sink: &gst_app::AppSink| {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        let ends = sample.buffer().is_some_and(|buffer| buffer.flags().contains(gst::BufferFlags::MARKER));
        if ends {
            let _ = told.send(());
        }
        Ok(gst::FlowSuccess::Ok)
    };
    let sink = element(pipeline, "out")?.downcast::<gst_app::AppSink>();
    let sink = sink.map_err(|_| MediaError::Fatal("template: `out` is no appsink".into()))?;
    sink.set_callbacks(gst_app::AppSinkCallbacks::builder().new_sample(take).build());
    Ok(pictures)
}

fn count(pictures: &Receiver<()>, deadline: Duration) -> Result<(), String> {
    let end = Instant::now() + deadline;
    for number in 0..PICTURES {
        match pictures.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(()) => {}
            Err(RecvTimeoutError::Timeout) => return Err(format!("{number} pictures within {deadline:?}")),
            Err(RecvTimeoutError::Disconnected) => return Err("it ended".into()),
        }
    }
    Ok(())
}

/// The encoders of one engine.
pub(super) struct Encoders {
    templates: Option<PathBuf>,
    h264: OnceLock<Option<&'static str>>,
    vp8: OnceLock<Option<&'static str>>,
}

impl Encoders {
    /// Nothing is tried yet. `templates`: folder of templates that replace the built-in ones.
    pub(super) fn new(templates: Option<PathBuf>) -> Self {
        Self { templates, h264: OnceLock::new(), vp8: OnceLock::new() }
    }

    /// The folder of templates.
    pub(super) fn templates(&self) -> Option<&Path> {
        self.templates.as_deref()
    }

    /// The element that would encode, as far as is known without trying.
    pub(super) fn likely(&self, codec: Codec) -> String {
        let name = self.slot(codec).get().copied().flatten().unwrap_or(software(codec));
        Template::load(name, self.templates()).map_or_else(|_| String::new(), |template| factory(&template))
    }

    /// The template for this codec; the first call tries the hardware, which may take seconds.
    pub(super) fn choose(&self, codec: Codec, software_only: bool) -> Result<Template, MediaError> {
        let chosen = if software_only { None } else { *self.slot(codec).get_or_init(|| self.find(codec)) };
        Template::load(chosen.unwrap_or(software(codec)), self.templates())
    }

    fn slot(&self, codec: Codec) -> &OnceLock<Option<&'static str>> {
        if codec == Codec::H264 { &self.h264 } else { &self.vp8 }
    }

    fn find(&self, codec: Codec) -> Option<&'static str> {
        for candidate in CANDIDATES.iter().filter(|candidate| candidate.codec == codec) {
            match verdict(candidate, self.templates()) {
                (encoder, Verdict::Works) => {
                    tracing::info!(codec = codec.as_str(), encoder, "this machine's own encoder is used");
                    return Some(candidate.template);
                }
                (encoder, Verdict::Fails(why)) => tracing::warn!(encoder, why, "this machine's encoder is not used"),
                (_, Verdict::Absent) => {}
            }
        }
        tracing::info!(codec = codec.as_str(), "no hardware encodes it here: software does");
        None
    }
}

fn software(codec: Codec) -> &'static str {
    if codec == Codec::H264 { "rendition/h264" } else { "rendition/vp8" }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The software template of VP8 with another thing in its place.
    fn template(from: &str, to: &str) -> Template {
        let mut template = Template::load("rendition/vp8", None).unwrap();
        assert!(template.launch.contains(from));
        template.launch = template.launch.replace(from, to);
        template
    }

    #[test]
    fn only_what_really_encodes_is_taken() {
        assert_eq!(judge(template("name=box", "name=box"), DEADLINE), Verdict::Works);
        let refuses = template("! vp8enc", "! video/x-raw,format=RGB ! vp8enc");
        assert!(matches!(judge(refuses, Duration::from_millis(700)), Verdict::Fails(_)));
        let mut absent = template("name=box", "name=box");
        absent.encoder.as_mut().unwrap().factory = "nosuchenc".into();
        assert_eq!(judge(absent, DEADLINE), Verdict::Absent);
    }

    #[test]
    fn one_that_hangs_holds_up_nobody() {
        // Each picture takes two seconds.
        let hangs = template("! vp8enc", "! identity sleep-time=2000000 ! vp8enc");
        let begun = Instant::now();
        assert!(matches!(judge(hangs, Duration::from_millis(500)), Verdict::Fails(_)));
        assert!(begun.elapsed() < Duration::from_millis(1500), "{:?}", begun.elapsed());
    }

    #[test]
    fn all_templates_of_hardware_can_be_read() {
        for candidate in CANDIDATES {
            let template = Template::load(candidate.template, None).unwrap();
            let encoder = template.encoder.as_ref().expect(candidate.template);
            assert!(template.launch.contains(&format!("! {} name=encoder", encoder.factory)), "{}", candidate.template);
            assert!(!template.purpose.is_empty() && template.inputs.len() == 4);
        }
    }

    #[test]
    fn software_is_there_when_nothing_else_is() {
        let encoders = Encoders::new(None);
        assert_eq!(encoders.likely(Codec::Vp8), "vp8enc");
        assert_eq!(factory(&encoders.choose(Codec::H264, true).unwrap()), "x264enc");
    }
}
