//! Per subscriber: rewrite, retransmit, encrypt, send. A fixed pool of workers; no GStreamer here.
//!
//! A subscriber is one `Downlink`. Those that share a connection belong to a `Trunk`, which has what there is one of: the
//! line with its estimate, the transport-wide numbers, the sending thread.

mod backlog;
mod downlink;
mod figures;
mod line;
mod pacer;
mod probe;
mod rates;
mod roster;
mod show;
mod source;
mod stream;
mod subscriber;
mod timer;
mod trunk;
mod worker;
mod writer;

use super::estimate::Estimator;
use super::feed::Feed;
use super::rtp::Item;
use crate::media::srtp::{Receiver, RtcpIndex};
use crate::model::{Codec, FeedId, Kind, PeerId};
pub use downlink::Downlink;
use figures::Figures;
use line::Line;
use parking_lot::Mutex;
pub use show::{LineReport, Show};
use source::Ledger;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering::Relaxed};
use std::time::Instant;
use subscriber::Subscriber;
use timer::Timer;
pub use trunk::Trunk;
use worker::{Job, Worker};

/// The socket side of a subscriber: datagrams to its selected address.
pub trait Wire: Send + Sync + 'static {
    /// Sends datagrams that lie one after another in `data`, their lengths in `lengths` (GSO where equal sizes
    /// follow each other). Never blocks; stops at the first that there is no room for and returns how many are left.
    fn send(&self, data: &[u8], lengths: &[usize]) -> usize;
}

/// A codec that an outgoing stream may carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutCodec {
    /// Codec.
    pub codec: Codec,
    /// RTP payload type.
    pub payload_type: u8,
    /// Payload type of retransmissions (RFC 4588); video only.
    pub rtx: Option<u8>,
}

/// One outgoing stream as the subscriber's SDP announces it.
#[derive(Clone, Debug, PartialEq)]
pub struct OutStream {
    /// What it may carry; the feed's own codec, if the subscriber takes it.
    pub first: OutCodec,
    /// What it may carry as well, of the same kind. A switch to another needs no negotiation.
    pub others: Vec<OutCodec>,
    /// Media id of its m-section (RFC 8843).
    pub mid: String,
    /// SSRC, random.
    pub ssrc: u32,
    /// SSRC of retransmissions; video only.
    pub rtx_ssrc: Option<u32>,
}

impl OutStream {
    /// All that it may carry.
    pub fn codecs(&self) -> impl Iterator<Item = &OutCodec> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// How this codec is carried; `None`: it was not negotiated.
    pub fn carries(&self, codec: Codec) -> Option<&OutCodec> {
        self.codecs().find(|out| out.codec == codec)
    }

    /// Audio or video.
    pub fn kind(&self) -> Kind {
        self.first.codec.kind()
    }

    /// Payload type and SSRC of this codec's retransmissions.
    pub fn rtx(&self, codec: Codec) -> Option<(u8, u32)> {
        Some((self.carries(codec)?.rtx?, self.rtx_ssrc?))
    }
}

/// Header-extension ids toward a subscriber (RFC 8285 one-byte form); 0 = not negotiated.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct OutExtensions {
    /// `urn:ietf:params:rtp-hdrext:sdes:mid`
    pub mid: u8,
    /// `http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time`
    pub abs_send_time: u8,
    /// `http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01`
    pub transport_cc: u8,
    /// `urn:ietf:params:rtp-hdrext:ssrc-audio-level`
    pub audio_level: u8,
}

/// SRTP master keys and salts (AES_CM_128_HMAC_SHA1_80: 16 + 14 bytes) from the DTLS handshake.
pub struct Keys {
    /// Ours.
    pub send: [u8; 30],
    /// The subscriber's.
    pub receive: [u8; 30],
    /// Shared by all who write RTCP with these keys.
    pub index: RtcpIndex,
}

/// Transport-wide numbers (draft-holmer-rmcat-transport-wide-cc-extensions-01): they go on when the streams of a
/// connection are negotiated anew, else the client would take the new packets for old ones.
#[derive(Clone, Debug, Default)]
pub struct TransportNumbers(Arc<AtomicU16>);

impl TransportNumbers {
    fn next(&self) -> u16 {
        self.0.fetch_add(1, Relaxed).wrapping_add(1)
    }
}

/// What a connected subscriber needs.
pub struct DownlinkSpec {
    /// The subscription.
    pub peer: PeerId,
    /// What it watches; `None`: nothing yet.
    pub feed: Option<Arc<Feed>>,
    /// Its streams, as negotiated.
    pub streams: Vec<OutStream>,
    /// Its extensions, as negotiated.
    pub extensions: OutExtensions,
    /// Its keys.
    pub keys: Keys,
    /// Of its connection.
    pub numbers: TransportNumbers,
    /// Its socket.
    pub wire: Arc<dyn Wire>,
    /// CNAME of all its streams (RFC 8834 4.9).
    pub cname: String,
}

/// Packets of one feed that came together; one list for all workers.
#[derive(Clone)]
pub struct Batch {
    /// Whose.
    pub feed: FeedId,
    /// In order of arrival.
    pub items: Arc<[Arc<Item>]>,
}

/// The workers that send to subscribers, and the timer that keeps sender reports and NACKs on time.
pub struct Pool {
    workers: Vec<Arc<Worker>>,
    timer: Arc<Timer>,
    next: AtomicUsize,
}

impl Pool {
    /// Starts `workers` threads `egress-N` (at least one).
    pub fn start(workers: usize) -> std::io::Result<Arc<Self>> {
        let workers: Result<Vec<_>, _> = (0..workers.max(1)).map(|n| Worker::start(format!("egress-{n}"))).collect();
        let workers = workers?;
        let timer = Timer::start(workers.clone())?;
        Ok(Arc::new(Self { workers, timer, next: AtomicUsize::new(0) }))
    }

    /// Begins sending to a connected subscriber: from the newest keyframe if it is young, else a new one is asked for.
    pub fn attach(&self, spec: DownlinkSpec) -> Downlink {
        self.attach_with(spec, Line::new(Box::new(Estimator::new(Instant::now())), line::START))
    }

    /// The same over this line.
    fn attach_with(&self, spec: DownlinkSpec, line: Line) -> Downlink {
        let index = self.next_worker();
        let receiver = Receiver::new(&spec.keys.receive).ok();
        self.serve(spec, (index, Arc::new(line), Ledger::new(index)), receiver)
    }

    /// A connection that several subscriptions share; nothing is sent yet.
    pub fn trunk(self: &Arc<Self>) -> Arc<Trunk> {
        let line = Line::new(Box::new(Estimator::new(Instant::now())), line::START);
        Trunk::new(Arc::clone(self), line)
    }

    fn next_worker(&self) -> usize {
        self.next.fetch_add(1, Relaxed) % self.workers.len()
    }

    /// `receiver`: of who opens its SRTCP itself.
    fn serve(
        &self,
        spec: DownlinkSpec,
        (index, line, ledger): (usize, Arc<Line>, Arc<Ledger>),
        receiver: Option<Receiver>,
    ) -> Downlink {
        let kinds = spec.streams.iter().map(OutStream::kind).collect();
        let worker = Arc::clone(&self.workers[index]);
        let (peer, feed, figures) = (spec.peer, spec.feed.clone(), Arc::new(Figures::default()));
        let ssrcs = downlink::ssrcs(&spec.streams);
        line.join(&figures);
        match Subscriber::new(spec, Arc::clone(&figures), Arc::clone(&line)) {
            Ok(subscriber) => worker.push(Job::Attach(Box::new(subscriber))),
            // The cipher refuses no key of this length; were it to, the subscriber gets no media and its liveness ends it.
            Err(error) => tracing::error!(peer.id = %peer, reason = %error, "SRTP keys refused"),
        }
        let (choices, receiver) = (Mutex::default(), Mutex::new(receiver));
        let downlink = Downlink { peer, worker, ledger, kinds, choices, figures, line, ssrcs, receiver };
        feed.iter().for_each(|feed| downlink.show_all(feed));
        downlink
    }

    /// Nobody yet: how many subscribers of a feed each worker has.
    pub(super) fn audience(&self) -> Box<[AtomicUsize]> {
        self.workers.iter().map(|_| AtomicUsize::new(0)).collect()
    }

    /// A batch for every worker that has a subscriber of the feed.
    pub(super) fn send(&self, batch: &Batch, audience: &[AtomicUsize]) {
        let with_audience = self.workers.iter().zip(audience).filter(|(_, count)| count.load(Relaxed) > 0);
        with_audience.for_each(|(worker, _)| worker.push(Job::Batch(batch.clone())));
    }

    /// A feed has something that cannot wait for the next tick.
    pub(super) fn hurry(&self) {
        self.timer.hurry();
    }

    /// A feed wants ticks.
    pub(super) fn watch(&self, feed: &Arc<Feed>) {
        self.timer.watch(feed);
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.timer.close();
        self.workers.iter().for_each(|worker| worker.close());
    }
}

/// Counts packets that were given up.
pub(super) fn dropped(reason: &'static str, packets: u64) {
    metrics::counter!("media_packets_dropped_total", "reason" => reason).increment(packets);
}

#[cfg(test)]
mod tests;
