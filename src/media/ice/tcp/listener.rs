//! The listener and its thread: accepts, waits for what is readable or writable, gives each connection its turn.

use super::TcpCounters;
use super::connection::{Connection, Ending, Read};
use super::pipe::Pipe;
use crate::media::ice::mux::Port;
use crate::media::ice::worker::Jobs;
use mio::event::Event;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};
use std::collections::{BTreeSet, HashMap};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// Connections at once, and those of them that have not proved themselves.
pub const MAX_OPEN: usize = 4096;
pub const MAX_UNPROVEN: usize = 256;
/// Connections accepted, and bytes read of one connection, before others have their turn.
const ACCEPTS: usize = 64;
const CHUNK: usize = 16 << 10;
const BACKLOG: i32 = 256;
const SWEEP: Duration = Duration::from_secs(1);
/// Looked at again while a picture is incomplete.
const HOLDING: Duration = Duration::from_millis(1);
/// When polling itself fails, which it has no reason to, this keeps the thread from spinning.
const PAUSE: Duration = Duration::from_millis(50);

const LISTENER: Token = Token(0);
const WAKER: Token = Token(1);
const FIRST: usize = 2;

/// Listens on this address; on `[::]` for IPv4 as well, as the UDP socket does.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket2::Socket::new(socket2::Domain::for_address(address), socket2::Type::STREAM.cloexec(), None)?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// The listener with its connections.
pub struct Listener {
    listener: TcpListener,
    poll: Poll,
    waker: Arc<Waker>,
    connections: HashMap<usize, Connection>,
    /// Connections with something to read.
    ready: BTreeSet<usize>,
    accepting: bool,
    next: usize,
}

impl Listener {
    /// Ready to run.
    pub fn new(listener: TcpListener) -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        poll.registry().register(&mut SourceFd(&listener.as_raw_fd()), LISTENER, Interest::READABLE)?;
        let (connections, ready) = (HashMap::new(), BTreeSet::new());
        Ok(Self { listener, poll, waker, connections, ready, accepting: false, next: FIRST })
    }

    /// Makes `run` look whether it is to end.
    pub fn waker(&self) -> Arc<Waker> {
        self.waker.clone()
    }

    /// Until the port is stopped.
    pub fn run(mut self, port: &Port) {
        let mut events = Events::with_capacity(256);
        let (mut buffer, mut jobs, mut swept) = (vec![0; CHUNK], port.jobs(), Instant::now());
        let mut holding = false;
        while !port.is_stopped() {
            let idle = self.ready.is_empty() && !self.accepting;
            let wait = match (idle, holding) {
                (true, false) => SWEEP,
                (true, true) => HOLDING,
                (false, _) => Duration::ZERO,
            };
            match self.poll.poll(&mut events, Some(wait)) {
                Ok(()) => events.iter().for_each(|event| self.note(event)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => std::thread::sleep(PAUSE),
            }
            self.accept(&port.counters.tcp);
            self.read(port, &mut buffer, &mut jobs);
            holding = jobs.drained(Instant::now());
            jobs.hand_over(port);
            if swept.elapsed() >= SWEEP {
                swept = Instant::now();
                self.sweep(swept, &port.counters.tcp);
            }
        }
        self.connections.drain().for_each(|(_, connection)| connection.close());
    }

    fn note(&mut self, event: &Event) {
        match event.token() {
            WAKER => {}
            LISTENER => self.accepting = true,
            Token(id) => {
                let Some(connection) = self.connections.get(&id) else { return };
                if event.is_writable() {
                    connection.pipe().flush();
                }
                if event.is_readable() || event.is_read_closed() || event.is_error() {
                    self.ready.insert(id);
                }
            }
        }
    }

    /// Takes some waiting connections. Out of descriptors, it is tried again with the next sweep.
    fn accept(&mut self, counters: &TcpCounters) {
        for _ in 0..if self.accepting { ACCEPTS } else { 0 } {
            match self.listener.accept() {
                Ok((stream, peer)) => {
                    counters.accepted.fetch_add(1, Relaxed);
                    self.make_room(counters);
                    match Pipe::new(stream, peer) {
                        Ok(pipe) if self.connections.len() < MAX_OPEN => self.add(pipe),
                        Ok(_) => _ = counters.crowded.fetch_add(1, Relaxed),
                        Err(error) => tracing::debug!(%error, "a TCP connection cannot be used"),
                    }
                }
                Err(error) if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted) => {
                }
                Err(_) => {
                    self.accepting = false;
                    break;
                }
            }
        }
        counters.open.store(self.connections.len() as u64, Relaxed);
    }

    fn add(&mut self, pipe: Pipe) {
        let id = self.next;
        self.next += 1;
        let interest = Interest::READABLE | Interest::WRITABLE;
        if self.poll.registry().register(&mut SourceFd(&pipe.descriptor()), Token(id), interest).is_ok() {
            self.connections.insert(id, Connection::new(pipe));
        }
    }

    /// Newcomers that have proved nothing may not keep others out: the oldest of them goes.
    fn make_room(&mut self, counters: &TcpCounters) {
        let unproven = || self.connections.iter().filter(|(_, c)| !c.is_proven()).map(|(id, _)| *id);
        if unproven().count() >= MAX_UNPROVEN
            && let Some(oldest) = unproven().min()
        {
            self.end(oldest, Ending::Crowded, counters);
        }
    }

    fn read(&mut self, port: &Port, buffer: &mut [u8], jobs: &mut Jobs) {
        for id in std::mem::take(&mut self.ready) {
            let Some(connection) = self.connections.get_mut(&id) else { continue };
            match connection.read(port, buffer, jobs) {
                Read::More => _ = self.ready.insert(id),
                Read::Drained => {}
                Read::Over(ending) => self.end(id, ending, &port.counters.tcp),
            }
        }
    }

    fn sweep(&mut self, now: Instant, counters: &TcpCounters) {
        self.accepting = true;
        let overdue = self.connections.iter().filter_map(|(id, c)| Some((*id, c.overdue(now)?)));
        let overdue: Vec<(usize, Ending)> = overdue.collect();
        overdue.into_iter().for_each(|(id, ending)| self.end(id, ending, counters));
    }

    fn end(&mut self, id: usize, ending: Ending, counters: &TcpCounters) {
        let Some(connection) = self.connections.remove(&id) else { return };
        let counter = match ending {
            Ending::Closed => None,
            Ending::Garbage => Some(&counters.garbage),
            Ending::Silent => Some(&counters.silent),
            Ending::Stalled => Some(&counters.stalled),
            Ending::Crowded => Some(&counters.crowded),
        };
        counter.into_iter().for_each(|counter| _ = counter.fetch_add(1, Relaxed));
        counters.open.store(self.connections.len() as u64, Relaxed);
        let _ = self.poll.registry().deregister(&mut SourceFd(&connection.pipe().descriptor()));
        connection.close();
    }
}
