//! The pipeline of a rendition: RTP in, VP8 or H264 as RTP into the rendition's feed.
//!
//! Decides how the encoder is set up, and that its pictures follow the source's size; leaves when it is made and what goes in
//! to `worker`, which pictures go on and how large to `picture`.

use super::clock::Clock;
use super::ladder::Rung;
use super::picture::{Thin, fit};
use super::price::{Meter, Share};
use super::worker::BIAS;
use crate::media::MediaError;
use crate::media::feed::{Feed, SourceTrack, Upstream};
use crate::media::outlet::Chain;
use crate::media::template::{Template, element};
use gst::prelude::*;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::time::Instant;

/// What outlives one encoder: the sequence, and the way of keyframe requests.
#[derive(Default)]
pub(super) struct Line {
    sequence: AtomicU16,
    /// A keyframe is waited for: no picture is left out.
    hurry: AtomicBool,
    sink: Mutex<Option<gst::glib::WeakRef<gst::Element>>>,
}

impl Upstream for Line {
    /// A keyframe request (payload-specific feedback, RFC 4585 6.1) makes the encoder's next picture one.
    fn send_rtcp(&self, packet: &[u8]) {
        let sink = self.sink.lock().as_ref().and_then(gst::glib::WeakRef::upgrade);
        if packet.get(1) == Some(&206)
            && let Some(sink) = sink
        {
            // x264 repeats its headers by itself; asked for, they would be a packet of their own that ends with a marker, and
            // depayloaders lose the picture behind it.
            sink.send_event(gst_video::UpstreamForceKeyUnitEvent::builder().all_headers(false).build());
            self.hurry.store(true, Ordering::SeqCst);
        }
    }
}

/// What is made, and of what.
pub(super) struct Recipe<'a> {
    pub template: &'a Template,
    pub rung: &'a Rung,
    /// Of the rendition's packets.
    pub payload_type: u8,
    pub clock: &'a Clock,
}

/// Starts an encoder of this track.
pub(super) fn start(
    track: &SourceTrack,
    recipe: &Recipe,
    line: &Arc<Line>,
    to: &Arc<Feed>,
    meter: &Arc<Meter>,
) -> Result<Chain, MediaError> {
    let (went, feed, meter) = (line.clone(), Arc::downgrade(to), meter.clone());
    let mut share = Share::default();
    let on_sample = move |sample: gst::Sample| {
        share.add(&meter);
        let Some(data) = sample.buffer().and_then(|b| b.map_readable().ok()).map(|map| map.to_vec()) else { return };
        if let Some(sequence) = data.get(2..4).and_then(|bytes| bytes.try_into().ok()) {
            went.sequence.store(u16::from_be_bytes(sequence), Ordering::SeqCst);
        }
        if let Some(feed) = feed.upgrade() {
            feed.on_rtp(data, Instant::now());
        }
    };
    let chain = Chain::start(recipe.template, track, |pipeline| set_up(pipeline, recipe, line), on_sample)?;
    *line.sink.lock() = chain.element("out").map(|sink| sink.downgrade());
    Ok(chain)
}

fn set_up(pipeline: &gst::Pipeline, recipe: &Recipe, line: &Arc<Line>) -> Result<(), MediaError> {
    let traits = recipe.template.encoder.as_ref();
    let traits = traits.ok_or_else(|| MediaError::Fatal("template of a rendition: it has no [encoder]".into()))?;
    let encoder = element(pipeline, "encoder")?;
    traits.bitrate.apply(&encoder, recipe.rung.bitrate)?;
    traits.keyframes.apply(&encoder, recipe.rung.group())?;
    if let Some(rate) = pipeline.by_name("rate") {
        let rung = i32::try_from(recipe.rung.rate()).unwrap_or(30);
        let caps = gst::Caps::builder("video/x-raw").field("framerate", gst::Fraction::new(rung, 1)).build();
        rate.set_property("caps", caps);
    }
    let pay = element(pipeline, "pay")?;
    pay.set_property("pt", u32::from(recipe.payload_type));
    pay.set_property("ssrc", recipe.clock.ssrc);
    pay.set_property("timestamp-offset", recipe.clock.rtp(-BIAS));
    pay.set_property("seqnum-offset", i32::from(line.sequence.load(Ordering::SeqCst).wrapping_add(1)));
    watch_pictures(pipeline, recipe.rung, line.clone())
}

/// Sees each picture between decoder and encoder: leaves out those that are too many, and follows the source's size.
fn watch_pictures(pipeline: &gst::Pipeline, rung: &Rung, line: Arc<Line>) -> Result<(), MediaError> {
    let size = element(pipeline, "box")?;
    size.set_property("caps", caps(None));
    let pad = element(pipeline, "convert")?.static_pad("sink");
    let pad = pad.ok_or_else(|| MediaError::Fatal("template: `convert` has no sink".into()))?;
    let (size, most, mut thin) = (size.downgrade(), rung.height, Thin::new(rung.framerate));
    let mask = gst::PadProbeType::EVENT_DOWNSTREAM | gst::PadProbeType::BUFFER;
    let thin = Mutex::new(move |at| thin.lets(at, line.hurry.swap(false, Ordering::SeqCst)));
    pad.add_probe(mask, move |_, info| {
        if let Some(gst::PadProbeData::Buffer(buffer)) = &info.data {
            let lets = buffer.pts().is_none_or(|at| thin.lock()(at.nseconds()));
            // `Drop` makes GStreamer 1.22 complain about the buffer that it finds gone.
            return if lets { gst::PadProbeReturn::Ok } else { gst::PadProbeReturn::Handled };
        }
        if let Some(gst::PadProbeData::Event(event)) = &info.data
            && let gst::EventView::Caps(new) = event.view()
            && let Ok(picture) = gst_video::VideoInfo::from_caps(new.caps())
            && let Some(size) = size.upgrade()
        {
            size.set_property("caps", caps(Some(fit(square(&picture), most))));
        }
        gst::PadProbeReturn::Ok
    });
    Ok(())
}

/// The size of a picture when its pixels are square.
fn square(picture: &gst_video::VideoInfo) -> (u32, u32) {
    let (across, down) = (picture.par().numer().max(1), picture.par().denom().max(1));
    let coded = u64::from(picture.width());
    // A stream may claim any shape; no camera's pixels are four times as wide as high.
    let width = (coded * u64::from(across.unsigned_abs()) / u64::from(down.unsigned_abs())).clamp(coded / 4, coded * 4);
    (u32::try_from(width).unwrap_or(picture.width()), picture.height())
}

/// What goes to the encoder: it takes even sizes only.
fn caps(size: Option<(u32, u32)>) -> gst::Caps {
    let caps =
        gst::Caps::builder("video/x-raw").field("format", "I420").field("pixel-aspect-ratio", gst::Fraction::new(1, 1));
    let even = gst::IntRange::<i32>::with_step(16, 16_384, 2);
    let side = |length: u32| i32::try_from(length).unwrap_or(16_384);
    match size {
        Some((width, height)) => caps.field("width", side(width)).field("height", side(height)).build(),
        None => caps.field("width", even).field("height", even).build(),
    }
}
