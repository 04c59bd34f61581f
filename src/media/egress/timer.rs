//! The one clock of the fan-out: sender reports and feedback every 100 ms; every 10 ms while a feed misses packets or waits
//! for a keyframe. Sleeps for good while there is no feed: on an idle machine waking up is what costs.

use super::worker::{Job, Worker};
use crate::media::feed::Feed;
use parking_lot::{Condvar, Mutex};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

const TICK: Duration = Duration::from_millis(100);
const HURRIED: Duration = Duration::from_millis(10);

#[derive(Default)]
struct Watched {
    feeds: Vec<Weak<Feed>>,
    hurried: bool,
    closed: bool,
}

/// What the thread and the pool share.
#[derive(Default)]
pub struct Timer {
    watched: Mutex<Watched>,
    news: Condvar,
    /// Ticks are short already.
    hurries: AtomicBool,
}

impl Timer {
    /// Starts the thread.
    pub fn start(workers: Vec<Arc<Worker>>) -> std::io::Result<Arc<Self>> {
        let timer = Arc::new(Self::default());
        let own = Arc::clone(&timer);
        std::thread::Builder::new().name("egress-timer".into()).spawn(move || own.run(&workers))?;
        Ok(timer)
    }

    /// A feed that wants ticks as long as it lives.
    pub fn watch(&self, feed: &Arc<Feed>) {
        self.watched.lock().feeds.push(Arc::downgrade(feed));
        self.news.notify_one();
    }

    /// A feed has something that cannot wait.
    pub fn hurry(&self) {
        if !self.hurries.swap(true, Relaxed) {
            self.watched.lock().hurried = true;
            self.news.notify_one();
        }
    }

    /// Ends the thread.
    pub fn close(&self) {
        self.watched.lock().closed = true;
        self.news.notify_one();
    }

    fn run(&self, workers: &[Arc<Worker>]) {
        let (mut reported, mut busy) = (Instant::now(), false);
        while let Some(feeds) = self.wait(busy) {
            let now = Instant::now();
            // Before the look: what comes up meanwhile hurries anew.
            self.hurries.store(false, Relaxed);
            busy = feeds.iter().filter(|feed| feed.tick(now)).count() > 0;
            self.hurries.fetch_or(busy, Relaxed);
            if now - reported >= TICK {
                reported = now;
                workers.iter().for_each(|worker| worker.push(Job::Tick(now)));
            }
        }
    }

    /// The feeds alive at the next tick; `None` when it is over.
    fn wait(&self, busy: bool) -> Option<Vec<Arc<Feed>>> {
        let mut watched = self.watched.lock();
        if !watched.feeds.is_empty() && !watched.hurried && !watched.closed {
            self.news.wait_for(&mut watched, if busy { HURRIED } else { TICK });
        }
        watched.hurried = false;
        loop {
            if watched.closed {
                return None;
            }
            let alive: Vec<Arc<Feed>> = watched.feeds.iter().filter_map(Weak::upgrade).collect();
            watched.feeds.retain(|feed| feed.strong_count() > 0);
            if !alive.is_empty() {
                return Some(alive);
            }
            self.news.wait(&mut watched);
        }
    }
}
