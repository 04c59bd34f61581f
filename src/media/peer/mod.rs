//! One peer connection: a webrtcbin in a pipeline of its own, driven by one task.
//!
//! Decides in which order descriptions are exchanged, when a peer counts as connected (ICE and DTLS up, certificate as
//! announced) and when it is gone. Leaves who may do what to `room`, fan-out to `feed` and `egress`.
//!
//! `publisher`, `subscriber` and `conversing` (both in one) are the tasks, `transport` those of a connection with any number of
//! either; `facing` is what a conversing peer gets, `admission` which RTP of a publication may come; `leg` is a webrtcbin with its link, `hooks` what happens on its threads,
//! `negotiation` its promises as futures, `dtls` keys and certificates, `application` what DTLS carries for data channels.

mod admission;
mod application;
pub mod conversing;
mod dtls;
mod facing;
mod hooks;
mod leg;
mod negotiation;
pub mod publisher;
pub mod subscriber;
pub mod transport;

pub use leg::Leg;

use super::choice::Choices;
use super::egress::Pool;
use super::feed::Feed;
use super::ice::{IceState, Mux};
use super::{MediaSink, PeerStats};
use crate::model::{Candidate, EndReason, PeerId, Sdp, TransportRemote};
use parking_lot::Mutex;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

/// How often a peer looks at its deadlines.
const TICK: Duration = Duration::from_secs(1);
/// A teardown that takes longer is left to itself.
const CLOSE_LIMIT: Duration = Duration::from_secs(3);

/// What happens on a leg's threads.
#[derive(Debug)]
pub enum Signal {
    /// DTLS is up and the certificate is the announced one.
    Secured,
    /// The certificate is another.
    Mismatch(String),
    /// The first RTCP came: the far side has its keys.
    FirstRtcp,
    /// RTP comes with a payload type that was negotiated too, instead of the first one of its kind.
    OtherPayload(u8),
    /// ICE changed.
    Ice(IceState),
    /// The client's address changed.
    Roamed,
    /// The pipeline's latency is to be worked out again.
    Latency,
    /// The pipeline failed.
    Failed(String),
}

/// What a peer's task hears.
pub enum Input {
    /// A further offer of a client that made the first.
    Republish(Sdp),
    /// A subscriber's answer.
    Answer(Sdp),
    /// A client's candidate.
    Candidate(Option<Candidate>),
    /// The client's side of a transport.
    Connect(TransportRemote),
    /// New ICE names for a transport.
    Restart,
    /// What a conversing peer gets from now on.
    Face(Option<Arc<Feed>>),
    /// The feed it faces is live, with these tracks or others.
    FeedLive,
    /// The feed it watches is over.
    FeedEnded,
    /// End, without an event: whoever asks knows why.
    Close,
    /// From the leg with this number.
    Leg(u64, Signal),
}

/// What all peers share.
#[derive(Clone)]
pub struct Context {
    /// The port.
    pub mux: Arc<Mux>,
    /// The senders.
    pub pool: Arc<Pool>,
    /// Who gets which rendition.
    pub choices: Arc<Choices>,
    /// Silence after which a peer is gone.
    pub liveness: Duration,
    /// Time from a description to the connection.
    pub negotiation_limit: Duration,
}

/// A peer's identity and its ways to the outside.
pub struct Peer {
    /// Who.
    pub id: PeerId,
    /// Its room.
    pub events: MediaSink,
    /// Its own mailbox, for its legs.
    pub mailbox: UnboundedSender<Input>,
    /// Its mailbox's other end.
    pub inbox: UnboundedReceiver<Input>,
    /// Its leg in use, for figures and graphs.
    pub current: Arc<Mutex<Option<Arc<Leg>>>>,
}

/// How a peer ended: `None` when it was told to.
pub type Ending = Option<(EndReason, String)>;

/// What a signal means whatever the peer does.
enum Verdict {
    GoOn,
    End(EndReason, String),
}

/// Signals that publisher and subscriber take alike.
fn judge(leg: &Arc<Leg>, signal: Signal) -> Verdict {
    match signal {
        Signal::Mismatch(detail) => return Verdict::End(EndReason::FingerprintMismatch, detail),
        Signal::Ice(IceState::Failed) => {
            return Verdict::End(EndReason::IceFailed, "no ICE consent check for 30 s".into());
        }
        Signal::Failed(detail) => return Verdict::End(EndReason::EngineError, detail),
        Signal::FirstRtcp => in_background(leg, Leg::end_dtls_thread),
        Signal::Latency => in_background(leg, Leg::recalculate_latency),
        Signal::Secured | Signal::Roamed | Signal::OtherPayload(_) | Signal::Ice(_) => {}
    }
    Verdict::GoOn
}

fn in_background(leg: &Arc<Leg>, work: fn(&Leg)) {
    let leg = leg.clone();
    tokio::task::spawn_blocking(move || work(&leg));
}

/// Ends a leg off the async threads, bounded.
async fn close(leg: Arc<Leg>) {
    let name = leg.name().to_owned();
    let closing = tokio::task::spawn_blocking(move || leg.close());
    if tokio::time::timeout(CLOSE_LIMIT, closing).await.is_err() {
        metrics::counter!("media_teardown_stuck_total").increment(1);
        tracing::error!(pipeline = name, "teardown is stuck; the pipeline is left to itself");
    }
}

/// Ticks of all peers fall together: one waking for all, not one for each.
fn ticks() -> tokio::time::Interval {
    static EPOCH: LazyLock<tokio::time::Instant> = LazyLock::new(tokio::time::Instant::now);
    let past = EPOCH.elapsed().as_nanos() / TICK.as_nanos();
    let next = *EPOCH + TICK * u32::try_from(past + 1).unwrap_or(u32::MAX);
    tokio::time::interval_at(next, TICK)
}

/// A peer's figures on its leg.
pub fn stats(leg: &Leg, whose: PeerId) -> PeerStats {
    let mut stats = leg.media_stats(whose);
    stats.state = leg.state().into();
    stats.remote_address = leg.link().selected().map(|address| address.to_string());
    stats
}

/// Whether a candidate looks like one (RFC 8839 5.1).
fn sane(candidate: &Option<Candidate>) -> bool {
    candidate.as_ref().is_none_or(|c| c.candidate.len() <= 1024 && c.candidate.starts_with("candidate:"))
}

/// A lite agent does not use remote candidates; nonsense is worth a line.
fn note_candidate(id: PeerId, candidate: &Option<Candidate>) {
    if !sane(candidate) {
        tracing::debug!(peer.id = %id, "the client's candidate is malformed");
    }
}
