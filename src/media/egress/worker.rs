//! One sending thread and its bounded queue of work; `roster` does the work.

use super::Batch;
use super::roster::Roster;
use super::source::Shown;
use super::subscriber::Subscriber;
use super::writer::Outgoing;
use crate::model::{Kind, PeerId};
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

/// Batches that may wait; more is a thread that cannot keep up, and old pictures are of no use.
const WAITING: usize = 512;
/// With so much to do, feedback that comes is dropped: it repeats itself.
const MOST_JOBS: usize = 4096;

/// How long what waits for its time may wait longer.
const STEP: Duration = Duration::from_millis(5);

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
        let mut due = None;
        while let Some(jobs) = self.take(due) {
            jobs.into_iter().for_each(|job| roster.work(job, &mut out));
            let now = Instant::now();
            if due.is_some_and(|due| now >= due) {
                roster.pump(&mut out);
                due = None;
            }
            due = due.or(Some(now + STEP)).filter(|_| roster.is_busy());
        }
    }

    /// What is to be done, nothing when this instant comes before; `None` when it is over.
    fn take(&self, until: Option<Instant>) -> Option<VecDeque<Job>> {
        let mut queue = self.queue.lock();
        while queue.idle {
            if queue.closed {
                return None;
            }
            queue.sleeping = true;
            let late = match until {
                Some(until) => self.news.wait_until(&mut queue, until).timed_out(),
                None => {
                    self.news.wait(&mut queue);
                    false
                }
            };
            queue.sleeping = false;
            if late {
                break;
            }
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
