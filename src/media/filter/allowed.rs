//! What may be set of the elements that filters are made of by default. Each is a plain effect: none knows a file, an address,
//! a device or another element.
//!
//! Elements that are not here, but that the operator allows, take numbers, switches and choices alone, whatever else they have.

/// What a property takes, besides keeping to its own type and range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Takes {
    /// What its type takes: a number, a switch, a choice.
    Plain,
    /// A number between these: more would take memory or time without end.
    Between(f64, f64),
    /// A short text, shown as it is.
    Text,
    /// A font with a size that can be read and paid for.
    Font,
}

use Takes::{Between, Font, Plain, Text};

type Settings = &'static [(&'static str, Takes)];

/// A moderate number of pixels.
const PIXELS: Takes = Between(-1000.0, 1000.0);

const WORDS: Settings = &[
    ("text", Text),
    ("font-desc", Font),
    ("valignment", Plain),
    ("halignment", Plain),
    ("line-alignment", Plain),
    ("xpad", PIXELS),
    ("ypad", PIXELS),
    ("deltax", PIXELS),
    ("deltay", PIXELS),
    ("xpos", Plain),
    ("ypos", Plain),
    ("color", Plain),
    ("outline-color", Plain),
    ("draw-shadow", Plain),
    ("draw-outline", Plain),
    ("shaded-background", Plain),
    ("shading-value", Plain),
    ("auto-resize", Plain),
];

/// Each element with its properties.
const KNOWN: &[(&str, Settings)] = &[
    ("videobalance", &[("brightness", Plain), ("contrast", Plain), ("hue", Plain), ("saturation", Plain)]),
    ("gamma", &[("gamma", Plain)]),
    ("videoflip", &[("method", Plain), ("video-direction", Plain)]),
    (
        "videobox",
        &[
            ("fill", Plain),
            ("alpha", Plain),
            ("border-alpha", Plain),
            ("top", PIXELS),
            ("bottom", PIXELS),
            ("left", PIXELS),
            ("right", PIXELS),
        ],
    ),
    ("gaussianblur", &[("sigma", Between(-8.0, 8.0))]),
    ("agingtv", &[("scratch-lines", Plain), ("color-aging", Plain), ("pits", Plain), ("dusts", Plain)]),
    ("edgetv", &[]),
    ("dicetv", &[("square-bits", Plain)]),
    ("warptv", &[]),
    ("shagadelictv", &[]),
    ("vertigotv", &[("speed", Plain), ("zoom-speed", Plain)]),
    ("revtv", &[("delay", Plain), ("linespace", Plain), ("gain", Plain)]),
    ("optv", &[("mode", Plain), ("speed", Plain), ("threshold", Plain)]),
    ("radioactv", &[("mode", Plain), ("color", Plain), ("interval", Plain), ("trigger", Plain)]),
    ("streaktv", &[("feedback", Plain)]),
    ("rippletv", &[("mode", Plain)]),
    ("coloreffects", &[("preset", Plain)]),
    ("chromahold", &[("target-r", Plain), ("target-g", Plain), ("target-b", Plain), ("tolerance", Plain)]),
    ("burn", &[("adjustment", Plain)]),
    ("dilate", &[("erode", Plain)]),
    ("dodge", &[]),
    ("exclusion", &[("factor", Plain)]),
    ("solarize", &[("start", Plain), ("end", Plain), ("threshold", Plain)]),
    ("fisheye", &[]),
    ("mirror", &[("mode", Plain)]),
    ("kaleidoscope", &[("angle", Plain), ("angle2", Plain), ("sides", Plain), ("radius", Plain)]),
    ("pinch", &[("intensity", Plain), ("radius", Plain), ("x-center", Plain), ("y-center", Plain)]),
    ("sphere", &[("refraction", Plain), ("radius", Plain), ("x-center", Plain), ("y-center", Plain)]),
    ("twirl", &[("angle", Plain), ("radius", Plain), ("x-center", Plain), ("y-center", Plain)]),
    ("waterripple", &[("amplitude", Plain), ("phase", Plain), ("wavelength", Plain), ("radius", Plain)]),
    ("stretch", &[("intensity", Plain), ("radius", Plain), ("x-center", Plain), ("y-center", Plain)]),
    ("tunnel", &[("radius", Plain), ("x-center", Plain), ("y-center", Plain)]),
    ("bulge", &[("zoom", Plain), ("radius", Plain), ("x-center", Plain), ("y-center", Plain)]),
    ("textoverlay", WORDS),
    ("timeoverlay", WORDS),
    ("clockoverlay", WORDS),
    (
        "audioecho",
        &[
            // Two seconds of sound in memory.
            ("delay", Between(1.0, 2e9)),
            ("max-delay", Between(1.0, 2e9)),
            ("intensity", Plain),
            ("feedback", Plain),
        ],
    ),
    ("volume", &[("volume", Plain), ("mute", Plain)]),
    ("audioamplify", &[("amplification", Between(-20.0, 20.0)), ("clipping-method", Plain)]),
    ("audiopanorama", &[("panorama", Plain), ("method", Plain)]),
    ("audiokaraoke", &[("level", Plain), ("mono-level", Plain), ("filter-band", Plain), ("filter-width", Plain)]),
    ("audiodynamic", &[("characteristics", Plain), ("mode", Plain), ("ratio", Plain), ("threshold", Plain)]),
    ("audioinvert", &[("degree", Plain)]),
    ("equalizer-3bands", &[("band0", Plain), ("band1", Plain), ("band2", Plain)]),
    ("freeverb", &[("room-size", Plain), ("damping", Plain), ("width", Plain), ("level", Plain)]),
    // Its `tempo` and `rate` would take more sound, or less, than there is.
    ("pitch", &[("pitch", Between(0.2, 5.0))]),
];

/// What may be set of this element; `None`: it is none of these.
pub(super) fn settings(element: &str) -> Option<Settings> {
    KNOWN.iter().find(|(name, _)| *name == element).map(|(_, settings)| *settings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gst::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn what_is_allowed_by_default_is_known_here_and_required() {
        let known: BTreeSet<_> = KNOWN.iter().map(|(name, _)| *name).collect();
        assert_eq!(known, crate::config::FILTERS.into_iter().collect());
        let report = crate::media::requirements::check().unwrap();
        assert!(report.missing.is_empty(), "{report:?}");
        let required = crate::media::requirements::elements();
        assert!(
            known.iter().all(|name| required.contains(name)),
            "src/media/requirements.rs names each with its package"
        );
    }

    #[test]
    fn each_has_what_may_be_set_and_nothing_of_it_is_more_than_plain() {
        crate::media::start().unwrap();
        for (name, settings) in KNOWN {
            let element = gst::ElementFactory::make(name).build().unwrap();
            for (property, takes) in *settings {
                let spec = element.find_property(property).unwrap_or_else(|| panic!("{name} has no {property}"));
                let text = spec.value_type() == String::static_type();
                assert_eq!(text, matches!(takes, Text | Font), "{name} {property}");
            }
        }
    }
}
