//! One track of an attempt: measured, then passed on as it is or through a transcoder.
//!
//! Decides which of both, from the encoding and from what the pictures are, and that a transcoder runs only while somebody uses
//! the feed. Called on the track's streaming thread.

use super::meter::Meter;
use super::output::{Output, Unit};
use super::transcode::{self, Transcoder, Work};
use super::trouble::Trouble;
use super::{Input, Signal};
use crate::media::rtp::{h264, pack};
use crate::model::{Codec, IngestReason, IngestTrack, IngestWish, Kind, VideoPolicy};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::*};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::UnboundedSender;

/// A transcoder runs on for so long after the last user.
const LINGER: Duration = Duration::from_secs(5);

/// What the lines of an attempt share.
pub struct Shared {
    /// The attempt.
    pub generation: u64,
    /// Where units go.
    pub output: Arc<Output>,
    /// The supervisor's.
    pub mailbox: UnboundedSender<Input>,
    /// What was asked for.
    pub wish: Arc<IngestWish>,
    /// Its pictures were found to have B-frames, in this attempt or an earlier one.
    pub reorders: Arc<AtomicBool>,
    /// For names.
    pub name: String,
}

impl Shared {
    /// Tells the supervisor.
    pub fn signal(&self, signal: Signal) {
        let _ = self.mailbox.send(Input::Session(self.generation, signal));
    }

    /// Whether such tracks are wanted.
    pub fn wants(&self, kind: Kind) -> bool {
        match kind {
            Kind::Audio => self.wish.audio,
            Kind::Video => self.wish.video != VideoPolicy::Off,
        }
    }
}

/// A transcoder and who needs it.
#[derive(Default)]
struct Worker {
    running: Option<Box<dyn Transcoder>>,
    /// When somebody used the feed last.
    wanted: Option<Instant>,
    /// It could not be started: no use to try for each unit.
    failed: bool,
    /// Since the last keyframe, so that it can begin at once.
    kept: transcode::Kept,
}

#[derive(Default)]
struct State {
    meter: Meter,
    caps: Option<gst::Caps>,
    worker: Worker,
}

/// A track.
pub struct Line {
    shared: Arc<Shared>,
    kind: Kind,
    encoding: &'static str,
    state: Mutex<State>,
}

impl Line {
    /// A track of this encoding.
    pub fn new(shared: Arc<Shared>, kind: Kind, encoding: &'static str) -> Arc<Self> {
        Arc::new(Self { shared, kind, encoding, state: Mutex::default() })
    }

    /// Sound or pictures.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// When its first unit came, and its last.
    pub fn heard(&self) -> Option<(Instant, Instant)> {
        self.state.lock().meter.heard()
    }

    /// What leaves it.
    pub fn codec(&self) -> Codec {
        match (self.kind, self.encoding) {
            (Kind::Video, _) => Codec::H264,
            (_, "PCMU") => Codec::Pcmu,
            (_, "PCMA") => Codec::Pcma,
            _ => Codec::Opus,
        }
    }

    /// A unit came.
    pub fn on_sample(&self, sample: &gst::Sample) {
        let Some(unit) = Unit::of(sample, self.kind) else { return };
        let mut state = self.state.lock();
        let first = state.meter.heard().is_none();
        state.meter.count(unit.pts, unit.buffer.size(), unit.keyframe, Instant::now());
        if state.caps.as_deref() != sample.caps() {
            state.caps = sample.caps_owned();
        }
        if self.why().is_none() && self.reorders(&unit) {
            // What was sent so far cannot be undone; the transcoder begins with the next keyframe.
            self.shared.reorders.store(true, SeqCst);
            self.shared.signal(Signal::Tracks);
        }
        match self.why() {
            None => _ = self.shared.output.push(self.codec(), self.shared.generation, &unit),
            Some(_) => self.transcode(&mut state, &unit),
        }
        drop(state);
        if first {
            self.shared.signal(Signal::Tracks);
        }
    }

    /// Why it does not pass as it is; `None`: it does.
    fn why(&self) -> Option<String> {
        let asked = self.shared.wish.video == VideoPolicy::Transcode;
        match (self.kind, self.encoding) {
            (Kind::Video, "H264") if self.shared.reorders.load(Relaxed) => {
                Some("H264 → H264: it has B-frames, which browsers do not take".into())
            }
            (Kind::Video, "H264") if asked => Some("H264 → H264: asked for".into()),
            (_, "H264" | "OPUS" | "PCMU" | "PCMA") => None,
            (Kind::Video, other) => Some(format!("{other} → H264: not every browser plays {other}")),
            (Kind::Audio, other) => Some(format!("{other} → OPUS: WebRTC takes no {other}")),
        }
    }

    /// Whether a picture shows that decoding order is not the order of showing.
    fn reorders(&self, unit: &Unit) -> bool {
        self.encoding == "H264"
            && unit.buffer.map_readable().is_ok_and(|map| pack::nals(&map).any(h264::is_bidirectional))
    }

    fn transcode(&self, state: &mut State, unit: &Unit) {
        let now = Instant::now();
        // It runs once to show what comes out, then for users.
        if self.shared.output.users() > 0 || self.shared.output.last(self.kind).0.is_none() {
            state.worker.wanted = Some(now);
        }
        let wanted = state.worker.wanted.is_some_and(|at| now.saturating_duration_since(at) < LINGER);
        state.worker.kept.begin(unit);
        if let Some(why) = state.worker.running.as_ref().and_then(|running| running.failure()) {
            tracing::warn!(
                source = self.shared.name,
                why,
                "a transcoder failed and begins anew with the next keyframe"
            );
            state.worker.kept.clear();
            self.stop(&mut state.worker);
        }
        match (&state.worker.running, wanted) {
            (Some(running), true) => {
                if self.kind == Kind::Video && self.shared.output.wants_keyframe() {
                    running.request_keyframe();
                }
                running.push(unit);
            }
            (Some(_), false) => self.stop(&mut state.worker),
            (None, true) if (unit.keyframe || !state.worker.kept.is_empty()) && !state.worker.failed => {
                self.start(state, unit)
            }
            (None, _) => {}
        }
        if self.kind == Kind::Video {
            state.worker.kept.keep(unit);
        }
    }

    fn start(&self, state: &mut State, unit: &Unit) {
        let work = Work {
            name: format!("{}-{}", self.shared.name, self.kind.as_str()),
            caps: state.caps.clone().unwrap_or_else(gst::Caps::new_any),
            keyframe_interval: Duration::from_millis(self.shared.wish.keyframe_interval_ms.max(100)),
            templates: None,
        };
        let (output, codec, generation) = (Arc::downgrade(&self.shared.output), self.codec(), self.shared.generation);
        let done = move |unit: Unit| {
            if let Some(output) = output.upgrade() {
                output.push(codec, generation, &unit);
            }
        };
        match transcode::start(&work, Box::new(done)) {
            Ok(running) => {
                running.catch_up(state.worker.kept.units(), unit);
                state.worker.running = Some(running);
            }
            Err(error) => {
                state.worker.failed = true;
                let detail = format!("{} cannot be transcoded: {error}", self.encoding);
                // Pictures without their sound are worth more than neither.
                match self.kind {
                    Kind::Audio => tracing::warn!(source = self.shared.name, detail, "a source is without sound"),
                    Kind::Video => {
                        self.shared.signal(Signal::Failed(Trouble::new(IngestReason::Unsupported, detail)));
                    }
                }
            }
        }
    }

    /// Off this thread: it may block.
    fn stop(&self, worker: &mut Worker) {
        if let Some(running) = worker.running.take() {
            let ending = std::thread::Builder::new().name(format!("{}:end", self.shared.name));
            if let Err(error) = ending.spawn(move || drop(running)) {
                tracing::error!(%error, "a transcoder is ended where it should not be");
            }
        }
    }

    /// Ends what runs for it. May block.
    pub fn close(&self) {
        let running = self.state.lock().worker.running.take();
        drop(running);
    }

    /// How it is.
    pub fn describe(&self, now: Instant) -> IngestTrack {
        let state = self.state.lock();
        let why = self.why();
        let side = |name: &str| {
            let caps = state.caps.as_ref()?.structure(0)?;
            u32::try_from(caps.get::<i32>(name).ok()?).ok()
        };
        let mut track =
            IngestTrack { encoding: self.encoding.into(), passthrough: why.is_none(), why, ..Default::default() };
        (track.width, track.height) = (side("width"), side("height"));
        state.meter.fill(self.kind, &mut track, now);
        track
    }
}
