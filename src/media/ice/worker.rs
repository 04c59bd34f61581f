//! A worker: everything of a link happens in one of them, in order.

use super::link::{IceState, Link};
use super::mux::Port;
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::*};
use std::time::Duration;

/// How often links that hold packets back are looked at again.
const HELD_POLL: Duration = Duration::from_millis(2);
/// A queue longer than this drops media: the machine cannot keep up, and late media is worth nothing.
const MAX_QUEUED: usize = 16_384;

/// What there is to do.
pub(super) enum Job {
    Datagram(Arc<Link>, Vec<u8>),
    State(Arc<Link>, IceState),
}

/// Jobs on their way to the workers, in a reader's hands.
pub(super) struct Jobs(Vec<Vec<Job>>);

impl Jobs {
    /// For so many workers.
    pub fn new(workers: usize) -> Self {
        Self((0..workers).map(|_| Vec::new()).collect())
    }

    /// A datagram for a link.
    pub fn datagram(&mut self, link: &Arc<Link>, datagram: &[u8]) {
        self.push(link.id, Job::Datagram(link.clone(), datagram.to_vec()));
    }
    /// A new state of a link.
    pub fn state(&mut self, link: Arc<Link>, state: IceState) {
        self.push(link.id, Job::State(link, state));
    }
    /// Each worker gets its own.
    pub fn hand_over(&mut self, port: &Port) {
        port.workers.iter().zip(&mut self.0).for_each(|(worker, jobs)| worker.add(jobs));
    }

    fn push(&mut self, link: u64, job: Job) {
        let index = link as usize % self.0.len().max(1);
        if let Some(queue) = self.0.get_mut(index) {
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
        let mut touched: Vec<Arc<Link>> = Vec::new();
        let mut jobs = VecDeque::new();
        while !self.stopped.load(SeqCst) {
            self.wait(&mut jobs, !holding.is_empty());
            for job in jobs.drain(..) {
                match job {
                    Job::State(link, state) => link.announce_state(state),
                    Job::Datagram(link, datagram) => {
                        if link.take(datagram) {
                            add_once(&mut holding, &link);
                        }
                        add_once(&mut touched, &link);
                    }
                }
            }
            holding.retain(|link| !link.flush());
            for link in touched.drain(..) {
                link.tell(|user| user.drained());
            }
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

fn add_once(links: &mut Vec<Arc<Link>>, link: &Arc<Link>) {
    if !links.iter().any(|known| Arc::ptr_eq(known, link)) {
        links.push(link.clone());
    }
}
