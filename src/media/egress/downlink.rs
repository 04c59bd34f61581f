//! A subscriber being served, as others see it: its figures, and its RTCP, which is read where it comes in. Only what
//! needs an answer goes on to the sending thread: waking it for every report would cost more than the report.

use super::figures::Figures;
use super::line::Line;
use super::source::{Ledger, Shown};
use super::worker::{Job, Worker};
use super::{LineReport, OutStream, Show, dropped};
use crate::media::PeerStats;
use crate::media::feed::{Feed, clock};
use crate::media::rtcp::{self, Feedback};
use crate::media::srtp::Receiver;
use crate::model::{Kind, PeerId};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// No round trip is longer.
const LONGEST_TRIP: Duration = Duration::from_secs(1);

/// A subscriber being served; dropping it ends the sending before `drop` returns.
pub struct Downlink {
    pub(super) peer: PeerId,
    pub(super) worker: Arc<Worker>,
    pub(super) ledger: Arc<Ledger>,
    /// What was negotiated of sound and pictures.
    pub(super) kinds: Vec<Kind>,
    /// How many choices of sources were made.
    pub(super) choices: Mutex<u32>,
    pub(super) figures: Arc<Figures>,
    pub(super) line: Arc<Line>,
    pub(super) ssrcs: Vec<u32>,
    pub(super) receiver: Mutex<Option<Receiver>>,
}

/// SSRCs of the streams that are reported on.
pub(super) fn ssrcs(streams: &[OutStream]) -> Vec<u32> {
    streams.iter().map(|stream| stream.ssrc).collect()
}

impl Downlink {
    /// Sound or pictures come from this feed from now on (`None`: nothing is sent of this kind). Sound changes at once;
    /// pictures at the feed's next keyframe, which is asked for: until it comes those of the former feed go on.
    /// Codecs and kinds that were not negotiated are never sent. Never blocks.
    pub fn show(&self, kind: Kind, source: Option<Show>) {
        if !self.kinds.contains(&kind) {
            return;
        }
        let mut choices = self.choices.lock();
        *choices += 1;
        if kind == Kind::Video {
            self.figures.pictures_of.lock().choose(source.as_ref().map(|show| &show.feed));
        }
        let shown = source.map(|show| Shown::new(show, *choices, kind == Kind::Video, &self.ledger));
        self.worker.push(Job::Show { peer: self.peer, kind, shown });
    }

    /// Sound and pictures come from this feed from now on, as they are. See `show`.
    pub fn show_all(&self, feed: &Arc<Feed>) {
        for kind in [Kind::Audio, Kind::Video] {
            self.show(kind, Some(Show { feed: Arc::clone(feed), keep: None }));
        }
    }

    /// How it is being served just now.
    pub fn report(&self) -> LineReport {
        let figures = &self.figures;
        let (showing, waiting) = {
            let pictures = figures.pictures_of.lock();
            (pictures.showing(), pictures.waiting())
        };
        let (limited_by_application, lost) = self.line.report(Instant::now());
        LineReport {
            connection: self.line.id(),
            estimate: self.line.estimate(),
            limited_by_application,
            sent: figures.sent_rate.load(Relaxed),
            media: figures.media_rate.load(Relaxed),
            round_trip: figures.round_trip(),
            loss: lost.unwrap_or(figures.fraction_lost.load(Relaxed) as f64 / 256.0),
            queued: Duration::from_micros(figures.queued_us.load(Relaxed)),
            showing,
            waiting,
        }
    }

    /// Tells what the next better rendition needs, bits per second: the line is probed for it. 0: nothing more is wanted.
    pub fn desire(&self, bits: u64) {
        self.figures.desired.store(bits, Relaxed);
    }

    /// One SRTCP datagram of the subscriber, as it came from the socket; whether it was authentic and new. Never blocks.
    pub fn on_srtcp(&self, datagram: &[u8], at: Instant) -> bool {
        let opened = self.receiver.lock().as_mut().and_then(|r| r.unprotect_rtcp(datagram).ok());
        let Some(plain) = opened else {
            dropped("bad_srtcp", 1);
            return false;
        };
        self.on_rtcp(&plain, at);
        true
    }

    /// One compound of a subscriber who publishes on the same connection: it was opened there. Never blocks.
    pub fn on_rtcp(&self, plain: &[u8], at: Instant) {
        *self.figures.last_rtcp.lock() = Some(at);
        rtcp::read(plain, |feedback| self.on_feedback(feedback));
    }

    /// The subscriber misses pictures.
    pub(super) fn request_keyframe(&self) {
        let feed = self.figures.pictures_of.lock().feed();
        feed.iter().for_each(|feed| feed.request_keyframe());
    }

    pub(super) fn on_feedback(&self, feedback: Feedback) {
        match feedback {
            Feedback::Report(report) => self.on_report(&report),
            Feedback::Nack { ssrc, sequences } => self.worker.push(Job::Nack { peer: self.peer, ssrc, sequences }),
            Feedback::Keyframe(ssrc) if self.ssrcs.contains(&ssrc) => self.request_keyframe(),
            Feedback::ReceiverTime { ssrc, ntp } => {
                self.worker.push(Job::ReceiverTime { peer: self.peer, ssrc, ntp, came: Instant::now() });
            }
            Feedback::Remb(bits) => self.line.remb(Instant::now(), bits),
            Feedback::TransportCc(arrivals) => self.line.arrived(Instant::now(), &arrivals),
            Feedback::Keyframe(_) | Feedback::SenderReport { .. } => {}
        }
    }

    fn on_report(&self, report: &rtcp::Report) {
        if !self.ssrcs.contains(&report.ssrc) {
            return;
        }
        if self.judges(report.ssrc) {
            self.figures.fraction_lost.store(report.fraction_lost.into(), Relaxed);
            self.line.loss(f64::from(report.fraction_lost) / 256.0);
        }
        if report.last_sender_report != 0 {
            let now = (clock::ntp_now() >> 16) as u32;
            // In 1/65536 s; a clock that was set back makes it negative.
            let units = now.wrapping_sub(report.last_sender_report).wrapping_sub(report.delay) as i32;
            let trip = Duration::from_micros(units.max(0) as u64 * 1_000_000 / 65_536).min(LONGEST_TRIP);
            self.figures.round_trip_us.store(trip.as_micros() as u64 + 1, Relaxed);
            self.line.round_trip(trip);
        }
    }

    /// Whether this stream's losses are the line's: the pictures', as long as any are sent.
    fn judges(&self, ssrc: u32) -> bool {
        let pictures = self.kinds.iter().position(|kind| *kind == Kind::Video).map(|at| self.ssrcs[at]);
        let shown = self.figures.pictures_of.lock().showing().is_some();
        !shown || pictures.is_none_or(|pictures| pictures == ssrc)
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
        self.line.leave(&self.figures);
        let (done, gone) = std::sync::mpsc::sync_channel(0);
        self.worker.push(Job::Detach(self.peer, done));
        // Ends when the worker drops its end.
        let _ = gone.recv();
    }
}
