//! What happens on a leg's streaming threads, in the port's reader and on the link's worker: each hook does only what cannot wait, tells the
//! peer's task, and returns.

use super::application::Application;
use super::{Input, Signal, dtls};
use crate::media::bus::Action;
use crate::media::egress::{Downlink, Keys, Pool, Trunk};
use crate::media::ice::gobject::bypass_queue;
use crate::media::ice::{IceState, Link, LinkUser};
use crate::media::ingest::Uplink;
use crate::media::sdp::Fingerprint;
use crate::media::srtp::RtcpIndex;
use crate::model::PeerId;
use gst::glib;
use gst::prelude::*;
use parking_lot::{Mutex, RwLock};
use std::sync::atomic::{AtomicBool, Ordering::*};
use std::sync::{Arc, Weak};
use std::time::Instant;
use tokio::sync::mpsc::UnboundedSender;

/// Called once, before the first packet can pass: tells the room.
pub type OnConnected = Arc<dyn Fn() + Send + Sync>;

/// Which way media goes.
#[derive(Clone)]
pub enum Role {
    /// From the client, perhaps to it as well.
    Publisher(OnConnected),
    /// To the client, once connected.
    Subscriber,
    /// Both ways, any number of publications and of downlinks; with data channels if asked for.
    Transport(OnConnected, Option<Arc<Application>>),
}

/// A leg's hooks.
pub struct Hooks {
    number: u64,
    role: Role,
    mailbox: UnboundedSender<Input>,
    link: Weak<Link>,
    uplink: Option<Arc<Uplink>>,
    /// A transport's downlinks.
    trunk: Option<Arc<Trunk>>,
    fingerprints: Mutex<Vec<Fingerprint>>,
    downlink: RwLock<Option<Arc<Downlink>>>,
    encoder: glib::WeakRef<gst::Element>,
    decoder: glib::WeakRef<gst::Element>,
    secured: AtomicBool,
    rtcp_seen: AtomicBool,
    /// Of what we send: feedback on what comes, and reports of what goes.
    rtcp_index: RtcpIndex,
}

impl Hooks {
    pub fn new(
        number: u64,
        role: Role,
        mailbox: UnboundedSender<Input>,
        (link, pool): (&Arc<Link>, &Arc<Pool>),
    ) -> Arc<Self> {
        let uplink = (!matches!(role, Role::Subscriber)).then(|| Uplink::new(link.clone()));
        let trunk = matches!(role, Role::Transport(..)).then(|| pool.trunk());
        let hooks = Arc::new(Self {
            number,
            role,
            uplink,
            trunk,
            mailbox,
            link: Arc::downgrade(link),
            fingerprints: Mutex::default(),
            downlink: RwLock::default(),
            encoder: glib::WeakRef::new(),
            decoder: glib::WeakRef::new(),
            secured: AtomicBool::default(),
            rtcp_seen: AtomicBool::default(),
            rtcp_index: RtcpIndex::default(),
        });
        let user: Weak<Self> = Arc::downgrade(&hooks);
        link.set_user(user);
        hooks
    }

    /// Certificates the far side may show.
    pub fn expect(&self, fingerprints: Vec<Fingerprint>) {
        *self.fingerprints.lock() = fingerprints;
    }
    /// A publisher's way in and back.
    pub fn uplink(&self) -> Option<&Arc<Uplink>> {
        self.uplink.as_ref()
    }
    /// A transport's downlinks.
    pub fn trunk(&self) -> Option<&Arc<Trunk>> {
        self.trunk.as_ref()
    }
    /// What a transport's DTLS carries besides.
    pub fn application(&self) -> Option<&Arc<Application>> {
        match &self.role {
            Role::Transport(_, application) => application.as_ref(),
            Role::Publisher(_) | Role::Subscriber => None,
        }
    }
    /// Where a subscriber's SRTCP goes.
    pub fn set_downlink(&self, downlink: Option<Arc<Downlink>>) {
        let before = std::mem::replace(&mut *self.downlink.write(), downlink);
        drop(before);
    }
    /// Reads from the downlink, if there is one.
    pub fn downlink<T>(&self, read: impl FnOnce(&Downlink) -> T) -> Option<T> {
        self.downlink.read().as_deref().map(read)
    }
    /// The handshake's keys.
    pub fn keys(&self) -> Option<Keys> {
        dtls::keys(&self.encoder.upgrade()?, &self.decoder.upgrade()?, &self.rtcp_index)
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
                self.application().iter().for_each(|application| application.speak(element));
                self.watch_keys(element);
            }
            "dtlsdec" => {
                self.decoder.set(Some(element));
                self.application().iter().for_each(|application| application.listen(element));
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
        let Some(keys) = self.keys() else { return };
        if self.secured.swap(true, SeqCst) {
            return;
        }
        let pem = self.decoder.upgrade().and_then(|decoder| decoder.property::<Option<String>>("peer-pem"));
        if !dtls::matches(&pem.unwrap_or_default(), &self.fingerprints.lock()) {
            return self
                .signal(Signal::Mismatch("the DTLS certificate is not the one the description announced".into()));
        }
        self.application().iter().for_each(|application| application.verified());
        if let Role::Publisher(connected) | Role::Transport(connected, _) = &self.role {
            connected();
        }
        self.uplink.iter().for_each(|uplink| uplink.secure(&keys));
        if let Some(link) = self.link.upgrade() {
            link.set_verified();
        }
        self.signal(Signal::Secured);
    }

    /// rtpsession writes RTCP of its own, which says nothing and would use our SRTCP key.
    fn on_session_pad(&self, pad: &gst::Pad) {
        if pad.name() == "send_rtcp_src" {
            let packets = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
            pad.add_probe(packets, |_, _| gst::PadProbeReturn::Drop);
        }
    }
}

impl LinkUser for Hooks {
    fn srtp(&self, datagram: &[u8], whose: PeerId, at: Instant) -> bool {
        let Some(uplink) = &self.uplink else { return false };
        let authentic = uplink.on_srtp(datagram, whose, at);
        if let Some(payload_type) = uplink.take_other() {
            self.signal(Signal::OtherPayload(payload_type));
        }
        authentic
    }
    fn srtcp(&self, datagram: &[u8], at: Instant) -> bool {
        // Opened once: a second look at the same packet is a replay.
        let authentic = match &self.uplink {
            Some(uplink) => match uplink.on_srtcp(datagram, at) {
                Some(plain) => {
                    self.downlink(|downlink| downlink.on_rtcp(&plain, at));
                    self.trunk.iter().for_each(|trunk| trunk.on_rtcp(&plain, at));
                    true
                }
                None => false,
            },
            None => self.downlink(|downlink| downlink.on_srtcp(datagram, at)).unwrap_or(false),
        };
        if authentic && !self.rtcp_seen.swap(true, Relaxed) {
            self.signal(Signal::FirstRtcp);
        }
        authentic
    }
    fn drained(&self) -> bool {
        self.uplink.as_ref().is_some_and(|uplink| uplink.drained())
    }
    fn flush(&self) {
        self.uplink.iter().for_each(|uplink| uplink.flush());
    }
    fn roamed(&self) {
        self.signal(Signal::Roamed);
    }
    fn state(&self, state: IceState) {
        self.signal(Signal::Ice(state));
    }
}
