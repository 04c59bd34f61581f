//! The media engine: the sole importer of GStreamer. Knows no rooms and no dialects.
//!
//! One narrow trait: requests go in and never wait, outcomes come back as [`MediaEvent`]s on the sink that
//! came with the request. Decides how media is received, forwarded and recorded; leaves to `room` who may do what.

pub mod branch;
mod bus;
mod census;
mod disk;
pub mod egress;
mod elements;
mod engine;
pub mod fake;
pub mod feed;
pub mod files;
pub mod ice;
pub mod ingest;
pub mod mix;
mod peer;
mod picture;
mod pipeline;
pub mod requirements;
pub mod rtcp;
pub mod rtp;
pub mod sdp;
mod snapshot;
pub mod srtp;
pub mod template;

pub use elements::start;
pub use engine::GstEngine;
pub use mix::layout::{all as layouts, check as check_layout};
pub use mix::mix_cost;

use crate::model::{Candidate, Codec, EndReason, FeedId, FileFacts, Layout, PeerId, RecordingId, Sdp, TrackInfo};
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde::Serialize;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::mpsc;

/// Where a room hears from the engine. Unbounded, since a media callback must not wait; the engine sends
/// a bounded number of events per request.
pub type MediaSink = mpsc::UnboundedSender<MediaEvent>;

/// What may be asked of the engine. Plain data.
#[derive(Clone, Debug, PartialEq)]
pub enum MediaRequest {
    /// Terminate a publisher: answer its offer and make its feed.
    /// → `PublishAnswered`, later `Connected`, `FeedLive`; or `PublishRefused` and the peer does not exist.
    Publish {
        /// The new peer.
        peer: PeerId,
        /// The new feed.
        feed: FeedId,
        /// The client's offer.
        offer: Sdp,
    },
    /// A further offer of a running publisher: same feed, and subscribers keep playing. An offer with another DTLS
    /// fingerprint is a new peer connection of the client (a reloaded page) and takes over the feed.
    /// → `PublishAnswered` or `PublishRefused` (what runs stays as it was).
    Republish {
        /// The running publisher.
        peer: PeerId,
        /// The client's new offer.
        offer: Sdp,
    },
    /// Make a sendonly peer for a feed. → `SubscribeOffered` or `PeerEnded`.
    Subscribe {
        /// The new peer.
        peer: PeerId,
        /// What it watches.
        feed: FeedId,
    },
    /// The subscriber's answer. → `Connected`, or `AnswerRefused` and the offer stays open.
    Answer {
        /// The subscription.
        peer: PeerId,
        /// The client's answer.
        answer: Sdp,
    },
    /// A candidate of the client; `None` is the end of candidates.
    Candidate {
        /// Whom it belongs to.
        peer: PeerId,
        /// The candidate.
        candidate: Option<Candidate>,
    },
    /// End a peer and free all it owned. Unknown peers are ignored. No event answers.
    Close {
        /// Whom.
        peer: PeerId,
        /// Why.
        reason: EndReason,
    },
    /// Record a live feed into a file of its own. → `RecordingStarted`, then `RecordingEnded`.
    Record {
        /// The recording.
        recording: RecordingId,
        /// What to record.
        feed: FeedId,
        /// Path without extension; the engine adds `.webm` or `.mp4` by codec.
        stem: PathBuf,
        /// Begin so far in the past, as far as the feed kept it (`KeepPast`).
        preroll: Duration,
    },
    /// Write the mix of a room into one file. Feeds come and go by `MixFeed`. → `RecordingStarted`, then
    /// `RecordingEnded`, both without a feed.
    Mix {
        /// The recording.
        recording: RecordingId,
        /// Path without extension.
        stem: PathBuf,
        /// Pictures in this layout; `None`: sound alone.
        layout: Option<Layout>,
        /// Title shown in the picture.
        title: String,
    },
    /// A feed comes into a mix, or leaves it. Unknown feeds and mixes are ignored.
    MixFeed {
        /// The mix.
        recording: RecordingId,
        /// The feed.
        feed: FeedId,
        /// Shown over its picture; `None`: the feed leaves.
        name: Option<String>,
    },
    /// Another layout for a running mix.
    MixLayout {
        /// The mix.
        recording: RecordingId,
        /// From now on.
        layout: Layout,
    },
    /// Stop writing for a while, or go on; the files stay open. What was not written takes no time in them.
    PauseRecording {
        /// The recording, all its files.
        recording: RecordingId,
        /// Whether to pause.
        paused: bool,
    },
    /// Keep the last seconds of a feed's packets in memory, so that a recording or a clip can begin in the past.
    KeepPast {
        /// Whose.
        feed: FeedId,
        /// How much; zero: nothing.
        span: Duration,
    },
    /// Finish the file of a feed (`None`: of every feed, and the mix). → `RecordingEnded`, within 5 s.
    StopRecording {
        /// The recording.
        recording: RecordingId,
        /// One feed's file, or all.
        feed: Option<FeedId>,
        /// Why.
        reason: EndReason,
    },
}

/// What has happened in the engine. Plain data.
#[derive(Clone, Debug, PartialEq)]
pub enum MediaEvent {
    /// The answer to a publisher's offer, candidates inside.
    PublishAnswered {
        /// Publisher.
        peer: PeerId,
        /// For the client.
        answer: Sdp,
    },
    /// The offer was refused. A publisher that was running before goes on as it was.
    PublishRefused {
        /// Publisher.
        peer: PeerId,
        /// Why.
        error: MediaError,
    },
    /// The offer for a subscriber, candidates inside.
    SubscribeOffered {
        /// Subscription.
        peer: PeerId,
        /// For the client.
        offer: Sdp,
    },
    /// The subscriber's answer was refused; its offer is still open.
    AnswerRefused {
        /// Subscription.
        peer: PeerId,
        /// Why.
        error: MediaError,
    },
    /// ICE and DTLS are up and the fingerprint is the announced one.
    Connected {
        /// Peer.
        peer: PeerId,
    },
    /// A publisher's media has really started: RTP of a track came in. Sent again when the set of tracks or a
    /// codec has changed by renegotiation and the new track's RTP came in.
    FeedLive {
        /// The feed.
        feed: FeedId,
        /// Its tracks.
        tracks: Vec<TrackInfo>,
    },
    /// The engine ended a peer on its own (never sent after `Close`).
    PeerEnded {
        /// Peer.
        peer: PeerId,
        /// Why.
        reason: EndReason,
        /// The reason in words, for the log and the client.
        detail: String,
    },
    /// The first picture or sound was written.
    RecordingStarted {
        /// The recording.
        recording: RecordingId,
        /// The feed; `None`: the mix.
        feed: Option<FeedId>,
        /// Facts so far.
        report: BranchReport,
    },
    /// The file is complete, or given up.
    RecordingEnded {
        /// The recording.
        recording: RecordingId,
        /// The feed; `None`: the mix.
        feed: Option<FeedId>,
        /// Why.
        reason: EndReason,
        /// Final facts.
        report: BranchReport,
    },
}

/// Facts of a recorder branch's file.
#[derive(Clone, Debug, PartialEq)]
pub struct BranchReport {
    /// File name with extension.
    pub file: String,
    /// Codecs written.
    pub codecs: Vec<Codec>,
    /// Wall clock of the first sample written.
    pub started_at: Option<jiff::Timestamp>,
    /// Length in milliseconds.
    pub duration_ms: u64,
    /// Size in bytes.
    pub bytes: u64,
    /// First picture's size in pixels.
    pub size: Option<(u32, u32)>,
    /// What went wrong, in words.
    pub detail: Option<String>,
    /// What was measured.
    pub facts: FileFacts,
}

impl BranchReport {
    /// Of a file that never was.
    pub fn nothing(detail: String) -> Self {
        Self {
            file: String::new(),
            codecs: Vec::new(),
            started_at: None,
            duration_ms: 0,
            bytes: 0,
            size: None,
            detail: Some(detail),
            facts: FileFacts::default(),
        }
    }
}

/// What went wrong in the engine, sorted by what to do next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MediaError {
    /// The client's SDP cannot be read: the client must send another.
    #[error("the session description cannot be used: {0}")]
    BadSdp(String),
    /// The client must offer another codec.
    #[error("no codec in common: {0}")]
    NoCommonCodec(String),
    /// Try again when the thing exists or is in another state.
    #[error("not ready: {0}")]
    NotReady(String),
    /// Try again later.
    #[error("temporarily not possible: {0}")]
    Transient(String),
    /// Trying again will not help.
    #[error("media engine failure: {0}")]
    Fatal(String),
}

/// The engine as the room sees it.
pub trait Engine: Send + Sync + 'static {
    /// Asks for something; never waits. Outcomes arrive on `events`; a peer or a recording keeps the sink of the
    /// request that made it.
    fn request(&self, request: MediaRequest, events: &MediaSink);
    /// Live figures of a feed, `None` when it does not exist.
    fn feed_stats(&self, feed: FeedId) -> Option<FeedStats>;
    /// Live figures of a peer, `None` when it does not exist.
    fn peer_stats(&self, peer: PeerId) -> Option<PeerStats>;
    /// Writes the last seconds of a feed, as far as they were kept (`KeepPast`), into `STEM.webm` or `STEM.mp4`; the path
    /// comes back. `NotReady`: nothing is kept of it.
    fn clip(&self, _feed: FeedId, _last: Duration, _stem: PathBuf) -> BoxFuture<'static, Result<PathBuf, MediaError>> {
        async { Err(MediaError::NotReady("this engine keeps nothing of the past".into())) }.boxed()
    }
    /// The live graphs of these peers and of the recorders of these feeds, as one DOT text (Graphviz). May take
    /// milliseconds: call it off the async threads.
    fn graph(&self, peers: &[PeerId], feeds: &[FeedId]) -> String;
    /// A picture of a feed as JPEG, at most a second old, so many pixels wide (16 to 1920; `None`: as it comes). Within
    /// 3 s; who asks at the same time shares the work. `NotReady`: no such feed, no video, or no picture came.
    fn snapshot(&self, feed: FeedId, width: Option<u32>) -> BoxFuture<'static, Result<Bytes, MediaError>>;
    /// Ends everything within `limit`; returns how many peers could not be ended in time.
    fn shutdown(&self, limit: Duration) -> usize;
}

/// Live figures of a feed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, utoipa::ToSchema)]
pub struct FeedStats {
    /// One per track.
    pub tracks: Vec<TrackStats>,
    /// Keyframe requests that were sent to the publisher (PLI, RFC 4585).
    pub keyframe_requests: u64,
    /// Subscriptions being served.
    pub subscribers: usize,
}

/// Live figures of a track as the publisher sends it.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct TrackStats {
    /// Codec.
    pub codec: Codec,
    /// RTP packets received.
    pub packets: u64,
    /// RTP bytes received.
    pub bytes: u64,
    /// Frames begun; for audio, packets with a time of their own.
    pub frames: u64,
    /// Bits per second over the last second or so.
    pub bitrate: u64,
    /// Frames per second over the last second or so; 0 for audio.
    pub framerate: f32,
    /// Width of the last keyframe in pixels.
    pub width: Option<u32>,
    /// Height of the last keyframe in pixels.
    pub height: Option<u32>,
}

/// Live figures of a peer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, utoipa::ToSchema)]
pub struct PeerStats {
    /// `new`, `connected`, `disconnected`, `failed` or `closed`.
    pub state: String,
    /// The client's address in use.
    pub remote_address: Option<String>,
    /// Round trip in milliseconds, from RTCP.
    pub round_trip_ms: Option<f64>,
    /// RTP packets sent to (subscriber) or received from (publisher) the peer.
    pub packets: u64,
    /// RTP bytes, likewise.
    pub bytes: u64,
    /// Pictures sent whole to a subscriber, retransmissions not counted: what its decoder should have decoded. 0 for a
    /// publisher.
    pub pictures: u64,
    /// Packets retransmitted (RFC 4588).
    pub retransmitted: u64,
    /// Fraction lost as the far side reported last, 0 to 1.
    pub fraction_lost: f64,
}
