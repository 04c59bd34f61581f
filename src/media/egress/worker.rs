//! One sending thread and its bounded queue of work; `roster` does the work.

use super::Batch;
use super::roster::Roster;
use super::source::Shown;
use super::subscriber::{Outgoing, Subscriber};
use crate::model::{Kind, PeerId};
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Instant;

/// Batches that may wait; more is a thread that cannot keep up, and old pictures are of no use.
const WAITING: usize = 512;
/// With so much to do, feedback that comes is dropped: it repeats itself.
const MOST_JOBS: usize = 4096;

/// Something to do.
pub enum Job {
    /// Packets of a feed.
    Batch(Batch),
    /// A subscriber is connected.
    Attach(Box<Subscriber>),
    /// A subscriber is gone; told when nothing is sent to it any more.
    Detach(PeerId, SyncSender<()>),
    /// A subscriber is to get sound or pictures from another feed.
    Show {
        /// Who.
        peer: PeerId,
        /// Which of both.
        kind: Kind,
        /// Where from; `None`: nothing is sent of it.
        shown: Option<Shown>,
    },
    /// A subscriber misses packets of a stream.
    Nack {
        /// Who.
        peer: PeerId,
        /// Stream.
        ssrc: u32,
        /// Its sequence numbers.
        sequences: Vec<u16>,
    },
    /// A subscriber told its time (RFC 3611 4.4) and wants it back; no hurry, since the delay is told too.
    ReceiverTime {
        /// Who.
        peer: PeerId,
        /// Its SSRC.
        ssrc: u32,
        /// Its NTP time.
        ntp: u64,
        /// When it came.
        came: Instant,
    },
    /// Time has passed.
    Tick(Instant),
}

struct Queue {
    jobs: VecDeque<Job>,
    batches: usize,
    /// Nothing in `jobs` is urgent.
    idle: bool,
    sleeping: bool,
    closed: bool,
}

impl Default for Queue {
    fn default() -> Self {
        Self { jobs: VecDeque::new(), batches: 0, idle: true, sleeping: false, closed: false }
    }
}

/// The queue's end that others hold.
#[derive(Default)]
pub struct Worker {
    queue: Mutex<Queue>,
    news: Condvar,
}

impl Worker {
    /// Starts the thread.
    pub fn start(name: String) -> std::io::Result<Arc<Self>> {
        let worker = Arc::new(Self::default());
        let own = Arc::clone(&worker);
        std::thread::Builder::new().name(name).spawn(move || own.run())?;
        Ok(worker)
    }

    /// Adds work; never waits.
    pub fn push(&self, job: Job) {
        let mut queue = self.queue.lock();
        match job {
            Job::Batch(_) => queue.make_room(),
            Job::Nack { .. } | Job::ReceiverTime { .. } if queue.jobs.len() >= MOST_JOBS => {
                return super::dropped("rtcp_flood", 1);
            }
            _ => {}
        }
        queue.idle &= matches!(job, Job::ReceiverTime { .. });
        queue.jobs.push_back(job);
        if !queue.idle && queue.sleeping {
            queue.sleeping = false;
            self.news.notify_one();
        }
    }

    /// Ends the thread once its work is done.
    pub fn close(&self) {
        self.queue.lock().closed = true;
        self.news.notify_one();
    }

    fn run(&self) {
        let mut roster = Roster::default();
        let mut out = Outgoing::default();
        while let Some(jobs) = self.take() {
            jobs.into_iter().for_each(|job| roster.work(job, &mut out));
        }
    }

    fn take(&self) -> Option<VecDeque<Job>> {
        let mut queue = self.queue.lock();
        while queue.idle {
            if queue.closed {
                return None;
            }
            queue.sleeping = true;
            self.news.wait(&mut queue);
            queue.sleeping = false;
        }
        (queue.batches, queue.idle) = (0, true);
        Some(std::mem::take(&mut queue.jobs))
    }
}

impl Queue {
    fn make_room(&mut self) {
        self.batches += 1;
        if self.batches > WAITING
            && let Some(oldest) = self.jobs.iter().position(|job| matches!(job, Job::Batch(_)))
        {
            self.jobs.remove(oldest);
            self.batches -= 1;
            super::dropped("slow_worker", 1);
        }
    }
}
