//! The real engine: who is there, and the way from requests to tasks.
//!
//! Decides only what exists: peers, feeds and recorders by their ids, and what ends with what. Leaves a peer's life to
//! `peer`, a feed's packets to `feed`, files to `branch`. Peers run on a small runtime of the engine's own, so that
//! requests never wait and nothing here depends on the caller's.

mod broadcasts;
mod clips;
mod feeds;
mod filters;
mod graph;
mod hls;
mod ingests;
mod live_mixes;
mod mixers;
mod peers;
mod recorders;
mod transports;

use super::camera;
use super::choice::Choices;
use super::data;
use super::egress::Pool;
use super::filter::Filters;
use super::ice::{Counters, Mux};
use super::peer::{self, Context, Input};
use super::rendition::Renditions;
use super::rtsp;
use super::snapshot::Snapshots;
use super::{Engine, FeedStats, HlsReply, HlsRequest, MediaError, MediaRequest, MediaSink, PeerStats};
use crate::config::{Config, Media, Reach};
use crate::model::{BroadcastId, BroadcastStatus, EndReason, Explanation, FeedId, IngestStatus, PeerId, Transcodes};
use broadcasts::Broadcasts;
use bytes::Bytes;
use feeds::Feeds;
use futures::FutureExt;
use futures::future::BoxFuture;
use ingests::Ingests;
use live_mixes::LiveMixes;
use mixers::Mixers;
use peers::Peers;
use recorders::Recorders;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::*};
use std::time::{Duration, Instant};
use transports::Transports;

/// The engine on GStreamer.
pub struct GstEngine {
    inner: Arc<Inner>,
    runtime: Option<tokio::runtime::Runtime>,
}

/// What requests and tasks share.
struct Inner {
    context: Context,
    keyframe_interval: Duration,
    peers: Arc<Peers>,
    transports: Transports,
    data: data::Registry,
    feeds: Feeds,
    ingests: Ingests,
    recorders: Recorders,
    mixers: Mixers,
    broadcasts: Broadcasts,
    live_mixes: Arc<LiveMixes>,
    snapshots: Snapshots,
    /// What is encoded once more, shared by all that sends feeds elsewhere.
    renditions: Arc<Renditions>,
    filters: Arc<Filters>,
    reach: Arc<Reach>,
    hls: hls::Presentations,
    stopping: AtomicBool,
}

impl GstEngine {
    /// Binds the port and starts the threads.
    pub fn start(config: &Config) -> Result<Arc<Self>, MediaError> {
        let (media, recording) = (&config.media, &config.recording);
        let fatal = |what: &str, error: &dyn std::fmt::Display| MediaError::Fatal(format!("{what}: {error}"));
        crate::media::start()?;
        let mux = Mux::start(media).map_err(|error| fatal("the media port cannot be opened", &error))?;
        let pool = Pool::start(workers(media)).map_err(|error| fatal("senders", &error))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("media")
            .thread_keep_alive(Duration::from_secs(1))
            .enable_all()
            .build()
            .map_err(|error| fatal("runtime", &error))?;
        let renditions = Renditions::new(pool.clone(), recording.templates.clone(), config.renditions.cpu_percent)?;
        let live_mixes = Arc::new(LiveMixes::default());
        let mixes = live_mixes.clone();
        let without = Box::new(move |mix, own| mixes.without(mix, own));
        let choices = Choices::start(Box::new(renditions.clone()), without).map_err(|error| fatal("choice", &error))?;
        let context = Context {
            mux: Arc::new(mux),
            pool,
            choices: Arc::new(choices),
            liveness: media.liveness,
            negotiation_limit: media.negotiation_limit,
        };
        let inner = Arc::new(Inner {
            context,
            keyframe_interval: media.keyframe_interval,
            peers: Arc::default(),
            transports: Transports::default(),
            data: data::Registry::default(),
            feeds: Feeds::default(),
            ingests: Ingests::new(config.ingest.clone()),
            recorders: Recorders::new(recording.clone()),
            mixers: Mixers::new(recording.min_free_bytes, recording.templates.clone()),
            broadcasts: Broadcasts::default(),
            live_mixes,
            snapshots: Snapshots::default(),
            filters: Filters::new(renditions.clone()),
            renditions,
            reach: Arc::new(config.reach.clone()),
            hls: hls::Presentations::new(config.hls.clone()),
            stopping: AtomicBool::new(false),
        });
        Ok(Arc::new(Self { inner, runtime: Some(runtime) }))
    }

    /// Where the media port is bound.
    pub fn local_addr(&self) -> SocketAddr {
        self.inner.context.mux.local_addr()
    }

    /// An RTSP server's inside: whom `door` lets in gets this engine's feeds; so many clients at most.
    pub fn rtsp(&self, door: Arc<dyn rtsp::Door>, most: usize) -> Arc<rtsp::House> {
        let inner = Arc::downgrade(&self.inner);
        let feeds = Box::new(move |feed| inner.upgrade()?.feeds.get(feed));
        rtsp::House::new(door, feeds, self.inner.renditions.clone(), most)
    }

    /// What the media port has seen.
    pub fn ice_counters(&self) -> &Counters {
        self.inner.context.mux.counters()
    }
}

fn stopped<T: Send + 'static>() -> BoxFuture<'static, Result<T, MediaError>> {
    async { Err(MediaError::Transient("the engine has ended".into())) }.boxed()
}

fn workers(media: &Media) -> usize {
    match media.workers {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        configured => configured,
    }
}

impl Drop for GstEngine {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Engine for GstEngine {
    fn request(&self, request: MediaRequest, events: &MediaSink) {
        let Some(runtime) = &self.runtime else { return };
        let _guard = runtime.enter();
        let inner = &self.inner;
        match request {
            MediaRequest::Publish { peer, feed, offer, content } => inner.publish(peer, (feed, content), offer, events),
            MediaRequest::Subscribe { peer, feed, viewer } => inner.subscribe(peer, (feed, viewer), events),
            MediaRequest::SubscribeWith { peer, feed, offer, viewer } => {
                inner.subscribe_with(peer, (feed, viewer), offer, events)
            }
            MediaRequest::Converse { peer, feed, offer, viewer } => inner.converse(peer, (feed, viewer), offer, events),
            MediaRequest::Face { peer, feed } => inner.face(peer, feed),
            MediaRequest::OpenTransport { peer, data } => inner.open_transport(peer, data, events),
            MediaRequest::ConnectTransport { peer, remote } => inner.peers.tell(peer, Input::Connect(remote)),
            MediaRequest::RestartTransport { peer } => inner.peers.tell(peer, Input::Restart),
            MediaRequest::Produce { peer, on, feed, offer, content } => {
                inner.produce((peer, on), (feed, content), offer, events);
            }
            MediaRequest::Consume { peer, on, feed, kind, offer, viewer } => {
                inner.consume((peer, on), (feed, kind), offer, viewer, events);
            }
            MediaRequest::ProduceData { peer, on, stream } => inner.produce_data(peer, on, stream, events),
            MediaRequest::ConsumeData { peer, on, of } => inner.consume_data(peer, on, of, events),
            MediaRequest::Limit { peer, limits } => inner.limit(peer, limits),
            MediaRequest::Ingest { peer, feed, wish } => inner.ingest(peer, feed, *wish, events),
            MediaRequest::RestartIngest { peer } => inner.ingests.tell(peer, camera::Input::Restart),
            MediaRequest::WakeIngest { peer } => inner.ingests.tell(peer, camera::Input::Wake),
            MediaRequest::Broadcast { broadcast, feed, wish } => inner.broadcast(broadcast, feed, *wish, events),
            MediaRequest::StopBroadcast { broadcast, reason } => inner.broadcasts.stop(broadcast, reason),
            MediaRequest::LiveMix { peer, feed, mix, layout, title } => {
                inner.live_mix(peer, (mix, feed), layout, title, events);
            }
            MediaRequest::Republish { peer, offer } => inner.peers.tell(peer, Input::Republish(offer)),
            MediaRequest::Answer { peer, answer } => inner.peers.tell(peer, Input::Answer(answer)),
            MediaRequest::Candidate { peer, candidate } => inner.peers.tell(peer, Input::Candidate(candidate)),
            MediaRequest::Close { peer, reason } => {
                tracing::debug!(peer.id = %peer, %reason, "closing");
                inner.data.close(peer);
                inner.live_mixes.close(peer, reason);
                inner.peers.tell(peer, Input::Close);
                inner.ingests.tell(peer, camera::Input::Close);
            }
            MediaRequest::Filter { feed, request, change } => inner.filter(feed, request, change, events),
            MediaRequest::Record { recording, feed, stem, preroll, only } => {
                inner.record((recording, feed), (stem, preroll, only), events);
            }
            MediaRequest::Mix { recording, stem, layout, film, title } => {
                inner.mix((recording, stem), (layout, film), title, events);
            }
            MediaRequest::MixFeed { recording, feed, name } => inner.mix_feed(&recording, feed, name),
            MediaRequest::MixLayout { recording, layout } => inner.mixers.set_layout(&recording, layout),
            MediaRequest::PauseRecording { recording, paused } => {
                inner.recorders.pause(&recording, paused);
                inner.mixers.pause(&recording, paused);
            }
            MediaRequest::KeepPast { feed, span } => {
                if let Some(feed) = inner.feeds.get(feed) {
                    feed.keep_past(span);
                }
            }
            MediaRequest::StopRecording { recording, feed, reason } => {
                if feed.is_none() {
                    inner.mixers.stop(&recording, reason);
                }
                inner.recorders.stop(&recording, feed, reason);
            }
        }
    }

    fn feed_stats(&self, feed: FeedId) -> Option<FeedStats> {
        let stats = self.inner.feeds.get(feed)?.stats();
        Some(FeedStats { filter: self.inner.filters.of(feed), ..stats })
    }

    fn peer_stats(&self, peer: PeerId) -> Option<PeerStats> {
        let leg = self.inner.peers.leg(peer)?;
        Some(
            leg.map_or_else(
                || PeerStats { state: "new".into(), ..PeerStats::default() },
                |leg| peer::stats(&leg, peer),
            ),
        )
    }

    fn broadcast_status(&self, broadcast: BroadcastId) -> Option<BroadcastStatus> {
        self.inner.broadcasts.status(broadcast)
    }

    fn clip(&self, feed: FeedId, last: Duration, stem: PathBuf) -> BoxFuture<'static, Result<PathBuf, MediaError>> {
        let Some(runtime) = &self.runtime else { return stopped() };
        let inner = self.inner.clone();
        let made = runtime.spawn_blocking(move || inner.clip(feed, last, &stem));
        async move { made.await.unwrap_or_else(|error| Err(MediaError::Fatal(error.to_string()))) }.boxed()
    }

    fn explain(&self, peer: PeerId) -> Option<Explanation> {
        self.inner.context.choices.explain(peer)
    }

    fn transcodes(&self) -> Transcodes {
        self.inner.renditions.transcodes()
    }

    fn ingest_status(&self, peer: PeerId) -> Option<IngestStatus> {
        self.inner.ingests.status(peer)
    }

    fn hls(&self, feed: FeedId, request: HlsRequest) -> BoxFuture<'static, Result<HlsReply, MediaError>> {
        let Some(runtime) = &self.runtime else { return stopped() };
        let file = runtime.spawn(self.inner.clone().hls_file(feed, request));
        async move { file.await.unwrap_or_else(|error| Err(MediaError::Fatal(error.to_string()))) }.boxed()
    }

    fn graph(&self, peers: &[PeerId], feeds: &[FeedId]) -> String {
        let inner = &self.inner;
        let mut graph = graph::Graph::default();
        for id in feeds.iter().copied().filter(|id| inner.feeds.get(*id).is_some()) {
            graph.feed(id);
            inner.recorders.graphs(id).into_iter().for_each(|dot| graph.branch(id, &dot));
        }
        for id in peers {
            if let (Some(Some(leg)), Some(link)) = (inner.peers.leg(*id), inner.peers.link(*id)) {
                graph.peer(leg.name(), link, &leg.graph());
            }
            if let Some((feed, dot)) = inner.ingests.graph(*id) {
                graph.peer(&format!("ingest-{}", id.0), graph::Direction::Into(feed), &dot);
            }
        }
        graph.finish()
    }

    fn snapshot(&self, feed: FeedId, width: Option<u32>) -> BoxFuture<'static, Result<Bytes, MediaError>> {
        match (self.inner.feeds.get(feed), &self.runtime) {
            (Some(feed), Some(runtime)) => self.inner.snapshots.take(feed, width, runtime.handle()),
            _ => std::future::ready(Err(MediaError::NotReady("the feed does not exist".into()))).boxed(),
        }
    }

    fn shutdown(&self, limit: Duration) -> usize {
        let end = Instant::now() + limit;
        self.inner.stopping.store(true, SeqCst);
        self.inner.hls.stop_all();
        self.inner.recorders.stop_all(EndReason::Shutdown);
        self.inner.mixers.stop_all(EndReason::Shutdown);
        self.inner.broadcasts.stop_all(EndReason::Shutdown);
        self.inner.recorders.wait_until(end);
        self.inner.mixers.wait_until(end);
        self.inner.ingests.tell_all(|| camera::Input::Close);
        self.inner.broadcasts.wait_until(end);
        self.inner.live_mixes.wait_until(end);
        self.inner.peers.tell_all(|| Input::Close);
        self.inner.ingests.wait_until(end) + self.inner.peers.wait_until(end)
    }
}
