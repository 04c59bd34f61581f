//! What happens on a leg's streaming threads and on its link's worker: each hook does only what cannot wait, tells the
//! peer's task, and returns.

use super::{Input, Signal, dtls};
use crate::media::bus::Action;
use crate::media::egress::{Downlink, Keys};
use crate::media::feed::Feed;
use crate::media::ice::gobject::bypass_queue;
use crate::media::ice::{IceState, Link, LinkUser};
use crate::media::sdp::Fingerprint;
use gst::glib;
use gst::prelude::*;
use parking_lot::{Mutex, RwLock};
use std::sync::atomic::{AtomicBool, Ordering::*};
use std::sync::{Arc, Weak};
use std::time::Instant;
use tokio::sync::mpsc::UnboundedSender;

/// Which way media goes.
#[derive(Clone)]
pub enum Role {
    /// Into this feed. `connected` is called before its first packet can pass.
    Publisher {
        /// Where its media goes.
        feed: Arc<Feed>,
        /// Tells the room.
        connected: Arc<dyn Fn() + Send + Sync>,
    },
    /// To the client, once connected.
    Subscriber,
}

/// A leg's hooks.
pub struct Hooks {
    number: u64,
    role: Role,
    mailbox: UnboundedSender<Input>,
    link: Weak<Link>,
    fingerprints: Mutex<Vec<Fingerprint>>,
    downlink: RwLock<Option<Downlink>>,
    encoder: glib::WeakRef<gst::Element>,
    decoder: glib::WeakRef<gst::Element>,
    secured: AtomicBool,
    rtcp_seen: AtomicBool,
}

impl Hooks {
    pub fn new(number: u64, role: Role, mailbox: UnboundedSender<Input>, link: &Arc<Link>) -> Arc<Self> {
        let hooks = Arc::new(Self {
            number,
            role,
            mailbox,
            link: Arc::downgrade(link),
            fingerprints: Mutex::default(),
            downlink: RwLock::default(),
            encoder: glib::WeakRef::new(),
            decoder: glib::WeakRef::new(),
            secured: AtomicBool::default(),
            rtcp_seen: AtomicBool::default(),
        });
        let user: Weak<Self> = Arc::downgrade(&hooks);
        link.set_user(user);
        hooks
    }

    /// Certificates the far side may show.
    pub fn expect(&self, fingerprints: Vec<Fingerprint>) {
        *self.fingerprints.lock() = fingerprints;
    }
    /// Where SRTCP goes.
    pub fn set_downlink(&self, downlink: Option<Downlink>) {
        let before = std::mem::replace(&mut *self.downlink.write(), downlink);
        drop(before);
    }
    /// Reads from the downlink, if there is one.
    pub fn downlink<T>(&self, read: impl FnOnce(&Downlink) -> T) -> Option<T> {
        self.downlink.read().as_ref().map(read)
    }
    /// The handshake's keys.
    pub fn keys(&self) -> Option<Keys> {
        dtls::keys(&self.encoder.upgrade()?, &self.decoder.upgrade()?)
    }
    /// The element that writes DTLS.
    pub fn encoder(&self) -> Option<gst::Element> {
        self.encoder.upgrade()
    }

    fn signal(&self, signal: Signal) {
        let _ = self.mailbox.send(Input::Leg(self.number, signal));
    }

    /// For the pipeline's bus.
    pub fn on_action(&self, action: Action) {
        match action {
            Action::Ignore => {}
            Action::Fail(detail) => self.signal(Signal::Failed(detail)),
            Action::Warn(detail) => tracing::debug!(detail, "pipeline warning"),
            Action::RecalculateLatency => self.signal(Signal::Latency),
        }
    }

    /// To be called before webrtcbin makes its transport.
    pub fn install(self: &Arc<Self>, webrtcbin: &gst::Element) {
        let Some(bin) = webrtcbin.downcast_ref::<gst::Bin>() else { return };
        let weak = Arc::downgrade(self);
        bin.connect_deep_element_added(move |_, _, element| {
            if let (Some(hooks), Some(factory)) = (weak.upgrade(), element.factory()) {
                hooks.on_element(&factory.name(), element);
            }
        });
    }

    fn on_element(self: &Arc<Self>, factory: &str, element: &gst::Element) {
        match factory {
            "queue" => drop(bypass_queue(element)),
            "dtlsenc" => {
                self.encoder.set(Some(element));
                self.watch_keys(element);
            }
            "dtlsdec" => {
                self.decoder.set(Some(element));
                self.watch_keys(element);
            }
            "rtpsession" => {
                element.pads().iter().for_each(|pad| self.on_session_pad(pad));
                let weak = Arc::downgrade(self);
                element.connect_pad_added(move |_, pad| {
                    if let Some(hooks) = weak.upgrade() {
                        hooks.on_session_pad(pad);
                    }
                });
            }
            _ => {}
        }
    }

    /// The certificate is compared while the handshake ends, before any media packet is looked at.
    fn watch_keys(self: &Arc<Self>, element: &gst::Element) {
        let weak = Arc::downgrade(self);
        element.connect("on-key-received", false, move |_| {
            if let Some(hooks) = weak.upgrade() {
                hooks.on_keys();
            }
            None
        });
    }

    fn on_keys(&self) {
        if self.keys().is_none() || self.secured.swap(true, SeqCst) {
            return;
        }
        let pem = self.decoder.upgrade().and_then(|decoder| decoder.property::<Option<String>>("peer-pem"));
        if !dtls::matches(&pem.unwrap_or_default(), &self.fingerprints.lock()) {
            return self
                .signal(Signal::Mismatch("the DTLS certificate is not the one the description announced".into()));
        }
        if let Role::Publisher { connected, .. } = &self.role {
            connected();
        }
        if let Some(link) = self.link.upgrade() {
            link.set_verified();
        }
        self.signal(Signal::Secured);
    }

    fn on_session_pad(self: &Arc<Self>, pad: &gst::Pad) {
        match (pad.name().as_str(), &self.role) {
            ("recv_rtp_src", Role::Publisher { feed, .. }) => tap_rtp(pad, feed.clone()),
            ("recv_rtcp_sink", Role::Publisher { feed, .. }) => tap_rtcp(pad, feed.clone()),
            // Sender reports would make jitter buffers and their threads.
            ("sync_src", _) => drop_all(pad),
            // A subscriber's SRTCP key is ours alone.
            ("send_rtcp_src", Role::Subscriber) => drop_all(pad),
            _ => {}
        }
    }
}

fn drop_all(pad: &gst::Pad) {
    let packets = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
    pad.add_probe(packets, |_, _| gst::PadProbeReturn::Drop);
}

/// Publishers' packets leave webrtcbin here, before the jitter buffer, and go no further in it.
fn tap_rtp(pad: &gst::Pad, feed: Arc<Feed>) {
    pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST, move |_, info| {
        let at = Instant::now();
        let take = |buffer: &gst::BufferRef| {
            if let Ok(data) = buffer.map_readable() {
                feed.on_rtp(&data, at);
            }
        };
        match &info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => take(buffer),
            Some(gst::PadProbeData::BufferList(list)) => list.iter().for_each(take),
            _ => {}
        }
        gst::PadProbeReturn::Drop
    });
}

fn tap_rtcp(pad: &gst::Pad, feed: Arc<Feed>) {
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if let Some(gst::PadProbeData::Buffer(buffer)) = &info.data
            && let Ok(data) = buffer.map_readable()
        {
            feed.on_rtcp(&data, Instant::now());
        }
        gst::PadProbeReturn::Ok
    });
}

impl LinkUser for Hooks {
    fn srtcp(&self, datagram: &[u8]) -> bool {
        if !self.rtcp_seen.swap(true, Relaxed) {
            self.signal(Signal::FirstRtcp);
        }
        self.downlink(|downlink| downlink.on_srtcp(datagram));
        matches!(self.role, Role::Subscriber)
    }
    fn drained(&self) {
        if let Role::Publisher { feed, .. } = &self.role {
            feed.drained();
        }
    }
    fn roamed(&self) {
        self.signal(Signal::Roamed);
    }
    fn state(&self, state: IceState) {
        self.signal(Signal::Ice(state));
    }
}
