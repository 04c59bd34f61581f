//! Makes an element of a filter as a stranger asked for it, or says what is wrong.
//!
//! No text of a stranger is parsed by GStreamer: elements are made by name, and each value is read here, compared with the
//! property's type and range, and set as a value of that type.

use super::allowed::{Takes, settings};
use crate::model::{FilterElement, FilterRefused, Kind};
use gst::glib;
use gst::prelude::*;

/// Characters of a text at most.
const LONGEST_TEXT: usize = 200;
const LONGEST_FONT: usize = 60;
const LARGEST_FONT: f64 = 128.0;
/// Properties of these are no affair of a filter's.
const BASES: [&str; 4] = ["GstObject", "GstElement", "GstBaseTransform", "GstAudioFilter"];

type Checked<T> = Result<T, FilterRefused>;

fn refuse<T>(words: String) -> Checked<T> {
    Err(FilterRefused::NotAllowed(words))
}

/// An element with all that is to be set of it, and what it works on.
pub(super) fn make(wish: &FilterElement) -> Checked<(gst::Element, Kind)> {
    is_name(&wish.name)?;
    let factory = gst::ElementFactory::find(&wish.name);
    let Some(factory) = factory else { return refuse(format!("this server has no element {}", wish.name)) };
    let Some(kind) = kind(&factory) else {
        return refuse(format!("{} is no filter of pictures or of sound", wish.name));
    };
    let made = factory.create().build();
    let element = made.map_err(|error| FilterRefused::NotPossible(format!("{}: {error}", wish.name)))?;
    for (property, value) in &wish.settings {
        set(&element, &wish.name, property, value)?;
    }
    Ok((element, kind))
}

/// Sets one property of a running element, or of one that is not running yet.
pub(super) fn set(element: &gst::Element, name: &str, property: &str, value: &str) -> Checked<()> {
    is_name(property)?;
    let (spec, takes) = find(element, name, property)?;
    let running = element.current_state() > gst::State::Ready;
    if running && spec.flags().contains(gst::PARAM_FLAG_MUTABLE_READY) {
        return refuse(format!("{property} of {name} cannot be changed while it runs"));
    }
    let value = read(&spec, takes, value).map_err(|why| {
        FilterRefused::NotAllowed(format!("{property} of {name} cannot be {:?}: {why}", shortened(value)))
    })?;
    element.set_property_from_value(property, &value);
    Ok(())
}

/// GLib is asked for nothing else: it takes no text with a zero in it.
fn is_name(text: &str) -> Checked<()> {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if plain && !text.is_empty() { Ok(()) } else { refuse(format!("{:?} is no name", shortened(text))) }
}

/// One stream of raw pictures or sound in, one out.
fn kind(factory: &gst::ElementFactory) -> Option<Kind> {
    let is_filter = factory
        .metadata("klass")
        .is_some_and(|klass| klass.starts_with("Filter/") || klass.starts_with("Transform/Effect/"));
    let mut kinds = [gst::PadDirection::Sink, gst::PadDirection::Src].map(|direction| {
        let pads = factory.static_pad_templates();
        let mut main = pads.iter().filter(|pad| {
            let always = pad.presence() == gst::PadPresence::Always;
            pad.direction() == direction && always && pad.name_template() != "text_sink"
        });
        let pad = main.next().filter(|_| main.next().is_none())?;
        let caps = pad.caps();
        let all = |name| caps.iter().all(|structure| structure.name() == name) && !caps.is_any() && !caps.is_empty();
        match () {
            () if all("video/x-raw") => Some(Kind::Video),
            () if all("audio/x-raw") => Some(Kind::Audio),
            () => None,
        }
    });
    let same = kinds[0] == kinds[1] && is_filter;
    kinds[0].take().filter(|_| same)
}

fn find(element: &gst::Element, name: &str, property: &str) -> Checked<(glib::ParamSpec, Takes)> {
    let spec = element.find_property(property).filter(|spec| {
        let flags = spec.flags();
        flags.contains(glib::ParamFlags::WRITABLE) && !flags.contains(glib::ParamFlags::CONSTRUCT_ONLY)
    });
    let takes = match settings(name) {
        Some(known) => known.iter().find(|(known, _)| *known == property).map(|(_, takes)| *takes),
        None => spec.as_ref().filter(|spec| is_plain(spec)).map(|_| Takes::Plain),
    };
    if let Some(found) = spec.zip(takes) {
        return Ok(found);
    }
    let may = may_be_set(element, name);
    let may = if may.is_empty() { "nothing".to_owned() } else { may.join(", ") };
    refuse(format!("{} of {name} cannot be set here; of it may be set: {may}", shortened(property)))
}

/// The names of what may be set.
fn may_be_set(element: &gst::Element, name: &str) -> Vec<String> {
    match settings(name) {
        Some(known) => known.iter().map(|(name, _)| (*name).to_owned()).collect(),
        None => element.list_properties().iter().filter(|spec| is_plain(spec)).map(|s| s.name().to_owned()).collect(),
    }
}

/// A number, a switch or a choice of the element's own.
fn is_plain(spec: &glib::ParamSpec) -> bool {
    let kind = spec.value_type();
    let number = [
        glib::Type::I32,
        glib::Type::U32,
        glib::Type::I64,
        glib::Type::U64,
        glib::Type::F32,
        glib::Type::F64,
        glib::Type::BOOL,
    ];
    (number.contains(&kind) || kind.is_a(glib::Type::ENUM)) && !BASES.contains(&spec.owner_type().name())
}

/// The value, if the property takes it.
fn read(spec: &glib::ParamSpec, takes: Takes, text: &str) -> Result<glib::Value, String> {
    if text.chars().count() > LONGEST_TEXT || text.chars().any(char::is_control) {
        return Err(format!("a value has at most {LONGEST_TEXT} characters, in one line"));
    }
    match takes {
        // What looks like markup is to be seen, not obeyed.
        Takes::Text => Ok(glib::markup_escape_text(text).to_value()),
        Takes::Font => font(text).map(|font| font.to_value()),
        Takes::Plain => plain(spec, text),
        Takes::Between(least, most) => {
            let number: f64 = text.trim().parse().map_err(|_| "it is no number".to_owned())?;
            match (least..=most).contains(&number) {
                true => plain(spec, text),
                false => Err(format!("it must be a number from {least} to {most}")),
            }
        }
    }
}

/// `Sans, 20`: letters, and a size at most.
fn font(text: &str) -> Result<&str, String> {
    let letters = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, ' ' | ',' | '-' | '.'));
    let sizes = text.split([' ', ',']).filter_map(|word| word.parse::<f64>().ok());
    let fits = sizes.into_iter().all(|size| (1.0..=LARGEST_FONT).contains(&size));
    let bare =
        text.split([' ', ',']).all(|word| !word.contains(|c: char| c.is_ascii_digit()) || word.parse::<f64>().is_ok());
    match letters && fits && bare && text.len() <= LONGEST_FONT {
        true => Ok(text),
        false => Err(format!("write a font's name and a size up to {LARGEST_FONT}, as in `Sans 20`")),
    }
}

/// By the property's own type and range.
fn plain(spec: &glib::ParamSpec, text: &str) -> Result<glib::Value, String> {
    let text = text.trim();
    macro_rules! within {
        ($spec:expr, $read:expr) => {{
            let (least, most) = ($spec.minimum(), $spec.maximum());
            let number = $read.filter(|number| (least..=most).contains(number));
            number.map(|number| number.to_value()).ok_or_else(|| format!("it must be a number from {least} to {most}"))
        }};
    }
    if spec.value_type() == glib::Type::BOOL {
        return switch(text).map(|on| on.to_value()).ok_or_else(|| "it must be true or false".to_owned());
    }
    if let Some(class) = glib::EnumClass::with_type(spec.value_type()) {
        return choice(&class, text);
    }
    if let Some(spec) = spec.downcast_ref::<glib::ParamSpecInt>() {
        return within!(spec, whole(text).and_then(|n| i32::try_from(n).ok()));
    }
    if let Some(spec) = spec.downcast_ref::<glib::ParamSpecUInt>() {
        return within!(spec, whole(text).and_then(|n| u32::try_from(n).ok()));
    }
    if let Some(spec) = spec.downcast_ref::<glib::ParamSpecInt64>() {
        return within!(spec, whole(text).and_then(|n| i64::try_from(n).ok()));
    }
    if let Some(spec) = spec.downcast_ref::<glib::ParamSpecUInt64>() {
        return within!(spec, whole(text).and_then(|n| u64::try_from(n).ok()));
    }
    if let Some(spec) = spec.downcast_ref::<glib::ParamSpecFloat>() {
        return within!(spec, text.parse::<f32>().ok().filter(|n| n.is_finite()));
    }
    if let Some(spec) = spec.downcast_ref::<glib::ParamSpecDouble>() {
        return within!(spec, text.parse::<f64>().ok().filter(|n| n.is_finite()));
    }
    Err("it takes neither a number, nor a switch, nor one of some words".into())
}

fn switch(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" => Some(true),
        "false" | "0" | "no" => Some(false),
        _ => None,
    }
}

/// Also as `0xff00ff00`, as colours are written; and `20.0`, as JSON may write 20.
fn whole(text: &str) -> Option<i128> {
    match text.strip_prefix("0x") {
        Some(hex) => i128::from_str_radix(hex, 16).ok(),
        None => text.strip_suffix(".0").unwrap_or(text).parse().ok(),
    }
}

fn choice(class: &glib::EnumClass, text: &str) -> Result<glib::Value, String> {
    let by_number = || text.parse().ok().and_then(|number| class.to_value(number));
    let found = class.to_value_by_nick(text).or_else(by_number);
    found.ok_or_else(|| {
        let nicks: Vec<&str> = class.values().iter().map(|value| value.nick()).collect();
        format!("it must be one of {}", nicks.join(", "))
    })
}

/// For a message: what came from a stranger may be long.
fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests;
