//! One WebRTC peer: a socket of its own and a task that drives `str0m` in RTP mode.

use crate::clip::{Clip, Player};
use crate::film::Film;
use crate::sending::{Material, Sending};
use crate::socket::Socket;
use crate::source;
use anyhow::{Context, Result, anyhow};
use hdrhistogram::Histogram;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::media::{Direction, MediaKind, Pt};
use str0m::net::{Protocol, Receive};
use str0m::rtp::RtpPacket;
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What a peer has seen so far.
pub struct Received {
    /// Video packets received.
    pub video: AtomicU64,
    /// Audio packets received.
    pub audio: AtomicU64,
    /// Keyframes begun.
    pub keyframes: AtomicU64,
    /// Height of the last keyframe.
    pub height: AtomicU64,
    /// Keyframe requests received (publisher).
    pub keyframe_requests: AtomicU64,
    /// Packets sent (publisher).
    pub sent: AtomicU64,
    /// ICE and DTLS are up.
    pub connected: AtomicBool,
    /// Video packets by their SSRC: lowest and highest sequence number, and how many there were.
    pub streams: Mutex<BTreeMap<u32, (u64, u64, u64)>>,
    /// One-way latency of video packets in microseconds, by the stamps in their payload.
    pub latency: Mutex<Histogram<u32>>,
    /// The pictures themselves, put together; only where one was laid in.
    pub film: Mutex<Option<Film>>,
}

impl std::fmt::Debug for Received {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Received")
            .field("connected", &self.connected)
            .field("video", &self.video)
            .field("audio", &self.audio)
            .field("keyframes", &self.keyframes)
            .field("keyframe_requests", &self.keyframe_requests)
            .field("sent", &self.sent)
            .finish()
    }
}

impl Default for Received {
    fn default() -> Self {
        // 2 s at most, two digits: some kilobytes a peer.
        let latency = Histogram::new_with_bounds(1, 2_000_000, 2).unwrap_or_else(|_| unreachable!("constant bounds"));
        Self {
            video: AtomicU64::new(0),
            audio: AtomicU64::new(0),
            keyframes: AtomicU64::new(0),
            height: AtomicU64::new(0),
            keyframe_requests: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            connected: AtomicBool::new(false),
            streams: Mutex::default(),
            latency: Mutex::new(latency),
            film: Mutex::default(),
        }
    }
}

impl Received {
    fn note_stream(&self, ssrc: u32, sequence: u64) {
        if let Ok(mut streams) = self.streams.lock() {
            let (first, last, count) = streams.entry(ssrc).or_insert((sequence, sequence, 0));
            (*first, *last, *count) = (sequence.min(*first), sequence.max(*last), *count + 1);
        }
    }

    fn note_picture(&self, packet: &RtpPacket, at_ns: u64) {
        if let Ok(mut film) = self.film.lock()
            && let Some(film) = film.as_mut()
        {
            film.take((*packet.seq_no, packet.time.numer(), packet.header.marker), &packet.payload, at_ns);
        }
    }

    fn note_latency(&self, payload: &[u8], at_ns: u64) {
        if let (Some(sent), Ok(mut latency)) = (source::sent_at(payload, true), self.latency.lock()) {
            latency.saturating_record(at_ns.saturating_sub(sent) / 1000);
        }
    }
}

/// A running peer; dropping it stops it without a word to the server, as a crash does.
pub struct Peer {
    /// What it has seen.
    pub seen: Arc<Received>,
    changed: watch::Receiver<u64>,
    answers: Option<tokio::sync::oneshot::Sender<String>>,
    task: JoinHandle<Result<()>>,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Peer {
    /// A publisher of these kinds with a socket on this address, and its offer. What it sends is only shaped like media.
    pub async fn publisher(ip: IpAddr, video: bool, audio: bool) -> Result<(Self, String)> {
        Self::sender(ip, video, audio, Material::shaped()).await
    }

    /// The same with sound and pictures that decode: this clip in a loop.
    pub async fn playing(ip: IpAddr, clip: Arc<Clip>) -> Result<(Self, String)> {
        Self::sender(ip, true, true, Material::Real(Player::new(clip))).await
    }

    /// The same, which receives as well on the same peer connection.
    pub async fn conversing(ip: IpAddr, clip: Arc<Clip>) -> Result<(Self, String)> {
        Self::offering(ip, (true, true), Direction::SendRecv, Some(Material::Real(Player::new(clip)))).await
    }

    async fn sender(ip: IpAddr, video: bool, audio: bool, material: Material) -> Result<(Self, String)> {
        Self::offering(ip, (video, audio), Direction::SendOnly, Some(material)).await
    }

    /// A viewer of pictures and sound that makes the offer itself (WHEP), and its offer.
    pub async fn watcher(ip: IpAddr) -> Result<(Self, String)> {
        Self::offering(ip, (true, true), Direction::RecvOnly, None).await
    }

    async fn offering(
        ip: IpAddr,
        (video, audio): (bool, bool),
        direction: Direction,
        material: Option<Material>,
    ) -> Result<(Self, String)> {
        let (mut driver, seen, changed) = Driver::new(ip).await?;
        let mut change = driver.rtc.sdp_api();
        let video = video.then(|| change.add_media(MediaKind::Video, direction, None, None, None));
        let audio = audio.then(|| change.add_media(MediaKind::Audio, direction, None, None, None));
        let (offer, pending) = change.apply().ok_or_else(|| anyhow!("nothing to offer"))?;
        let (answers, answered) = tokio::sync::oneshot::channel::<String>();
        let task = tokio::spawn(async move {
            driver.accept(pending, &answered.await?)?;
            driver.sending = material.map(|material| Sending::new(video, audio, material));
            driver.run().await
        });
        Ok((Self { seen, changed, answers: Some(answers), task }, offer.to_sdp_string()))
    }

    /// Gives the server's answer to a peer that made the offer: it connects, and a publisher begins to send.
    pub fn set_answer(&mut self, answer: &str) -> Result<()> {
        let sender = self.answers.take().context("already answered")?;
        sender.send(answer.into()).map_err(|_| anyhow!("the peer has ended"))
    }

    /// A viewer with a socket on this address for the server's offer, and its answer.
    pub async fn viewer(ip: IpAddr, offer: &str) -> Result<(Self, String)> {
        // Whatever the feed is in.
        let (mut driver, seen, changed) = Driver::with(ip, true).await?;
        let answer = driver.rtc.sdp_api().accept_offer(SdpOffer::from_sdp_string(offer)?)?;
        let task = tokio::spawn(async move { driver.run().await });
        Ok((Self { seen, changed, answers: None, task }, answer.to_sdp_string()))
    }

    /// Waits until the condition holds; an error says what was seen instead.
    pub async fn until(&self, what: &str, limit: Duration, holds: impl Fn(&Received) -> bool) -> Result<()> {
        let mut changed = self.changed.clone();
        let wait = async {
            while !holds(&self.seen) {
                changed.changed().await.map_err(|_| anyhow!("the peer ended while waiting for {what}"))?;
            }
            Ok(())
        };
        tokio::time::timeout(limit, wait).await.map_err(|_| anyhow!("no {what} within {limit:?}: {:?}", self.seen))?
    }
}

/// Drives one `Rtc` over one socket.
struct Driver {
    rtc: Rtc,
    socket: Socket,
    seen: Arc<Received>,
    tell: watch::Sender<u64>,
    sending: Option<Sending>,
}

impl Driver {
    async fn new(ip: IpAddr) -> Result<(Self, Arc<Received>, watch::Receiver<u64>)> {
        Self::with(ip, false).await
    }

    async fn with(ip: IpAddr, h264: bool) -> Result<(Self, Arc<Received>, watch::Receiver<u64>)> {
        str0m::crypto::from_feature_flags().install_process_default();
        let socket = Socket::bind(ip).await?;
        let config = RtcConfig::new().clear_codecs().enable_vp8(true).enable_h264(h264).enable_opus(true, false);
        let mut rtc = config.set_rtp_mode(true).set_stats_interval(None).build(Instant::now());
        rtc.add_local_candidate(Candidate::host(socket.local, "udp")?);
        let (tell, changed) = watch::channel(0);
        let seen = Arc::new(Received::default());
        Ok((Self { rtc, socket, seen: seen.clone(), tell, sending: None }, seen, changed))
    }

    fn accept(&mut self, pending: SdpPendingOffer, answer: &str) -> Result<()> {
        Ok(self.rtc.sdp_api().accept_answer(pending, SdpAnswer::from_sdp_string(answer)?)?)
    }

    async fn run(&mut self) -> Result<()> {
        while self.rtc.is_alive() {
            let now = Instant::now();
            self.send_due(now);
            self.rtc.handle_input(Input::Timeout(now))?;
            let wake = self.drain(0)?;
            tokio::select! {
                ready = self.socket.readable() => ready?,
                () = tokio::time::sleep_until(wake.into()) => continue,
            }
            self.take_received()?;
        }
        Ok(())
    }

    fn send_due(&mut self, now: Instant) {
        let Some(sending) = &mut self.sending else { return };
        if !self.seen.connected.load(Relaxed) {
            sending.begin_at(now);
        } else if now >= sending.due() {
            sending.send_due(&mut self.rtc, &self.seen, now);
            self.tell.send_modify(|n| *n += 1);
        }
    }

    fn take_received(&mut self) -> Result<()> {
        for datagram in self.socket.receive()? {
            let Ok(contents) = datagram.data.as_slice().try_into() else { continue };
            let destination = self.socket.local;
            let receive = Receive { proto: Protocol::Udp, source: datagram.from, destination, contents };
            self.rtc.handle_input(Input::Receive(Instant::now(), receive))?;
            self.drain(datagram.at_ns)?;
        }
        Ok(())
    }

    /// Carries out what `str0m` wants until it only waits; returns until when. `at_ns`: when the kernel got the
    /// datagram that is being handled.
    fn drain(&mut self, at_ns: u64) -> Result<Instant> {
        let mut news = false;
        let wake = loop {
            match self.rtc.poll_output()? {
                Output::Timeout(at) => break at,
                Output::Transmit(packet) => self.socket.send(&packet.contents, packet.destination),
                Output::Event(event) => news |= self.event(event, at_ns),
            }
        };
        if news {
            self.tell.send_modify(|n| *n += 1);
        }
        let due = self.sending.as_ref().filter(|_| self.seen.connected.load(Relaxed)).map(Sending::due);
        Ok(due.map_or(wake, |due| wake.min(due)))
    }

    fn event(&mut self, event: Event, at_ns: u64) -> bool {
        match event {
            Event::Connected => self.seen.connected.store(true, Relaxed),
            Event::KeyframeRequest(_) => {
                self.seen.keyframe_requests.fetch_add(1, Relaxed);
                if let Some(sending) = &mut self.sending {
                    sending.want_keyframe();
                }
            }
            Event::RtpPacket(packet) => {
                if self.is_audio(packet.header.payload_type) {
                    self.seen.audio.fetch_add(1, Relaxed);
                } else {
                    self.seen.video.fetch_add(1, Relaxed);
                    self.seen.note_stream(*packet.header.ssrc, *packet.seq_no);
                    self.seen.note_picture(&packet, at_ns);
                    self.seen.note_latency(&packet.payload, at_ns);
                    if let Some(height) = source::keyframe_height(&packet.payload) {
                        self.seen.keyframes.fetch_add(1, Relaxed);
                        self.seen.height.store(height.into(), Relaxed);
                    }
                }
            }
            _ => return false,
        }
        true
    }

    fn is_audio(&self, pt: Pt) -> bool {
        self.rtc.codec_config().params().iter().any(|p| p.pt() == pt && p.spec().codec.is_audio())
    }
}
