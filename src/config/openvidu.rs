//! `[openvidu]`: the server that applications written for OpenVidu 2 find here.

use super::empty_is_none;
use crate::model::{FilterElement, IceAddress};
use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;

/// `[openvidu]`
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OpenVidu {
    /// Password of `OPENVIDUAPP`, `[A-Za-z0-9_-]+`; without it the dialect is off.
    #[serde(deserialize_with = "empty_is_none")]
    pub secret: Option<String>,
    /// Address that clients are told, `https://host[:port]`; empty: the one that a request came to.
    #[serde(deserialize_with = "empty_is_none")]
    pub public_url: Option<String>,
    /// Codec of all streams of a session unless its creator says otherwise.
    pub forced_codec: ForcedCodec,
    /// Serve clients without that codec by a transcode.
    pub allow_transcoding: bool,
    /// Most kbit/s of pictures that a client may publish, 0 for no limit; a connection's `kurentoOptions` come first.
    pub video_max_recv: u32,
    /// Shown to applications alone: what a line carries is measured.
    pub video_min_recv: u32,
    /// Most kbit/s of pictures that a viewer is sent of a stream, 0 for no limit; a connection's `kurentoOptions` come first.
    pub video_max_send: u32,
    /// Shown to applications alone.
    pub video_min_send: u32,
    /// A session that nobody has joined is forgotten after this.
    #[serde(with = "humantime_serde")]
    pub unused_limit: Duration,
    /// How often such sessions are looked for; zero: they are kept for ever.
    #[serde(with = "humantime_serde")]
    pub unused_interval: Duration,
    /// STUN and TURN servers for connections that bring none, instead of ours: `stun:host:port`, `turn:host:port SECRET`
    /// (coturn's `static-auth-secret`) or `turn:host:port USERNAME PASSWORD`.
    pub ice_servers: Vec<String>,
    /// Events are POSTed here; without it none are.
    #[serde(deserialize_with = "empty_is_none")]
    pub webhook: Option<String>,
    /// Headers of those requests, `Name: value`.
    pub webhook_headers: Vec<String>,
    /// Only events of these names; empty: all.
    pub webhook_events: Vec<String>,
    /// Folder of the call detail record; without it none is written.
    #[serde(deserialize_with = "empty_is_none")]
    pub cdr: Option<PathBuf>,
    /// Sessions may be recorded.
    pub recording: bool,
    /// Files of recordings are for everybody who knows their address.
    pub recording_public_access: bool,
    /// Who in a session hears that its recording begins and ends.
    pub recording_notification: RecordingNotification,
    /// A recording stops so long after the last participant has left, or when nobody has published by then; 0: at once
    /// with the last participant.
    #[serde(with = "humantime_serde")]
    pub recording_autostop: Duration,
    /// Folder of custom layouts: `NAME/layout.json`, a layout's name or boxes; served under `/openvidu/layouts`.
    #[serde(deserialize_with = "empty_is_none")]
    pub layouts: Option<PathBuf>,
    /// Elements that clients may put into filters; empty: no filters.
    pub filters: Vec<String>,
    /// Filters that clients may ask for by a name alone, `name: element property=value …`; of any elements.
    pub filter_templates: Vec<String>,
    /// Variables of the original's deployments that settings were taken from.
    #[serde(skip)]
    pub taken: Vec<&'static str>,
}

/// Roles that hear of recordings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordingNotification {
    /// Nobody.
    None,
    /// Moderators.
    Moderator,
    /// Publishers and moderators.
    #[default]
    PublisherModerator,
    /// Everybody.
    All,
}

impl RecordingNotification {
    /// As the protocol spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Moderator => "moderator",
            Self::PublisherModerator => "publisher_moderator",
            Self::All => "all",
        }
    }
}

/// Elements that filters are made of unless the operator says otherwise: effects that know no file, address or device.
pub const FILTERS: [&str; 46] = [
    "agingtv",
    "audioamplify",
    "audiodynamic",
    "audioecho",
    "audioinvert",
    "audiokaraoke",
    "audiopanorama",
    "bulge",
    "burn",
    "chromahold",
    "clockoverlay",
    "coloreffects",
    "dicetv",
    "dilate",
    "dodge",
    "edgetv",
    "equalizer-3bands",
    "exclusion",
    "fisheye",
    "freeverb",
    "gamma",
    "gaussianblur",
    "kaleidoscope",
    "mirror",
    "optv",
    "pinch",
    "pitch",
    "radioactv",
    "revtv",
    "rippletv",
    "shagadelictv",
    "solarize",
    "sphere",
    "streaktv",
    "stretch",
    "textoverlay",
    "timeoverlay",
    "tunnel",
    "twirl",
    "vertigotv",
    "videobalance",
    "videobox",
    "videoflip",
    "volume",
    "warptv",
    "waterripple",
];

/// Names of events. Those of the commercial edition may be asked for, and never come.
pub const EVENTS: [&str; 15] = [
    "sessionCreated",
    "sessionDestroyed",
    "participantJoined",
    "participantLeft",
    "webrtcConnectionCreated",
    "webrtcConnectionDestroyed",
    "recordingStatusChanged",
    "filterEventDispatched",
    "signalSent",
    "mediaNodeStatusChanged",
    "autoscaling",
    "nodeCrashed",
    "nodeRecovered",
    "broadcastStarted",
    "broadcastStopped",
];

/// The secret of a service in demo mode that has been given none: the one of the original's own tutorials.
pub const DEMO_SECRET: &str = "MY_SECRET";

/// Values of `forcedVideoCodec`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ForcedCodec {
    /// VP8, as Kurento had it.
    #[default]
    MediaServerPreferred,
    /// Whatever a publisher prefers.
    None,
    /// VP8.
    Vp8,
    /// VP9.
    Vp9,
    /// H264.
    H264,
}

impl ForcedCodec {
    /// As the protocol spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MediaServerPreferred => "MEDIA_SERVER_PREFERRED",
            Self::None => "NONE",
            Self::Vp8 => "VP8",
            Self::Vp9 => "VP9",
            Self::H264 => "H264",
        }
    }
}

impl Default for OpenVidu {
    fn default() -> Self {
        Self {
            secret: None,
            public_url: None,
            forced_codec: ForcedCodec::default(),
            allow_transcoding: false,
            video_max_recv: 0,
            video_min_recv: 0,
            video_max_send: 0,
            video_min_send: 0,
            unused_limit: Duration::from_secs(3600),
            unused_interval: Duration::from_secs(900),
            ice_servers: Vec::new(),
            webhook: None,
            webhook_headers: Vec::new(),
            webhook_events: Vec::new(),
            cdr: None,
            recording: true,
            recording_public_access: false,
            recording_notification: RecordingNotification::default(),
            recording_autostop: Duration::from_secs(120),
            layouts: None,
            filters: FILTERS.map(str::to_owned).to_vec(),
            filter_templates: Vec::new(),
            taken: Vec::new(),
        }
    }
}

/// Secrets stay out of logs.
impl std::fmt::Debug for OpenVidu {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let secret = self.secret.as_ref().map(|_| "(hidden)");
        f.debug_struct("OpenVidu")
            .field("secret", &secret)
            .field("public_url", &self.public_url)
            .field("webhook", &self.webhook)
            .field("webhook_events", &self.webhook_events)
            .field("cdr", &self.cdr)
            .finish_non_exhaustive()
    }
}

impl OpenVidu {
    pub(super) fn problem(&self) -> Option<String> {
        let word = |secret: &String| {
            !secret.is_empty() && secret.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        };
        if self.secret.as_ref().is_some_and(|secret| !word(secret)) {
            return Some(
                "openvidu.secret may have letters, digits, _ and - only: clients write it into addresses".into(),
            );
        }
        let address = |url: &String| url.starts_with("http://") || url.starts_with("https://");
        if let Some(url) = self.public_url.as_ref().filter(|url| !address(url) || url.ends_with('/')) {
            return Some(format!(
                "openvidu.public_url is {url:?}: write https://host[:port] without a slash at its end"
            ));
        }
        if let Some(url) = self.webhook.as_ref().filter(|url| !address(url)) {
            return Some(format!("openvidu.webhook is {url:?}: it must begin with http:// or https://"));
        }
        if let Some(event) = self.webhook_events.iter().find(|event| !EVENTS.contains(&event.as_str())) {
            return Some(format!("openvidu.webhook_events has {event:?}: there are {}", EVENTS.join(", ")));
        }
        if let Some(at) = self.ice_servers.iter().position(|server| IceAddress::read(server).is_none()) {
            return Some(format!(
                "openvidu.ice_servers: write number {} as stun:host:port, turn:host:port SECRET or turn:host:port USERNAME PASSWORD",
                at + 1
            ));
        }
        if let Some(folder) = self.layouts.as_ref().filter(|folder| !folder.is_dir()) {
            return Some(format!("openvidu.layouts is {}: there is no such folder", folder.display()));
        }
        if let Some(problem) = self.bandwidth_problem() {
            return Some(problem);
        }
        // A header may hold a password: it is not shown.
        if let Some(at) = self.webhook_headers.iter().position(|header| !header.contains(':')) {
            return Some(format!("openvidu.webhook_headers: write number {} as Name: value", at + 1));
        }
        self.bad_filter()
    }

    fn bad_filter(&self) -> Option<String> {
        let plain =
            |name: &&String| FilterElement::read_all(name).is_ok_and(|all| all.len() == 1 && all[0].name == **name);
        if let Some(bad) = self.filters.iter().find(|name| !plain(name)) {
            return Some(format!("openvidu.filters has {bad:?}: write an element's name alone"));
        }
        let problem = |text: &String| match text.split_once(':') {
            Some((name, command)) if !name.trim().is_empty() => {
                FilterElement::read_all(command.trim()).err().map(|why| format!("{text:?}: {why}"))
            }
            _ => Some(format!("{text:?}: write `name: element property=value`")),
        };
        self.filter_templates.iter().find_map(problem).map(|why| format!("openvidu.filter_templates has {why}"))
    }

    /// The command that a template of this name stands for.
    pub fn filter_template(&self, name: &str) -> Option<&str> {
        let pairs = self.filter_templates.iter().filter_map(|text| text.split_once(':'));
        pairs.map(|(name, command)| (name.trim(), command.trim())).find(|(known, _)| *known == name).map(|(_, c)| c)
    }

    /// When a session that nobody has joined is dropped: at the first look after its time; `None`: never.
    pub fn unused(&self) -> Option<Duration> {
        let looks = self.unused_limit.as_millis().div_ceil(self.unused_interval.as_millis().max(1)).max(1);
        let after = self.unused_interval.saturating_mul(u32::try_from(looks).unwrap_or(u32::MAX));
        (!self.unused_interval.is_zero()).then_some(after)
    }

    fn bandwidth_problem(&self) -> Option<String> {
        let all =
            [("recv", self.video_min_recv, self.video_max_recv), ("send", self.video_min_send, self.video_max_send)];
        let good = |kbits: u32| kbits == 0 || (16..=1_000_000).contains(&kbits);
        if let Some((name, ..)) = all.iter().find(|(_, _, most)| !good(*most)) {
            return Some(format!("openvidu.video_max_{name} must be 0 (no limit) or 16 to 1000000 kbit/s"));
        }
        let (name, ..) = all.into_iter().find(|(_, least, most)| *most > 0 && least > most)?;
        Some(format!("openvidu.video_min_{name} is more than openvidu.video_max_{name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bandwidths_are_none_or_sensible() {
        let problem = |recv: (u32, u32), most: u32| {
            let (video_min_recv, video_max_recv) = recv;
            OpenVidu { video_min_recv, video_max_recv, video_max_send: most, ..OpenVidu::default() }.problem()
        };
        assert_eq!(problem((0, 0), 0), None);
        assert_eq!(problem((300, 1000), 1000), None);
        assert_eq!(problem((300, 0), 16), None, "no limit at all");
        assert!(problem((300, 100), 0).unwrap().contains("video_min_recv"));
        assert!(problem((0, 0), 15).unwrap().contains("video_max_send"));
        assert!(problem((0, 1_000_001), 0).unwrap().contains("video_max_recv"));
    }

    #[test]
    fn a_folder_of_layouts_must_be_there() {
        let folder = tempfile::tempdir().unwrap();
        let with = |path: PathBuf| OpenVidu { layouts: Some(path), ..OpenVidu::default() };
        assert_eq!(with(folder.path().into()).problem(), None);
        assert!(with(folder.path().join("none")).problem().is_some_and(|words| words.contains("openvidu.layouts")));
    }

    fn problem(change: impl FnOnce(&mut OpenVidu)) -> String {
        let mut settings = OpenVidu::default();
        change(&mut settings);
        settings.problem().unwrap_or_default()
    }

    #[test]
    fn what_is_wrong_is_named_without_showing_secrets() {
        assert_eq!(problem(|_| ()), "");
        assert!(problem(|s| s.secret = Some("a b".into())).contains("openvidu.secret"));
        assert!(problem(|s| s.webhook_events = vec!["sessionMade".into()]).contains("sessionMade"));
        let text = problem(|s| s.ice_servers = vec!["stun:h".into(), "turn:h hunter2 a b".into()]);
        assert!(text.contains("number 2") && !text.contains("hunter2"), "{text}");
        let text = problem(|s| s.webhook_headers = vec!["Authorization hunter2".into()]);
        assert!(text.contains("number 1") && !text.contains("hunter2"), "{text}");
    }

    #[test]
    fn unused_sessions_go_at_the_first_look_after_their_time() {
        let after = |limit, interval| {
            let (unused_limit, unused_interval) = (Duration::from_secs(limit), Duration::from_secs(interval));
            OpenVidu { unused_limit, unused_interval, ..OpenVidu::default() }.unused().map(|after| after.as_secs())
        };
        assert_eq!([after(3600, 900), after(10, 900), after(1000, 900), after(0, 5)], [3600, 900, 1800, 5].map(Some));
        assert_eq!(after(3600, 0), None);
    }
}
