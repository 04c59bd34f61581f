//! A worker: DTLS and changes of state of a link happen in one of them, in order.

use super::gate::Datagram;
use super::link::Link;
use super::mux::Port;
use super::user::IceState;
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::*};
use std::time::{Duration, Instant};

/// How often links that hold packets back are looked at again.
const HELD_POLL: Duration = Duration::from_millis(2);
/// A queue longer than this drops datagrams: handshakes repeat themselves.
const MAX_QUEUED: usize = 16_384;

/// What there is to do.
pub(super) enum Job {
    Datagram(Arc<Link>, Vec<u8>),
    State(Arc<Link>, IceState),
}

/// How long a picture that came in part waits for the rest.
const HOLD: Duration = Duration::from_millis(1);

/// What a reader has in its hands: jobs on their way to the workers, and whose media came.
pub(super) struct Jobs {
    queues: Vec<Vec<Job>>,
    touched: Vec<Arc<Link>>,
    held: Vec<(Arc<Link>, Instant)>,
}

impl Jobs {
    /// For so many workers.
    pub fn new(workers: usize) -> Self {
        Self { queues: (0..workers).map(|_| Vec::new()).collect(), touched: Vec::new(), held: Vec::new() }
    }

    /// Media of a link, which its user takes here and now.
    pub fn media(&mut self, link: &Arc<Link>, kind: Datagram, datagram: &[u8], at: Instant) {
        link.media(kind, datagram, at);
        if !self.touched.iter().any(|known| Arc::ptr_eq(known, link)) {
            self.touched.push(link.clone());
        }
    }

    /// The input is drained: pictures go out, complete ones now, others when they have waited long enough. Returns
    /// whether some still wait.
    pub fn drained(&mut self, now: Instant) -> bool {
        for link in self.touched.drain(..) {
            let incomplete = link.tell(|user| user.drained()).unwrap_or(false);
            let held = self.held.iter().position(|(known, _)| Arc::ptr_eq(known, &link));
            match held {
                Some(at) if !incomplete => drop(self.held.swap_remove(at)),
                None if incomplete => self.held.push((link, now)),
                _ => {}
            }
        }
        self.held.retain(|(link, since)| {
            let waits = now.saturating_duration_since(*since) < HOLD;
            if !waits {
                link.tell(|user| user.flush());
            }
            waits
        });
        !self.held.is_empty()
    }

    /// A DTLS datagram for a link.
    pub fn datagram(&mut self, link: &Arc<Link>, datagram: &[u8]) {
        self.push(link.id, Job::Datagram(link.clone(), datagram.to_vec()));
    }
    /// A new state of a link.
    pub fn state(&mut self, link: Arc<Link>, state: IceState) {
        self.push(link.id, Job::State(link, state));
    }
    /// Each worker gets its own.
    pub fn hand_over(&mut self, port: &Port) {
        port.workers.iter().zip(&mut self.queues).for_each(|(worker, jobs)| worker.add(jobs));
    }

    fn push(&mut self, link: u64, job: Job) {
        let index = link as usize % self.queues.len().max(1);
        if let Some(queue) = self.queues.get_mut(index) {
            queue.push(job);
        }
    }
}

/// Its queue.
#[derive(Default)]
pub(super) struct Worker {
    queue: Mutex<VecDeque<Job>>,
    filled: Condvar,
    stopped: AtomicBool,
}

impl Worker {
    /// Takes over `jobs`.
    pub fn add(&self, jobs: &mut Vec<Job>) {
        if jobs.is_empty() {
            return;
        }
        let mut queue = self.queue.lock();
        if queue.len() > MAX_QUEUED {
            jobs.retain(|job| matches!(job, Job::State(..)));
        }
        queue.extend(jobs.drain(..));
        drop(queue);
        self.filled.notify_one();
    }

    /// Ends `run`.
    pub fn stop(&self) {
        let _queue = self.queue.lock();
        self.stopped.store(true, SeqCst);
        self.filled.notify_one();
    }

    /// Until stopped.
    pub fn run(&self) {
        let mut holding: Vec<Arc<Link>> = Vec::new();
        let mut jobs = VecDeque::new();
        while !self.stopped.load(SeqCst) {
            self.wait(&mut jobs, !holding.is_empty());
            for job in jobs.drain(..) {
                match job {
                    Job::State(link, state) => link.announce_state(state),
                    Job::Datagram(link, datagram) => {
                        if link.take(datagram) && !holding.iter().any(|known| Arc::ptr_eq(known, &link)) {
                            holding.push(link);
                        }
                    }
                }
            }
            holding.retain(|link| !link.flush());
        }
    }

    fn wait(&self, jobs: &mut VecDeque<Job>, holding: bool) {
        let mut queue = self.queue.lock();
        if queue.is_empty() && !self.stopped.load(SeqCst) {
            match holding {
                true => drop(self.filled.wait_for(&mut queue, HELD_POLL)),
                false => self.filled.wait(&mut queue),
            }
        }
        std::mem::swap(&mut *queue, jobs);
    }
}
