//! The media engine: the sole importer of GStreamer. Knows no rooms and no dialects.
//!
//! One narrow trait: requests go in and never wait, outcomes come back as [`MediaEvent`]s on the sink that
//! came with the request. Decides how media is received, forwarded and recorded; leaves to `room` who may do what.

pub mod branch;
pub mod broadcast;
mod bus;
mod camera;
mod census;
mod choice;
mod data;
mod disk;
pub mod egress;
mod elements;
mod engine;
pub mod estimate;
mod event;
pub mod fake;
pub mod feed;
pub mod files;
mod filter;
pub mod hls;
pub mod ice;
pub mod ingest;
pub mod mix;
pub mod outlet;
mod peer;
mod picture;
mod pipeline;
pub mod reach;
pub mod rendition;
mod request;
pub mod requirements;
pub mod rtcp;
pub mod rtp;
pub mod rtsp;
pub mod sdp;
mod snapshot;
pub mod srtp;
mod stats;
pub mod template;
pub mod transcode;

pub use broadcast::check_broadcast;
pub use elements::start;
pub use engine::GstEngine;
pub use event::{BranchReport, MediaEvent};
pub use mix::layout::{all as layouts, check as check_layout, check_size as check_picture};
pub use mix::mix_cost;
pub use request::{MediaRequest, Viewer};
pub use stats::{FeedStats, HlsReply, HlsRequest, LayerStats, PeerStats, TrackStats};

use crate::model::{BroadcastId, BroadcastStatus, Explanation, FeedId, IngestStatus, PeerId, Transcodes};
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::mpsc;

/// Where a room hears from the engine. Unbounded, since a media callback must not wait; the engine sends
/// a bounded number of events per request.
pub type MediaSink = mpsc::UnboundedSender<MediaEvent>;

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
    /// A source's health just now, `None` when it does not exist.
    fn ingest_status(&self, _peer: PeerId) -> Option<IngestStatus> {
        None
    }
    /// A broadcast's figures just now, `None` when it does not exist.
    fn broadcast_status(&self, _broadcast: BroadcastId) -> Option<BroadcastStatus> {
        None
    }
    /// What a subscription gets and why, `None` when it does not exist or is not connected yet.
    fn explain(&self, _peer: PeerId) -> Option<Explanation> {
        None
    }
    /// The transcodes that run, what they cost and who uses them.
    fn transcodes(&self) -> Transcodes {
        Transcodes::default()
    }
    /// A file of a feed's HLS presentation (RFC 8216bis), which begins with the first request and ends some time after the
    /// last. Waits for what the request waits for (blocking playlist reload), at most some seconds. `NotReady`: no such
    /// feed, no media yet, or no such file (any more).
    fn hls(&self, _feed: FeedId, _request: HlsRequest) -> BoxFuture<'static, Result<HlsReply, MediaError>> {
        async { Err(MediaError::NotReady("this engine makes no HLS".into())) }.boxed()
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
