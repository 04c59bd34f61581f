//! A feed as plain RTP to a host: the packets as they came, sender reports beside them.
//!
//! Decides ports and reports; whether anybody listens cannot be known.

use super::report::Report;
use super::sdp;
use super::supervisor::Happening;
use crate::media::MediaError;
use crate::media::feed::{Feed, TapItem};
use crate::media::rtcp::{SenderReport, write_sender_report};
use crate::media::rtp::Packet;
use crate::model::{Codec, EndReason, FeedId, Kind};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;

/// Packets that may wait for the network: a second of video or so.
const TAP_CAPACITY: usize = 2048;
/// The wish to end is looked at so often.
const LOOK: Duration = Duration::from_millis(100);

/// A running forward; dropped, its thread ends within 100 ms.
pub(super) struct Forward {
    stopped: Arc<AtomicBool>,
}

struct Worker {
    feed: FeedId,
    packets: Receiver<TapItem>,
    socket: UdpSocket,
    to: SocketAddr,
    stopped: Arc<AtomicBool>,
    report: Arc<Report>,
    tell: UnboundedSender<Happening>,
    streams: Vec<Stream>,
}

/// What was sent of a track.
struct Stream {
    codec: Codec,
    ssrc: u32,
    packets: u32,
    bytes: u32,
}

impl Forward {
    /// Sends from now on. `Transient`: no socket or no thread.
    pub(super) fn start(
        feed: &Arc<Feed>,
        to: SocketAddr,
        report: &Arc<Report>,
        tell: &UnboundedSender<Happening>,
    ) -> Result<Self, MediaError> {
        let any: IpAddr = if to.is_ipv4() { [0; 4].into() } else { [0u16; 8].into() };
        let socket = UdpSocket::bind((any, 0)).map_err(|error| MediaError::Transient(format!("no socket: {error}")))?;
        let packets = feed.tap(TAP_CAPACITY, Duration::ZERO);
        report.sdp(sdp::describe(feed.id(), &feed.tracks(), to));
        feed.request_keyframe();
        let stopped = Arc::new(AtomicBool::new(false));
        let (report, tell, streams) = (report.clone(), tell.clone(), Vec::new());
        let worker = Worker { feed: feed.id(), packets, socket, to, stopped: stopped.clone(), report, tell, streams };
        std::thread::Builder::new()
            .name(format!("rtp-{}", feed.id()))
            .spawn(move || worker.run())
            .map_err(|error| MediaError::Transient(format!("no thread: {error}")))?;
        Ok(Self { stopped })
    }
}

impl Drop for Forward {
    fn drop(&mut self) {
        self.stopped.store(true, Relaxed);
    }
}

impl Worker {
    fn run(mut self) {
        while !self.stopped.load(Relaxed) {
            match self.packets.recv_timeout(LOOK) {
                Ok(TapItem::Packet(packet)) => self.send(&packet),
                Ok(TapItem::SenderReport { codec, ntp, rtp }) => self.send_report(codec, ntp, rtp),
                Ok(TapItem::TracksChanged(tracks)) => self.report.sdp(sdp::describe(self.feed, &tracks, self.to)),
                Ok(TapItem::Ended) | Err(RecvTimeoutError::Disconnected) => {
                    let _ = self.tell.send(Happening::FeedOver(EndReason::FeedEnded));
                    return;
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    fn at(&self, kind: Kind, above: u16) -> SocketAddr {
        SocketAddr::new(self.to.ip(), sdp::port(kind, self.to).saturating_add(above))
    }

    fn send(&mut self, packet: &Packet) {
        let codec = packet.codec;
        // A full socket buffer loses a packet, as networks do.
        if self.socket.send_to(&packet.data, self.at(codec.kind(), 0)).is_err() {
            return;
        }
        if self.report.bytes() == 0 {
            let _ = self.tell.send(Happening::Live);
        }
        self.report.sent(packet.data.len() as u64);
        let ssrc = packet.data.get(8..12).and_then(|b| b.try_into().ok()).map_or(0, u32::from_be_bytes);
        self.streams.retain(|stream| stream.codec.kind() != codec.kind() || stream.ssrc == ssrc);
        let known = self.streams.iter().position(|stream| stream.ssrc == ssrc);
        let index = known.unwrap_or(self.streams.len());
        if known.is_none() {
            self.streams.push(Stream { codec, ssrc, packets: 0, bytes: 0 });
        }
        let stream = &mut self.streams[index];
        stream.packets = stream.packets.wrapping_add(1);
        stream.bytes = stream.bytes.wrapping_add(packet.payload().len() as u32);
    }

    /// The publisher's own clocks: the receiver aligns sound and pictures by them.
    fn send_report(&self, codec: Codec, ntp: u64, rtp: u32) {
        let Some(stream) = self.streams.iter().find(|stream| stream.codec == codec) else { return };
        let (ssrc, packets, bytes) = (stream.ssrc, stream.packets, stream.bytes);
        let mut out = Vec::new();
        write_sender_report(&SenderReport { ssrc, ntp, rtp, packets, bytes }, &format!("feed-{}", self.feed), &mut out);
        let _ = self.socket.send_to(&out, self.at(codec.kind(), 1));
    }
}
