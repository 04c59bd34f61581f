//! A connected subscriber as its worker sees it: packets are rewritten, encrypted and sent, its RTCP is answered.

use super::backlog::{Backlog, Datagrams};
use super::figures::Figures;
use super::line::{Leaving, Line};
use super::rates::Rates;
use super::source::{Histories, Shown, Sources};
use super::stream::{Origin, Placed, Stream};
use super::{DownlinkSpec, OutExtensions, Wire};
use crate::media::feed::clock;
use crate::media::rtcp::{self, SenderReport};
use crate::media::rtp::{Item, OutExtensionValues, OutHeader};
use crate::media::srtp::Sender;
use crate::model::{FeedId, Kind, PeerId};
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

/// A switch goes back in time at most so far for a keyframe that is at hand.
const REWIND: Duration = Duration::from_millis(300);

static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Datagrams written for one subscriber, one after another; their room is the thread's, used for all in turn.
#[derive(Default)]
pub struct Outgoing {
    datagrams: Datagrams,
    /// For the header extension: one look at the clock for all that goes in one call.
    sent_at: u32,
    payload_bytes: u64,
    pictures: u64,
    leaving: Vec<Leaving>,
}

/// 24 bits, seconds in 6.18 fixed point.
fn abs_send_time() -> u32 {
    (EPOCH.elapsed().as_nanos() as u64 / 1000 * 0x4_0000 / 1_000_000) as u32 & 0xff_ffff
}

fn place_of(kind: Kind) -> usize {
    usize::from(kind == Kind::Video)
}

/// The subscriber.
pub struct Subscriber {
    /// Identity.
    pub peer: PeerId,
    streams: Vec<Stream>,
    /// Of sound and of pictures.
    sources: [Sources; 2],
    /// Other feeds are wanted than before.
    pub moved: bool,
    extensions: OutExtensions,
    sender: Sender,
    wire: Arc<dyn Wire>,
    cname: String,
    figures: Arc<Figures>,
    line: Arc<Line>,
    rates: Rates,
    /// Bytes on the wire without UDP: all, and of media.
    bytes: [u64; 2],
    transport_cc: u16,
    credit: f64,
    backlog: Backlog,
    refused: Option<Instant>,
    reports: u32,
    reported: Instant,
}

impl Subscriber {
    /// The only one for these keys.
    pub fn new(spec: DownlinkSpec, figures: Arc<Figures>, line: Arc<Line>) -> Result<Self, Unspecified> {
        Ok(Self {
            sender: Sender::new(&spec.keys.send)?,
            peer: spec.peer,
            sources: Default::default(),
            moved: false,
            streams: spec.streams.into_iter().map(|s| Stream::new(s, rand::random())).collect(),
            extensions: spec.extensions,
            wire: spec.wire,
            cname: spec.cname,
            figures,
            line,
            rates: Rates::default(),
            bytes: [0; 2],
            transport_cc: 0,
            credit: RTX_BURST,
            backlog: Backlog::default(),
            refused: None,
            reports: 0,
            reported: Instant::now(),
        })
    }

    /// Sound or pictures come from this source as soon as it begins: pictures at a keyframe, which is asked for unless a
    /// new one is at hand. Until then the former source goes on; `None` ends it at once.
    pub fn show(&mut self, kind: Kind, shown: Option<Shown>, out: &mut Outgoing) {
        self.moved = true;
        let chosen = self.sources[place_of(kind)].choose(shown);
        if kind == Kind::Video {
            self.tell_shown();
        }
        if chosen && kind == Kind::Video {
            self.begin_pictures(out);
        }
    }

    fn begin_pictures(&mut self, out: &mut Outgoing) {
        let sources = &self.sources[place_of(Kind::Video)];
        let Some(feed) = sources.next().map(|next| Arc::clone(&next.feed)) else { return };
        let mut pictures = feed.newest_pictures();
        if sources.current().is_some() && pictures.first().is_some_and(|first| first.packet.at.elapsed() > REWIND) {
            pictures.clear();
        }
        if pictures.is_empty() {
            feed.request_keyframe();
        }
        self.send_batch(feed.id(), &pictures, out);
    }

    fn tell_shown(&self) {
        let current = self.sources[place_of(Kind::Video)].current();
        self.figures.pictures_of.lock().shown(current.map(|current| &current.feed));
    }

    /// The feeds that packets are wanted of.
    pub fn feeds(&self) -> impl Iterator<Item = FeedId> {
        self.sources.iter().flat_map(Sources::feeds)
    }

    /// Sends what of a feed's batch is for it, in one call.
    pub fn send_batch(&mut self, feed: FeedId, items: &[Arc<Item>], out: &mut Outgoing) {
        out.sent_at = abs_send_time();
        let mut roles = [self.sources[0].role(feed), self.sources[1].role(feed)];
        for item in items {
            let kind = place_of(item.packet.codec.kind());
            let Some((serial, awaited)) = roles[kind] else { continue };
            for index in 0..self.streams.len() {
                let line = |from| self.sources[kind].line(from, item.packet.codec).filter(|_| awaited);
                let Some(placed) = self.streams[index].place(item, serial, line) else { continue };
                if awaited {
                    self.promote(item.packet.codec.kind());
                    roles[kind] = Some((serial, false));
                }
                self.write(index, item, &placed, None, out);
            }
        }
        self.hand_over(out);
    }

    /// The awaited source has begun.
    fn promote(&mut self, kind: Kind) {
        self.sources[place_of(kind)].promote();
        self.moved = true;
        if kind == Kind::Video {
            self.tell_shown();
        }
    }

    /// Appends one protected packet; `again`: as a retransmission (RFC 4588) with this payload type and SSRC.
    fn write(&mut self, index: usize, item: &Item, placed: &Placed, again: Option<(u8, u32)>, out: &mut Outgoing) {
        let start = out.datagrams.data.len();
        let stream = &mut self.streams[index];
        let sequence = if again.is_some() { stream.next_rtx() } else { placed.sequence };
        let Some(own) = stream.spec.carries(item.packet.codec).map(|out| out.payload_type) else { return };
        let (payload_type, ssrc) = again.unwrap_or((own, stream.spec.ssrc));
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
        let length = out.datagrams.data.len() - start;
        out.datagrams.lengths.push(length);
        out.leaving.push((self.transport_cc, length, None));
        self.bytes[0] += length as u64;
        self.bytes[1] += if again.is_none() { length as u64 } else { 0 };
        if again.is_none() {
            self.streams[index].wrote(placed, item);
        }
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
        if self.extensions.transport_cc != 0 && !out.leaving.is_empty() {
            self.line.sent(Instant::now(), &out.leaving);
        }
        out.leaving.clear();
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
            let feed = self.figures.pictures_of.lock().feed();
            feed.iter().for_each(|feed| feed.request_keyframe());
        }
    }

    /// Sends again what it misses, within its budget.
    pub fn on_nack(&mut self, ssrc: u32, sequences: &[u16], out: &mut Outgoing) {
        let Some(index) = self.streams.iter().position(|s| s.spec.ssrc == ssrc) else { return };
        if self.streams[index].spec.rtx_ssrc.is_none() {
            return;
        }
        out.sent_at = abs_send_time();
        let (now, round_trip) = (Instant::now(), self.figures.round_trip().unwrap_or_default());
        let mut histories = Histories::default();
        for sequence in sequences {
            if self.credit <= 0.0 {
                break;
            }
            let stream = &mut self.streams[index];
            let sources = &self.sources[place_of(stream.spec.kind())];
            let find = |origin: &Origin, source| histories.find(sources, origin, source);
            if let Some((placed, item)) = stream.retransmit(*sequence, round_trip, now, find)
                && let Some(rtx) = stream.spec.rtx(item.packet.codec)
            {
                self.write(index, &item, &placed, Some(rtx), out);
            }
        }
        self.hand_over(out);
    }

    /// What waits for the socket, and sender reports that are due.
    pub fn tick(&mut self, now: Instant, out: &mut Outgoing) {
        self.hand_over(out);
        let [sent, media] = self.rates.look(now, self.bytes);
        self.figures.sent_rate.store(sent, Relaxed);
        self.figures.media_rate.store(media, Relaxed);
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
        let source = self.sources[place_of(stream.spec.kind())].current()?;
        let rtp = source.feed.rtp_at(stream.codec()?, ntp)?;
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
