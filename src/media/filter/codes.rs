//! Looks for bar codes in a feed's pictures. Nothing comes out but what was seen.

use super::{Running, Tell, Told};
use crate::media::MediaError;
use crate::media::feed::SourceTrack;
use crate::media::outlet::Chain;
use crate::media::rendition::{Effort, Renditions};
use crate::media::template::{Template, element};
use crate::model::CodeSeen;
use gst::prelude::*;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The same code is told again after this, if it is still there.
const PAUSE: Duration = Duration::from_secs(1);
/// From one picture that is looked at to the next, in nanoseconds.
const INTERVAL: u64 = 200_000_000;
/// Characters of a code at most.
const LONGEST: usize = 4096;

/// Starts one for this track.
pub(super) fn start(
    track: &SourceTrack,
    running: &Arc<Running>,
    renditions: &Renditions,
    (fresh, tell): (Arc<AtomicBool>, Tell),
) -> Result<Chain, MediaError> {
    let template = Template::load("filter/codes", renditions.templates())?;
    let (kept, mut effort) = (running.clone(), Effort::default());
    let on_sample = move |_| {
        effort.add(&kept.reserved);
        fresh.store(true, Ordering::SeqCst);
    };
    let seen = Mutex::new(Seen::default());
    let on_message = move |message: &gst::MessageRef| {
        if let Some(code) = code(message).filter(|code| seen.lock().is_new(code, Instant::now())) {
            tell(Told::Code(code));
        }
    };
    Chain::start_heard(&template, track, thin, on_sample, on_message)
}

/// Some of the pictures are enough: looking costs more than decoding.
fn thin(pipeline: &gst::Pipeline) -> Result<(), MediaError> {
    let pad = element(pipeline, "convert")?.static_pad("sink");
    let pad = pad.ok_or_else(|| MediaError::Fatal("template: `convert` has no sink".into()))?;
    let next = AtomicU64::new(0);
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let Some(gst::PadProbeData::Buffer(buffer)) = &info.data else { return gst::PadProbeReturn::Ok };
        let at = buffer.pts().map_or(0, gst::ClockTime::nseconds);
        if at < next.load(Ordering::Relaxed) {
            // `Drop` makes GStreamer 1.22 complain about the buffer that it finds gone.
            return gst::PadProbeReturn::Handled;
        }
        next.store(at + INTERVAL, Ordering::Relaxed);
        gst::PadProbeReturn::Ok
    });
    Ok(())
}

/// What was told last.
#[derive(Default)]
struct Seen(Option<(CodeSeen, Instant)>);

impl Seen {
    fn is_new(&mut self, code: &CodeSeen, now: Instant) -> bool {
        let known =
            self.0.as_ref().is_some_and(|(last, at)| last == code && now.saturating_duration_since(*at) < PAUSE);
        if !known {
            self.0 = Some((code.clone(), now));
        }
        !known
    }
}

fn code(message: &gst::MessageRef) -> Option<CodeSeen> {
    let gst::MessageView::Element(element) = message.view() else { return None };
    let said = element.structure().filter(|said| said.name() == "barcode")?;
    let text: String = said.get::<&str>("symbol").ok()?.chars().take(LONGEST).collect();
    Some(CodeSeen { kind: said.get::<&str>("type").ok()?.to_owned(), text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_told_once_a_second_and_another_at_once() {
        let code = |text: &str| CodeSeen { kind: "QR-Code".into(), text: text.into() };
        let (mut seen, now) = (Seen::default(), Instant::now());
        assert!(seen.is_new(&code("a"), now) && !seen.is_new(&code("a"), now + PAUSE / 2));
        assert!(seen.is_new(&code("a"), now + PAUSE) && seen.is_new(&code("b"), now + PAUSE));
    }
}
