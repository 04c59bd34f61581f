//! One attempt: a pipeline with a head and its lines, from opening to the end. All here blocks: off the async threads.

use super::Signal;
use super::attach::Attach;
use super::head::{self, Head, Site};
use super::line::{Line, Shared};
use super::plan::Plan;
use super::trouble::Trouble;
use crate::media::pipeline::Pipeline;
use crate::model::{Codec, IngestTrack, Kind};
use gst::MessageView;
use gst::prelude::*;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A track that does not begin so long after another is not waited for.
const PATIENCE: Duration = Duration::from_millis(1500);

/// A source being open.
pub struct Session {
    pipeline: Pipeline,
    head: Head,
    attach: Arc<Attach>,
    /// Since when.
    pub since: Instant,
}

impl Session {
    /// Builds the pipeline and starts it; what comes of it is told to the supervisor.
    pub fn open(plan: &Plan, shared: Arc<Shared>) -> Result<Self, Trouble> {
        let paced = head::is_paced(plan);
        // What is paced has times from zero on, and is shown from now on.
        let now = gst::SystemClock::obtain().time();
        let base = if paced { now } else { gst::ClockTime::ZERO };
        let (told, name) = (shared.clone(), shared.name.clone());
        let attach = Attach::new(shared, paced);
        let watching = Arc::downgrade(&attach);
        let pipeline = Pipeline::watched(&name, base, move |message| {
            if let (MessageView::Progress(progress), Some(attach)) = (message.view(), watching.upgrade()) {
                attach.progress(progress.get().2);
            }
            if let Some(signal) = signal(message) {
                told.signal(signal);
            }
        })?;
        attach.set_pipeline(pipeline.downgrade());
        let head = head::build(plan, &Site { pipeline: &pipeline, attach: attach.clone() })?;
        Ok(Self { pipeline, head, attach, since: Instant::now() })
    }

    /// Whether its end of stream is the source's end.
    pub fn is_finite(&self) -> bool {
        self.head.finite.load(std::sync::atomic::Ordering::SeqCst)
    }

    /// Whether it may take its time to begin.
    pub fn is_patient(&self) -> bool {
        self.head.patient
    }

    /// What its tracks are in, once they are known: all pads are there and were heard, or one was long enough ago.
    pub fn tracks(&self, now: Instant) -> Option<Vec<Codec>> {
        let lines = self.attach.lines();
        let heard: Vec<(Codec, Instant)> =
            lines.iter().filter_map(|line| line.heard().map(|(first, _)| (line.codec(), first))).collect();
        let first = heard.iter().map(|(_, first)| *first).min()?;
        let all = self.attach.is_complete() && heard.len() == lines.len();
        let patient = now.saturating_duration_since(first) < PATIENCE;
        (all || !patient).then(|| heard.into_iter().map(|(codec, _)| codec).collect())
    }

    /// When media came last: of pictures, if there are any.
    pub fn last(&self) -> Option<Instant> {
        let lines = self.attach.lines();
        let last = |kind| {
            let of_kind = lines.iter().find(|line: &&Arc<Line>| line.kind() == kind);
            of_kind.and_then(|line| line.heard()).map(|(_, last)| last)
        };
        last(Kind::Video).or_else(|| last(Kind::Audio))
    }

    /// Its tracks with their figures.
    pub fn describe(&self, now: Instant) -> Vec<IngestTrack> {
        let mut lines = self.attach.lines();
        lines.sort_by_key(|line| line.kind());
        lines.iter().filter(|line| line.heard().is_some()).map(|line| line.describe(now)).collect()
    }

    /// See [`Pipeline::recalculate_latency`].
    pub fn recalculate_latency(&self) {
        self.pipeline.recalculate_latency();
    }

    /// For its graph.
    pub fn pipeline(&self) -> gst::glib::WeakRef<gst::Pipeline> {
        self.pipeline.downgrade()
    }

    /// The source's clock against ours, in parts per million.
    pub fn skew(&self) -> Option<f64> {
        self.attach.skew()
    }
}

impl Drop for Session {
    /// Blocks until its threads are out.
    fn drop(&mut self) {
        self.head.keep.take();
        self.pipeline.close();
        self.attach.lines().iter().for_each(|line| line.close());
    }
}

fn signal(message: &gst::MessageRef) -> Option<Signal> {
    match message.view() {
        MessageView::Error(error) => {
            let src = error.src().map(|src| src.name().to_string());
            tracing::debug!(?src, error = error.error().message(), "a source's element failed");
            Some(Signal::Failed(Trouble::of_message(error)))
        }
        MessageView::Eos(_) => Some(Signal::Ended),
        MessageView::Latency(_) => Some(Signal::Latency),
        _ => None,
    }
}
