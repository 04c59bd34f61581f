//! A recording fake of `Engine`, for tests only: it lives in the library so that every test program can use it.
//!
//! Keeps every request. `automatic` answers as a healthy engine with prompt clients would; `manual` does nothing until
//! the test says `emit`. No media, no sockets, no files.

use super::{BranchReport, Engine, FeedStats, MediaError, MediaEvent, MediaRequest, MediaSink, PeerStats};
use crate::model::{
    BroadcastId, BroadcastState, BroadcastStatus, Codec, DataPort, EndReason, FeedId, FileFacts, FilterChange,
    FilterRefused, IngestState, IngestStatus, PeerId, RecordingId, Sdp, Secret, TrackInfo, TransportLocal,
};
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// The picture of every feed: a real JPEG, gray, 16 × 16.
pub const SNAPSHOT: &[u8] = include_bytes!("fake.jpg");

/// The fake.
#[derive(Debug)]
pub struct FakeEngine {
    automatic: bool,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    requests: Vec<MediaRequest>,
    peers: HashMap<PeerId, (Option<FeedId>, MediaSink)>,
    feeds: HashMap<FeedId, MediaSink>,
    broadcasts: HashMap<BroadcastId, MediaSink>,
    files: HashMap<(RecordingId, Option<FeedId>), (BranchReport, MediaSink)>,
}

impl FakeEngine {
    /// Answers by itself.
    pub fn automatic() -> Arc<Self> {
        Self::new(true)
    }
    /// Does what the test says, by `emit`.
    pub fn manual() -> Arc<Self> {
        Self::new(false)
    }
    fn new(automatic: bool) -> Arc<Self> {
        Arc::new(Self { automatic, state: Mutex::default(), changed: Notify::new() })
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<MediaRequest> {
        self.state().requests.clone()
    }

    /// The first request that fits, waiting for it if need be; the caller sets the deadline.
    pub async fn wait_for<T>(&self, mut fits: impl FnMut(&MediaRequest) -> Option<T>) -> T {
        loop {
            let changed = self.changed.notified();
            if let Some(found) = self.state().requests.iter().find_map(&mut fits) {
                return found;
            }
            changed.await;
        }
    }

    /// Tells the room something; false when nobody asked for that peer, feed or recording, or the room is gone.
    pub fn emit(&self, event: MediaEvent) -> bool {
        let mut state = self.state();
        let sink = state.sink_of(&event).cloned();
        if let MediaEvent::PeerEnded { peer, .. } = &event {
            state.forget(*peer);
        }
        sink.is_some_and(|sink| sink.send(event).is_ok())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, request: MediaRequest) {
        let events = self.state().answers(request);
        for event in events {
            self.emit(event);
        }
    }
}

impl Engine for FakeEngine {
    fn request(&self, request: MediaRequest, events: &MediaSink) {
        let mut state = self.state();
        state.requests.push(request.clone());
        state.note(&request, events);
        drop(state);
        self.changed.notify_waiters();
        if self.automatic {
            self.answer(request.clone());
        }
        if let MediaRequest::Close { peer, .. } = request {
            self.state().forget(peer);
        }
    }
    fn feed_stats(&self, feed: FeedId) -> Option<FeedStats> {
        self.state().feeds.contains_key(&feed).then(FeedStats::default)
    }
    fn peer_stats(&self, peer: PeerId) -> Option<PeerStats> {
        self.state().peers.contains_key(&peer).then(PeerStats::default)
    }
    fn graph(&self, peers: &[PeerId], feeds: &[FeedId]) -> String {
        let nodes = peers.iter().map(PeerId::to_string).chain(feeds.iter().map(FeedId::to_string));
        let nodes: String = nodes.map(|node| format!("  \"{node}\";\n")).collect();
        format!("digraph fake {{\n{nodes}}}\n")
    }
    fn snapshot(&self, feed: FeedId, _width: Option<u32>) -> BoxFuture<'static, Result<Bytes, MediaError>> {
        let known = self.state().feeds.contains_key(&feed);
        let picture = known.then(|| Bytes::from_static(SNAPSHOT));
        std::future::ready(picture.ok_or_else(|| MediaError::NotReady("the feed does not exist".into()))).boxed()
    }
    fn shutdown(&self, _limit: Duration) -> usize {
        self.state().peers.clear();
        0
    }
}

impl State {
    fn note(&mut self, request: &MediaRequest, events: &MediaSink) {
        match request {
            MediaRequest::Publish { peer, feed, .. }
            | MediaRequest::Produce { peer, feed, .. }
            | MediaRequest::Converse { peer, feed, .. } => {
                self.peers.insert(*peer, (Some(*feed), events.clone()));
                self.feeds.insert(*feed, events.clone());
            }
            MediaRequest::Ingest { peer, feed, .. } | MediaRequest::LiveMix { peer, feed, .. } => {
                self.peers.insert(*peer, (Some(*feed), events.clone()));
                self.feeds.insert(*feed, events.clone());
            }
            MediaRequest::Subscribe { peer, .. }
            | MediaRequest::SubscribeWith { peer, .. }
            | MediaRequest::Consume { peer, .. }
            | MediaRequest::ProduceData { peer, .. }
            | MediaRequest::ConsumeData { peer, .. }
            | MediaRequest::OpenTransport { peer, .. } => {
                self.peers.insert(*peer, (None, events.clone()));
            }
            MediaRequest::Broadcast { broadcast, .. } => {
                self.broadcasts.insert(*broadcast, events.clone());
            }
            MediaRequest::Record { recording, feed, stem, .. } => {
                self.files.insert((recording.clone(), Some(*feed)), (report(stem), events.clone()));
            }
            MediaRequest::Mix { recording, stem, .. } => {
                self.files.insert((recording.clone(), None), (report(stem), events.clone()));
            }
            _ => {}
        }
    }

    fn forget(&mut self, peer: PeerId) {
        if let Some((Some(feed), _)) = self.peers.remove(&peer) {
            self.feeds.remove(&feed);
        }
    }

    fn sink_of(&self, event: &MediaEvent) -> Option<&MediaSink> {
        match event {
            MediaEvent::PublishAnswered { peer, .. }
            | MediaEvent::PublishOffered { peer, .. }
            | MediaEvent::TransportOpened { peer, .. }
            | MediaEvent::PublishRefused { peer, .. }
            | MediaEvent::SubscribeOffered { peer, .. }
            | MediaEvent::SubscribeAnswered { peer, .. }
            | MediaEvent::SubscribeRefused { peer, .. }
            | MediaEvent::IngestChanged { peer, .. }
            | MediaEvent::AnswerRefused { peer, .. }
            | MediaEvent::DataOpened { peer, .. }
            | MediaEvent::DataRefused { peer, .. }
            | MediaEvent::Connected { peer }
            | MediaEvent::Showing { peer, .. }
            | MediaEvent::LayersWanted { peer, .. }
            | MediaEvent::PeerEnded { peer, .. } => self.peers.get(peer).map(|(_, sink)| sink),
            MediaEvent::FeedLive { feed, .. }
            | MediaEvent::Voice { feed, .. }
            | MediaEvent::FilterAnswered { feed, .. }
            | MediaEvent::FilterEnded { feed, .. }
            | MediaEvent::CodeSeen { feed, .. } => self.feeds.get(feed),
            MediaEvent::BroadcastChanged { broadcast, .. } => self.broadcasts.get(broadcast),
            MediaEvent::RecordingStarted { recording, feed, .. }
            | MediaEvent::RecordingEnded { recording, feed, .. } => {
                self.files.get(&(recording.clone(), *feed)).map(|(_, sink)| sink)
            }
        }
    }

    /// On the producer's stream, as it is enough for a fake.
    fn consumed_data(&self, peer: PeerId, of: PeerId) -> MediaEvent {
        let found = self.requests.iter().find_map(|request| match request {
            MediaRequest::ProduceData { peer, stream, .. } if *peer == of => Some(*stream),
            _ => None,
        });
        match found {
            Some(stream) => MediaEvent::DataOpened { peer, stream },
            None => MediaEvent::DataRefused { peer, error: MediaError::NotReady("it is over".into()) },
        }
    }

    fn answers(&self, request: MediaRequest) -> Vec<MediaEvent> {
        match request {
            MediaRequest::Publish { peer, feed, offer, .. } | MediaRequest::Produce { peer, feed, offer, .. } => {
                published(peer, Some(feed), &offer)
            }
            MediaRequest::OpenTransport { peer, data } => {
                vec![MediaEvent::TransportOpened { peer, local: transport(peer, data) }]
            }
            MediaRequest::RestartTransport { peer } => {
                vec![MediaEvent::TransportOpened { peer, local: transport(peer, false) }]
            }
            MediaRequest::ProduceData { peer, stream, .. } => vec![MediaEvent::DataOpened { peer, stream }],
            MediaRequest::ConsumeData { peer, of, .. } => vec![self.consumed_data(peer, of)],
            MediaRequest::ConnectTransport { peer, .. } => vec![MediaEvent::Connected { peer }],
            MediaRequest::Converse { peer, feed, offer: Some(offer), .. } => published(peer, Some(feed), &offer),
            MediaRequest::Converse { peer, offer: None, .. } => {
                vec![MediaEvent::PublishOffered { peer, offer: sdp(peer, "sendrecv", "actpass") }]
            }
            MediaRequest::Republish { peer, offer } => {
                let feed = self.peers.get(&peer).and_then(|(feed, _)| *feed);
                published(peer, feed, &offer)
            }
            MediaRequest::Subscribe { peer, feed, .. } if self.feeds.contains_key(&feed) => {
                vec![MediaEvent::SubscribeOffered { peer, offer: sdp(peer, "sendonly", "actpass") }]
            }
            MediaRequest::Subscribe { peer, .. } => {
                let detail = "the feed is over".into();
                vec![MediaEvent::PeerEnded { peer, reason: EndReason::FeedEnded, detail }]
            }
            MediaRequest::SubscribeWith { peer, feed, offer, .. } | MediaRequest::Consume { peer, feed, offer, .. } => {
                match tracks(&offer) {
                    Ok(_) if self.feeds.contains_key(&feed) => {
                        let answer = sdp(peer, "sendonly", "passive");
                        vec![MediaEvent::SubscribeAnswered { peer, answer }, MediaEvent::Connected { peer }]
                    }
                    Ok(_) => {
                        let error = MediaError::NotReady("the feed is over".into());
                        vec![MediaEvent::SubscribeRefused { peer, error }]
                    }
                    Err(error) => vec![MediaEvent::SubscribeRefused { peer, error }],
                }
            }
            MediaRequest::Ingest { peer, feed, .. } => {
                let status = IngestStatus { state: IngestState::Live, ..IngestStatus::default() };
                let tracks = vec![TrackInfo { codec: Codec::H264 }];
                vec![
                    MediaEvent::IngestChanged { peer, status: Box::new(status) },
                    MediaEvent::FeedLive { feed, tracks },
                ]
            }
            MediaRequest::LiveMix { feed, .. } => {
                let tracks = vec![TrackInfo { codec: Codec::Opus }, TrackInfo { codec: Codec::H264 }];
                vec![MediaEvent::FeedLive { feed, tracks }]
            }
            MediaRequest::Broadcast { broadcast, .. } => {
                let status = BroadcastStatus { state: BroadcastState::Live, ..BroadcastStatus::default() };
                vec![MediaEvent::BroadcastChanged { broadcast, status: Box::new(status) }]
            }
            MediaRequest::StopBroadcast { broadcast, reason } => {
                let (state, reason) = (BroadcastState::Ended, Some(reason));
                let status = BroadcastStatus { state, reason, ..BroadcastStatus::default() };
                vec![MediaEvent::BroadcastChanged { broadcast, status: Box::new(status) }]
            }
            MediaRequest::Answer { peer, answer } => match (tracks(&answer), self.peers.get(&peer)) {
                (Ok(tracks), Some((Some(feed), _))) => {
                    vec![MediaEvent::Connected { peer }, MediaEvent::FeedLive { feed: *feed, tracks }]
                }
                (Ok(_), _) => vec![MediaEvent::Connected { peer }],
                (Err(error), _) => vec![MediaEvent::AnswerRefused { peer, error }],
            },
            MediaRequest::Record { recording, feed, stem, .. } => {
                vec![MediaEvent::RecordingStarted { recording, feed: Some(feed), report: report(&stem) }]
            }
            MediaRequest::Mix { recording, stem, .. } => {
                vec![MediaEvent::RecordingStarted { recording, feed: None, report: report(&stem) }]
            }
            MediaRequest::StopRecording { recording, feed, reason } => self.finished(&recording, feed, reason),
            MediaRequest::Filter { feed, request, change } => vec![filtered(feed, request, change)],
            MediaRequest::Candidate { .. }
            | MediaRequest::Close { .. }
            | MediaRequest::RestartIngest { .. }
            | MediaRequest::WakeIngest { .. }
            | MediaRequest::MixFeed { .. }
            | MediaRequest::MixLayout { .. }
            | MediaRequest::PauseRecording { .. }
            | MediaRequest::Limit { .. }
            | MediaRequest::Face { .. }
            | MediaRequest::KeepPast { .. } => Vec::new(),
        }
    }

    fn finished(&self, recording: &RecordingId, only: Option<FeedId>, reason: EndReason) -> Vec<MediaEvent> {
        let files = self.files.iter().filter(|((id, feed), _)| id == recording && (only.is_none() || only == *feed));
        let ended = files.map(|((id, feed), (report, _))| MediaEvent::RecordingEnded {
            recording: id.clone(),
            feed: *feed,
            reason,
            report: report.clone(),
        });
        ended.collect()
    }
}

fn published(peer: PeerId, feed: Option<FeedId>, offer: &Sdp) -> Vec<MediaEvent> {
    let tracks = match tracks(offer) {
        Ok(tracks) => tracks,
        Err(error) => return vec![MediaEvent::PublishRefused { peer, error }],
    };
    let answer = sdp(peer, "recvonly", "active");
    let mut events = vec![MediaEvent::PublishAnswered { peer, answer }, MediaEvent::Connected { peer }];
    events.extend(feed.map(|feed| MediaEvent::FeedLive { feed, tracks }));
    events
}

/// As a real engine with these elements would, whatever was there before; the property `none` is one that nothing has.
fn filtered(feed: FeedId, request: u64, change: FilterChange) -> MediaEvent {
    let result = match change {
        FilterChange::Apply(wish) => Ok(Some(wish.to_string())),
        FilterChange::Set { property, .. } if property == "none" => {
            Err(FilterRefused::NotAllowed("there is no property none".into()))
        }
        FilterChange::Set { .. } => Ok(Some("videobalance".into())),
        FilterChange::Remove => Ok(None),
    };
    MediaEvent::FilterAnswered { feed, request, result }
}

/// The codecs a description names, as a real engine would choose them.
fn tracks(sdp: &Sdp) -> Result<Vec<TrackInfo>, MediaError> {
    let text = sdp.as_str().to_ascii_uppercase();
    if !text.starts_with("V=0") || !text.lines().any(|line| line.starts_with("M=")) {
        return Err(MediaError::BadSdp("no media section".into()));
    }
    let named = |codec: &Codec| text.contains(&format!(" {}/", codec.encoding_name()));
    let video = [Codec::Vp8, Codec::H264, Codec::Vp9, Codec::Av1].into_iter().find(named);
    let audio = Some(Codec::Opus).filter(named);
    let tracks: Vec<_> = audio.into_iter().chain(video).map(|codec| TrackInfo { codec }).collect();
    match tracks.is_empty() {
        true => Err(MediaError::NoCommonCodec("VP8, H264, VP9, AV1 and Opus are what the server has".into())),
        false => Ok(tracks),
    }
}

fn transport(peer: PeerId, data: bool) -> TransportLocal {
    TransportLocal {
        name: format!("fake{}", peer.0),
        password: Secret::new("fakefakefakefakefakefake"),
        addresses: vec![(([127, 0, 0, 1], 9).into(), false)],
        fingerprint: format!("sha-256 {}", ["AB"; 32].join(":")),
        data: data.then_some(DataPort { port: 5000, streams: 1024, message: 65_536 }),
    }
}

/// A small valid description: Opus and VP8, bundled, one candidate inside.
pub fn sdp(peer: PeerId, direction: &str, setup: &str) -> Sdp {
    let fingerprint = ["AB"; 32].join(":");
    let mut text =
        format!("v=0\r\no=- {} 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\na=ice-lite\r\n", peer.0);
    for (mid, kind, payload, codec) in [(0, "audio", 111, "opus/48000/2"), (1, "video", 96, "VP8/90000")] {
        text.push_str(&format!(
            "m={kind} 9 UDP/TLS/RTP/SAVPF {payload}\r\nc=IN IP4 0.0.0.0\r\na=mid:{mid}\r\na={direction}\r\n\
             a=rtcp-mux\r\na=rtpmap:{payload} {codec}\r\na=ice-ufrag:fake{}\r\na=ice-pwd:fakefakefakefakefakefake\r\n\
             a=fingerprint:sha-256 {fingerprint}\r\na=setup:{setup}\r\n\
             a=candidate:1 1 udp 2130706431 127.0.0.1 9 typ host\r\na=end-of-candidates\r\n",
            peer.0
        ));
    }
    Sdp::new(text)
}

fn report(stem: &Path) -> BranchReport {
    let name = stem.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    BranchReport {
        file: format!("{name}.webm"),
        codecs: vec![Codec::Opus, Codec::Vp8],
        started_at: Some(jiff::Timestamp::UNIX_EPOCH),
        duration_ms: 1000,
        bytes: 1000,
        size: Some((640, 480)),
        detail: None,
        facts: FileFacts::default(),
    }
}
