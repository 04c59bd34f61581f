//! How packets reach a subscriber: headers and extensions are written, payloads copied and rewritten, encrypted, counted,
//! and handed to the socket. Leaves to `subscriber` what is sent, and when.

use super::backlog::{Backlog, Datagrams};
use super::figures::Figures;
use super::line::{Leaving, Line};
use super::rates::Rates;
use super::stream::{Placed, Stream};
use super::{DownlinkSpec, OutExtensions, TransportNumbers, Wire};
use crate::media::estimate::ProbeId;
use crate::media::rtp::{Item, OutExtensionValues, OutHeader};
use crate::media::srtp::Sender;
use crate::model::Kind;
use aws_lc_rs::error::Unspecified;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, LazyLock};
use std::time::Instant;

/// The mid extension is needed only until the receiver knows the SSRC.
const WITH_MID: u32 = 100;
/// Retransmissions may use this share of the media bytes, and so much at once: without a budget a full queue turns
/// NACKs into a storm.
const RTX_SHARE: f64 = 0.25;
const RTX_BURST: f64 = 30_000.0;
/// Bytes of a packet of padding; a byte tells its length.
const PADDING: usize = 224;

static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Datagrams written for one subscriber, one after another; their room is the thread's, used for all in turn.
pub struct Outgoing {
    datagrams: Datagrams,
    /// One look at the clock for all that goes in one call.
    pub now: Instant,
    /// For the header extension.
    sent_at: u32,
    payload_bytes: u64,
    pictures: u64,
    leaving: Vec<Leaving>,
}

impl Default for Outgoing {
    fn default() -> Self {
        let (datagrams, leaving) = (Datagrams::default(), Vec::new());
        Self { datagrams, now: Instant::now(), sent_at: 0, payload_bytes: 0, pictures: 0, leaving }
    }
}

impl Outgoing {
    /// What follows leaves now.
    pub fn begin(&mut self) {
        self.now = Instant::now();
        let since = self.now.saturating_duration_since(*EPOCH);
        // 24 bits, seconds in 6.18 fixed point.
        self.sent_at = (since.as_nanos() as u64 / 1000 * 0x4_0000 / 1_000_000) as u32 & 0xff_ffff;
    }
}

/// Why a packet is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// For the first time.
    Media,
    /// It was missed.
    Again,
    /// To see what the line carries.
    Probe(ProbeId),
}

/// One subscriber's.
pub struct Writer {
    extensions: OutExtensions,
    sender: Sender,
    wire: Arc<dyn Wire>,
    figures: Arc<Figures>,
    line: Arc<Line>,
    rates: Rates,
    /// Bytes without those of IP and UDP: all, and of media.
    bytes: [u64; 2],
    numbers: TransportNumbers,
    /// The last of them.
    transport_cc: u16,
    credit: f64,
    backlog: Backlog,
}

impl Writer {
    /// The only one that sends RTP with these keys.
    pub fn new(spec: &DownlinkSpec, figures: Arc<Figures>, line: Arc<Line>) -> Result<Self, Unspecified> {
        Ok(Self {
            extensions: spec.extensions,
            sender: Sender::sharing(&spec.keys.send, spec.keys.index.clone())?,
            wire: Arc::clone(&spec.wire),
            figures,
            line,
            rates: Rates::default(),
            bytes: [0; 2],
            numbers: spec.numbers.clone(),
            transport_cc: 0,
            credit: RTX_BURST,
            backlog: Backlog::default(),
        })
    }

    /// Whether the budget allows another retransmission.
    pub fn may_repeat(&self) -> bool {
        self.credit > 0.0
    }

    /// Whether transport-wide feedback was negotiated.
    pub fn has_feedback(&self) -> bool {
        self.extensions.transport_cc != 0
    }

    /// Appends one protected packet; what is no media goes as a retransmission (RFC 4588). Returns its bytes; zero when the
    /// stream cannot carry it.
    pub fn write(
        &mut self,
        stream: &mut Stream,
        item: &Item,
        placed: &Placed,
        why: Purpose,
        out: &mut Outgoing,
    ) -> usize {
        let codec = item.packet.codec;
        let own = stream.spec.carries(codec).map(|own| (own.payload_type, stream.spec.ssrc));
        let way = if why == Purpose::Media { own } else { stream.spec.rtx(codec) };
        let Some((payload_type, ssrc)) = way else { return 0 };
        let sequence = if why == Purpose::Media { placed.sequence } else { stream.next_rtx() };
        let (marker, timestamp) = (item.packet.marker, placed.timestamp);
        let values = self.values(stream, item.level, out);
        let header = OutHeader { marker, payload_type, sequence: sequence as u16, timestamp, ssrc, values };
        let start = out.datagrams.data.len();
        let length = header.write(&self.extensions, &mut out.datagrams.data);
        if why != Purpose::Media {
            out.datagrams.data.extend_from_slice(&(placed.sequence as u16).to_be_bytes());
        }
        let payload = out.datagrams.data.len();
        out.datagrams.data.extend_from_slice(item.packet.payload());
        if let Some(vp8) = &item.vp8 {
            vp8.rewrite(&placed.offsets, &mut out.datagrams.data[payload..]);
        }
        let bytes = out.datagrams.data.len() - payload;
        let all = self.seal(start, length, sequence, why, out);
        if all > 0 {
            self.account(stream, item, placed, bytes, why, out);
        }
        all
    }

    /// Appends a packet of padding alone on the stream of retransmissions. Returns its bytes.
    pub fn pad(&mut self, stream: &mut Stream, probe: ProbeId, out: &mut Outgoing) -> usize {
        let codec = stream.codec().unwrap_or(stream.spec.first.codec);
        let Some((payload_type, ssrc)) = stream.spec.rtx(codec) else { return 0 };
        let (sequence, timestamp) = (stream.next_rtx(), stream.last_timestamp());
        let values = self.values(stream, None, out);
        let header = OutHeader { marker: false, payload_type, sequence: sequence as u16, timestamp, ssrc, values };
        let start = out.datagrams.data.len();
        let length = header.write(&self.extensions, &mut out.datagrams.data);
        out.datagrams.data[start] |= 0x20;
        out.datagrams.data.resize(start + length + PADDING - 1, 0);
        out.datagrams.data.push(PADDING as u8);
        self.seal(start, length, sequence, Purpose::Probe(probe), out)
    }

    fn values<'a>(&mut self, stream: &'a Stream, level: Option<u8>, out: &Outgoing) -> OutExtensionValues<'a> {
        // Who does not write it must not leave a gap for others of the connection.
        if self.has_feedback() {
            self.transport_cc = self.numbers.next();
        }
        OutExtensionValues {
            mid: (stream.packets < WITH_MID).then_some(stream.spec.mid.as_str()),
            transport_cc: self.transport_cc,
            abs_send_time: out.sent_at,
            level,
        }
    }

    /// Encrypts what was appended since `start`. Returns its bytes; zero when it could not be.
    fn seal(&mut self, start: usize, header: usize, sequence: u64, why: Purpose, out: &mut Outgoing) -> usize {
        if self.sender.protect(&mut out.datagrams.data, start, header, (sequence >> 16) as u32).is_err() {
            out.datagrams.data.truncate(start);
            return 0;
        }
        let length = out.datagrams.data.len() - start;
        out.datagrams.lengths.push(length);
        if self.has_feedback() {
            let probe = if let Purpose::Probe(id) = why { Some(id) } else { None };
            out.leaving.push((self.transport_cc, length, probe));
        }
        self.bytes[0] += length as u64;
        if why == Purpose::Media {
            self.bytes[1] += length as u64;
        }
        length
    }

    fn account(
        &mut self,
        stream: &mut Stream,
        item: &Item,
        placed: &Placed,
        bytes: usize,
        why: Purpose,
        out: &mut Outgoing,
    ) {
        out.payload_bytes += bytes as u64;
        match why {
            Purpose::Media => {
                self.credit = (self.credit + bytes as f64 * RTX_SHARE).min(RTX_BURST);
                out.pictures += u64::from(item.packet.marker && stream.spec.kind() == Kind::Video);
                stream.packets = stream.packets.wrapping_add(1);
                stream.bytes = stream.bytes.wrapping_add(bytes as u32);
                stream.wrote(placed, item);
            }
            Purpose::Again => {
                self.credit -= bytes as f64;
                self.figures.retransmitted.fetch_add(1, Relaxed);
            }
            Purpose::Probe(_) => {}
        }
    }

    /// Gives the written packets to the socket; a full one lets a bounded amount wait. Returns how many were given up.
    pub fn hand_over(&mut self, out: &mut Outgoing) -> usize {
        if out.datagrams.is_empty() && self.backlog.is_empty() {
            return 0;
        }
        if !out.leaving.is_empty() {
            self.line.sent(out.now, &out.leaving);
            out.leaving.clear();
        }
        self.figures.packets.fetch_add(out.datagrams.lengths.len() as u64, Relaxed);
        self.figures.bytes.fetch_add(std::mem::take(&mut out.payload_bytes), Relaxed);
        self.figures.pictures.fetch_add(std::mem::take(&mut out.pictures), Relaxed);
        let given_up = self.backlog.send(&mut out.datagrams, |all| self.wire.send(&all.data, &all.lengths));
        if given_up > 0 {
            super::dropped("socket_full", given_up as u64);
        }
        given_up
    }

    /// Sends a plain compound.
    pub fn send_rtcp(&mut self, mut compound: Vec<u8>) {
        if self.sender.protect_rtcp(&mut compound).is_ok() {
            self.wire.send(&compound, &[compound.len()]);
        }
    }

    /// Time has passed: what was sent over the last second.
    pub fn measure(&mut self, now: Instant) {
        let [sent, media] = self.rates.look(now, self.bytes);
        self.figures.sent_rate.store(sent, Relaxed);
        self.figures.media_rate.store(media, Relaxed);
    }
}
