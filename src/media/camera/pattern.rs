//! `test://PATTERN?size=640x360&fps=25`: pictures and a tone made here, for trying things out.

use super::head::{Head, Site, element};
use super::plan::Plan;
use super::trouble::Trouble;
use crate::model::{IngestReason, Kind};
use gst::prelude::*;

/// Larger and faster ones cost too much for what they are.
const SIDES: std::ops::RangeInclusive<i32> = 16..=3840;
const RATES: std::ops::RangeInclusive<i32> = 1..=60;

/// The wish in a URI.
#[derive(Debug, PartialEq)]
struct Pattern {
    name: String,
    size: (i32, i32),
    fps: i32,
}

/// Builds it.
///
/// # Errors
/// `NotFound`: no such pattern, or a number that is out of range.
pub fn build(plan: &Plan, site: &Site) -> Result<Head, Trouble> {
    let pattern = Pattern::read(&plan.url)?;
    if site.attach.wants(Kind::Video) {
        video(&pattern, plan, site)?;
    }
    if site.attach.wants(Kind::Audio) {
        audio(site)?;
    }
    site.attach.complete();
    Ok(Head::default())
}

impl Pattern {
    fn read(url: &url::Url) -> Result<Self, Trouble> {
        let name = url.host_str().filter(|host| !host.is_empty()).unwrap_or("smpte").to_owned();
        let mut pattern = Self { name, size: (640, 360), fps: 25 };
        for (key, value) in url.query_pairs() {
            match key.as_ref() {
                "size" => pattern.size = size(&value).ok_or_else(|| odd("size", "640x360"))?,
                "fps" => pattern.fps = number(&value, &RATES).ok_or_else(|| odd("fps", "25"))?,
                _ => return Err(odd("the query", "size=640x360&fps=25")),
            }
        }
        Ok(pattern)
    }
}

fn odd(what: &str, example: &str) -> Trouble {
    Trouble::new(IngestReason::NotFound, format!("{what} of a test:// source cannot be used: write it like {example}"))
}

fn number(text: &str, range: &std::ops::RangeInclusive<i32>) -> Option<i32> {
    text.parse().ok().filter(|number| range.contains(number))
}

fn size(text: &str) -> Option<(i32, i32)> {
    let (width, height) = text.split_once('x')?;
    Some((number(width, &SIDES)? & !1, number(height, &SIDES)? & !1))
}

fn video(pattern: &Pattern, plan: &Plan, site: &Site) -> Result<(), Trouble> {
    let source = element("videotestsrc")?;
    source.set_property("is-live", true);
    let known = source.find_property("pattern").and_then(|spec| {
        let class = gst::glib::EnumClass::with_type(spec.value_type())?;
        class.value_by_nick(&pattern.name).map(|_| ())
    });
    known.ok_or_else(|| odd("the name", "test://smpte, test://ball or test://black"))?;
    source.set_property_from_str("pattern", &pattern.name);
    let caps = gst::Caps::builder("video/x-raw").field("format", "I420");
    let caps = caps.field("width", pattern.size.0).field("height", pattern.size.1);
    let filter = element("capsfilter")?;
    filter.set_property("caps", caps.field("framerate", gst::Fraction::new(pattern.fps, 1)).build());
    let seconds = plan.wish.keyframe_interval_ms.clamp(100, 60_000) as f32 / 1000.0;
    let encoder = encoder((pattern.fps as f32 * seconds) as u32)?;
    let out = element("capsfilter")?;
    out.set_property("caps", gst::Caps::builder("video/x-h264").field("profile", "constrained-baseline").build());
    chain(site, &[source, filter, encoder, out])
}

/// Without B-frames and without waiting.
fn encoder(keyframes: u32) -> Result<gst::Element, Trouble> {
    let encoder = element("x264enc")?;
    encoder.set_property_from_str("tune", "zerolatency");
    encoder.set_property_from_str("speed-preset", "ultrafast");
    encoder.set_property("key-int-max", keyframes.max(1));
    encoder.set_property("bitrate", 1000u32);
    encoder.set_property("threads", 1u32);
    Ok(encoder)
}

fn audio(site: &Site) -> Result<(), Trouble> {
    let source = element("audiotestsrc")?;
    source.set_property("is-live", true);
    source.set_property("samplesperbuffer", 960);
    source.set_property("volume", 0.1f64);
    let filter = element("capsfilter")?;
    let caps = gst::Caps::builder("audio/x-raw").field("rate", 48_000).field("channels", 2);
    filter.set_property("caps", caps.build());
    chain(site, &[source, element("audioconvert")?, filter, element("opusenc")?])
}

fn chain(site: &Site, elements: &[gst::Element]) -> Result<(), Trouble> {
    let broken = |error: gst::glib::BoolError| Trouble::new(IngestReason::Failed, error.to_string());
    let Some((last, first)) = elements.split_last() else { return Ok(()) };
    // The consumer stands before anything flows.
    site.pipeline.add(last)?;
    if let Some(pad) = last.static_pad("src") {
        site.attach.pad(&pad);
    }
    for element in first.iter().rev() {
        site.pipeline.add_still(element)?;
    }
    gst::Element::link_many(elements).map_err(broken)?;
    first.iter().rev().try_for_each(|element| element.sync_state_with_parent().map_err(broken))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_read() {
        let read = |uri: &str| Pattern::read(&url::Url::parse(uri).unwrap());
        let ball = Pattern { name: "ball".into(), size: (320, 240), fps: 10 };
        assert_eq!(read("test://ball?size=320x241&fps=10"), Ok(ball));
        assert_eq!(read("test://").unwrap().name, "smpte");
        for bad in ["test://x?size=9", "test://x?size=1x1", "test://x?fps=0", "test://x?fps=1000", "test://x?color=1"] {
            assert_eq!(read(bad).unwrap_err().reason, IngestReason::NotFound, "{bad}");
        }
    }
}
