//! A connected subscriber as its worker sees it: packets are rewritten, encrypted and sent, its RTCP is answered.

use super::backlog::{Backlog, Datagrams};
use super::downlink::Figures;
use super::stream::{Placed, Stream};
use super::{DownlinkSpec, OutExtensions, Wire};
use crate::media::feed::{Feed, clock};
use crate::media::rtcp::{self, SenderReport};
use crate::media::rtp::{Item, OutExtensionValues, OutHeader};
use crate::media::srtp::Sender;
use crate::model::{Kind, PeerId};
use aws_lc_rs::error::Unspecified;
use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// The mid extension is needed only until the receiver knows the SSRC.
const WITH_MID: u32 = 100;
/// Retransmissions may use this share of the media bytes, and so much at once: without a budget a full queue turns
/// NACKs into a storm.
const RTX_SHARE: f64 = 0.25;
const RTX_BURST: f64 = 30_000.0;
/// A full socket asks for a keyframe at most so often.
const REFUSAL_PAUSE: Duration = Duration::from_secs(1);
/// Sender reports: the first ones soon, then every second.
const FIRST_REPORTS: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const REPORT_PAUSE: Duration = Duration::from_secs(1);

static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Datagrams written for one subscriber, one after another; their room is the thread's, used for all in turn.
#[derive(Default)]
pub struct Outgoing {
    datagrams: Datagrams,
    /// For the header extension: one look at the clock for all that goes in one call.
    sent_at: u32,
    payload_bytes: u64,
    pictures: u64,
}

/// 24 bits, seconds in 6.18 fixed point.
fn abs_send_time() -> u32 {
    (EPOCH.elapsed().as_nanos() as u64 / 1000 * 0x4_0000 / 1_000_000) as u32 & 0xff_ffff
}

/// The subscriber.
pub struct Subscriber {
    /// Identity.
    pub peer: PeerId,
    /// What it watches.
    pub feed: Arc<Feed>,
    streams: Vec<Stream>,
    extensions: OutExtensions,
    sender: Sender,
    wire: Arc<dyn Wire>,
    cname: String,
    figures: Arc<Figures>,
    transport_cc: u16,
    credit: f64,
    backlog: Backlog,
    refused: Option<Instant>,
    reports: u32,
    reported: Instant,
}

impl Subscriber {
    /// The only one for these keys.
    pub fn new(spec: DownlinkSpec, figures: Arc<Figures>) -> Result<Self, Unspecified> {
        Ok(Self {
            sender: Sender::new(&spec.keys.send)?,
            peer: spec.peer,
            feed: spec.feed,
            streams: spec.streams.into_iter().map(|s| Stream::new(s, rand::random())).collect(),
            extensions: spec.extensions,
            wire: spec.wire,
            cname: spec.cname,
            figures,
            transport_cc: 0,
            credit: RTX_BURST,
            backlog: Backlog::default(),
            refused: None,
            reports: 0,
            reported: Instant::now(),
        })
    }

    /// The first pictures: those since the newest keyframe, or a new keyframe is asked for.
    pub fn begin(&mut self, out: &mut Outgoing) {
        let pictures = self.feed.newest_pictures();
        if pictures.is_empty() {
            self.feed.request_keyframe();
        }
        self.send_batch(&pictures, out);
    }

    /// Sends what of a batch is for it, in one call.
    pub fn send_batch(&mut self, items: &[Arc<Item>], out: &mut Outgoing) {
        out.sent_at = abs_send_time();
        for item in items {
            for index in 0..self.streams.len() {
                if let Some(placed) = self.streams[index].place(item) {
                    self.write(index, item, &placed, None, out);
                }
            }
        }
        self.hand_over(out);
    }

    /// Appends one protected packet; `again`: as a retransmission (RFC 4588) with this payload type and SSRC.
    fn write(&mut self, index: usize, item: &Item, placed: &Placed, again: Option<(u8, u32)>, out: &mut Outgoing) {
        let start = out.datagrams.data.len();
        let stream = &mut self.streams[index];
        let sequence = if again.is_some() { stream.next_rtx() } else { placed.sequence };
        let (payload_type, ssrc) = again.unwrap_or((stream.spec.first.payload_type, stream.spec.ssrc));
        self.transport_cc = self.transport_cc.wrapping_add(1);
        let values = OutExtensionValues {
            mid: (stream.packets < WITH_MID).then_some(stream.spec.mid.as_str()),
            transport_cc: self.transport_cc,
            abs_send_time: out.sent_at,
            level: item.level,
        };
        let (marker, timestamp) = (item.packet.marker, placed.timestamp);
        let header = OutHeader { marker, payload_type, sequence: sequence as u16, timestamp, ssrc, values };
        let length = header.write(&self.extensions, &mut out.datagrams.data);
        if again.is_some() {
            out.datagrams.data.extend_from_slice(&(placed.sequence as u16).to_be_bytes());
        }
        let payload = out.datagrams.data.len();
        out.datagrams.data.extend_from_slice(item.packet.payload());
        if let Some(vp8) = &item.vp8 {
            vp8.rewrite(&placed.offsets, &mut out.datagrams.data[payload..]);
        }
        let bytes = out.datagrams.data.len() - payload;
        if self.sender.protect(&mut out.datagrams.data, start, length, (sequence >> 16) as u32).is_err() {
            out.datagrams.data.truncate(start);
            return;
        }
        out.datagrams.lengths.push(out.datagrams.data.len() - start);
        self.account(index, bytes, again.is_some(), marker, out);
    }

    fn account(&mut self, index: usize, bytes: usize, again: bool, last: bool, out: &mut Outgoing) {
        out.payload_bytes += bytes as u64;
        if again {
            self.credit -= bytes as f64;
            self.figures.retransmitted.fetch_add(1, Relaxed);
        } else {
            self.credit = (self.credit + bytes as f64 * RTX_SHARE).min(RTX_BURST);
            let stream = &mut self.streams[index];
            if last && stream.spec.kind() == Kind::Video {
                out.pictures += 1;
            }
            stream.packets = stream.packets.wrapping_add(1);
            stream.bytes = stream.bytes.wrapping_add(bytes as u32);
        }
    }

    /// Gives the written packets to the socket. A full one lets a bounded amount wait, then the picture begins anew.
    fn hand_over(&mut self, out: &mut Outgoing) {
        if out.datagrams.is_empty() && self.backlog.is_empty() {
            return;
        }
        self.figures.packets.fetch_add(out.datagrams.lengths.len() as u64, Relaxed);
        self.figures.bytes.fetch_add(std::mem::take(&mut out.payload_bytes), Relaxed);
        self.figures.pictures.fetch_add(std::mem::take(&mut out.pictures), Relaxed);
        let given_up = self.backlog.send(&mut out.datagrams, |all| self.wire.send(&all.data, &all.lengths));
        if given_up > 0 {
            super::dropped("socket_full", given_up as u64);
            self.ask_after_refusal();
        }
    }

    fn ask_after_refusal(&mut self) {
        let now = Instant::now();
        if self.refused.is_none_or(|last| now - last >= REFUSAL_PAUSE) {
            self.refused = Some(now);
            self.feed.request_keyframe();
        }
    }

    /// Sends again what it misses, within its budget.
    pub fn on_nack(&mut self, ssrc: u32, sequences: &[u16], out: &mut Outgoing) {
        let Some(index) = self.streams.iter().position(|s| s.spec.ssrc == ssrc) else { return };
        let codec = self.streams[index].spec.first.codec;
        let Some(rtx) = self.streams[index].spec.rtx(codec) else { return };
        let Some(history) = self.feed.history(codec) else { return };
        out.sent_at = abs_send_time();
        let (now, round_trip) = (Instant::now(), self.figures.round_trip());
        for sequence in sequences {
            if self.credit <= 0.0 {
                break;
            }
            let find = |source| history.read().get(source).cloned();
            if let Some((placed, item)) = self.streams[index].retransmit(*sequence, round_trip, now, find) {
                self.write(index, &item, &placed, Some(rtx), out);
            }
        }
        self.hand_over(out);
    }

    /// What waits for the socket, and sender reports that are due.
    pub fn tick(&mut self, now: Instant, out: &mut Outgoing) {
        self.hand_over(out);
        let pause = if self.reports < FIRST_REPORTS { FIRST_PAUSE } else { REPORT_PAUSE };
        if now.saturating_duration_since(self.reported) < pause {
            return;
        }
        self.reported = now;
        let ntp = clock::ntp_now();
        let reports: Vec<SenderReport> = self.streams.iter().filter_map(|s| self.report(s, ntp)).collect();
        self.reports += u32::from(!reports.is_empty());
        for report in reports {
            let mut compound = Vec::with_capacity(96);
            rtcp::write_sender_report(&report, &self.cname, &mut compound);
            self.send_rtcp(compound);
        }
    }

    fn report(&self, stream: &Stream, ntp: u64) -> Option<SenderReport> {
        let rtp = self.feed.rtp_at(stream.spec.first.codec, ntp).filter(|_| stream.started())?;
        let rtp = rtp.wrapping_add(stream.timestamp_offset);
        Some(SenderReport { ssrc: stream.spec.ssrc, ntp, rtp, packets: stream.packets, bytes: stream.bytes })
    }

    /// RFC 3611 4.5: so a pure receiver learns the round trip and repeats its NACKs in time.
    pub fn answer_receiver_time(&mut self, to: u32, their_ntp: u64, delay: Duration) {
        let ntp = clock::ntp_now();
        let Some(ssrc) = self.streams.first().map(|s| s.spec.ssrc) else { return };
        let mut compound = Vec::with_capacity(96);
        match self.streams.iter().find_map(|s| self.report(s, ntp)) {
            Some(report) => rtcp::write_sender_report(&report, &self.cname, &mut compound),
            None => rtcp::write_empty_report(ssrc, &self.cname, &mut compound),
        }
        rtcp::write_dlrr(ssrc, to, their_ntp, delay, &mut compound);
        self.send_rtcp(compound);
    }

    fn send_rtcp(&mut self, mut compound: Vec<u8>) {
        if self.sender.protect_rtcp(&mut compound).is_ok() {
            self.wire.send(&compound, &[compound.len()]);
        }
    }
}
