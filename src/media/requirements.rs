//! What must be installed for the engine to work: every GStreamer element it uses, and who brings it.

use std::collections::BTreeSet;

/// The oldest GStreamer this is built for.
pub const MIN_VERSION: (u32, u32) = (1, 22);

/// Debian packages and the elements the engine uses from them.
const ELEMENTS: [(&str, &[&str]); 9] = [
    ("libgstreamer1.0-0", &["capsfilter", "clocksync", "fakesink", "filesink", "funnel", "identity", "queue"]),
    (
        "gstreamer1.0-plugins-base",
        &[
            "appsink",
            "appsrc",
            "audioconvert",
            "audiorate",
            "audioresample",
            "audiotestsrc",
            "opusdec",
            "opusenc",
            "parsebin",
            "videoconvert",
            "videoconvertscale",
            "videoscale",
            "videotestsrc",
            "volume",
            "vorbisdec",
        ],
    ),
    (
        "gstreamer1.0-plugins-good",
        &[
            "aacparse",
            "ac3parse",
            "agingtv",
            "alawdec",
            "audioamplify",
            "audiodynamic",
            "audioecho",
            "audioinvert",
            "audiokaraoke",
            "audiopanorama",
            "capssetter",
            "deinterlace",
            "dicetv",
            "edgetv",
            "equalizer-3bands",
            "flvdemux",
            "flvmux",
            "gamma",
            "imagefreeze",
            "jpegdec",
            "jpegenc",
            "matroskademux",
            "matroskamux",
            "mp4mux",
            "mpegaudioparse",
            "mpg123audiodec",
            "mulawdec",
            "multipartdemux",
            "optv",
            "qtdemux",
            "radioactv",
            "revtv",
            "rippletv",
            "rtpL16depay",
            "rtpbin",
            "rtpg722depay",
            "rtpg726depay",
            "rtph264depay",
            "rtph264pay",
            "rtph265depay",
            "rtpjitterbuffer",
            "rtpjpegdepay",
            "rtpmp4adepay",
            "rtpmp4gdepay",
            "rtpmp4gpay",
            "rtpmp4vdepay",
            "rtpmpadepay",
            "rtpmpvdepay",
            "rtpopusdepay",
            "rtpopuspay",
            "rtppcmadepay",
            "rtppcmudepay",
            "rtpvp8depay",
            "rtpvp8pay",
            "rtpvp9depay",
            "rtspsrc",
            "shagadelictv",
            "streaktv",
            "udpsrc",
            "vertigotv",
            "videobalance",
            "videobox",
            "videoflip",
            "vp8dec",
            "vp8enc",
            "vp9dec",
            "warptv",
            "webmmux",
        ],
    ),
    (
        "gstreamer1.0-plugins-bad",
        &[
            "av1dec",
            "av1parse",
            "bulge",
            "burn",
            "chromahold",
            "coloreffects",
            "dilate",
            "dodge",
            "dtlsdec",
            "dtlsenc",
            "dtlssrtpdec",
            "dtlssrtpenc",
            "exclusion",
            "fisheye",
            "freeverb",
            "gaussianblur",
            "h264parse",
            "h265parse",
            "jpegparse",
            "kaleidoscope",
            "mirror",
            "mpeg4videoparse",
            "mpegtsmux",
            "mpegvideoparse",
            "openh264dec",
            "opusparse",
            "pinch",
            "pitch",
            "rtmp2sink",
            "rtmp2src",
            "solarize",
            "sphere",
            "srtpdec",
            "srtpenc",
            "srtsink",
            "srtsrc",
            "stretch",
            "tsdemux",
            "tunnel",
            "twirl",
            "vp9parse",
            "waterripple",
            "webrtcbin",
            "zbar",
        ],
    ),
    // webrtcbin refuses to start without it, though our own ICE agent takes its place.
    ("gstreamer1.0-nice", &["nicesink", "nicesrc"]),
    // Linked in from the crates gst-plugin-rtp and gst-plugin-fmp4: Debian's GStreamer has none.
    ("millrace", &["cmafmux", "rtpav1depay"]),
    // Composed recordings: H264 decoded and encoded. Broadcasts: AAC.
    (
        "gstreamer1.0-libav",
        &[
            "avdec_aac",
            "avdec_aac_latm",
            "avdec_ac3",
            "avdec_g722",
            "avdec_g726",
            "avdec_h264",
            "avdec_h265",
            "avdec_mpeg2video",
            "avdec_mpeg4",
            "avenc_aac",
        ],
    ),
    ("gstreamer1.0-plugins-ugly", &["x264enc"]),
    // Text on pictures: the demo's clock, names in composed recordings.
    ("gstreamer1.0-x", &["clockoverlay", "textoverlay", "timeoverlay"]),
];

/// All that the service uses.
#[cfg(test)]
pub(super) fn elements() -> BTreeSet<&'static str> {
    ELEMENTS.iter().flat_map(|(_, elements)| elements.iter().copied()).collect()
}

/// An element that is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The element.
    pub element: &'static str,
    /// The Debian package that has it.
    pub package: &'static str,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Report {
    /// GStreamer's version in words.
    pub version: String,
    /// Whether it is new enough.
    pub version_ok: bool,
    /// How many elements are there.
    pub found: usize,
    /// Those that are not.
    pub missing: Vec<Missing>,
}

impl Report {
    /// The packages to install, each once.
    pub fn packages(&self) -> Vec<&'static str> {
        let names: BTreeSet<_> = self.missing.iter().map(|missing| missing.package).collect();
        names.into_iter().collect()
    }
}

/// Looks at this machine's GStreamer. An error when it does not even start.
pub fn check() -> Result<Report, String> {
    super::start().map_err(|e| e.to_string())?;
    let (major, minor, ..) = gst::version();
    let all = ELEMENTS.iter().flat_map(|(package, elements)| elements.iter().map(move |element| (*package, *element)));
    let (found, missing): (Vec<_>, Vec<_>) = all.partition(|(_, element)| gst::ElementFactory::find(element).is_some());
    Ok(Report {
        version: gst::version_string().to_string(),
        version_ok: (major, minor) >= MIN_VERSION,
        found: found.len(),
        missing: missing.into_iter().map(|(package, element)| Missing { element, package }).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_everything() {
        let report = check().unwrap();
        assert!(report.version_ok, "{report:?}");
        assert!(report.missing.is_empty(), "{report:?}");
    }

    #[test]
    fn each_package_is_named_once() {
        let missing = |element, package| Missing { element, package };
        let report = Report {
            version: String::new(),
            version_ok: true,
            found: 0,
            missing: vec![missing("a", "p"), missing("b", "p"), missing("c", "o")],
        };
        assert_eq!(report.packages(), ["o", "p"]);
    }
}
