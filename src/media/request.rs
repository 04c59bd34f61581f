//! What may be asked of the engine.

use crate::model::{
    BroadcastId, BroadcastWish, Candidate, Content, DataStream, EndReason, FeedId, Film, FilterChange, IngestWish,
    Kind, Layout, LineId, PeerId, RecordingId, Sdp, TransportRemote, ViewLimits,
};
use std::path::PathBuf;
use std::time::Duration;

/// Who watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Viewer {
    /// What it carries is shared by the client's subscriptions.
    pub line: LineId,
    /// The client's own feed, whose sound is left out of a mix.
    pub own: Option<FeedId>,
}

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
        /// What is filmed.
        content: Content,
    },
    /// Terminate a publisher that receives on the same peer connection. With an offer, as `Publish`; without one the
    /// server offers VP8, H264 and Opus both ways, → `PublishOffered`, then `Answer` → `Connected` or `AnswerRefused`.
    /// What it receives, `Face` says: until then nothing is sent to it.
    Converse {
        /// The new peer.
        peer: PeerId,
        /// The new feed.
        feed: FeedId,
        /// The client's offer.
        offer: Option<Sdp>,
        /// Who watches.
        viewer: Viewer,
    },
    /// What a conversing peer gets from now on; it need not be connected, the feed not live. → `Showing`.
    Face {
        /// The conversing peer.
        peer: PeerId,
        /// Which; `None`: nothing.
        feed: Option<FeedId>,
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
        /// Who watches.
        viewer: Viewer,
    },
    /// What a subscription wants at most, from now on; unknown peers are ignored. It may come before the peer is connected.
    Limit {
        /// The subscription.
        peer: PeerId,
        /// All its limits.
        limits: ViewLimits,
    },
    /// Make a sendonly peer by the client's own offer. The feed need not have tracks yet: what it gets is shown.
    /// → `SubscribeAnswered`, then `Connected`; or `SubscribeRefused` and the peer does not exist. For a running peer of this feed: its further offer, with other ICE names
    /// (an ICE restart). → `SubscribeAnswered`, or `SubscribeRefused` and it goes on as it was.
    SubscribeWith {
        /// The new peer.
        peer: PeerId,
        /// What it watches.
        feed: FeedId,
        /// The client's offer.
        offer: Sdp,
        /// Who watches.
        viewer: Viewer,
    },
    /// Make a peer connection without a description: media comes onto it by `Produce` and `Consume`, any number of each.
    /// → `TransportOpened`, or `PeerEnded`. `Close` and its own `PeerEnded` end all that is on it; each of those has a `PeerEnded`
    /// of its own then.
    OpenTransport {
        /// Stands for it.
        peer: PeerId,
        /// Data channels may come onto it.
        data: bool,
    },
    /// The client's side of a transport. → `Connected` once its handshake is done.
    ConnectTransport {
        /// The transport.
        peer: PeerId,
        /// What it told.
        remote: TransportRemote,
    },
    /// New ICE names for a transport; the old ones stay good until the client uses the new. → `TransportOpened` again.
    RestartTransport {
        /// The transport.
        peer: PeerId,
    },
    /// `Publish` on a transport: the offer tells what is sent, its own transport means nothing. A further offer comes by
    /// `Republish`. → as of `Publish`.
    Produce {
        /// The new peer.
        peer: PeerId,
        /// The transport.
        on: PeerId,
        /// The new feed.
        feed: FeedId,
        /// Made of what the client told.
        offer: Sdp,
        /// What is filmed.
        content: Content,
    },
    /// Send one kind of a live feed on a transport; the offer (one section) tells what the client can take, its own transport
    /// means nothing. → `SubscribeAnswered`, whose section has the stream's SSRCs, payload types and CNAME, later `Connected`; or
    /// `SubscribeRefused` and the peer does not exist. A `Limit` that follows at once holds from its first packet on.
    Consume {
        /// The new peer.
        peer: PeerId,
        /// The transport.
        on: PeerId,
        /// What it watches.
        feed: FeedId,
        /// Sound or pictures.
        kind: Kind,
        /// Made of what the client told.
        offer: Sdp,
        /// Who watches.
        viewer: Viewer,
    },
    /// Messages of a stream of the client's go to all who consume them. → `DataOpened`, or `DataRefused` and the peer does not exist;
    /// later perhaps `PeerEnded`. Ends by `Close`, and with it those who consume it.
    ProduceData {
        /// The new peer.
        peer: PeerId,
        /// The transport, made for data.
        on: PeerId,
        /// Chosen by the client.
        stream: DataStream,
    },
    /// Send what a producer of messages says on a stream of another transport. → `DataOpened` with the stream that was chosen, or
    /// `DataRefused`; later perhaps `PeerEnded`: `FeedEnded` with its producer, `NotReading` when too much waits for it.
    ConsumeData {
        /// The new peer.
        peer: PeerId,
        /// The transport, made for data.
        on: PeerId,
        /// The producer.
        of: PeerId,
    },
    /// Open a source that is no WebRTC publisher, and keep it open. → `IngestChanged` whenever it changes, `FeedLive` with its
    /// first media; `PeerEnded` only when it came to its end. Ends by `Close`.
    Ingest {
        /// Stands for the source.
        peer: PeerId,
        /// The new feed.
        feed: FeedId,
        /// What to open, and how.
        wish: Box<IngestWish>,
    },
    /// Close a source and open it again, at once. Its feed stays.
    RestartIngest {
        /// The source.
        peer: PeerId,
    },
    /// Open a source that is closed because nobody wanted it, or that waits for its next attempt: somebody does now. Others
    /// are not disturbed.
    WakeIngest {
        /// The source.
        peer: PeerId,
    },
    /// Mix feeds into one more feed (H264 and Opus). They come and go by `MixFeed` with this `mix` as recording, the layout
    /// changes by `MixLayout`. → `FeedLive`; ends by `Close`, or by `PeerEnded` (`Unused`) 10 s after its last user.
    LiveMix {
        /// Stands for the mix.
        peer: PeerId,
        /// The new feed.
        feed: FeedId,
        /// Its name in `MixFeed` and `MixLayout`.
        mix: RecordingId,
        /// Pictures.
        layout: Layout,
        /// Title shown in the picture.
        title: String,
    },
    /// Send a feed to another server until it is stopped. → `BroadcastChanged` whenever it changes.
    Broadcast {
        /// The broadcast.
        broadcast: BroadcastId,
        /// What is sent.
        feed: FeedId,
        /// Where to.
        wish: Box<BroadcastWish>,
    },
    /// End a broadcast. → `BroadcastChanged`, `Ended`.
    StopBroadcast {
        /// The broadcast.
        broadcast: BroadcastId,
        /// Why.
        reason: EndReason,
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
        /// Its sound or its pictures alone.
        only: Option<Kind>,
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
        /// How the file is.
        film: Film,
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
    /// Begin, change or end a feed's filter. → `FilterAnswered`, always; later perhaps `FilterEnded` and `CodeSeen`.
    Filter {
        /// Whose.
        feed: FeedId,
        /// Comes back in the answer.
        request: u64,
        /// What becomes of it.
        change: FilterChange,
    },
}
