//! What has happened in the engine.

use super::MediaError;
use crate::model::{
    BroadcastId, BroadcastStatus, CodeSeen, Codec, DataStream, EndReason, FeedId, FileFacts, FilterRefused,
    IngestStatus, PeerId, RecordingId, Sdp, TrackInfo, TransportLocal, Why,
};

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
    /// The offer of a conversation, candidates inside.
    PublishOffered {
        /// The conversing peer.
        peer: PeerId,
        /// For the client.
        offer: Sdp,
    },
    /// A transport is open, or has new ICE names.
    TransportOpened {
        /// The transport.
        peer: PeerId,
        /// For the client.
        local: TransportLocal,
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
    /// The answer to a subscriber's own offer, candidates inside.
    SubscribeAnswered {
        /// Subscription.
        peer: PeerId,
        /// For the client.
        answer: Sdp,
    },
    /// A subscriber's own offer was refused; the peer does not exist, unless it was running before: it goes on as it was.
    SubscribeRefused {
        /// Subscription.
        peer: PeerId,
        /// Why.
        error: MediaError,
    },
    /// A producer or consumer of messages is there.
    DataOpened {
        /// Which.
        peer: PeerId,
        /// How its messages travel.
        stream: DataStream,
    },
    /// A producer or consumer of messages cannot be; the peer does not exist.
    DataRefused {
        /// Which.
        peer: PeerId,
        /// Why.
        error: MediaError,
    },
    /// A source's state, tracks or trouble changed.
    IngestChanged {
        /// The source.
        peer: PeerId,
        /// All that is known.
        status: Box<IngestStatus>,
    },
    /// A broadcast's state changed. `Ended` is the last.
    BroadcastChanged {
        /// The broadcast.
        broadcast: BroadcastId,
        /// All that is known.
        status: Box<BroadcastStatus>,
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
    /// A subscription gets another rendition from now on.
    Showing {
        /// The subscription.
        peer: PeerId,
        /// Name of the rendition.
        rendition: String,
        /// Why nothing better.
        why: Why,
        /// The same in words, with figures.
        words: String,
    },
    /// Which simulcast layers of a publisher anybody uses, by their rids, best first; the others need not be sent.
    /// Sent when it changes; never of a publisher that sends one layer.
    LayersWanted {
        /// The publisher.
        peer: PeerId,
        /// Those in use. Empty: nobody watches.
        rids: Vec<String>,
    },
    /// A publisher has begun or ceased to speak, by its audio levels (RFC 6464).
    Voice {
        /// The feed.
        feed: FeedId,
        /// Whether it speaks.
        speaking: bool,
    },
    /// What came of `Filter`.
    FilterAnswered {
        /// Its feed.
        feed: FeedId,
        /// Its number.
        request: u64,
        /// The names of the elements that run now; `None`: none do.
        result: Result<Option<String>, FilterRefused>,
    },
    /// A filter failed; the feed goes on without it.
    FilterEnded {
        /// The feed.
        feed: FeedId,
        /// Why, in words.
        detail: String,
    },
    /// A filter saw a bar code.
    CodeSeen {
        /// The feed.
        feed: FeedId,
        /// What it saw.
        code: CodeSeen,
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
