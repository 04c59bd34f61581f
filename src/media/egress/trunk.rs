//! A connection over which several subscriptions are served, each a downlink of its own: what there is one of, and whose
//! feedback is whose.
//!
//! Feedback about the line (what arrived, REMB) is for all and taken once; the rest names the stream that it is about. All
//! downlinks are one thread's, so that transport-wide numbers leave in order.

use super::downlink::Downlink;
use super::line::Line;
use super::source::Ledger;
use super::{DownlinkSpec, Pool, TransportNumbers};
use crate::media::PeerStats;
use crate::media::rtcp::{self, Feedback};
use crate::model::PeerId;
use parking_lot::{Mutex, RwLock};
use std::collections::HashSet;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

/// The connection.
pub struct Trunk {
    pool: Arc<Pool>,
    /// Chosen when something is to be sent: half of all transports never send, and each takes its turn of a thread.
    served: OnceLock<(usize, Arc<Ledger>)>,
    line: Arc<Line>,
    numbers: TransportNumbers,
    downlinks: RwLock<Vec<Arc<Downlink>>>,
    /// All that were ever given: a stream that came later would repeat the key stream of one before it.
    ssrcs: Mutex<HashSet<u32>>,
}

impl Trunk {
    /// Nothing is sent over it yet.
    pub(super) fn new(pool: Arc<Pool>, line: Line) -> Arc<Self> {
        let (numbers, downlinks, ssrcs) = (TransportNumbers::default(), RwLock::default(), Mutex::default());
        Arc::new(Self { pool, served: OnceLock::new(), line: Arc::new(line), numbers, downlinks, ssrcs })
    }

    /// Its transport-wide numbers.
    pub fn numbers(&self) -> TransportNumbers {
        self.numbers.clone()
    }

    /// An SSRC that nothing on this connection has had; `random` gives some.
    pub fn new_ssrc(&self, mut random: impl FnMut() -> u32) -> u32 {
        let mut given = self.ssrcs.lock();
        loop {
            let ssrc = random();
            if given.insert(ssrc) {
                return ssrc;
            }
        }
    }

    /// Begins sending to one more; its SSRCs are `new_ssrc`'s. `end` ends it.
    pub fn attach(&self, spec: DownlinkSpec) -> Arc<Downlink> {
        let (worker, ledger) = self.served.get_or_init(|| {
            let worker = self.pool.next_worker();
            (worker, Ledger::new(worker))
        });
        let shared = (*worker, Arc::clone(&self.line), Arc::clone(ledger));
        let downlink = Arc::new(self.pool.serve(spec, shared, None));
        self.downlinks.write().push(Arc::clone(&downlink));
        downlink
    }

    /// Nothing is sent to this one any more. Waits for the sending thread.
    pub fn end(&self, peer: PeerId) {
        let mut downlinks = self.downlinks.write();
        let at = downlinks.iter().position(|downlink| downlink.peer == peer);
        let gone = at.map(|at| downlinks.swap_remove(at));
        drop(downlinks);
        drop(gone);
    }

    /// The same for all.
    pub fn end_all(&self) {
        let gone = std::mem::take(&mut *self.downlinks.write());
        drop(gone);
    }

    /// The client misses pictures.
    pub fn request_keyframes(&self) {
        self.downlinks.read().iter().for_each(|downlink| downlink.request_keyframe());
    }

    /// One authentic RTCP compound of the client. Never blocks.
    pub fn on_rtcp(&self, plain: &[u8], at: Instant) {
        let downlinks = self.downlinks.read();
        rtcp::read(plain, |feedback| {
            let to = match &feedback {
                Feedback::Remb(bits) => return self.line.remb(at, *bits),
                Feedback::TransportCc(arrivals) => return self.line.arrived(at, arrivals),
                Feedback::SenderReport { .. } => return,
                // One answer is enough, whoever gives it.
                Feedback::ReceiverTime { .. } => downlinks.first(),
                Feedback::Report(rtcp::Report { ssrc, .. })
                | Feedback::Nack { ssrc, .. }
                | Feedback::Keyframe(ssrc) => downlinks.iter().find(|downlink| downlink.ssrcs.contains(ssrc)),
            };
            if let Some(downlink) = to {
                downlink.on_feedback(feedback);
            }
        });
    }

    /// Live figures of one of them.
    pub fn stats_of(&self, peer: PeerId) -> Option<PeerStats> {
        self.downlinks.read().iter().find(|downlink| downlink.peer == peer).map(|downlink| downlink.stats())
    }

    /// The sum of all; `None`: there are none. Round trip and loss: the worst.
    pub fn stats(&self) -> Option<PeerStats> {
        let all: Vec<PeerStats> = self.downlinks.read().iter().map(|downlink| downlink.stats()).collect();
        all.into_iter().reduce(|one, other| PeerStats {
            round_trip_ms: one.round_trip_ms.into_iter().chain(other.round_trip_ms).reduce(f64::max),
            packets: one.packets + other.packets,
            bytes: one.bytes + other.bytes,
            pictures: one.pictures + other.pictures,
            retransmitted: one.retransmitted + other.retransmitted,
            fraction_lost: one.fraction_lost.max(other.fraction_lost),
            ..one
        })
    }
}
