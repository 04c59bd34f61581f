//! What a publisher sends, from the socket to its feed: SRTP is opened, reports and transport feedback go back at once.
//!
//! webrtcbin makes the connection and its keys; RTP and RTCP never pass it (20 times the cost per packet, and its
//! session's timer decided when feedback went). Decides what the publisher is told about the way to us; leaves NACKs and
//! keyframe requests to `feed`, bytes on the wire to `srtp` and `rtcp`. Runs in the port's reader: nothing here blocks.
//!
//! `arrivals` is the transport-wide feedback, `reception` a stream's report block.

mod arrivals;
mod reception;

use super::egress::{Keys, Wire, dropped};
use super::feed::{Feed, SourceTrack, Upstream};
use super::rtcp::{self, Feedback};
use super::rtp::{Header, find_extension};
use super::srtp::{Receiver, Sender};
use arrivals::Arrivals;
use parking_lot::Mutex;
use reception::Reception;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// Between two transport feedbacks: Chromium's own receiver takes 50 to 250 ms.
const FEEDBACK: Duration = Duration::from_millis(50);
/// Between two receiver reports.
const REPORTS: Duration = Duration::from_secs(1);
/// Between two changes of the payload type: each makes the feed's track anew.
const OTHERS: Duration = Duration::from_secs(1);
/// No payload type: they have 7 bits.
const NO_OTHER: u8 = u8::MAX;
/// Streams reported on: media and retransmissions of sound and three layers, and what a renegotiation may leave behind.
const STREAMS: usize = 16;

/// One publisher's way in and back.
pub struct Uplink {
    feed: Weak<Feed>,
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
    /// Header extension of the transport-wide number, 0 when not negotiated.
    transport_cc: u8,
    clock_rates: Vec<(u8, u32)>,
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
    /// Of a publisher that is not connected yet.
    pub fn new(feed: &Arc<Feed>, wire: Arc<dyn Wire>) -> Arc<Self> {
        let now = Instant::now();
        let intake = Intake {
            receiver: None,
            transport_cc: 0,
            clock_rates: Vec::new(),
            others: Vec::new(),
            other_told: None,
            arrivals: Arrivals::new(now),
            receptions: Vec::new(),
            told: now,
            reported: now,
        };
        let (feed, ssrc) = (Arc::downgrade(feed), rand::random::<u32>() | 1);
        let (sender, intake, other) = (Mutex::default(), Mutex::new(intake), AtomicU8::new(NO_OTHER));
        Arc::new(Self { feed, wire, ssrc, sender, intake, other })
    }

    /// What was negotiated: `transport_cc` is the extension's id, 0 when there is none.
    pub fn negotiated(&self, tracks: &[SourceTrack], transport_cc: u8) {
        let mut intake = self.intake.lock();
        intake.transport_cc = transport_cc;
        intake.clock_rates = tracks.iter().map(|t| (t.payload_type, t.codec.clock_rate())).collect();
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
            _ => tracing::error!("SRTP keys of a publisher refused"),
        }
    }

    /// One SRTP datagram; whether it was authentic and new.
    pub fn on_srtp(&self, datagram: &[u8], at: Instant) -> bool {
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
        intake.note(&packet, at);
        if let Some(other) = intake.is_other(&packet, at) {
            self.other.store(other, Relaxed);
        }
        let due = intake.due(self.ssrc, at);
        drop(intake);
        due.iter().for_each(|compound| self.send_rtcp(compound));
        if let Some(feed) = self.feed.upgrade() {
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
        if let Some(feed) = self.feed.upgrade() {
            feed.on_rtcp(&plain);
        }
        Some(plain)
    }
}

impl Intake {
    fn note(&mut self, packet: &[u8], at: Instant) {
        let Some(header) = Header::read(packet) else { return };
        if self.transport_cc != 0
            && let Some(&[high, low]) = find_extension(packet, self.transport_cc)
        {
            self.arrivals.arrived(u16::from_be_bytes([high, low]), at);
        }
        if let Some(known) = self.receptions.iter_mut().find(|r| r.ssrc == header.ssrc) {
            return known.arrived(header.sequence, header.timestamp, at);
        }
        let rate = self.clock_rates.iter().find(|(pt, _)| *pt == header.payload_type).map_or(90_000, |(_, rate)| *rate);
        if self.receptions.len() == STREAMS {
            self.receptions.remove(0);
        }
        self.receptions.push(Reception::new(&header, rate, at));
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

    /// What the publisher is to be told now.
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
            due.extend(rtcp::receiver_report(ssrc, &blocks));
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
