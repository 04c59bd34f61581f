//! From a head's pads to lines: RTP is depayloaded, streams are parsed, what is not wanted or not known ends in a fakesink at
//! once, so that it cannot stop the rest.

use super::Signal;
use super::head::element;
use super::line::{Line, Shared};
use super::skew::Skew;
use super::trouble::Trouble;
use crate::model::{IngestReason, Kind};
use gst::glib;
use gst::prelude::*;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::*};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

/// Takes the pads of an attempt. Holds its pipeline weakly: it lives in the pipeline's own callbacks.
pub struct Attach {
    pipeline: OnceLock<glib::WeakRef<gst::Pipeline>>,
    shared: Arc<Shared>,
    paced: bool,
    lines: Mutex<Vec<Arc<Line>>>,
    complete: AtomicBool,
    /// Where the source may connect to, if that is to be watched: the beginning of the URI.
    origin: OnceLock<String>,
    /// The clock of the pictures, or of the sound.
    skew: OnceLock<Arc<Mutex<Skew>>>,
    astray: AtomicBool,
    /// Encodings that nothing can be done with.
    unknown: Mutex<Vec<String>>,
}

/// How a stream is read, by its encoding.
struct Reading {
    kind: Kind,
    /// As people know it.
    encoding: &'static str,
    elements: &'static [&'static str],
    caps: &'static str,
}

impl Attach {
    /// `paced`: units wait for their time.
    pub fn new(shared: Arc<Shared>, paced: bool) -> Arc<Self> {
        let pipeline = OnceLock::new();
        let (lines, complete, unknown) = (Mutex::default(), AtomicBool::new(false), Mutex::default());
        let (origin, astray) = (OnceLock::new(), AtomicBool::new(false));
        Arc::new(Self { pipeline, shared, paced, lines, complete, origin, skew: OnceLock::new(), astray, unknown })
    }

    /// Where lines are built; once.
    pub fn set_pipeline(&self, pipeline: glib::WeakRef<gst::Pipeline>) {
        let _ = self.pipeline.set(pipeline);
    }

    /// Whether a track of this kind is wanted at all.
    pub fn wants(&self, kind: Kind) -> bool {
        self.shared.wants(kind) && !self.lines.lock().iter().any(|line| line.kind() == kind)
    }

    /// Takes a pad. To be called from within `pad-added`, or before the source runs.
    pub fn pad(&self, pad: &gst::Pad) {
        let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
        let reading = caps.structure(0).and_then(reading);
        if let Some(rtp) = caps.structure(0).filter(|caps| caps.name() == "application/x-rtp" && reading.is_some()) {
            self.watch_clock(pad, rtp);
        }
        let taken = match &reading {
            Some(reading) if self.wants(reading.kind) => self.line(pad, reading),
            None => {
                self.unknown.lock().push(caps.structure(0).map_or_else(String::new, name_of));
                self.sink(pad)
            }
            Some(_) => self.sink(pad),
        };
        if let Err(trouble) = taken {
            self.shared.signal(Signal::Failed(trouble));
        }
    }

    /// No more pads are coming.
    pub fn complete(&self) {
        self.complete.store(true, SeqCst);
        let unknown = self.unknown.lock().join(", ");
        if self.lines.lock().is_empty() {
            let detail = format!("it has nothing that can be used (it has: {unknown}): choose another stream of it");
            self.shared.signal(Signal::Failed(Trouble::new(IngestReason::Unsupported, detail)));
        }
        self.shared.signal(Signal::Tracks);
    }

    /// Whether all pads are there.
    pub fn is_complete(&self) -> bool {
        self.complete.load(SeqCst)
    }

    /// The lines so far.
    pub fn lines(&self) -> Vec<Arc<Line>> {
        self.lines.lock().clone()
    }

    /// The source connects to this address (`rtsp://192.168.1.20:554`) and no other, whatever it is told.
    pub fn keep_to(&self, origin: String) {
        let _ = self.origin.set(origin);
    }

    /// An element says what it is about to do: `Connecting to URI`.
    pub fn progress(&self, text: &str) {
        let (Some(uri), Some(origin)) = (text.strip_prefix("Connecting to "), self.origin.get()) else { return };
        let same =
            uri.strip_prefix(origin.as_str()).is_some_and(|path| path.is_empty() || path.starts_with(['/', '?']));
        if !same && !self.astray.swap(true, SeqCst) {
            let detail = "it sends us to another address: open that address itself, if it is meant";
            self.failed(Trouble::new(IngestReason::Forbidden, detail));
        }
    }

    /// Whether it went elsewhere: nothing more may be sent.
    pub fn is_astray(&self) -> bool {
        self.astray.load(SeqCst)
    }

    /// The attempt failed.
    pub fn failed(&self, trouble: Trouble) {
        self.shared.signal(Signal::Failed(trouble));
    }

    /// The source's clock against ours, in parts per million.
    pub fn skew(&self) -> Option<f64> {
        self.skew.get().and_then(|skew| skew.lock().ppm())
    }

    /// Reads the times of RTP packets, of the first track that comes.
    fn watch_clock(&self, pad: &gst::Pad, caps: &gst::StructureRef) {
        let Some(rate) = caps.get::<i32>("clock-rate").ok().and_then(|rate| u32::try_from(rate).ok()) else { return };
        let skew = Arc::new(Mutex::new(Skew::new(rate)));
        if self.skew.set(skew.clone()).is_err() {
            return;
        }
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            let map = info.buffer().and_then(|buffer| buffer.map_readable().ok());
            if let Some(rtp) = map.as_ref().and_then(|map| map.get(4..8)?.try_into().ok()) {
                skew.lock().packet(u32::from_be_bytes(rtp), Instant::now());
            }
            gst::PadProbeReturn::Ok
        });
    }

    fn sink(&self, pad: &gst::Pad) -> Result<(), Trouble> {
        let sink = element("fakesink")?;
        sink.set_property("sync", false);
        sink.set_property("async", false);
        self.chain(pad, &[sink])
    }

    fn line(&self, pad: &gst::Pad, reading: &Reading) -> Result<(), Trouble> {
        let line = Line::new(self.shared.clone(), reading.kind, reading.encoding);
        let mut elements = Vec::new();
        if self.paced {
            // One demuxer thread gives all tracks: none may wait for the time of another's units.
            elements.push(waiting_room()?);
        }
        for factory in reading.elements {
            let made = element(factory)?;
            if made.has_property("config-interval") {
                // Parameter sets before each keyframe, those that only the description told too.
                made.set_property("config-interval", -1);
            }
            elements.push(made);
        }
        let caps: gst::Caps = reading.caps.parse().map_err(|_| broken(reading.caps))?;
        elements.push(self.appsink(&caps, &line).upcast());
        self.lines.lock().push(line);
        self.chain(pad, &elements)
    }

    fn appsink(&self, caps: &gst::Caps, line: &Arc<Line>) -> gst_app::AppSink {
        let line = Arc::downgrade(line);
        let on_sample = move |sink: &gst_app::AppSink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            if let Some(line) = line.upgrade() {
                line.on_sample(&sample);
            }
            Ok(gst::FlowSuccess::Ok)
        };
        let callbacks = gst_app::AppSinkCallbacks::builder().new_sample(on_sample).build();
        let sink = gst_app::AppSink::builder().caps(caps).sync(self.paced).async_(false).callbacks(callbacks).build();
        sink.set_property("enable-last-sample", false);
        sink
    }

    /// Adds the elements, links them one after the other behind the pad, and starts them, the last first.
    fn chain(&self, pad: &gst::Pad, elements: &[gst::Element]) -> Result<(), Trouble> {
        let failed = |error: &dyn std::fmt::Display| Trouble::new(IngestReason::Failed, error.to_string());
        let Some(pipeline) = self.pipeline.get().and_then(glib::WeakRef::upgrade) else { return Ok(()) };
        pipeline.add_many(elements).map_err(|error| failed(&error))?;
        gst::Element::link_many(elements).map_err(|error| failed(&error))?;
        for element in elements.iter().rev() {
            element.sync_state_with_parent().map_err(|error| failed(&error))?;
        }
        let sink = elements.first().and_then(|first| first.static_pad("sink"));
        let sink = sink.ok_or_else(|| failed(&"an element without a sink pad"))?;
        pad.link(&sink).map(drop).map_err(|error| failed(&format!("{}: {error}", pad.name())))
    }
}

fn waiting_room() -> Result<gst::Element, Trouble> {
    let queue = element("queue")?;
    queue.set_property("max-size-time", 3 * gst::ClockTime::SECOND.nseconds());
    queue.set_property("max-size-bytes", 32u32 << 20);
    queue.set_property("max-size-buffers", 0u32);
    Ok(queue)
}

fn broken(caps: &str) -> Trouble {
    Trouble::new(IngestReason::Failed, format!("{caps} are no caps"))
}

/// The encoding as its caps name it.
fn name_of(caps: &gst::StructureRef) -> String {
    caps.get::<&str>("encoding-name").map_or_else(|_| caps.name().to_string(), str::to_owned)
}

fn reading(caps: &gst::StructureRef) -> Option<Reading> {
    match caps.name().as_str() {
        "application/x-rtp" => of_rtp(caps),
        name => of_stream(name, caps),
    }
}

const H264: &str = "video/x-h264,stream-format=byte-stream,alignment=au";
const H265: &str = "video/x-h265,stream-format=byte-stream,alignment=au";

/// RTP, by the name in `a=rtpmap`.
fn of_rtp(caps: &gst::StructureRef) -> Option<Reading> {
    use Kind::{Audio, Video};
    let name = caps.get::<&str>("encoding-name").ok()?.to_ascii_uppercase();
    let (kind, encoding, elements, caps): (_, _, &[&str], _) = match name.as_str() {
        "H264" => (Video, "H264", &["rtph264depay", "h264parse"], H264),
        "H265" => (Video, "H265", &["rtph265depay", "h265parse"], H265),
        "JPEG" => (Video, "JPEG", &["rtpjpegdepay"], "image/jpeg"),
        "MP4V-ES" => (Video, "MPEG4", &["rtpmp4vdepay", "mpeg4videoparse"], "video/mpeg"),
        "MPV" => (Video, "MPEG2", &["rtpmpvdepay", "mpegvideoparse"], "video/mpeg"),
        "VP8" => (Video, "VP8", &["rtpvp8depay"], "video/x-vp8"),
        "VP9" => (Video, "VP9", &["rtpvp9depay"], "video/x-vp9"),
        "OPUS" => (Audio, "OPUS", &["rtpopusdepay"], "audio/x-opus"),
        "MPEG4-GENERIC" => (Audio, "AAC", &["rtpmp4gdepay", "aacparse"], "audio/mpeg"),
        "MP4A-LATM" => (Audio, "AAC", &["rtpmp4adepay", "aacparse"], "audio/mpeg"),
        "PCMU" => (Audio, "PCMU", &["rtppcmudepay"], "audio/x-mulaw"),
        "PCMA" => (Audio, "PCMA", &["rtppcmadepay"], "audio/x-alaw"),
        "MPA" => (Audio, "MP2", &["rtpmpadepay", "mpegaudioparse"], "audio/mpeg"),
        "L16" => (Audio, "L16", &["rtpL16depay"], "audio/x-raw"),
        "G722" => (Audio, "G722", &["rtpg722depay"], "audio/G722"),
        name if name.contains("G726") => (Audio, "G726", &["rtpg726depay"], "audio/x-adpcm"),
        _ => return None,
    };
    Some(Reading { kind, encoding, elements, caps })
}

/// Streams as demuxers give them, by the name of their caps.
fn of_stream(name: &str, caps: &gst::StructureRef) -> Option<Reading> {
    use Kind::{Audio, Video};
    let version = || caps.get::<i32>("mpegversion").unwrap_or(1);
    let (kind, encoding, elements, caps): (_, _, &[&str], _) = match name {
        "video/x-h264" => (Video, "H264", &["h264parse"], H264),
        "video/x-h265" => (Video, "H265", &["h265parse"], H265),
        "image/jpeg" => (Video, "JPEG", &["jpegparse"], "image/jpeg"),
        "video/mpeg" if version() == 4 => (Video, "MPEG4", &["mpeg4videoparse"], "video/mpeg"),
        "video/mpeg" => (Video, "MPEG2", &["mpegvideoparse"], "video/mpeg"),
        "video/x-vp8" => (Video, "VP8", &["identity"], "video/x-vp8"),
        "video/x-vp9" => (Video, "VP9", &["vp9parse"], "video/x-vp9"),
        "video/x-av1" => (Video, "AV1", &["av1parse"], "video/x-av1"),
        "audio/x-opus" => (Audio, "OPUS", &["opusparse"], "audio/x-opus"),
        "audio/mpeg" if version() == 1 => (Audio, "MP2", &["mpegaudioparse"], "audio/mpeg"),
        "audio/mpeg" => (Audio, "AAC", &["aacparse"], "audio/mpeg"),
        "audio/x-mulaw" => (Audio, "PCMU", &["identity"], "audio/x-mulaw"),
        "audio/x-alaw" => (Audio, "PCMA", &["identity"], "audio/x-alaw"),
        "audio/x-adpcm" => (Audio, "ADPCM", &["identity"], "audio/x-adpcm"),
        "audio/x-ac3" => (Audio, "AC3", &["ac3parse"], "audio/x-ac3"),
        "audio/x-vorbis" => (Audio, "VORBIS", &["identity"], "audio/x-vorbis"),
        "audio/x-raw" => (Audio, "PCM", &["identity"], "audio/x-raw"),
        "video/x-raw" => (Video, "RAW", &["identity"], "video/x-raw"),
        _ => return None,
    };
    Some(Reading { kind, encoding, elements, caps })
}
