//! Settings, checked once at start. `millrace.toml` at the top of the repository is the commented sample of all.
//!
//! Decides what can be set, its defaults and what goes together (`check`); where settings come from is `load`'s.

mod addresses;
mod check;
mod guests;
mod load;
mod onvif;
mod openvidu;
mod openvidu_env;
mod playing;
mod reach;
mod renditions;
#[cfg(test)]
mod sample_test;
mod storage;
mod turn;
mod webhook;

pub use addresses::PublicIps;
pub use check::Problems;
pub use guests::{GuestDialect, Guests};
pub use load::{LoadError, Source, load};
pub use onvif::Onvif;
pub use openvidu::{DEMO_SECRET, EVENTS as OPENVIDU_EVENTS, FILTERS, ForcedCodec, OpenVidu, RecordingNotification};
pub use playing::{Hls, Ingests, Rtsp};
pub use reach::Reach;
pub use renditions::Renditions;
pub use storage::{Destination, Storage};
pub use turn::Turn;
pub use webhook::Webhook;

use crate::model::IngestWish;
use ipnet::IpNet;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// All settings. Every field has a default that works.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// HTTP, HTTPS and WebSocket.
    pub server: Server,
    /// Who may come in.
    pub auth: Auth,
    /// Clients without a token, and limits of one address.
    pub guests: Guests,
    /// The server for OpenVidu 2 applications.
    pub openvidu: OpenVidu,
    /// WebRTC media.
    pub media: Media,
    /// STUN and TURN.
    pub turn: Turn,
    /// Rooms and signaling.
    pub rooms: Rooms,
    /// Recordings.
    pub recording: Recording,
    /// Copies of finished recordings elsewhere.
    pub storage: Storage,
    /// Where events are sent to.
    pub webhook: Webhook,
    /// What may be opened and sent to.
    pub reach: Reach,
    /// What cameras have in common.
    pub ingest: Ingests,
    /// Cameras opened at start, by their rooms: `[[cameras.ROOM]]`.
    pub cameras: BTreeMap<String, Vec<IngestWish>>,
    /// Looking for cameras.
    pub onvif: Onvif,
    /// The RTSP server.
    pub rtsp: Rtsp,
    /// HLS.
    pub hls: Hls,
    /// Smaller pictures made of feeds.
    pub renditions: Renditions,
    /// Logs.
    pub log: Log,
    /// Demo mode: a synthetic device inside the server.
    pub demo: bool,
}

/// `[server]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    /// Address of plain HTTP and WebSocket.
    pub http: SocketAddr,
    /// Address of HTTPS; empty (`None`) switches it off.
    #[serde(deserialize_with = "empty_is_none")]
    pub https: Option<SocketAddr>,
    /// PEM certificate chain; without it a self-signed one is made in `data_dir` and kept.
    #[serde(deserialize_with = "empty_is_none")]
    pub tls_cert: Option<PathBuf>,
    /// PEM private key to it.
    #[serde(deserialize_with = "empty_is_none")]
    pub tls_key: Option<PathBuf>,
    /// Where the certificate and other lasting files live.
    pub data_dir: PathBuf,
    /// Pages from these may call the dialects that have no token (CORS), `https://app.example.org` or `*`. Without
    /// `auth.secret`, any that `layers` lets in.
    pub allow_origins: Vec<String>,
    /// Reverse proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Shutdown is forced after this.
    #[serde(with = "humantime_serde")]
    pub shutdown_limit: Duration,
}

/// `[auth]`
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Auth {
    /// HS256 secret of the tokens, at least 16 bytes. Without it any token is good and the service binds to loopback only.
    #[serde(deserialize_with = "empty_is_none")]
    pub secret: Option<String>,
    /// Without a secret, bind to the configured addresses all the same.
    pub insecure_open: bool,
}

/// The secret stays out of logs.
impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let secret = self.secret.as_ref().map(|_| "(hidden)");
        f.debug_struct("Auth").field("secret", &secret).field("insecure_open", &self.insecure_open).finish()
    }
}

/// `[media]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Media {
    /// The one port of all WebRTC media, UDP and TCP; 0 picks a free one.
    pub port: u16,
    /// Take media over TCP as well, for clients whose network blocks UDP.
    pub tcp: bool,
    /// Address it binds to.
    pub bind: IpAddr,
    /// Addresses announced to clients; empty: those of this machine's interfaces (loopback when bound to loopback).
    pub public_ips: PublicIps,
    /// STUN server, `host:port`, asked for our public addresses when `public_ips` is `auto`.
    pub stun_server: String,
    /// Threads that receive, and as many that send; 0 means one per core.
    pub workers: usize,
    /// A peer without RTP and RTCP for this long is gone.
    #[serde(with = "humantime_serde")]
    pub liveness: Duration,
    /// An offer or answer that leads to no connection within this ends the peer.
    #[serde(with = "humantime_serde")]
    pub negotiation_limit: Duration,
    /// Least time between two keyframe requests to one publisher.
    #[serde(with = "humantime_serde")]
    pub keyframe_interval: Duration,
}

/// `[rooms]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rooms {
    /// A lost socket may come back within this.
    #[serde(with = "humantime_serde")]
    pub reconnect_grace: Duration,
    /// An empty room is closed after this.
    #[serde(with = "humantime_serde")]
    pub empty_limit: Duration,
    /// A recording is completed when nobody has published for this long, unless it was asked for otherwise; zero: never.
    #[serde(with = "humantime_serde")]
    pub recording_empty_limit: Duration,
    /// Rooms at once.
    pub max_rooms: usize,
    /// Rooms at once made by one signaling connection.
    pub max_rooms_per_connection: usize,
    /// Participants in a room.
    pub max_participants: usize,
    /// Subscriptions of a participant.
    pub max_subscriptions: usize,
    /// Largest signaling message in bytes.
    pub max_message_bytes: usize,
    /// WebSocket ping interval; two missed pongs end the connection.
    #[serde(with = "humantime_serde")]
    pub heartbeat: Duration,
    /// Invitations that a device does not follow lapse after this.
    #[serde(with = "humantime_serde")]
    pub invitation_limit: Duration,
}

/// `[recording]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Recording {
    /// Folder of the recordings; default: `recordings` under `server.data_dir`.
    #[serde(deserialize_with = "empty_is_none")]
    pub dir: Option<PathBuf>,
    /// How much of all CPU cores mixes (composed and audio recordings) may take together, in percent; more are refused.
    pub mix_cpu_percent: u32,
    /// A recording is not started with less free space than this, and ends when it falls below, in bytes.
    pub min_free_bytes: u64,
    /// Recordings older than this are removed; empty (`None`): kept for ever.
    #[serde(deserialize_with = "empty_is_for_ever")]
    pub max_age: Option<Duration>,
    /// The oldest are removed when all together take more than this, in bytes; 0: no limit.
    pub max_total_bytes: u64,
    /// How long a deleted recording can be restored; 0: it cannot.
    #[serde(with = "humantime_serde")]
    pub bin_for: Duration,
    /// Folder of pipeline templates that replace the built-in ones file by file (`recording/webm.toml`).
    #[serde(deserialize_with = "empty_is_none")]
    pub templates: Option<PathBuf>,
}

/// `[log]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// `tracing` filter, e.g. `info,millrace=debug`.
    pub filter: String,
    /// `text` or `json`.
    pub format: LogFormat,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            http: SocketAddr::from(([0, 0, 0, 0], 8080)),
            https: Some(SocketAddr::from(([0, 0, 0, 0], 4443))),
            tls_cert: None,
            tls_key: None,
            data_dir: "data".into(),
            allow_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            shutdown_limit: Duration::from_secs(10),
        }
    }
}

impl Default for Media {
    fn default() -> Self {
        Self {
            port: 8443,
            tcp: true,
            bind: IpAddr::from([0, 0, 0, 0]),
            public_ips: PublicIps::default(),
            stun_server: "stun.l.google.com:19302".into(),
            workers: 0,
            liveness: Duration::from_secs(10),
            negotiation_limit: Duration::from_secs(30),
            keyframe_interval: Duration::from_millis(300),
        }
    }
}

impl Default for Rooms {
    fn default() -> Self {
        Self {
            reconnect_grace: Duration::from_secs(10),
            empty_limit: Duration::from_secs(60),
            recording_empty_limit: Duration::from_secs(300),
            max_rooms: 1000,
            max_rooms_per_connection: 100,
            max_participants: 500,
            max_subscriptions: 64,
            max_message_bytes: 256 * 1024,
            heartbeat: Duration::from_secs(15),
            invitation_limit: Duration::from_secs(30),
        }
    }
}

impl Default for Recording {
    fn default() -> Self {
        Self {
            dir: None,
            mix_cpu_percent: 75,
            min_free_bytes: 200 << 20,
            max_age: None,
            max_total_bytes: 0,
            templates: None,
            bin_for: Duration::from_secs(24 * 3600),
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { filter: "info".into(), format: LogFormat::Text }
    }
}

impl Recording {
    /// The folder of the recordings.
    pub fn folder(&self, server: &Server) -> PathBuf {
        self.dir.clone().unwrap_or_else(|| server.data_dir.join("recordings"))
    }
}

/// An optional setting: the empty text stands for "not set", since TOML and the environment have no null.
fn empty_is_none<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    let text = String::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(serde::de::Error::custom)
}

/// An optional duration: the empty text stands for "for ever".
fn empty_is_for_ever<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text: Option<humantime::Duration> = empty_is_none(deserializer)?;
    Ok(text.map(Into::into))
}
