//! Servers for players: `[rtsp]` and `[hls]`; what cameras have in common: `[ingest]`.

use serde::Deserialize;
use std::net::SocketAddr;
use std::time::Duration;

/// `[ingest]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ingests {
    /// A source that does not answer within this is tried again.
    #[serde(with = "humantime_serde")]
    pub connect_limit: Duration,
    /// Nothing came for so long: an outage. A placeholder is shown, and the source opened again.
    #[serde(with = "humantime_serde")]
    pub silence_limit: Duration,
    /// First wait before another attempt; doubles each time, with jitter.
    #[serde(with = "humantime_serde")]
    pub retry_min: Duration,
    /// Longest wait.
    #[serde(with = "humantime_serde")]
    pub retry_max: Duration,
    /// First wait when another attempt alone will not help (credentials, no such stream).
    #[serde(with = "humantime_serde")]
    pub retry_slow: Duration,
}

impl Default for Ingests {
    fn default() -> Self {
        Self {
            connect_limit: Duration::from_secs(8),
            silence_limit: Duration::from_secs(2),
            retry_min: Duration::from_millis(500),
            retry_max: Duration::from_secs(15),
            retry_slow: Duration::from_secs(30),
        }
    }
}

/// `[rtsp]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rtsp {
    /// Address of the RTSP server; empty (`None`) switches it off.
    #[serde(deserialize_with = "super::empty_is_none")]
    pub listen: Option<SocketAddr>,
    /// Connections at once; more are answered 503.
    pub max_clients: usize,
}

impl Default for Rtsp {
    fn default() -> Self {
        Self { listen: Some(SocketAddr::from(([0, 0, 0, 0], 8554))), max_clients: 200 }
    }
}

/// `[hls]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Hls {
    /// Length of a segment, at least; it ends at the next keyframe.
    #[serde(with = "humantime_serde")]
    pub segment: Duration,
    /// Length of a part (low latency).
    #[serde(with = "humantime_serde")]
    pub part: Duration,
    /// Segments in a playlist.
    pub segments: usize,
    /// A presentation ends this long after its last request.
    #[serde(with = "humantime_serde")]
    pub linger: Duration,
}

impl Default for Hls {
    fn default() -> Self {
        let (segment, part) = (Duration::from_secs(2), Duration::from_millis(333));
        Self { segment, part, segments: 7, linger: Duration::from_secs(15) }
    }
}

impl Hls {
    /// What does not go together, with the remedy.
    pub(super) fn problem(&self) -> Option<String> {
        const SHORTEST: Duration = Duration::from_millis(50);
        const LONGEST: Duration = Duration::from_secs(10);
        if self.segment < Duration::from_millis(500) || self.segment > LONGEST {
            return Some("hls.segment must be between 500ms and 10s: 2s suits most players".into());
        }
        if self.part < SHORTEST || self.part > self.segment {
            return Some("hls.part must be between 50ms and hls.segment: a sixth of it suits most players".into());
        }
        if !(3..=100).contains(&self.segments) {
            return Some(
                "hls.segments must be between 3 and 100: players begin three segments before the newest".into(),
            );
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_that_no_player_takes_are_refused() {
        assert_eq!(Hls::default().problem(), None);
        let ms = Duration::from_millis;
        let wrong = [
            (Hls { segment: ms(100), ..Hls::default() }, "hls.segment"),
            (Hls { part: ms(0), ..Hls::default() }, "hls.part"),
            (Hls { part: ms(3000), ..Hls::default() }, "hls.part"),
            (Hls { segments: 1, ..Hls::default() }, "hls.segments"),
        ];
        for (settings, key) in wrong {
            assert!(settings.problem().is_some_and(|words| words.starts_with(key)), "{settings:?}");
        }
    }
}
