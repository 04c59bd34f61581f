//! Names of the files of a presentation. Pure.

use super::shelf::Wanted;
use crate::model::Kind;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum File {
    /// `index.m3u8`: the multivariant playlist.
    Index,
    /// `video.m3u8`: a track's playlist.
    Playlist(Kind),
    /// Media.
    Media(Kind, Wanted),
}

impl File {
    /// `None`: no file has such a name.
    pub fn parse(name: &str) -> Option<Self> {
        if name == "index.m3u8" {
            return Some(Self::Index);
        }
        let kind = [Kind::Video, Kind::Audio].into_iter().find(|kind| name.starts_with(kind.as_str()))?;
        let rest = &name[kind.as_str().len()..];
        if rest == ".m3u8" {
            return Some(Self::Playlist(kind));
        }
        let wanted = match rest.strip_prefix("-init-").and_then(|rest| rest.strip_suffix(".mp4")) {
            Some(number) => Wanted::Init(number.parse().ok()?),
            None => numbers(rest.strip_prefix('-')?.strip_suffix(".m4s")?)?,
        };
        Some(Self::Media(kind, wanted))
    }

    /// For the metric.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Index | Self::Playlist(_) => "playlist",
            Self::Media(_, Wanted::Init(_)) => "init",
            Self::Media(_, Wanted::Segment(_)) => "segment",
            Self::Media(_, Wanted::Part(..)) => "part",
        }
    }

    /// Its media type.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Index | Self::Playlist(_) => "application/vnd.apple.mpegurl",
            Self::Media(Kind::Video, _) => "video/mp4",
            Self::Media(Kind::Audio, _) => "audio/mp4",
        }
    }
}

fn numbers(text: &str) -> Option<Wanted> {
    match text.split_once('.') {
        None => Some(Wanted::Segment(text.parse().ok()?)),
        Some((msn, part)) => Some(Wanted::Part(msn.parse().ok()?, part.parse().ok()?)),
    }
}

/// A track's playlist.
pub fn playlist(kind: Kind) -> String {
    format!("{}.m3u8", kind.as_str())
}

/// A header, segment or part.
pub fn media(kind: Kind, wanted: Wanted) -> String {
    let kind = kind.as_str();
    match wanted {
        Wanted::Init(number) => format!("{kind}-init-{number}.mp4"),
        Wanted::Segment(msn) => format!("{kind}-{msn}.m4s"),
        Wanted::Part(msn, part) => format!("{kind}-{msn}.{part}.m4s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_back() {
        for kind in [Kind::Audio, Kind::Video] {
            assert_eq!(File::parse(&playlist(kind)), Some(File::Playlist(kind)));
            for wanted in [Wanted::Init(3), Wanted::Segment(12), Wanted::Part(12, 0)] {
                assert_eq!(File::parse(&media(kind, wanted)), Some(File::Media(kind, wanted)));
            }
        }
        assert_eq!(File::parse("index.m3u8"), Some(File::Index));
    }

    #[test]
    fn other_names_are_nothing() {
        for name in [
            "",
            "video",
            "video-.m4s",
            "video-1.2.3.m4s",
            "../video.m3u8",
            "video-init-x.mp4",
            "sound.m3u8",
            "video--1.m4s",
        ] {
            assert_eq!(File::parse(name), None, "{name}");
        }
    }
}
