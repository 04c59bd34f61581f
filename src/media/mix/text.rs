//! Names and titles as small pictures: drawn once by Pango, then copied into every frame like anything else.
//!
//! Decides how a text looks; leaves where it stands to `scene`. The text is set as a property, escaped, never part of a
//! launch line.

use super::canvas::{Canvas, Color, Rect};
use super::frame::Frame;
use crate::media::MediaError;
use gst::prelude::*;
use std::time::Duration;

/// Behind a text.
pub const BEHIND: Color = Color([24, 128, 128]);
/// Pixels brighter than this are the text's.
const BRIGHT: u8 = 48;
/// Longer texts are cut.
const LONGEST: usize = 80;
const LIMIT: Duration = Duration::from_secs(5);
const LAUNCH: &str = "videotestsrc name=back pattern=solid-color num-buffers=1 ! capsfilter name=size ! \
    textoverlay name=text halignment=left valignment=center xpad=0 ypad=0 draw-shadow=false draw-outline=false \
    wrap-mode=none auto-resize=false ! videoconvert ! capsfilter name=format ! appsink name=out sync=false";

/// The text in white on nearly black, as wide as it needs, at most `most` pixels; even sizes.
pub fn render(text: &str, height: usize, most: usize) -> Result<Canvas, MediaError> {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST).collect();
    let (width, height) = (even(most), even(height));
    let frame = draw(&text, width, height)?;
    let picture = frame.picture().ok_or_else(|| fatal("a text's picture cannot be read"))?;
    let padding = even(height / 3);
    let used = picture.planes[0];
    let rows = used.data.chunks(used.stride.max(1)).map(|row| &row[..row.len().min(width)]);
    let right = rows.filter_map(|row| row.iter().rposition(|luma| *luma > BRIGHT)).max().map_or(0, |x| x + 1);
    let mut label = Canvas::new(even(right + 2 * padding).min(width), height, BEHIND);
    label.draw(&picture, Rect { x: padding, y: 0, width, height });
    Ok(label)
}

fn draw(text: &str, width: usize, height: usize) -> Result<Frame, MediaError> {
    let pipeline = gst::parse::launch(LAUNCH).map_err(fatal)?;
    let pipeline = pipeline.downcast::<gst::Pipeline>().map_err(|_| fatal("not a pipeline"))?;
    let part = |name: &str| pipeline.by_name(name).ok_or_else(|| fatal(name));
    let side = |length: usize| i32::try_from(length).unwrap_or(i32::MAX);
    let size = gst::Caps::builder("video/x-raw").field("format", "AYUV");
    let size = size.field("width", side(width)).field("height", side(height)).build();
    part("size")?.set_property("caps", size);
    part("format")?.set_property("caps", gst::Caps::builder("video/x-raw").field("format", "I420").build());
    part("back")?.set_property("foreground-color", 0xff08_0808u32);
    let overlay = part("text")?;
    // Its text is Pango markup: what people call themselves is not.
    overlay.set_property("text", gst::glib::markup_escape_text(text).as_str());
    overlay.set_property("font-desc", format!("Sans {}px", height * 6 / 10));
    let sink = part("out")?.downcast::<gst_app::AppSink>().map_err(|_| fatal("out is no appsink"))?;
    let started = pipeline.set_state(gst::State::Playing);
    let limit = gst::ClockTime::from_nseconds(LIMIT.as_nanos() as u64);
    let sample = started.ok().and_then(|_| sink.try_pull_sample(limit));
    let _ = pipeline.set_state(gst::State::Null);
    sample.as_ref().and_then(Frame::of).ok_or_else(|| fatal("a text could not be drawn"))
}

fn even(length: usize) -> usize {
    length.next_multiple_of(2).max(2)
}

fn fatal(why: impl std::fmt::Display) -> MediaError {
    MediaError::Fatal(format!("text on pictures: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_longer_name_is_wider_and_markup_is_text() {
        gst::init().unwrap();
        let width = |text: &str| render(text, 28, 600).unwrap().width();
        assert!(width("Ann") < width("Ann & Bob from <Leipzig>"));
        assert!(width("<b></b>") > width("b"), "markup is shown, not obeyed");
        assert_eq!(width(&"long ".repeat(50)), 600, "cut at the most");
        assert!(width("") > 0 && width("a\nb") > width("a"));
    }
}
