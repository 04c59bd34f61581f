//! A webrtcbin in a pipeline of its own, with its link. A publisher that comes back with another certificate gets
//! another leg; its peer and its feed stay.

use super::application::Application;
use super::hooks::{Hooks, Role};
use super::{Context, Input, negotiation};
use crate::media::egress::{Downlink, Keys, Trunk};
use crate::media::feed::SourceTrack;
use crate::media::ice::{self, Agent, IceState, Link};
use crate::media::ingest::Uplink;
use crate::media::pipeline::Pipeline;
use crate::media::sdp::{Fingerprint, Local};
use crate::media::{MediaError, PeerStats};
use crate::model::{Codec, PeerId};
use gst::prelude::*;
use gst_webrtc::{WebRTCRTPTransceiver, WebRTCRTPTransceiverDirection, WebRTCSDPType};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::*};
use tokio::sync::mpsc::UnboundedSender;

/// One webrtcbin.
pub struct Leg {
    number: u64,
    name: String,
    pipeline: Pipeline,
    webrtcbin: gst::Element,
    link: Arc<Link>,
    hooks: Arc<Hooks>,
    closed: AtomicBool,
}

impl Leg {
    /// Makes one. Takes milliseconds: not on an async thread.
    pub fn open(
        context: &Context,
        name: String,
        role: Role,
        mailbox: UnboundedSender<Input>,
    ) -> Result<Arc<Self>, MediaError> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Relaxed);
        let fatal = |error: gst::glib::BoolError| MediaError::Fatal(error.to_string());
        let link = context.mux.link();
        let hooks = Hooks::new(number, role, mailbox, (&link, &context.pool));
        let weak = Arc::downgrade(&hooks);
        let pipeline = Pipeline::start(&name, move |action| {
            if let Some(hooks) = weak.upgrade() {
                hooks.on_action(action);
            }
        })?;
        let webrtcbin = ice::webrtcbin(Agent::Port(&link), &format!("webrtc-{name}")).map_err(fatal)?;
        webrtcbin.set_property_from_str("bundle-policy", "max-bundle");
        hooks.install(&webrtcbin);
        let leg = Self { number, name, pipeline, webrtcbin, link, hooks, closed: AtomicBool::new(false) };
        leg.pipeline.add(&leg.webrtcbin)?;
        Ok(Arc::new(leg))
    }

    /// Tells its signals from those of an earlier leg.
    pub fn number(&self) -> u64 {
        self.number
    }
    /// Name of its pipeline.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// Its side of the port.
    pub fn link(&self) -> &Arc<Link> {
        &self.link
    }
    /// Certificates the far side may show.
    pub fn expect(&self, fingerprints: &[Fingerprint]) {
        self.hooks.expect(fingerprints.to_vec());
    }
    /// The handshake's keys.
    pub fn keys(&self) -> Result<Keys, MediaError> {
        self.hooks.keys().ok_or_else(|| MediaError::Fatal("the handshake gave no keys".into()))
    }
    /// Where a subscriber's SRTCP goes.
    pub fn set_downlink(&self, downlink: Arc<Downlink>) {
        self.hooks.set_downlink(Some(downlink));
    }
    /// Nothing is sent any more. Waits for the sending thread.
    pub fn end_downlink(&self) {
        self.hooks.set_downlink(None);
    }
    /// A publisher's way in and back. Always the same one: a feed tells by it another peer from another offer.
    pub fn uplink(&self) -> Result<Arc<Uplink>, MediaError> {
        self.hooks.uplink().cloned().ok_or_else(|| MediaError::Fatal("a subscriber has no uplink".into()))
    }
    /// A transport's downlinks.
    pub fn trunk(&self) -> Result<Arc<Trunk>, MediaError> {
        self.hooks.trunk().cloned().ok_or_else(|| MediaError::Fatal("it is no transport".into()))
    }
    /// What a transport's DTLS carries besides: data channels.
    pub fn application(&self) -> Option<&Arc<Application>> {
        self.hooks.application()
    }

    /// Answers an offer of these tracks, written for webrtcbin.
    pub async fn answer(&self, offer: &str, tracks: &[SourceTrack], transport_cc: u8) -> Result<Local, MediaError> {
        for track in tracks {
            let caps = caps(track.codec, track.payload_type, transport_cc);
            let direction = WebRTCRTPTransceiverDirection::Recvonly;
            self.webrtcbin.emit_by_name::<WebRTCRTPTransceiver>("add-transceiver", &[&direction, &caps]);
        }
        let offer = negotiation::describe(WebRTCSDPType::Offer, offer)?;
        negotiation::set(&self.webrtcbin, "set-remote-description", &offer).await?;
        let answer = negotiation::create(&self.webrtcbin, "create-answer", "answer").await?;
        negotiation::set(&self.webrtcbin, "set-local-description", &answer).await?;
        self.end_rtcp_thread();
        Local::read(&negotiation::text(&answer)?)
    }

    /// Offers one stream, which stands for the transport.
    pub async fn offer(&self, codec: Codec, payload_type: u8) -> Result<Local, MediaError> {
        let caps = caps(codec, payload_type, 0);
        let template = self.webrtcbin.pad_template("sink_%u");
        let pad = template.and_then(|template| self.webrtcbin.request_pad(&template, Some("sink_0"), Some(&caps)));
        let pad = pad.ok_or_else(|| MediaError::Fatal("webrtcbin gave no pad".into()))?;
        let transceiver = pad.property::<WebRTCRTPTransceiver>("transceiver");
        transceiver.set_property("direction", WebRTCRTPTransceiverDirection::Sendonly);
        transceiver.set_property("codec-preferences", &caps);
        let offer = negotiation::create(&self.webrtcbin, "create-offer", "offer").await?;
        negotiation::set(&self.webrtcbin, "set-local-description", &offer).await?;
        self.end_rtcp_thread();
        Local::read(&negotiation::text(&offer)?)
    }

    /// Takes the answer to `offer`, written for webrtcbin.
    pub async fn accept(&self, answer: &str) -> Result<(), MediaError> {
        let answer = negotiation::describe(WebRTCSDPType::Answer, answer)?;
        negotiation::set(&self.webrtcbin, "set-remote-description", &answer).await
    }

    /// rtpsession's thread writes reports only while playing, and the reports are ours to write.
    fn end_rtcp_thread(&self) {
        if let Some(session) = self.find("rtpsession") {
            session.set_locked_state(true);
            let _ = session.set_state(gst::State::Ready);
            let _ = session.set_state(gst::State::Paused);
        }
    }

    /// dtlsenc's thread is for the handshake. It may go once RTCP has shown that the far side has its keys; before,
    /// our last flight may have to be repeated. Data channels need it as long as they live.
    pub fn end_dtls_thread(&self) {
        if self.application().is_some() {
            return;
        }
        if let Some(pad) = self.hooks.encoder().and_then(|encoder| encoder.static_pad("src")) {
            let _ = pad.set_active(false);
        }
    }

    fn find(&self, factory: &str) -> Option<gst::Element> {
        let bin = self.webrtcbin.downcast_ref::<gst::Bin>()?;
        let named = |element: &gst::Element| element.factory().is_some_and(|f| f.name() == factory);
        bin.iterate_recurse().into_iter().flatten().find(named)
    }

    /// See [`Pipeline::recalculate_latency`].
    pub fn recalculate_latency(&self) {
        self.pipeline.recalculate_latency();
    }
    /// Its graph as DOT.
    pub fn graph(&self) -> String {
        self.pipeline.graph()
    }
    /// Its state in a word.
    pub fn state(&self) -> &'static str {
        match self.link.state() {
            _ if self.closed.load(Relaxed) => "closed",
            IceState::New => "new",
            IceState::Connected => "connected",
            IceState::Disconnected => "disconnected",
            IceState::Failed => "failed",
        }
    }
    /// What came in and went out; on a transport a publication's or a downlink's own, if it is one's.
    pub fn media_stats(&self, whose: PeerId) -> PeerStats {
        let (packets, bytes) = self.link.received();
        let mut sent = self.hooks.downlink(Downlink::stats);
        if let Some(trunk) = self.hooks.trunk() {
            let own = self.hooks.uplink().and_then(|uplink| uplink.received(whose));
            if let Some((packets, bytes)) = own {
                return PeerStats {
                    packets,
                    bytes,
                    packets_received: packets,
                    bytes_received: bytes,
                    ..PeerStats::default()
                };
            }
            if let Some(own) = trunk.stats_of(whose) {
                return own;
            }
            sent = trunk.stats();
        }
        let stats = sent.unwrap_or(PeerStats { packets, bytes, ..PeerStats::default() });
        PeerStats { packets_received: packets, bytes_received: bytes, ..stats }
    }
    /// When authentic RTCP of a subscriber came last.
    pub fn last_rtcp(&self) -> Option<std::time::Instant> {
        self.hooks.downlink(Downlink::last_rtcp).flatten()
    }

    /// Ends it. Blocks until its threads are out.
    pub fn close(&self) {
        if self.closed.swap(true, SeqCst) {
            return;
        }
        self.link.close();
        self.hooks.set_downlink(None);
        self.hooks.trunk().into_iter().for_each(|trunk| trunk.end_all());
        self.pipeline.close();
    }
}

/// A transceiver's capabilities, equal to what the description for webrtcbin says.
fn caps(codec: Codec, payload_type: u8, transport_cc: u8) -> gst::Caps {
    let mut caps = gst::Structure::builder("application/x-rtp")
        .field("media", codec.kind().as_str())
        .field("encoding-name", codec.encoding_name())
        .field("clock-rate", codec.clock_rate() as i32)
        .field("payload", i32::from(payload_type))
        .build();
    if codec == Codec::Opus {
        caps.set("encoding-params", "2");
    }
    if transport_cc != 0 {
        caps.set("rtcp-fb-transport-cc", true);
        caps.set(format!("extmap-{transport_cc}"), crate::media::sdp::extension::TRANSPORT_CC);
    }
    gst::Caps::builder_full().structure(caps).build()
}
