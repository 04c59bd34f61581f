//! An engine and the room it talks to, as tests see them.

use millrace::config::{Config, Media};
use millrace::media::{Engine, GstEngine, MediaEvent, MediaRequest, MediaSink};
use millrace::model::{Content, EndReason, FeedId, PeerId, Sdp};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Longest wait for anything.
pub const LIMIT: Duration = Duration::from_secs(10);

/// An engine on a free port of loopback, and what it told.
pub struct Room {
    pub engine: Arc<GstEngine>,
    pub sink: MediaSink,
    events: UnboundedReceiver<MediaEvent>,
    runtime: tokio::runtime::Runtime,
}

/// Quick deadlines.
pub fn config() -> Media {
    Media { port: 0, bind: [127, 0, 0, 1].into(), workers: 1, ..Media::default() }
}

impl Room {
    pub fn new() -> Self {
        Self::with(config())
    }

    pub fn with(media: Media) -> Self {
        Self::of(Config { media, ..Config::default() })
    }

    /// With all settings; recordings need no free space.
    pub fn of(mut config: Config) -> Self {
        config.recording.min_free_bytes = 0;
        let engine = GstEngine::start(&config).expect("an engine");
        let (sink, events) = unbounded_channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        Self { engine, sink, events, runtime }
    }

    pub fn ask(&self, request: MediaRequest) {
        self.engine.request(request, &self.sink);
    }

    /// The next event.
    pub fn next(&mut self, what: &str) -> MediaEvent {
        self.next_within(what, LIMIT)
    }

    /// The next event, waited for so long.
    pub fn next_within(&mut self, what: &str, limit: Duration) -> MediaEvent {
        let next = async { tokio::time::timeout(limit, self.events.recv()).await };
        self.runtime.block_on(next).unwrap_or_else(|_| panic!("waited in vain for: {what}")).expect("an open sink")
    }

    /// The next event that `pick` takes; others are let go.
    pub fn expect<T>(&mut self, what: &str, pick: impl Fn(&MediaEvent) -> Option<T>) -> T {
        let end = Instant::now() + LIMIT;
        loop {
            assert!(Instant::now() < end, "waited in vain for: {what}");
            if let Some(found) = pick(&self.next(what)) {
                return found;
            }
        }
    }

    pub fn publish(&mut self, offer: &str) -> (PeerId, FeedId, Result<String, String>) {
        let (peer, feed) = (PeerId::next(), FeedId::next());
        self.ask(MediaRequest::Publish { peer, feed, offer: Sdp::new(offer), content: Content::Camera });
        let answer = self.expect("an answer", |event| match event {
            MediaEvent::PublishAnswered { answer, .. } => Some(Ok(answer.as_str().to_owned())),
            MediaEvent::PublishRefused { error, .. } => Some(Err(error.to_string())),
            _ => None,
        });
        (peer, feed, answer)
    }

    pub fn connected(&mut self, peer: PeerId) {
        self.expect("the connection", |event| match event {
            MediaEvent::Connected { peer: p } if *p == peer => Some(()),
            MediaEvent::PeerEnded { peer: p, detail, .. } if *p == peer => panic!("ended: {detail}"),
            _ => None,
        });
    }

    pub fn live(&mut self, feed: FeedId) -> Vec<millrace::model::TrackInfo> {
        self.expect("live media", |event| match event {
            MediaEvent::FeedLive { feed: f, tracks } if *f == feed => Some(tracks.clone()),
            _ => None,
        })
    }

    pub fn ended(&mut self, peer: PeerId) -> EndReason {
        self.expect("the end", |event| match event {
            MediaEvent::PeerEnded { peer: p, reason, .. } if *p == peer => Some(*reason),
            _ => None,
        })
    }

    pub fn close(&self, peer: PeerId) {
        self.ask(MediaRequest::Close { peer, reason: EndReason::Left });
        until("the peer is gone", || self.engine.peer_stats(peer).is_none());
    }
}

/// Polls for something that no event tells.
pub fn until(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + LIMIT;
    while !done() {
        assert!(Instant::now() < end, "waited in vain until: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Threads and descriptors of this process.
pub fn resources() -> (usize, usize) {
    let count = |dir| std::fs::read_dir(dir).map_or(0, Iterator::count);
    (count("/proc/self/task"), count("/proc/self/fd"))
}

/// A viewer on a line of its own, who publishes nothing.
pub fn somebody() -> millrace::media::Viewer {
    millrace::media::Viewer { line: millrace::model::LineId::next(), own: None }
}
