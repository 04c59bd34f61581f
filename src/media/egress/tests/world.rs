//! A publisher, a feed and subscribers without sockets; only the contracts are used. Everything sent is decrypted
//! by `rtc-srtp`, an implementation that is not ours.

use crate::media::egress::line::{Estimate, Line};
use crate::media::egress::{Downlink, DownlinkSpec, Keys, LineReport, OutCodec, OutExtensions, OutStream, Pool, Wire};
use crate::media::estimate::Estimator;
use crate::media::feed::{Feed, Source, SourceTrack, Upstream};
use crate::media::rtcp::transport_feedback;
use crate::media::rtp::find_extension;
use crate::model::{Codec, FeedId, PeerId};
use rtc_srtp::context::Context;
use rtc_srtp::protection_profile::ProtectionProfile;
use rtcp_types::TwccPacketStatus;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

pub const VIDEO: u32 = 0x1000_0001;
pub const AUDIO: u32 = 0x1000_0002;
pub const RTX: u32 = 0x1000_0003;
pub const OUT_VIDEO: u32 = 0x2000_0001;
pub const OUT_AUDIO: u32 = 0x2000_0002;
pub const OUT_RTX: u32 = 0x2000_0003;
const LIMIT: Duration = Duration::from_secs(5);

/// The way back to the publisher; what was sent comes out of the channel.
pub struct Back(Mutex<Sender<Vec<u8>>>);

impl Upstream for Back {
    fn send_rtcp(&self, packet: &[u8]) {
        _ = self.0.lock().unwrap().send(packet.to_vec());
    }
}

/// A subscriber's socket; it can be made to refuse.
pub struct Socket {
    sent: Mutex<Sender<Vec<u8>>>,
    pub refuses: std::sync::atomic::AtomicBool,
}

impl Wire for Socket {
    fn send(&self, data: &[u8], lengths: &[usize]) -> usize {
        assert_eq!(data.len(), lengths.iter().sum::<usize>());
        if self.refuses.load(std::sync::atomic::Ordering::SeqCst) {
            return lengths.len();
        }
        let mut rest = data;
        for &length in lengths {
            let (datagram, tail) = rest.split_at(length);
            _ = self.sent.lock().unwrap().send(datagram.to_vec());
            rest = tail;
        }
        0
    }
}

pub struct World {
    pub pool: Arc<Pool>,
    pub feed: Arc<Feed>,
    pub upstream: Receiver<Vec<u8>>,
}

pub fn tracks(video: u32, audio: u32) -> Vec<SourceTrack> {
    let track = |codec, payload_type, ssrc, rtx: Option<(u8, u32)>| SourceTrack {
        codec,
        fmtp: String::new(),
        payload_type,
        ssrc: Some(ssrc),
        rtx_payload_type: rtx.map(|rtx| rtx.0),
        rtx_ssrc: rtx.map(|rtx| rtx.1),
        nack: codec == Codec::Vp8,
        audio_level_id: 0,
    };
    vec![track(Codec::Vp8, 96, video, Some((97, RTX))), track(Codec::Opus, 111, audio, None)]
}

pub fn upstream() -> (Arc<dyn Upstream>, Receiver<Vec<u8>>) {
    let (sender, receiver) = channel();
    (Arc::new(Back(Mutex::new(sender))), receiver)
}

impl World {
    pub fn new() -> Self {
        Self::of(Pool::start(2).unwrap())
    }

    /// Another publisher of the same pool.
    pub fn another(&self) -> Self {
        Self::of(self.pool.clone())
    }

    fn of(pool: Arc<Pool>) -> Self {
        let feed = Feed::new(FeedId::next(), pool.clone(), Duration::from_millis(300), Box::new(|_| {}));
        let (back, receiver) = upstream();
        feed.set_source(Source { tracks: tracks(VIDEO, AUDIO), upstream: back });
        Self { pool, feed, upstream: receiver }
    }

    /// One packet of the publisher, handed on at once.
    pub fn publish(&self, packet: &[u8]) {
        self.feed.on_rtp(packet.to_vec(), Instant::now());
        if self.feed.drained() {
            self.feed.flush();
        }
    }

    pub fn subscribe(&self) -> Viewer {
        self.subscribe_with(Box::new(Estimator::new(Instant::now())))
    }

    pub fn subscribe_with(&self, estimate: Box<dyn Estimate>) -> Viewer {
        let (sender, datagrams) = channel();
        let socket = Arc::new(Socket { sent: Mutex::new(sender), refuses: Default::default() });
        let (send, receive) = ([7; 30], [9; 30]);
        let stream = |codec, mid: &str, payload_type, ssrc, rtx: Option<(u8, u32)>| OutStream {
            first: OutCodec { codec, payload_type, rtx: rtx.map(|(pt, _)| pt) },
            others: match codec {
                Codec::Vp8 => vec![OutCodec { codec: Codec::H264, payload_type: 103, rtx: Some(104) }],
                _ => Vec::new(),
            },
            mid: mid.into(),
            ssrc,
            rtx_ssrc: rtx.map(|(_, ssrc)| ssrc),
        };
        let spec = DownlinkSpec {
            peer: PeerId::next(),
            feed: Some(self.feed.clone()),
            streams: vec![
                stream(Codec::Opus, "audio0", 109, OUT_AUDIO, None),
                stream(Codec::Vp8, "video1", 101, OUT_VIDEO, Some((102, OUT_RTX))),
            ],
            extensions: OutExtensions { mid: 9, abs_send_time: 7, transport_cc: 5, audio_level: 3 },
            keys: Keys { send, receive, index: Default::default() },
            numbers: Default::default(),
            wire: socket.clone(),
            cname: "test".into(),
        };
        let downlink = self.pool.attach_with(spec, Line::new(estimate, Duration::ZERO));
        Viewer {
            downlink,
            socket,
            datagrams,
            open: context(&send),
            seal: context(&receive),
            kept: Vec::new(),
            told: Instant::now(),
            first: None,
            arrived: Vec::new(),
        }
    }
}

pub fn context(master: &[u8; 30]) -> Context {
    let crypto = rtc_srtp::crypto::default_provider().unwrap();
    let profile = ProtectionProfile::Aes128CmHmacSha1_80;
    Context::new(&master[..16], &master[16..], profile, None, None, crypto.crypto()).unwrap()
}

/// An RTP packet as a subscriber sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    pub payload_type: u8,
    pub ssrc: u32,
    pub sequence: u16,
    pub timestamp: u32,
    pub payload: Vec<u8>,
}

pub struct Viewer {
    pub downlink: Downlink,
    pub socket: Arc<Socket>,
    datagrams: Receiver<Vec<u8>>,
    open: Context,
    seal: Context,
    kept: Vec<Vec<u8>>,
    told: Instant,
    first: Option<u32>,
    /// What came and was not told of yet: transport-wide number, when it was sent.
    arrived: Vec<(u16, u32)>,
}

impl Viewer {
    /// The next plain datagram for which `wanted` holds; others of the other kind are kept for later.
    fn next(&mut self, rtcp: bool) -> Option<Vec<u8>> {
        let is_rtcp = |data: &[u8]| (192..224).contains(&data[1]);
        if let Some(at) = self.kept.iter().position(|data| is_rtcp(data) == rtcp) {
            return Some(self.kept.remove(at));
        }
        let deadline = Instant::now() + LIMIT;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let data = self.datagrams.recv_timeout(left).ok()?;
            let plain = if is_rtcp(&data) { self.open.decrypt_rtcp(&data) } else { self.open.decrypt_rtp(&data) };
            let plain = plain.expect("an independent SRTP can read it").to_vec();
            if is_rtcp(&plain) == rtcp {
                return Some(plain);
            }
            self.kept.push(plain);
        }
    }

    pub fn rtp(&mut self, what: &str) -> Seen {
        let data = self.next(false).unwrap_or_else(|| panic!("no RTP within {LIMIT:?}: {what}"));
        let packet = rtp_types::RtpPacket::parse(&data).unwrap();
        Seen {
            payload_type: packet.payload_type(),
            ssrc: packet.ssrc(),
            sequence: packet.sequence_number(),
            timestamp: packet.timestamp(),
            payload: packet.payload().to_vec(),
        }
    }

    /// The next sender report of this stream: NTP, RTP.
    pub fn report(&mut self, ssrc: u32) -> (u64, u32) {
        for _ in 0..50 {
            let data = self.next(true).expect("a sender report within 5 s");
            if data[1] == 200 && data[4..8] == ssrc.to_be_bytes() {
                let word = |at: usize| u32::from_be_bytes(data[at..at + 4].try_into().unwrap());
                return (u64::from(word(8)) << 32 | u64::from(word(12)), word(16));
            }
        }
        panic!("no sender report of {ssrc:#x} among 50 compounds");
    }

    /// The next extended report (a DLRR).
    pub fn extended_report(&mut self) -> Vec<u8> {
        (0..50)
            .find_map(|_| {
                let data = self.next(true)?;
                data.windows(4).position(|head| head == [0x80, 207, 0, 5]).map(|at| data[at..].to_vec())
            })
            .expect("an extended report")
    }

    /// Sends plain RTCP to the service.
    pub fn say(&mut self, plain: &[u8]) {
        let sealed = self.seal.encrypt_rtcp(plain).unwrap();
        self.downlink.on_srtcp(&sealed, Instant::now());
    }

    /// Reads pictures until this instant and answers with transport-wide feedback each 50 ms. Returns their numbers.
    pub fn answer_until(&mut self, end: Instant) -> Vec<u16> {
        let mut seen = Vec::new();
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Ok(data) = self.datagrams.recv_timeout(left) else { return seen };
            if (192..224).contains(&data[1]) {
                continue;
            }
            let plain = self.open.decrypt_rtp(&data).expect("an independent SRTP can read it");
            let number = find_extension(&plain, 5).map(|value| u16::from_be_bytes([value[0], value[1]]));
            // It arrives when it was sent: a busy machine is no slow line.
            let sent = find_extension(&plain, 7).map(|value| u32::from_be_bytes([0, value[0], value[1], value[2]]));
            let since_first = sent.map(|sent| sent.wrapping_sub(*self.first.get_or_insert(sent)) & 0xff_ffff);
            self.arrived.extend(number.zip(since_first));
            let packet = rtp_types::RtpPacket::parse(&plain).unwrap();
            if packet.ssrc() == OUT_VIDEO {
                seen.push(packet.sequence_number());
            }
            if self.told.elapsed() >= Duration::from_millis(50) {
                self.told = Instant::now();
                self.tell_arrivals();
            }
        }
    }

    fn tell_arrivals(&mut self) {
        let told = std::mem::take(&mut self.arrived);
        // The extension counts 2^18 to the second, feedback 4000; its reference time 256 of these.
        let units = |at: u32| i64::from(at) * 4000 / (1 << 18);
        let reference = units(told[0].1) / 256;
        let mut before = reference * 256;
        let statuses: Vec<_> = told
            .iter()
            .map(|(_, at)| {
                let delta = (units(*at) - std::mem::replace(&mut before, units(*at))) as i16;
                TwccPacketStatus::Received { delta }
            })
            .collect();
        let (packet, count) = transport_feedback(1, 1, (told[0].0, reference as u32, 0), &statuses).unwrap();
        assert_eq!(count, told.len());
        self.say(&packet);
    }

    /// Says that a keyframe is wanted.
    pub fn pli(&mut self) {
        let mut pli = vec![0x81, 206, 0, 2, 0, 0, 0, 1];
        pli.extend_from_slice(&OUT_VIDEO.to_be_bytes());
        self.say(&pli);
    }

    /// Says what it believes its line carries: so many times 2^10 bits per second.
    pub fn remb(&mut self, mantissa: u16) {
        let mut remb = vec![0x8f, 206, 0, 5, 0, 0, 0, 1, 0, 0, 0, 0];
        remb.extend_from_slice(b"REMB\x01");
        remb.extend_from_slice(&[10 << 2, (mantissa >> 8) as u8, mantissa as u8]);
        remb.extend_from_slice(&OUT_VIDEO.to_be_bytes());
        self.say(&remb);
    }

    /// Waits until its report says so.
    pub fn until(&self, what: &str, holds: impl Fn(&LineReport) -> bool) -> LineReport {
        let deadline = Instant::now() + LIMIT;
        loop {
            let report = self.downlink.report();
            if holds(&report) {
                return report;
            }
            assert!(Instant::now() < deadline, "not within {LIMIT:?}: {what}: {report:?}");
            std::thread::yield_now();
        }
    }

    pub fn nack(&mut self, sequence: u16) {
        let mut packet = vec![0x81, 205, 0, 3, 0, 0, 0, 1];
        packet.extend_from_slice(&OUT_VIDEO.to_be_bytes());
        packet.extend_from_slice(&sequence.to_be_bytes());
        packet.extend_from_slice(&[0, 0]);
        self.say(&packet);
    }

    /// Drops the downlink; what its socket got stays readable.
    pub fn leave(self) -> Receiver<Vec<u8>> {
        drop(self.downlink);
        self.datagrams
    }

    /// Whether nothing is waiting.
    pub fn silent(&self) -> bool {
        self.datagrams.try_recv().is_err()
    }
}

/// Waits until it is so.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !holds() {
        assert!(Instant::now() < deadline, "not within {LIMIT:?}: {what}");
        std::thread::yield_now();
    }
}

pub fn rtp(payload_type: u8, ssrc: u32, sequence: u16, timestamp: u32, payload: &[u8]) -> Vec<u8> {
    let mut data = vec![0x80, 0x80 | payload_type];
    data.extend_from_slice(&sequence.to_be_bytes());
    data.extend_from_slice(&timestamp.to_be_bytes());
    data.extend_from_slice(&ssrc.to_be_bytes());
    data.extend_from_slice(payload);
    data
}

pub fn key(ssrc: u32, sequence: u16, timestamp: u32) -> Vec<u8> {
    rtp(96, ssrc, sequence, timestamp, &[0x10, 0x10, 0, 0, 0x9d, 1, 0x2a, 0x80, 2, 0xe0, 1])
}

pub fn inter(ssrc: u32, sequence: u16, timestamp: u32) -> Vec<u8> {
    rtp(96, ssrc, sequence, timestamp, &[0x10, 0x11, sequence as u8])
}

pub fn sender_report(ssrc: u32, ntp: u64, timestamp: u32) -> Vec<u8> {
    let mut data = vec![0x80, 200, 0, 6];
    data.extend_from_slice(&ssrc.to_be_bytes());
    data.extend_from_slice(&ntp.to_be_bytes());
    data.extend_from_slice(&timestamp.to_be_bytes());
    data.extend_from_slice(&[0; 8]);
    data
}

/// The next packet toward the publisher of this RTCP type.
pub fn upward(upstream: &Receiver<Vec<u8>>, kind: u8, what: &str) -> Vec<u8> {
    let deadline = Instant::now() + LIMIT;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let packet = upstream.recv_timeout(left).unwrap_or_else(|_| panic!("missing toward the publisher: {what}"));
        // reduced size, or behind an empty receiver report
        if let Some(at) = packet.windows(2).step_by(4).position(|head| head[1] == kind && head[0] & 0xc0 == 0x80) {
            return packet[at * 4..].to_vec();
        }
    }
}
