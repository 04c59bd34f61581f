//! The port: one socket with its reader, one TCP listener with its thread, and who is behind which name and address.
//!
//! The reader answers checks itself (even before the peer's description is known: most of the joining time is won
//! there), lets media be taken on the spot (a hop to another thread costs more than opening a packet), and hands DTLS to
//! the link's worker. Once a second it looks for links that fell silent.

use super::gate::Datagram;
use super::link::Link;
use super::path::Path;
use super::socket::{Batch, Socket};
use super::user::IceState;
use super::worker::{Jobs, Worker};
use super::{Counters, stun, tcp};
use crate::config::Media;
use crate::media::sdp::HostCandidate;
use aws_lc_rs::hmac;
use parking_lot::RwLock;
use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::*};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// RFC 7675 asks for 30 s; clients check every 2.5 s, so 10 s of silence mean trouble.
const DISCONNECTED: Duration = Duration::from_secs(10);
const FAILED: Duration = Duration::from_secs(30);
/// How long the reader looks away while the rest of a picture comes in.
const NAP: Duration = Duration::from_micros(150);
/// The same on a busy port, where hundreds of viewers' reports come in one by one: waking for each is what costs.
const BUSY_NAP: Duration = Duration::from_millis(1);
/// Busy: datagrams in a window.
const BUSY: usize = 150;
const WINDOW: Duration = Duration::from_millis(100);
/// Free UDP ports tried for one that is free for TCP as well.
const ATTEMPTS: usize = 32;

/// What reader, workers and links share.
pub(super) struct Port {
    pub socket: Socket,
    pub names: RwLock<HashMap<String, (Arc<Link>, hmac::Key)>>,
    pub addresses: RwLock<HashMap<SocketAddr, Arc<Link>>>,
    pub counters: Counters,
    pub workers: Vec<Worker>,
    stopped: AtomicBool,
}

/// The port and its threads; dropping it ends them.
pub struct Mux {
    port: Arc<Port>,
    announced: Vec<HostCandidate>,
    next: AtomicU64,
    threads: Vec<JoinHandle<()>>,
    tcp: Option<Arc<mio::Waker>>,
}

impl Mux {
    /// Binds the port and starts `ice-rx`, `ice-tcp` and the workers `ice-wN`.
    pub fn start(config: &Media) -> io::Result<Self> {
        let (socket, listener) = bind(config)?;
        let listener = listener.map(tcp::Listener::new).transpose()?;
        let announced = candidates(config, socket.local().port());
        let count = match config.workers {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            configured => configured,
        };
        let port = Arc::new(Port {
            socket,
            names: RwLock::default(),
            addresses: RwLock::default(),
            counters: Counters::default(),
            workers: (0..count).map(|_| Worker::default()).collect(),
            stopped: AtomicBool::new(false),
        });
        let mut mux = Self { port, announced, next: AtomicU64::new(0), threads: Vec::new(), tcp: None };
        mux.spawn("ice-rx".into(), |port| port.read())?;
        for index in 0..count {
            mux.spawn(format!("ice-w{index}"), move |port| port.workers[index].run())?;
        }
        if let Some(listener) = listener {
            mux.tcp = Some(listener.waker());
            mux.spawn("ice-tcp".into(), move |port| listener.run(port))?;
        }
        Ok(mux)
    }

    fn spawn(&mut self, name: String, run: impl FnOnce(&Port) + Send + 'static) -> io::Result<()> {
        let port = self.port.clone();
        self.threads.push(std::thread::Builder::new().name(name).spawn(move || run(&port))?);
        Ok(())
    }

    /// Where the socket is bound.
    pub fn local_addr(&self) -> SocketAddr {
        self.port.socket.local()
    }
    /// What clients are told.
    pub fn announced(&self) -> &[HostCandidate] {
        &self.announced
    }
    /// What it has seen.
    pub fn counters(&self) -> &Counters {
        &self.port.counters
    }
    /// A new peer on the port.
    pub fn link(&self) -> Arc<Link> {
        Link::new(self.port.clone(), self.next.fetch_add(1, Relaxed))
    }
}

impl Drop for Mux {
    fn drop(&mut self) {
        self.port.stopped.store(true, SeqCst);
        self.port.socket.wake();
        self.tcp.iter().for_each(|waker| drop(waker.wake()));
        self.port.workers.iter().for_each(Worker::stop);
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
        self.port.names.write().clear();
        self.port.addresses.write().clear();
    }
}

/// The socket and, unless TCP is off, a listener on its port number.
fn bind(config: &Media) -> io::Result<(Socket, Option<TcpListener>)> {
    let wanted = SocketAddr::new(config.bind, config.port);
    let mut attempt = 0;
    loop {
        attempt += 1;
        let socket = Socket::bind(wanted)?;
        if !config.tcp {
            return Ok((socket, None));
        }
        match tcp::listen(socket.local()) {
            Ok(listener) => return Ok((socket, Some(listener))),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && config.port == 0 && attempt < ATTEMPTS => {}
            Err(error) => return Err(io::Error::new(error.kind(), format!("TCP {}: {error}", socket.local()))),
        }
    }
}

/// What clients are told: every address, first over UDP.
fn candidates(config: &Media, port: u16) -> Vec<HostCandidate> {
    let addresses: Vec<SocketAddr> = config.announced().into_iter().map(|ip| SocketAddr::new(ip, port)).collect();
    let of = |tcp| addresses.iter().map(move |address| HostCandidate { address: *address, tcp });
    of(false).chain(of(true).filter(|_| config.tcp)).collect()
}

impl Port {
    /// An empty load for the workers.
    pub fn jobs(&self) -> Jobs {
        Jobs::new(self.workers.len())
    }
    /// It is over.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Relaxed)
    }

    fn read(&self) {
        let mut batch = Batch::new();
        let mut jobs = self.jobs();
        let mut swept = Instant::now();
        let (mut holding, mut pace) = (false, Pace::default());
        while !self.is_stopped() {
            if holding {
                // The rest of a picture comes within microseconds: one look for all of it, not one for each packet.
                std::thread::sleep(NAP);
            } else if pace.is_busy() {
                std::thread::sleep(BUSY_NAP);
            }
            self.socket.receive(&mut batch, !holding);
            let now = Instant::now();
            pace.note(batch.len(), now);
            for (datagram, from) in batch.datagrams() {
                self.datagram(datagram, &Path::Udp(from), None, now, &mut jobs);
            }
            holding = jobs.drained(now);
            if swept.elapsed() >= Duration::from_secs(1) {
                swept = Instant::now();
                self.sweep(&mut jobs);
                self.counters.send_failed.fetch_add(self.socket.failed.swap(0, Relaxed), Relaxed);
                self.counters.report();
            }
            jobs.hand_over(self);
        }
    }

    /// One datagram; over TCP `known` is whom the connection belongs to. Returns the link that it proves to belong to.
    pub fn datagram(
        &self,
        datagram: &[u8],
        path: &Path,
        known: Option<&Arc<Link>>,
        now: Instant,
        jobs: &mut Jobs,
    ) -> Option<Arc<Link>> {
        Counters::add(&self.counters.received);
        let kind = Datagram::of(datagram);
        match kind {
            Datagram::Stun => return self.check(datagram, path, jobs),
            Datagram::Other => Counters::add(&self.counters.malformed),
            _ => match self.owner(path, known) {
                Some(link) if kind == Datagram::Dtls => jobs.datagram(&link, datagram),
                Some(link) => jobs.media(&link, kind, datagram, now),
                None => Counters::add(&self.counters.unknown_address),
            },
        }
        None
    }

    fn owner(&self, path: &Path, known: Option<&Arc<Link>>) -> Option<Arc<Link>> {
        match path {
            Path::Tcp(_) => known.cloned(),
            Path::Udp(from) => self.addresses.read().get(from).cloned(),
        }
    }

    /// A connectivity check: strangers and forgers get no answer, so that nobody can be flooded through us.
    fn check(&self, packet: &[u8], path: &Path, jobs: &mut Jobs) -> Option<Arc<Link>> {
        let (link, key, request) = self.authentic(packet, path)?;
        Counters::add(&self.counters.checks);
        if request.controlled {
            path.send(&self.socket, &stun::role_conflict(packet, &key));
            return Some(link);
        }
        // Before the answer: whoever has it may count on being known.
        let changed = link.checked(path, request.use_candidate);
        path.send(&self.socket, &stun::success(packet, path.address(), &key));
        if let Some(state) = changed {
            jobs.state(link.clone(), state);
        }
        Some(link)
    }

    /// Whose check it is, if it is somebody's; else it is counted.
    fn authentic<'a>(&self, packet: &'a [u8], path: &Path) -> Option<(Arc<Link>, hmac::Key, stun::Request<'a>)> {
        let refuse = |reason| {
            Counters::add(reason);
            None
        };
        let Some(request) = stun::parse(packet) else { return refuse(&self.counters.malformed) };
        let (ours, theirs) = request.username.unwrap_or_default().split_once(':').unwrap_or_default();
        let Some((link, key)) = self.names.read().get(ours).cloned() else {
            return refuse(&self.counters.unknown_user);
        };
        if !request.authentic(packet, &key) || !link.expects(theirs) {
            return refuse(&self.counters.bad_integrity);
        }
        if !link.is_fresh(stun::transaction(packet), path) {
            return refuse(&self.counters.replayed);
        }
        Some((link, key, request))
    }

    /// Turns silence into `Disconnected` and `Failed`.
    fn sweep(&self, jobs: &mut Jobs) {
        let now = Instant::now();
        let changed: Vec<(Arc<Link>, IceState)> = {
            let names = self.names.read();
            let judged = names.values().map(|(link, _)| (link, link.judge_silence(now, DISCONNECTED, FAILED)));
            judged.filter_map(|(link, state)| Some((link.clone(), state?))).collect()
        };
        for (link, state) in changed {
            jobs.state(link, state);
        }
    }
}

/// How much comes in.
#[derive(Default)]
struct Pace {
    since: Option<Instant>,
    count: usize,
    busy: bool,
}

impl Pace {
    fn is_busy(&self) -> bool {
        self.busy
    }

    fn note(&mut self, datagrams: usize, now: Instant) {
        self.count += datagrams;
        let since = *self.since.get_or_insert(now);
        let elapsed = now.saturating_duration_since(since);
        if elapsed >= WINDOW {
            self.busy = self.count as f64 > BUSY as f64 * elapsed.as_secs_f64() / WINDOW.as_secs_f64();
            (self.since, self.count) = (Some(now), 0);
        }
    }
}

#[cfg(test)]
mod tests;
