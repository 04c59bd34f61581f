//! One peer's side of the port: its names and addresses, what it may send, and the way into its webrtcbin.
//!
//! Media goes to the link's user in the reader itself. DTLS and state changes pass through one worker, in order:
//! webrtcbin blocks its receiving pad until it knows the DTLS role, so DTLS waits here, bounded: a shared thread must never
//! push into a blocked pad.

use super::elements::Src;
use super::gate::{Datagram, Gate, Pass};
use super::gates::Gates;
use super::gobject::Transport;
use super::mux::Port;
use super::path::{Path, Paths};
use super::user::{IceState, LinkUser};
use super::{Counters, stun};
use crate::media::egress::Wire;
use crate::model::PeerId;
use gst::glib;
use gst::prelude::*;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::*};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

/// DTLS held back at most: a handshake's flights, with room for repetitions.
const MAX_HELD: usize = 32;

/// One peer on the port.
pub struct Link {
    pub(super) id: u64,
    port: Arc<Port>,
    names: Mutex<Vec<String>>,
    remote_name: Mutex<Option<String>>,
    paths: Paths,
    state: Mutex<IceState>,
    last_check: Mutex<Instant>,
    last_media: Mutex<Option<Instant>>,
    packets: AtomicU64,
    bytes: AtomicU64,
    gates: Mutex<Gates>,
    verified: AtomicBool,
    closed: AtomicBool,
    active: AtomicBool,
    held: Mutex<VecDeque<Vec<u8>>>,
    user: OnceLock<Weak<dyn LinkUser>>,
    source: OnceLock<glib::WeakRef<Src>>,
    transport: OnceLock<glib::WeakRef<Transport>>,
    bypass: OnceLock<Bypass>,
}

/// The way around transportreceivebin's queue: `decoder` takes the packets while `gate` is not blocked.
pub(super) struct Bypass {
    pub decoder: gst::Pad,
    pub gate: gst::Pad,
}

impl Link {
    /// A link without names yet.
    pub(super) fn new(port: Arc<Port>, id: u64) -> Arc<Self> {
        Arc::new(Self {
            id,
            port,
            names: Mutex::default(),
            remote_name: Mutex::default(),
            paths: Paths::default(),
            state: Mutex::new(IceState::New),
            last_check: Mutex::new(Instant::now()),
            last_media: Mutex::default(),
            packets: AtomicU64::default(),
            bytes: AtomicU64::default(),
            gates: Mutex::default(),
            verified: AtomicBool::default(),
            closed: AtomicBool::default(),
            active: AtomicBool::default(),
            held: Mutex::default(),
            user: OnceLock::new(),
            source: OnceLock::new(),
            transport: OnceLock::new(),
            bypass: OnceLock::new(),
        })
    }

    /// Whom to tell; set once, before the first description.
    pub fn set_user(&self, user: Weak<dyn LinkUser>) {
        let _ = self.user.set(user);
    }
    /// Which RTP of a publication may pass. What was learnt under the same names stays known. Returns the SSRCs that pass no
    /// longer, or one that passes for another publication: then nothing has changed.
    pub fn set_gate(&self, whose: PeerId, gate: Gate) -> Result<Vec<u32>, u32> {
        self.gates.lock().set(whose, gate)
    }
    /// A publication is over. Returns the SSRCs that pass no longer.
    pub fn remove_gate(&self, whose: PeerId) -> Vec<u32> {
        self.gates.lock().remove(whose)
    }
    /// Lets media through: the peer has proved to be who its description says.
    pub fn set_verified(&self) {
        self.verified.store(true, Release);
    }
    /// The far side's user name fragment; checks with another are refused.
    pub fn set_remote_name(&self, name: &str) {
        *self.remote_name.lock() = Some(name.into());
    }
    /// State.
    pub fn state(&self) -> IceState {
        *self.state.lock()
    }
    /// The client's address in use.
    pub fn selected(&self) -> Option<SocketAddr> {
        self.paths.selected().map(|path| path.address())
    }
    /// When a check came last.
    pub fn last_check(&self) -> Instant {
        *self.last_check.lock()
    }
    /// When authentic RTP or RTCP came last.
    pub fn last_media(&self) -> Option<Instant> {
        *self.last_media.lock()
    }
    /// Authentic RTP packets and bytes.
    pub fn received(&self) -> (u64, u64) {
        (self.packets.load(Relaxed), self.bytes.load(Relaxed))
    }

    pub(super) fn attach(&self, source: &Src, transport: &Transport) {
        let _ = self.source.set(source.downgrade());
        let _ = self.transport.set(transport.downgrade());
    }
    pub(super) fn set_bypass(&self, bypass: Bypass) {
        let _ = self.bypass.set(bypass);
    }
    /// The source element runs.
    pub(super) fn activate(&self) {
        self.active.store(!self.closed.load(SeqCst), SeqCst);
    }

    /// Adds a local name and password; a further one is an ICE restart and the old ones stay good for late checks.
    pub fn register(self: &Arc<Self>, name: &str, password: &str) {
        let mut names = self.names.lock();
        if self.closed.load(SeqCst) || names.iter().any(|known| known == name) {
            return;
        }
        names.push(name.into());
        self.port.names.write().insert(name.into(), (self.clone(), stun::key(password)));
    }

    /// Of its local names only the newest so many stay good.
    pub fn forget_names(&self, keep: usize) {
        let mut names = self.names.lock();
        let old = names.len().saturating_sub(keep);
        let mut all = self.port.names.write();
        names.drain(..old).for_each(|name| drop(all.remove(&name)));
    }

    /// Leaves the port: nothing is taken for this peer any more.
    pub fn close(&self) {
        if self.closed.swap(true, SeqCst) {
            return;
        }
        self.active.store(false, SeqCst);
        let mut names = self.names.lock();
        let mut all = self.port.names.write();
        names.drain(..).for_each(|name| drop(all.remove(&name)));
        drop((names, all));
        self.paths.clear(|path| self.drop_path(path));
        self.held.lock().clear();
    }

    /// An authentic check came by `path`. Returns the new state, if it changed.
    pub(super) fn checked(self: &Arc<Self>, path: &Path, nominated: bool) -> Option<IceState> {
        if self.closed.load(SeqCst) {
            return None;
        }
        *self.last_check.lock() = Instant::now();
        self.remember(path);
        if self.paths.select(path, nominated) {
            Counters::add(&self.port.counters.roamed);
            self.tell(|user| user.roamed());
        }
        self.change_state(IceState::Connected)
    }

    /// Whether an authentic check is no copy of one that came from elsewhere.
    pub(super) fn is_fresh(&self, transaction: [u8; 12], path: &Path) -> bool {
        self.paths.is_fresh(transaction, path)
    }

    /// A TCP connection has ended: until the client's next check there may be no way to it.
    pub(super) fn lost(&self, path: &Path) {
        self.paths.forget(path);
    }

    /// Whether checks from this sender are for us; without a description any is.
    pub(super) fn expects(&self, sender: &str) -> bool {
        self.remote_name.lock().as_deref().is_none_or(|name| name == sender)
    }

    fn remember(self: &Arc<Self>, path: &Path) {
        self.paths.remember(path, |evicted| {
            evicted.into_iter().for_each(|path| self.drop_path(path));
            let open = !self.closed.load(SeqCst);
            if let (true, Path::Udp(address)) = (open, path) {
                self.port.addresses.write().insert(*address, self.clone());
            }
            open
        });
    }

    fn drop_path(&self, path: Path) {
        match path {
            Path::Tcp(pipe) => pipe.close(),
            Path::Udp(address) => {
                let mut addresses = self.port.addresses.write();
                if addresses.get(&address).is_some_and(|link| link.id == self.id) {
                    addresses.remove(&address);
                }
            }
        }
    }

    /// What silence means. Returns the new state, if it changed. Media of the verified peer counts like a check:
    /// libnice before 0.1.22, which GStreamer's devices use, checks nothing once it is connected.
    pub(super) fn judge_silence(&self, now: Instant, disconnected: Duration, failed: Duration) -> Option<IceState> {
        let heard = self.last_media().map_or(self.last_check(), |media| media.max(self.last_check()));
        let silent = now.saturating_duration_since(heard);
        match self.state() {
            IceState::Connected | IceState::Disconnected if silent > failed => self.change_state(IceState::Failed),
            IceState::Connected if silent > disconnected => self.change_state(IceState::Disconnected),
            _ => None,
        }
    }

    fn change_state(&self, to: IceState) -> Option<IceState> {
        let mut state = self.state.lock();
        (*state != to).then(|| {
            *state = to;
            to
        })
    }

    /// On the worker: tells webrtcbin and the peer.
    pub(super) fn announce_state(&self, state: IceState) {
        use gst_webrtc::WebRTCICEConnectionState as Ice;
        if self.closed.load(SeqCst) {
            return;
        }
        if let Some(transport) = self.transport.get().and_then(glib::WeakRef::upgrade) {
            let transport = transport.upcast_ref::<gst_webrtc::WebRTCICETransport>();
            match state {
                IceState::New => {}
                IceState::Connected => {
                    transport.connection_state_change(Ice::Connected);
                    transport.connection_state_change(Ice::Completed);
                }
                IceState::Disconnected => transport.connection_state_change(Ice::Disconnected),
                IceState::Failed => transport.connection_state_change(Ice::Failed),
            }
        }
        self.tell(|user| user.state(state));
    }

    pub(super) fn tell<T>(&self, say: impl FnOnce(&dyn LinkUser) -> T) -> Option<T> {
        self.user.get().and_then(Weak::upgrade).map(|user| say(&*user))
    }

    /// In the reader: a datagram of media from a known address.
    pub(super) fn media(&self, kind: Datagram, datagram: &[u8], at: Instant) {
        if !self.active.load(Acquire) {
            return;
        }
        let Some(pass) = self.lets_pass(kind, datagram).filter(|_| self.is_verified()) else { return };
        let authentic = self.tell(|user| match pass {
            Some((whose, _)) => user.srtp(datagram, whose, at),
            None => user.srtcp(datagram, at),
        });
        if authentic == Some(true) {
            *self.last_media.lock() = Some(at);
            if kind == Datagram::Rtp {
                self.packets.fetch_add(1, Relaxed);
                self.bytes.fetch_add(datagram.len() as u64, Relaxed);
            }
            if let Some((whose, Pass::Unproved(lesson))) = pass {
                self.gates.lock().proved(whose, lesson);
            }
        }
    }

    /// On the worker: one DTLS datagram of a known address. Returns whether something is now held back.
    pub(super) fn take(&self, datagram: Vec<u8>) -> bool {
        if !self.active.load(Acquire) {
            return false;
        }
        let mut held = self.held.lock();
        if held.is_empty() && self.is_open() {
            drop(held);
            self.push(datagram);
            return false;
        }
        if held.len() < MAX_HELD {
            Counters::add(&self.port.counters.held);
            held.push_back(datagram);
        } else {
            Counters::add(&self.port.counters.held_dropped);
        }
        true
    }

    /// On the worker: hands on what was held back; `false` when webrtcbin is still not ready.
    pub(super) fn flush(&self) -> bool {
        while self.active.load(Acquire) {
            if !self.is_open() {
                return self.held.lock().is_empty();
            }
            let Some(datagram) = self.held.lock().pop_front() else { return true };
            self.push(datagram);
        }
        true
    }

    /// `None`: it may not be opened. Of RTP, whose it is.
    fn lets_pass(&self, kind: Datagram, datagram: &[u8]) -> Option<Option<(PeerId, Pass)>> {
        if kind != Datagram::Rtp {
            return Some(None);
        }
        let pass = self.gates.lock().admits(datagram);
        if pass.is_none() {
            Counters::add(&self.port.counters.unannounced_ssrc);
        }
        pass.map(Some)
    }

    fn is_verified(&self) -> bool {
        let verified = self.verified.load(Acquire);
        if !verified {
            Counters::add(&self.port.counters.unverified);
        }
        verified
    }

    /// Whether webrtcbin takes packets now. With the queue bypassed its pad's block is read, never waited for.
    fn is_open(&self) -> bool {
        match self.bypass.get() {
            Some(bypass) => !bypass.gate.is_blocked(),
            None => self.source.get().and_then(glib::WeakRef::upgrade).is_some_and(|source| source.is_linked()),
        }
    }

    fn push(&self, datagram: Vec<u8>) {
        let Some(source) = self.source.get().and_then(glib::WeakRef::upgrade) else { return };
        if self.bypass.get().is_some() && !self.is_open() {
            return;
        }
        source.push(datagram, self.bypass.get().map(|bypass| &bypass.decoder));
    }

    /// From webrtcbin: DTLS.
    pub(super) fn send_one(&self, datagram: &[u8]) {
        let taken = self.paths.selected().is_some_and(|path| path.send(&self.port.socket, datagram));
        if !taken {
            Counters::add(&self.port.counters.send_failed);
        }
    }
}

impl Wire for Link {
    fn send(&self, data: &[u8], lengths: &[usize]) -> usize {
        // Without a way there is nothing to wait for.
        let path = self.paths.selected().filter(|_| !self.closed.load(Relaxed));
        path.map_or(0, |path| path.send_all(&self.port.socket, data, lengths))
    }
}
