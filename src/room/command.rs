//! What may be asked of a room. Plain serialisable data: a command may come from another node.

use crate::model::{
    BroadcastId, BroadcastWish, Candidate, Content, DataStream, EndReason, FeedId, FilterChange, Grants, IngestWish,
    Kind, Layout, Opaque, ParticipantId, PeerId, RecordingId, RecordingWish, RoomSettings, Sdp, TransportRemote,
    ViewChange,
};
use serde::{Deserialize, Serialize};

/// Which of a participant's peers a candidate is meant for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Side {
    /// Its publishing peer.
    Publisher,
    /// One of its subscriptions, found by ICE ufrag, else the newest.
    Subscriber,
}

/// Which subscription is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Watched {
    /// The caller's, by what it watches.
    Feed(FeedId),
    /// By its peer; a participant may name its own alone.
    Peer(PeerId),
}

/// A request by, or about, a participant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Offer media; the first makes the feed, further ones renegotiate it. → `PublishAnswered` | `PublishRefused`.
    Publish {
        /// The client's offer.
        offer: Sdp,
        /// What is filmed; of the first offer.
        content: Content,
    },
    /// Publish, and receive another feed on the same peer connection (a call). With an offer the server answers,
    /// → `PublishAnswered` | `PublishRefused`; without one it offers, → `PublishOffered` | `FeedEnded`. A further offer
    /// renegotiates, as with `Publish`. What comes back, `Face` says.
    Converse {
        /// The client's offer.
        offer: Option<Sdp>,
    },
    /// The answer to `PublishOffered`. → `FeedPublished`, or `PublishRefused` and the offer stays open.
    AnswerConversation {
        /// The client's answer.
        answer: Sdp,
    },
    /// Which feed a conversing participant gets; it may not be live yet.
    Face {
        /// Which; `None`: none.
        feed: Option<FeedId>,
    },
    /// Make a peer connection that is described by parameters (ORTC). → `Reply::Peer`, then `Transport`.
    OpenTransport {
        /// Data channels may come onto it.
        data: bool,
    },
    /// The client's side of it; once. → `Transport`, connected.
    ConnectTransport {
        /// Which, of the caller's.
        transport: PeerId,
        /// What it told.
        remote: TransportRemote,
    },
    /// New ICE names for it. → `Transport`, opened again.
    RestartTransport {
        /// Which, of the caller's.
        transport: PeerId,
    },
    /// End it, and all that is on it.
    CloseTransport {
        /// Which, of the caller's.
        transport: PeerId,
    },
    /// `Publish` on a transport of anybody in the room: one client may publish as several participants.
    Produce {
        /// The transport.
        on: PeerId,
        /// Made of what the client told.
        offer: Sdp,
        /// What is filmed; of the first offer.
        content: Content,
    },
    /// Watch one kind of a live feed on a transport. → `Reply::Peer`, then `SubscriptionAnswered` | `SubscriptionRefused`.
    Consume {
        /// The transport, of the caller's.
        on: PeerId,
        /// What.
        feed: FeedId,
        /// Sound or pictures.
        kind: Kind,
        /// Made of what the client told.
        offer: Sdp,
        /// Nothing is sent until `Limit` says so.
        paused: bool,
    },
    /// Stop watching what one `Consume` began.
    StopConsuming {
        /// Its peer.
        peer: PeerId,
    },
    /// Messages of a stream of the client's are for all who ask for them. → `Reply::Peer`, then `Data`.
    ProduceData {
        /// The transport, of the caller's, opened for data.
        on: PeerId,
        /// How they travel.
        stream: DataStream,
        /// For people.
        label: String,
        /// For programs.
        protocol: String,
    },
    /// Get a producer's messages on a transport. → `Reply::Peer`, then `Data` with the stream that they come on.
    ConsumeData {
        /// The transport, of the caller's, opened for data.
        on: PeerId,
        /// The producer.
        of: PeerId,
    },
    /// End what one `ProduceData` or `ConsumeData` began.
    CloseData {
        /// Its peer.
        peer: PeerId,
    },
    /// Pass a message on, unread. → `Relayed` there.
    Relay {
        /// To whom; `None`: everybody else who is here.
        to: Option<ParticipantId>,
        /// What.
        body: Opaque,
        /// Keep it, within bounds, for one who is not here yet; it is lost when the sender leaves. Else `to` must be here.
        keep: bool,
    },
    /// Stop publishing; stay in the room.
    Unpublish,
    /// Watch a feed; asking again for the same feed makes a new offer. → `SubscriptionOffered` | `SubscriptionEnded`.
    Subscribe {
        /// Which.
        feed: FeedId,
    },
    /// Watch a feed by the client's own offer; a further one for the same feed restarts ICE. The feed need not be live:
    /// it is answered, and media comes when there is some. → `SubscriptionAnswered` | `SubscriptionRefused`.
    SubscribeWith {
        /// Which.
        feed: FeedId,
        /// The client's offer.
        offer: Sdp,
    },
    /// What a subscription wants at most; what the change does not name stays. → `Reply::Limits`.
    Limit {
        /// Which.
        of: Watched,
        /// What changes.
        change: ViewChange,
    },
    /// Which feed is of the same person as the caller: its sound is left out of mixes that the caller watches from now on.
    NameOwn {
        /// A feed's number, its publisher's identity or name; `None`: what the caller publishes itself.
        feed: Option<String>,
    },
    /// Stop watching a feed.
    Unsubscribe {
        /// Which.
        feed: FeedId,
    },
    /// The answer to a subscription's offer; without `feed` to the newest offer still open.
    Answer {
        /// Which.
        feed: Option<FeedId>,
        /// The client's answer.
        answer: Sdp,
    },
    /// A candidate; `None` ends the candidates. Kept while its peer has no remote description yet.
    Candidate {
        /// Which kind of peer.
        side: Side,
        /// The candidate.
        candidate: Option<Candidate>,
    },
    /// Leave the room: ends all its peers.
    Leave,
    /// Remove another participant (moderation).
    Kick {
        /// Whom.
        participant: ParticipantId,
    },
    /// Change what a participant may do from now on; what it does already goes on. The service alone may ask.
    Regrant {
        /// Whose.
        participant: ParticipantId,
        /// All of it.
        grants: Grants,
    },
    /// Close the room for everybody.
    Close {
        /// Why.
        reason: EndReason,
    },
    /// Record the room; without a wish as its settings say. → `Reply::Recording`.
    StartRecording {
        /// What, and until when.
        wish: Option<RecordingWish>,
    },
    /// Into a recording of certain feeds (`RecordingWish::feeds`) comes one more; into others it comes by itself.
    RecordFeed {
        /// Which.
        recording: RecordingId,
        /// What.
        feed: FeedId,
    },
    /// Stop writing for a while, or go on. → `Reply::Recording`.
    PauseRecording {
        /// Which.
        recording: RecordingId,
        /// Whether to pause.
        paused: bool,
    },
    /// Another layout for a composed recording.
    SetLayout {
        /// Which.
        recording: RecordingId,
        /// From now on.
        layout: Layout,
    },
    /// Change the room's settings.
    Configure {
        /// All of them.
        settings: RoomSettings,
    },
    /// Finish a recording.
    StopRecording {
        /// Which.
        recording: RecordingId,
    },
    /// Open a source (a camera) and keep it open, as a participant of the room. → `Reply::Ingest`.
    AddIngest {
        /// What, and how.
        wish: Box<IngestWish>,
    },
    /// Close a source; its participant leaves.
    RemoveIngest {
        /// Which.
        name: String,
    },
    /// Close a source and open it again, at once.
    RestartIngest {
        /// Which.
        name: String,
    },
    /// Which feed a name in an address means. A mix is made for who asks for it. → `Reply::Feed`, once it is live.
    FindFeed {
        /// A feed's number, its publisher's identity or name, or `mix`. `None`: the only live feed, else the mix.
        name: Option<String>,
    },
    /// Send a feed or a mix to another server. → `Reply::Broadcast`.
    StartBroadcast {
        /// What, and where to.
        wish: Box<BroadcastWish>,
    },
    /// End a broadcast.
    StopBroadcast {
        /// Which.
        broadcast: BroadcastId,
    },
    /// Begin, change or end the filter of a feed, before anybody gets it: one's own, or with control any.
    /// → `Reply::Done` once the engine has taken it.
    Filter {
        /// Whose.
        feed: FeedId,
        /// What becomes of it.
        change: FilterChange,
    },
}

/// Why a room refused; sorted by what the caller did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum RoomError {
    /// No such room, or it has just closed.
    #[error("there is no such room")]
    RoomNotFound,
    /// No such feed in this room.
    #[error("there is no such feed in this room")]
    FeedNotFound,
    /// The caller is not in the room.
    #[error("you are not in a room: join one first")]
    NotInRoom,
    /// Somebody of this name is here and alive.
    #[error("somebody of this name is in the room already")]
    Occupied,
    /// No such transport of the caller's.
    #[error("there is no such transport")]
    TransportNotFound,
    /// No such participant.
    #[error("there is no such participant in this room")]
    ParticipantNotFound,
    /// No such subscription of the caller's.
    #[error("there is no such subscription")]
    SubscriptionNotFound,
    /// No such producer or consumer of messages, or no longer.
    #[error("there is no such data channel")]
    DataNotFound,
    /// No source of this name in this room.
    #[error("there is no such ingest in this room")]
    IngestNotFound,
    /// No such broadcast, or it is over.
    #[error("there is no such running broadcast")]
    BroadcastNotFound,
    /// The request says something that cannot be.
    #[error("{0}")]
    Invalid(String),
    /// No such recording, or it is over.
    #[error("there is no such running recording")]
    RecordingNotFound,
    /// It cannot be done as things stand.
    #[error("not possible now: {0}")]
    WrongState(String),
    /// The caller's grants do not cover it.
    #[error("you may not do this: {0}")]
    Forbidden(String),
    /// An answer without an open offer.
    #[error("there is no offer waiting for an answer")]
    NoPendingOffer,
    /// Nothing to stop: the caller publishes nothing.
    #[error("you are not publishing")]
    NotPublishing,
    /// The session description cannot be used.
    #[error("the session description cannot be used: {0}")]
    BadSdp(String),
    /// The offer has no codec that the server has.
    #[error("no codec in common: {0}")]
    NoCommonCodec(String),
    /// A limit of the service was reached.
    #[error("limit reached: {0}")]
    Limit(String),
    /// The service is shutting down.
    #[error("the service is shutting down")]
    ShuttingDown,
    /// Storage is not usable (disk, permissions).
    #[error("recordings cannot be stored: {0}")]
    Storage(String),
    /// Something failed inside.
    #[error("internal failure: {0}")]
    Internal(String),
}
