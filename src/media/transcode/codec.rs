//! What an elementary stream is called, and which input of a template takes it. Pure.

use crate::model::Kind;

/// A codec as sources send it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encoding {
    /// Pictures or sound.
    pub kind: Kind,
    /// For people, in capitals: `H265`, `AAC`.
    pub name: &'static str,
    /// Input of the template `ingest/h264` or `ingest/opus`.
    pub input: &'static str,
}

impl Encoding {
    /// Of a stream with these caps; `None`: it has no use here (subtitles, metadata).
    pub fn of(caps: &gst::CapsRef) -> Option<Self> {
        let s = caps.structure(0)?;
        let video = |name, input| Some(Self { kind: Kind::Video, name, input });
        let audio = |name, input| Some(Self { kind: Kind::Audio, name, input });
        match s.name().as_str() {
            "video/x-h264" => video("H264", "h264"),
            "video/x-h265" => video("H265", "h265"),
            "image/jpeg" => video("JPEG", "jpeg"),
            "video/mpeg" if s.get("mpegversion") == Ok(4i32) => video("MPEG-4", "mpeg4"),
            "video/mpeg" => video("MPEG-2", "mpeg2"),
            "video/x-vp8" => video("VP8", "vp8"),
            "video/x-vp9" => video("VP9", "vp9"),
            "video/x-av1" => video("AV1", "av1"),
            "video/x-raw" => video("RAW", "raw"),
            "audio/mpeg" => mpeg_audio(s),
            "audio/x-ac3" => audio("AC-3", "ac3"),
            "audio/x-alaw" => audio("PCMA", "pcma"),
            "audio/x-mulaw" => audio("PCMU", "pcmu"),
            "audio/x-adpcm" | "audio/G726" => audio("G726", "g726"),
            "audio/G722" => audio("G722", "g722"),
            "audio/x-vorbis" => audio("VORBIS", "vorbis"),
            "audio/x-raw" => audio("RAW", "raw"),
            _ => None,
        }
    }

    /// Name of the template that makes it fit for browsers.
    pub fn template(self) -> &'static str {
        match self.kind {
            Kind::Video => "ingest/h264",
            Kind::Audio => "ingest/opus",
        }
    }
}

fn mpeg_audio(s: &gst::StructureRef) -> Option<Encoding> {
    let (name, input) = match (s.get::<i32>("mpegversion").ok()?, s.get::<i32>("layer")) {
        (1, Ok(3)) => ("MP3", "mpa"),
        (1, _) => ("MP2", "mpa"),
        _ if s.get::<&str>("stream-format") == Ok("loas") => ("AAC", "latm"),
        _ => ("AAC", "aac"),
    };
    Some(Encoding { kind: Kind::Audio, name, input })
}

/// Kilobits per second for pictures of this size: what a camera of the kind would send.
pub fn kilobits(width: i32, height: i32, fps: f64) -> u32 {
    let pixels = f64::from(width.max(16)) * f64::from(height.max(16)) * fps.clamp(5.0, 60.0);
    (pixels / 11_000.0).clamp(300.0, 6000.0) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::str::FromStr;

    #[test]
    fn streams_have_names_and_inputs() {
        gst::init().unwrap();
        let of = |text| Encoding::of(&gst::Caps::from_str(text).unwrap()).map(|e| (e.name, e.input));
        for (caps, expected) in [
            ("video/x-h265,stream-format=hvc1", Some(("H265", "h265"))),
            ("video/mpeg,mpegversion=4", Some(("MPEG-4", "mpeg4"))),
            ("video/mpeg,mpegversion=2", Some(("MPEG-2", "mpeg2"))),
            ("audio/mpeg,mpegversion=1,layer=2", Some(("MP2", "mpa"))),
            ("audio/mpeg,mpegversion=1", Some(("MP2", "mpa"))),
            ("audio/mpeg,mpegversion=4,stream-format=adts", Some(("AAC", "aac"))),
            ("audio/mpeg,mpegversion=4,stream-format=loas", Some(("AAC", "latm"))),
            ("application/x-onvif-metadata", None),
        ] {
            assert_eq!(of(caps), expected, "{caps}");
        }
    }

    #[test]
    fn bits_follow_the_size() {
        assert_eq!(kilobits(1920, 1080, 25.0), 4712);
        assert_eq!((kilobits(160, 120, 10.0), kilobits(3840, 2160, 60.0)), (300, 6000));
    }
}
