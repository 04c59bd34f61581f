//! What comes in over a connection, from the socket to the feeds: SRTP is opened, reports and transport feedback go back at
//! once.
//!
//! webrtcbin makes the connection and its keys; RTP and RTCP never pass it (20 times the cost per packet, and its
//! session's timer decided when feedback went). Decides what the client is told about the way to us; leaves NACKs and
//! keyframe requests to `feed`, whose packet is whose to the port's gates, bytes on the wire to `srtp` and `rtcp`. Runs in the
//! port's reader: nothing here blocks.
//!
//! `arrivals` is the transport-wide feedback, `reception` a stream's report block, `inlet` one publication's part of it all.

mod arrivals;
mod inlet;
mod reception;

use super::egress::{Keys, Wire, dropped};
use super::feed::{Feed, SourceTrack, Upstream};
use super::rtcp::{self, Feedback};
use super::rtp::{Header, find_extension};
use super::srtp::{Receiver, Sender};
use crate::model::PeerId;
use arrivals::Arrivals;
use inlet::Inlet;
use parking_lot::Mutex;
use reception::Reception;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Between two transport feedbacks: Chromium's own receiver takes 50 to 250 ms.
const FEEDBACK: Duration = Duration::from_millis(50);
/// Between two receiver reports.
const REPORTS: Duration = Duration::from_secs(1);
/// Between two changes of the payload type: each makes the feed's track anew.
const OTHERS: Duration = Duration::from_secs(1);
/// No payload type: they have 7 bits.
const NO_OTHER: u8 = u8::MAX;
/// Streams of a publication that are reported on: media and retransmissions of sound and three layers, and what a
/// renegotiation may leave behind.
const STREAMS: usize = 16;
/// Blocks in one receiver report (RFC 3550 6.4.2).
const BLOCKS: usize = 31;

/// One connection's way in and back: of one publisher, or of all publications on a transport.
pub struct Uplink {
    wire: Arc<dyn Wire>,
    /// Our SSRC in reports.
    ssrc: u32,
    sender: Mutex<Option<Sender>>,
    intake: Mutex<Intake>,
    /// A payload type out of `Intake::others` that came; `NO_OTHER`: none.
    other: AtomicU8,
}

struct Intake {
    receiver: Option<Receiver>,
    inlets: Vec<Inlet>,
    /// Payload types that may come instead.
    others: Vec<u8>,
    /// When one of them was told of last.
    other_told: Option<Instant>,
    arrivals: Arrivals,
    receptions: Vec<Reception>,
    told: Instant,
    reported: Instant,
}

impl Uplink {
    /// Of a connection that is not made yet, without a publication.
    pub fn new(wire: Arc<dyn Wire>) -> Arc<Self> {
        let now = Instant::now();
        let intake = Intake {
            receiver: None,
            inlets: Vec::new(),
            others: Vec::new(),
            other_told: None,
            arrivals: Arrivals::new(now),
            receptions: Vec::new(),
            told: now,
            reported: now,
        };
        let (sender, intake, other) = (Mutex::default(), Mutex::new(intake), AtomicU8::new(NO_OTHER));
        Arc::new(Self { wire, ssrc: rand::random::<u32>() | 1, sender, intake, other })
    }

    /// A publication, and where its packets go; or what was negotiated anew. `transport_cc` is the extension's id, 0 when
    /// there is none.
    pub fn negotiated(&self, whose: PeerId, feed: &Arc<Feed>, tracks: &[SourceTrack], transport_cc: u8) {
        let new = Inlet::new(whose, feed, tracks, transport_cc);
        let mut intake = self.intake.lock();
        match intake.inlets.iter_mut().find(|inlet| inlet.whose == whose) {
            Some(known) => known.renew(new),
            None => intake.inlets.push(new),
        }
    }

    /// A publication is over.
    pub fn remove(&self, whose: PeerId) {
        self.intake.lock().inlets.retain(|inlet| inlet.whose != whose);
    }

    /// No more is expected of these SSRCs.
    pub fn retire(&self, ssrcs: &[u32]) {
        let mut intake = self.intake.lock();
        intake.receptions.retain(|reception| !ssrcs.contains(&reception.ssrc));
        intake.receiver.iter_mut().for_each(|receiver| receiver.retire(ssrcs));
    }

    /// Authentic packets and bytes of a publication; `None`: there is none.
    pub fn received(&self, whose: PeerId) -> Option<(u64, u64)> {
        self.intake.lock().inlets.iter().find(|inlet| inlet.whose == whose).map(|inlet| inlet.received)
    }

    /// Who feeds on it just now.
    pub fn feeds(&self) -> Vec<Arc<Feed>> {
        self.intake.lock().inlets.iter().filter_map(|inlet| inlet.feed.upgrade()).collect()
    }

    /// The input is drained for now. Whether something still waits for the rest of its picture.
    pub fn drained(&self) -> bool {
        self.each_feed(|feed| feed.drained())
    }

    /// What waits goes out.
    pub fn flush(&self) {
        self.each_feed(|feed| {
            feed.flush();
            false
        });
    }

    /// Asks all, and whether any says yes. Nearly always there is one: it is not worth a list.
    fn each_feed(&self, ask: impl Fn(&Feed) -> bool) -> bool {
        let intake = self.intake.lock();
        if let [only] = &intake.inlets[..] {
            let feed = only.feed.upgrade();
            drop(intake);
            return feed.is_some_and(|feed| ask(&feed));
        }
        drop(intake);
        self.feeds().iter().filter(|feed| ask(feed)).count() > 0
    }

    /// Payload types that the publisher may send with instead, whenever it likes: `take_other` tells of them.
    pub fn set_others(&self, others: Vec<u8>) {
        self.intake.lock().others = others;
    }

    /// One of those that has come, at most one a second.
    pub fn take_other(&self) -> Option<u8> {
        if self.other.load(Relaxed) == NO_OTHER {
            return None;
        }
        Some(self.other.swap(NO_OTHER, Relaxed)).filter(|other| *other != NO_OTHER)
    }

    /// The handshake's keys, before any packet may come. Taken once: a second sender of the same key would use its key
    /// stream twice.
    pub fn secure(&self, keys: &Keys) {
        if self.sender.lock().is_some() {
            return;
        }
        match (Sender::sharing(&keys.send, keys.index.clone()), Receiver::new(&keys.receive)) {
            (Ok(sender), Ok(receiver)) => {
                *self.sender.lock() = Some(sender);
                self.intake.lock().receiver = Some(receiver);
            }
            // The cipher refuses no key of this length; were it to, the publisher's liveness ends it.
            _ => tracing::error!("SRTP keys refused"),
        }
    }

    /// One SRTP datagram of this publication; whether it was authentic and new.
    pub fn on_srtp(&self, datagram: &[u8], whose: PeerId, at: Instant) -> bool {
        let mut packet = datagram.to_vec();
        let Some(length) = Header::length(&mut packet) else {
            dropped("malformed", 1);
            return false;
        };
        let mut intake = self.intake.lock();
        let opened = intake.receiver.as_mut().is_some_and(|r| r.unprotect(&mut packet, length).is_ok());
        if !opened {
            dropped("bad_srtp", 1);
            return false;
        }
        let feed = intake.note(&packet, whose, at);
        if let Some(other) = intake.is_other(&packet, at) {
            self.other.store(other, Relaxed);
        }
        let due = intake.due(self.ssrc, at);
        drop(intake);
        due.iter().for_each(|compound| self.send_rtcp(compound));
        if let Some(feed) = feed {
            feed.on_rtp(packet, at);
        }
        true
    }

    /// One SRTCP datagram: the compound in it, if it was authentic and new.
    pub fn on_srtcp(&self, datagram: &[u8], at: Instant) -> Option<Vec<u8>> {
        let mut intake = self.intake.lock();
        let Some(Ok(plain)) = intake.receiver.as_mut().map(|r| r.unprotect_rtcp(datagram)) else {
            dropped("bad_srtcp", 1);
            return None;
        };
        rtcp::read(&plain, |feedback| {
            if let Feedback::SenderReport { ssrc, ntp, .. } = feedback {
                intake.receptions.iter_mut().filter(|r| r.ssrc == ssrc).for_each(|r| r.on_sender_report(ntp, at));
            }
        });
        drop(intake);
        // Each finds the SSRCs that are its own.
        self.feeds().iter().for_each(|feed| feed.on_rtcp(&plain));
        Some(plain)
    }
}

impl Intake {
    /// An authentic packet came. Gives the feed that it is for.
    fn note(&mut self, packet: &[u8], whose: PeerId, at: Instant) -> Option<Arc<Feed>> {
        let header = Header::read(packet)?;
        let inlet = self.inlets.iter_mut().find(|inlet| inlet.whose == whose)?;
        inlet.received = (inlet.received.0 + 1, inlet.received.1 + packet.len() as u64);
        let feed = inlet.feed.upgrade();
        if inlet.transport_cc != 0
            && let Some(&[high, low]) = find_extension(packet, inlet.transport_cc)
        {
            self.arrivals.arrived(u16::from_be_bytes([high, low]), at);
        }
        if let Some(known) = self.receptions.iter_mut().find(|r| r.ssrc == header.ssrc) {
            known.arrived(header.sequence, header.timestamp, at);
            return feed;
        }
        let rate = inlet.clock_rate(header.payload_type);
        if self.receptions.len() >= STREAMS * self.inlets.len() {
            self.receptions.remove(0);
        }
        self.receptions.push(Reception::new(&header, rate, at));
        feed
    }

    /// Whether it is of another payload type than was expected, and not told of just now.
    fn is_other(&mut self, packet: &[u8], at: Instant) -> Option<u8> {
        let payload_type = packet.get(1)? & 0x7f;
        if !self.others.contains(&payload_type)
            || self.other_told.is_some_and(|told| at.saturating_duration_since(told) < OTHERS)
        {
            return None;
        }
        self.other_told = Some(at);
        Some(payload_type)
    }

    /// What the client is to be told now.
    fn due(&mut self, ssrc: u32, now: Instant) -> Vec<Vec<u8>> {
        let mut due = Vec::new();
        if now.saturating_duration_since(self.told) >= FEEDBACK {
            self.told = now;
            let media = self.receptions.first().map_or(0, |r| r.ssrc);
            due.extend(self.arrivals.feedback(ssrc, media));
        }
        if now.saturating_duration_since(self.reported) >= REPORTS {
            self.reported = now;
            let blocks: Vec<_> = self.receptions.iter_mut().filter_map(|r| r.report(now)).collect();
            due.extend(blocks.chunks(BLOCKS).filter_map(|some| rtcp::receiver_report(ssrc, some)));
        }
        due
    }
}

impl Upstream for Uplink {
    fn send_rtcp(&self, packet: &[u8]) {
        let mut datagram = packet.to_vec();
        let sender = self.sender.lock();
        let sealed = sender.as_ref().is_some_and(|sender| sender.protect_rtcp(&mut datagram).is_ok());
        if !sealed || self.wire.send(&datagram, &[datagram.len()]) > 0 {
            metrics::counter!("media_upstream_rtcp_failed_total").increment(1);
        }
    }

    fn tick(&self, now: Instant) {
        let due = self.intake.lock().due(self.ssrc, now);
        due.iter().for_each(|compound| self.send_rtcp(compound));
    }
}

#[cfg(test)]
mod tests;
