//! The multivariant playlist, and what a codec is called in it (RFC 6381). Pure.

use super::names;
use crate::model::Kind;
use std::fmt::Write;

/// What is told of a track.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// RFC 6381.
    pub codec: String,
    /// Width and height in pixels.
    pub size: Option<(i32, i32)>,
    /// Greatest and average bits a second.
    pub bits: (u64, u64),
}

/// The playlist of these tracks.
pub fn multivariant(video: Option<&Facts>, audio: Option<&Facts>) -> String {
    let mut text = String::from("#EXTM3U\n#EXT-X-VERSION:6\n");
    if video.is_some() && audio.is_some() {
        let name = names::playlist(Kind::Audio);
        let _ = writeln!(
            text,
            "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"sound\",NAME=\"Sound\",DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"2\",URI=\"{name}\""
        );
    }
    let tracks: Vec<&Facts> = video.into_iter().chain(audio).collect();
    let sum = |bits: fn(&Facts) -> u64| tracks.iter().map(|track| bits(track)).sum::<u64>().max(1);
    let codecs = tracks.iter().map(|track| track.codec.as_str()).collect::<Vec<_>>().join(",");
    let (peak, average) = (sum(|track| track.bits.0), sum(|track| track.bits.1));
    let _ = write!(text, "#EXT-X-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={average},CODECS=\"{codecs}\"");
    if let Some((width, height)) = video.and_then(|video| video.size) {
        let _ = write!(text, ",RESOLUTION={width}x{height}");
    }
    if video.is_some() && audio.is_some() {
        text.push_str(",AUDIO=\"sound\"");
    }
    let main = if video.is_some() { Kind::Video } else { Kind::Audio };
    text + "\n" + &names::playlist(main) + "\n"
}

/// `avc1.42c01f` of an `avcC` record (ISO 14496-15): profile, constraints, level.
pub fn avc(record: &[u8]) -> Option<String> {
    let [1, profile, constraints, level] = record.first_chunk::<4>()? else { return None };
    Some(format!("avc1.{profile:02x}{constraints:02x}{level:02x}"))
}

/// `mp4a.40.2` of an AudioSpecificConfig (ISO 14496-3), whose first five bits are the object type.
pub fn aac(config: &[u8]) -> Option<String> {
    Some(format!("mp4a.40.{}", config.first()? >> 3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use m3u8_rs::parse_master_playlist_res;

    fn facts(codec: &str, bits: u64) -> Facts {
        Facts { codec: codec.into(), size: None, bits: (bits, bits / 2) }
    }

    #[test]
    fn both_tracks_are_named() {
        let video = Facts { size: Some((320, 240)), ..facts("avc1.42c01f", 900) };
        let text = multivariant(Some(&video), Some(&facts("mp4a.40.2", 100)));
        let read = parse_master_playlist_res(text.as_bytes()).expect(&text);
        let variant = &read.variants[0];
        assert_eq!((variant.bandwidth, variant.average_bandwidth), (1000, Some(500)));
        assert_eq!(variant.codecs.as_deref(), Some("avc1.42c01f,mp4a.40.2"));
        assert_eq!((variant.uri.as_str(), variant.audio.as_deref()), ("video.m3u8", Some("sound")));
        assert_eq!(variant.resolution.map(|size| (size.width, size.height)), Some((320, 240)));
        assert_eq!(read.alternatives[0].uri.as_deref(), Some("audio.m3u8"));
    }

    #[test]
    fn sound_alone_is_the_variant() {
        let text = multivariant(None, Some(&facts("mp4a.40.2", 100)));
        let read = parse_master_playlist_res(text.as_bytes()).expect(&text);
        assert_eq!((read.variants[0].uri.as_str(), read.alternatives.len()), ("audio.m3u8", 0));
    }

    #[test]
    fn codecs_are_named_by_their_records() {
        assert_eq!(avc(&[1, 0x42, 0xc0, 0x1f, 0xff]).as_deref(), Some("avc1.42c01f"));
        assert_eq!(avc(&[0, 0, 0, 1, 0x67]), None);
        assert_eq!(aac(&[0x11, 0x90]).as_deref(), Some("mp4a.40.2"));
        assert_eq!(aac(&[]), None);
    }
}
