//! The pipeline of a rendition: RTP in, H264 as RTP into the rendition's feed.
//!
//! Decides how the encoder is set up; leaves when it is made and what goes in to `worker`.

use super::Shape;
use super::clock::Clock;
use super::worker::BIAS;
use crate::media::MediaError;
use crate::media::feed::{Feed, SourceTrack, Upstream};
use crate::media::outlet::Chain;
use crate::media::template::{Template, element};
use gst::prelude::*;
use parking_lot::Mutex;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Instant;

/// Pictures per second that the distance of keyframes is counted with.
const RATE: u128 = 30;

/// What outlives one encoder: the sequence, and the way of keyframe requests.
#[derive(Default)]
pub(super) struct Line {
    sequence: AtomicU16,
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
        }
    }
}

/// Starts an encoder of this track. Its packets have this payload type.
pub(super) fn start(
    track: &SourceTrack,
    (shape, payload_type): (Shape, u8),
    clock: &Clock,
    line: &Arc<Line>,
    to: &Arc<Feed>,
    templates: Option<&Path>,
) -> Result<Chain, MediaError> {
    let (went, feed) = (line.clone(), Arc::downgrade(to));
    let on_sample = move |sample: gst::Sample| {
        let Some(data) = sample.buffer().and_then(|b| b.map_readable().ok()).map(|map| map.to_vec()) else { return };
        if let Some(sequence) = data.get(2..4).and_then(|bytes| bytes.try_into().ok()) {
            went.sequence.store(u16::from_be_bytes(sequence), Ordering::SeqCst);
        }
        if let Some(feed) = feed.upgrade() {
            feed.on_rtp(data, Instant::now());
        }
    };
    let set = |pipeline: &gst::Pipeline| {
        set_up_encoder(pipeline, shape)?;
        let pay = element(pipeline, "pay")?;
        pay.set_property("pt", u32::from(payload_type));
        pay.set_property("ssrc", clock.ssrc);
        pay.set_property("timestamp-offset", clock.rtp(-BIAS));
        pay.set_property("seqnum-offset", i32::from(line.sequence.load(Ordering::SeqCst).wrapping_add(1)));
        Ok(())
    };
    let chain = Chain::start(&Template::load("rendition/h264", templates)?, track, set, on_sample)?;
    *line.sink.lock() = chain.element("out").map(|sink| sink.downgrade());
    Ok(chain)
}

fn set_up_encoder(pipeline: &gst::Pipeline, shape: Shape) -> Result<(), MediaError> {
    let encoder = element(pipeline, "encoder")?;
    let group = (shape.keyframe_interval.as_millis() * RATE / 1000).clamp(1, 1000);
    for (property, value) in [("bitrate", u128::from(shape.bitrate / 1000)), ("key-int-max", group)] {
        encoder.set_property_from_str(property, &value.to_string());
    }
    element(pipeline, "box")?.set_property("caps", size(shape));
    Ok(())
}

/// The encoder takes even sizes only.
fn size(shape: Shape) -> gst::Caps {
    let caps =
        gst::Caps::builder("video/x-raw").field("format", "I420").field("pixel-aspect-ratio", gst::Fraction::new(1, 1));
    let even = gst::IntRange::<i32>::with_step(16, 8192, 2);
    let side = |length: u32| i32::try_from(length & !1).unwrap_or(8192);
    match shape.size {
        Some((width, height)) => caps.field("width", side(width)).field("height", side(height)).build(),
        None => caps.field("width", even).field("height", even).build(),
    }
}
