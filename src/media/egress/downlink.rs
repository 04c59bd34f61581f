//! A subscriber being served, as others see it: its figures, and its RTCP, which is read where it comes in. Only what
//! needs an answer goes on to the sending thread: waking it for every report would cost more than the report.

use super::worker::{Job, Worker};
use super::{OutStream, dropped};
use crate::media::PeerStats;
use crate::media::feed::{Feed, clock};
use crate::media::rtcp::{self, Feedback};
use crate::media::srtp::Receiver;
use crate::model::PeerId;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// No round trip is longer.
const LONGEST_TRIP: Duration = Duration::from_secs(1);

/// What is counted of a subscriber, by its sending thread and by its RTCP.
#[derive(Debug, Default)]
pub struct Figures {
    pub packets: AtomicU64,
    pub bytes: AtomicU64,
    pub pictures: AtomicU64,
    pub retransmitted: AtomicU64,
    /// Of 256.
    fraction_lost: AtomicU64,
    /// Microseconds plus one; 0 while unknown.
    round_trip_us: AtomicU64,
    /// Last REMB in bits per second.
    estimate: AtomicU64,
    /// By transport-wide feedback.
    arrived: AtomicU64,
    /// Likewise.
    lost: AtomicU64,
    last_rtcp: Mutex<Option<Instant>>,
}

impl Figures {
    /// Zero while unknown.
    pub fn round_trip(&self) -> Duration {
        Duration::from_micros(self.round_trip_us.load(Relaxed).saturating_sub(1))
    }
}

/// A subscriber being served; dropping it ends the sending before `drop` returns.
pub struct Downlink {
    pub(super) peer: PeerId,
    pub(super) feed: Arc<Feed>,
    pub(super) worker: Arc<Worker>,
    pub(super) index: usize,
    pub(super) figures: Arc<Figures>,
    pub(super) ssrcs: Vec<u32>,
    pub(super) receiver: Mutex<Option<Receiver>>,
}

/// SSRCs of the streams that are reported on.
pub(super) fn ssrcs(streams: &[OutStream]) -> Vec<u32> {
    streams.iter().map(|stream| stream.ssrc).collect()
}

impl Downlink {
    /// One SRTCP datagram of the subscriber, as it came from the socket; whether it was authentic and new. Never blocks.
    pub fn on_srtcp(&self, datagram: &[u8], at: Instant) -> bool {
        let opened = self.receiver.lock().as_mut().and_then(|r| r.unprotect_rtcp(datagram).ok());
        let Some(plain) = opened else {
            dropped("bad_srtcp", 1);
            return false;
        };
        *self.figures.last_rtcp.lock() = Some(at);
        rtcp::read(&plain, |feedback| self.on_feedback(feedback));
        true
    }

    fn on_feedback(&self, feedback: Feedback) {
        match feedback {
            Feedback::Report(report) => self.on_report(&report),
            Feedback::Nack { ssrc, sequences } => self.worker.push(Job::Nack { peer: self.peer, ssrc, sequences }),
            Feedback::Keyframe(ssrc) if self.ssrcs.contains(&ssrc) => self.feed.request_keyframe(),
            Feedback::ReceiverTime { ssrc, ntp } => {
                self.worker.push(Job::ReceiverTime { peer: self.peer, ssrc, ntp, came: Instant::now() });
            }
            Feedback::Remb(bits) => self.figures.estimate.store(bits, Relaxed),
            Feedback::TransportCc { received, lost } => {
                self.figures.arrived.fetch_add(received.into(), Relaxed);
                self.figures.lost.fetch_add(lost.into(), Relaxed);
            }
            Feedback::Keyframe(_) | Feedback::SenderReport { .. } => {}
        }
    }

    fn on_report(&self, report: &rtcp::Report) {
        if !self.ssrcs.contains(&report.ssrc) {
            return;
        }
        self.figures.fraction_lost.store(report.fraction_lost.into(), Relaxed);
        if report.last_sender_report != 0 {
            let now = (clock::ntp_now() >> 16) as u32;
            // In 1/65536 s; a clock that was set back makes it negative.
            let units = now.wrapping_sub(report.last_sender_report).wrapping_sub(report.delay) as i32;
            let trip = Duration::from_micros(units.max(0) as u64 * 1_000_000 / 65_536).min(LONGEST_TRIP);
            self.figures.round_trip_us.store(trip.as_micros() as u64 + 1, Relaxed);
        }
    }

    /// When the subscriber's last authentic RTCP came.
    pub fn last_rtcp(&self) -> Option<Instant> {
        *self.figures.last_rtcp.lock()
    }

    /// Live figures (`state` and `remote_address` are filled by the caller).
    pub fn stats(&self) -> PeerStats {
        let figures = &self.figures;
        let round_trip = figures.round_trip_us.load(Relaxed).checked_sub(1);
        PeerStats {
            round_trip_ms: round_trip.map(|us| us as f64 / 1e3),
            packets: figures.packets.load(Relaxed),
            bytes: figures.bytes.load(Relaxed),
            pictures: figures.pictures.load(Relaxed),
            retransmitted: figures.retransmitted.load(Relaxed),
            fraction_lost: figures.fraction_lost.load(Relaxed) as f64 / 256.0,
            ..PeerStats::default()
        }
    }
}

impl Drop for Downlink {
    fn drop(&mut self) {
        self.feed.audience[self.index].fetch_sub(1, Relaxed);
        let (done, gone) = std::sync::mpsc::sync_channel(0);
        self.worker.push(Job::Detach(self.peer, done));
        // Ends when the worker drops its end.
        let _ = gone.recv();
    }
}
