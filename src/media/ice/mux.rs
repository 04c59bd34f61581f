//! The port: one socket, one reader, and who is behind which name and address.
//!
//! The reader answers checks itself (even before the peer's description is known: most of the joining time is won
//! there) and hands everything else to the link's worker. Once a second it looks for links that fell silent.

use super::gate::Datagram;
use super::link::{IceState, Link};
use super::socket::{Batch, Socket};
use super::worker::{Job, Worker};
use super::{Counters, addresses, stun};
use crate::config::Media;
use aws_lc_rs::hmac;
use parking_lot::RwLock;
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::*};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// RFC 7675 asks for 30 s; clients check every 2.5 s, so 10 s of silence mean trouble.
const DISCONNECTED: Duration = Duration::from_secs(10);
const FAILED: Duration = Duration::from_secs(30);

/// What reader, workers and links share.
pub(super) struct Port {
    pub socket: Socket,
    pub names: RwLock<HashMap<String, (Arc<Link>, hmac::Key)>>,
    pub addresses: RwLock<HashMap<SocketAddr, Arc<Link>>>,
    pub counters: Counters,
    workers: Vec<Worker>,
    stopped: AtomicBool,
}

/// The port and its threads; dropping it ends them.
pub struct Mux {
    port: Arc<Port>,
    announced: Vec<SocketAddr>,
    next: AtomicU64,
    threads: Vec<JoinHandle<()>>,
}

impl Mux {
    /// Binds the port and starts `ice-rx` and the workers `ice-wN`.
    pub fn start(config: &Media) -> io::Result<Self> {
        let socket = Socket::bind(SocketAddr::new(config.bind, config.port))?;
        let announced = addresses::announced(socket.local(), &config.public_ips);
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
        let mut mux = Self { port, announced, next: AtomicU64::new(0), threads: Vec::new() };
        mux.spawn("ice-rx".into(), |port| port.read())?;
        for index in 0..count {
            mux.spawn(format!("ice-w{index}"), move |port| port.workers[index].run())?;
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
    pub fn announced(&self) -> &[SocketAddr] {
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
        self.port.workers.iter().for_each(Worker::stop);
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
        self.port.names.write().clear();
        self.port.addresses.write().clear();
    }
}

impl Port {
    fn read(&self) {
        let mut batch = Batch::new();
        let mut jobs: Vec<Vec<Job>> = self.workers.iter().map(|_| Vec::new()).collect();
        let mut swept = Instant::now();
        while !self.stopped.load(Relaxed) {
            self.socket.receive(&mut batch);
            for (datagram, from) in batch.datagrams() {
                Counters::add(&self.counters.received);
                self.datagram(datagram, from, &mut jobs);
            }
            if swept.elapsed() >= Duration::from_secs(1) {
                swept = Instant::now();
                self.sweep(&mut jobs);
                self.counters.report();
            }
            self.workers.iter().zip(&mut jobs).for_each(|(worker, jobs)| worker.add(jobs));
        }
    }

    fn datagram(&self, datagram: &[u8], from: SocketAddr, jobs: &mut [Vec<Job>]) {
        match Datagram::of(datagram) {
            Datagram::Stun => self.check(datagram, from, jobs),
            Datagram::Other => Counters::add(&self.counters.malformed),
            _ => match self.addresses.read().get(&from) {
                Some(link) => enqueue(jobs, link, Job::Datagram(link.clone(), datagram.to_vec())),
                None => Counters::add(&self.counters.unknown_address),
            },
        }
    }

    /// A connectivity check: strangers and forgers get no answer, so that nobody can be flooded through us.
    fn check(&self, packet: &[u8], from: SocketAddr, jobs: &mut [Vec<Job>]) {
        let Some(request) = stun::parse(packet) else { return Counters::add(&self.counters.malformed) };
        let (ours, theirs) = request.username.unwrap_or_default().split_once(':').unwrap_or_default();
        let Some((link, key)) = self.names.read().get(ours).cloned() else {
            return Counters::add(&self.counters.unknown_user);
        };
        if !request.authentic(packet, &key) || !link.expects(theirs) {
            return Counters::add(&self.counters.bad_integrity);
        }
        Counters::add(&self.counters.checks);
        if request.controlled {
            self.socket.send(&stun::role_conflict(packet, &key), from);
            return;
        }
        // Before the answer: whoever has it may count on being known.
        let changed = link.checked(from, request.use_candidate);
        self.socket.send(&stun::success(packet, from, &key), from);
        if let Some(state) = changed {
            enqueue(jobs, &link, Job::State(link.clone(), state));
        }
    }

    /// Turns silence into `Disconnected` and `Failed`.
    fn sweep(&self, jobs: &mut [Vec<Job>]) {
        let now = Instant::now();
        let changed: Vec<(Arc<Link>, IceState)> = {
            let names = self.names.read();
            let judged = names.values().map(|(link, _)| (link, link.judge_silence(now, DISCONNECTED, FAILED)));
            judged.filter_map(|(link, state)| Some((link.clone(), state?))).collect()
        };
        for (link, state) in changed {
            enqueue(jobs, &link, Job::State(link.clone(), state));
        }
    }
}

fn enqueue(jobs: &mut [Vec<Job>], link: &Link, job: Job) {
    let index = link.id as usize % jobs.len().max(1);
    if let Some(queue) = jobs.get_mut(index) {
        queue.push(job);
    }
}

#[cfg(test)]
mod tests;
