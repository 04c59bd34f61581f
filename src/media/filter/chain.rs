//! A filter's pipeline: RTP in, decoded, through its elements, encoded, RTP into the stage.
//!
//! Pictures are decoded and encoded by a rendition's template, with the elements put in between.

use super::{Running, check};
use crate::media::MediaError;
use crate::media::feed::{Feed, SourceTrack, Stage, Upstream};
use crate::media::outlet::Chain;
use crate::media::rendition::{Effort, Renditions};
use crate::media::template::{Template, element};
use crate::media::transcode::codec::kilobits;
use crate::model::{FilterElement, FilterWish, Kind};
use gst::prelude::*;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Instant;

/// Pictures from keyframe to keyframe at most: who joins asks for one.
const GROUP: u32 = 300;
/// A camera's picture is worth more bits than a surveillance one.
const GENEROUS: u32 = 3;
/// Bits per second until the size is known.
const FIRST: u32 = 1_000_000;

/// What is made of it, and where it goes.
pub(super) struct Output {
    pub feed: Weak<Feed>,
    pub stage: Arc<Stage>,
    /// Something came out.
    pub fresh: Arc<AtomicBool>,
}

/// The way of keyframe requests to the encoder.
#[derive(Default)]
pub(super) struct Requests {
    sink: Mutex<Option<gst::glib::WeakRef<gst::Element>>>,
}

impl Upstream for Requests {
    /// A keyframe request (payload-specific feedback, RFC 4585 6.1) makes the encoder's next picture one.
    fn send_rtcp(&self, packet: &[u8]) {
        let sink = self.sink.lock().as_ref().and_then(gst::glib::WeakRef::upgrade);
        if let Some(sink) = sink.filter(|_| packet.get(1) == Some(&206)) {
            sink.send_event(gst_video::UpstreamForceKeyUnitEvent::builder().all_headers(false).build());
        }
    }
}

/// Starts one for this track, which makes the same codec; its packets are carried from its first keyframe on.
pub(super) fn start(
    track: &SourceTrack,
    running: &Arc<Running>,
    renditions: &Renditions,
    output: Output,
) -> Result<Chain, MediaError> {
    let template = match track.codec.kind() {
        Kind::Video => renditions.encoder(track.codec)?,
        Kind::Audio => Template::load("filter/opus", renditions.templates())?,
    };
    let (ssrc, requests) = (rand::random::<u32>() | 1, Arc::new(Requests::default()));
    output.stage.begin(ssrc, requests.clone());
    let set_up = |pipeline: &gst::Pipeline| {
        address(pipeline, track, ssrc)?;
        if track.codec.kind() == Kind::Video {
            tune(pipeline, &template)?;
        }
        put_in(pipeline, running)
    };
    let (kept, mut effort) = (running.clone(), Effort::default());
    let on_sample = move |sample: gst::Sample| {
        effort.add(&kept.reserved);
        output.fresh.store(true, Ordering::SeqCst);
        let Some(packet) = sample.buffer().and_then(|b| b.map_readable().ok()).map(|map| map.to_vec()) else { return };
        if let Some(feed) = output.feed.upgrade() {
            output.stage.on_made(&feed, packet, Instant::now());
        }
    };
    let chain = Chain::start(&template, track, set_up, on_sample)?;
    *requests.sink.lock() = chain.element("out").map(|sink| sink.downgrade());
    Ok(chain)
}

/// The packets are as the publisher's, with an SSRC of their own.
fn address(pipeline: &gst::Pipeline, track: &SourceTrack, ssrc: u32) -> Result<(), MediaError> {
    let pay = element(pipeline, "pay")?;
    pay.set_property("pt", u32::from(track.payload_type));
    pay.set_property("ssrc", ssrc);
    pay.set_property("timestamp-offset", 0u32);
    Ok(())
}

/// The encoder's bits follow the size; even sizes only.
fn tune(pipeline: &gst::Pipeline, template: &Template) -> Result<(), MediaError> {
    let traits = template.encoder.clone();
    let traits = traits.ok_or_else(|| MediaError::Fatal("template of a rendition: it has no [encoder]".into()))?;
    let encoder = element(pipeline, "encoder")?;
    traits.bitrate.apply(&encoder, FIRST)?;
    traits.keyframes.apply(&encoder, GROUP)?;
    let even = gst::IntRange::<i32>::with_step(16, 16_384, 2);
    let caps = gst::Caps::builder("video/x-raw").field("format", "I420").field("width", even).field("height", even);
    element(pipeline, "box")?.set_property("caps", caps.build());
    let pad = encoder.static_pad("sink");
    let pad = pad.ok_or_else(|| MediaError::Fatal("template: `encoder` has no sink".into()))?;
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |pad, info| {
        if let Some(gst::PadProbeData::Event(event)) = &info.data
            && let gst::EventView::Caps(caps) = event.view()
            && let Ok(picture) = gst_video::VideoInfo::from_caps(caps.caps())
            && let Some(encoder) = pad.parent_element()
        {
            let side = |length: u32| i32::try_from(length).unwrap_or(i32::MAX);
            let bits = kilobits(side(picture.width()), side(picture.height()), 30.0) * GENEROUS / 2 * 1000;
            let _stays_as_it_was = traits.bitrate.apply(&encoder, bits);
        }
        gst::PadProbeReturn::Ok
    });
    Ok(())
}

/// The filter's elements, each with a converter behind it, between the decoder and `convert`.
fn put_in(pipeline: &gst::Pipeline, running: &Running) -> Result<(), MediaError> {
    let FilterWish::Elements(wishes) = running.wish.lock().clone() else { return Ok(()) };
    let convert = element(pipeline, "convert")?;
    let decoded = convert.static_pad("sink").and_then(|pad| pad.peer());
    let decoded = decoded.and_then(|pad| Some((pad.parent_element()?, pad)));
    let (decoder, pad) = decoded.ok_or_else(|| MediaError::Fatal("template: nothing is linked to `convert`".into()))?;
    decoder.unlink_pads(pad.name().as_str(), &convert, "sink");
    let mut last = converter(pipeline, running.kind)?;
    link(&decoder, Some(pad.name().as_str()), &last)?;
    let mut made = Vec::new();
    for wish in &wishes {
        let element = add(pipeline, wish)?;
        link(&last, None, &element)?;
        made.push(element.downgrade());
        last = converter(pipeline, running.kind)?;
        link(&element, None, &last)?;
    }
    link(&last, None, &convert)?;
    *running.elements.lock() = made;
    Ok(())
}

fn add(pipeline: &gst::Pipeline, wish: &FilterElement) -> Result<gst::Element, MediaError> {
    let (element, _) = check::make(wish).map_err(|refused| MediaError::Fatal(refused.to_string()))?;
    pipeline.add(&element).map_err(broken)?;
    Ok(element)
}

fn converter(pipeline: &gst::Pipeline, kind: Kind) -> Result<gst::Element, MediaError> {
    let builder = match kind {
        Kind::Video => gst::ElementFactory::make("videoconvert").property("n-threads", 1u32),
        Kind::Audio => gst::ElementFactory::make("audioconvert"),
    };
    let element = builder.build().map_err(broken)?;
    pipeline.add(&element).map_err(broken)?;
    Ok(element)
}

fn link(from: &gst::Element, pad: Option<&str>, to: &gst::Element) -> Result<(), MediaError> {
    let into = if to.static_pad("sink").is_some() { "sink" } else { "video_sink" };
    from.link_pads(pad.or(Some("src")), to, Some(into)).map_err(broken)
}

fn broken(error: gst::glib::BoolError) -> MediaError {
    MediaError::Fatal(format!("a filter's pipeline: {error}"))
}
