//! The one clock of the fan-out: NACKs and keyframe requests of feeds every 10 ms, sender reports every 100 ms.
//! Sleeps for good while there is no feed.

use super::worker::{Job, Worker};
use crate::media::feed::Feed;
use parking_lot::{Condvar, Mutex};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

const TICK: Duration = Duration::from_millis(10);
/// Ticks between two looks at sender reports.
const REPORTS: u32 = 10;

#[derive(Default)]
struct Watched {
    feeds: Vec<Weak<Feed>>,
    closed: bool,
}

/// What the thread and the pool share.
#[derive(Default)]
pub struct Timer {
    watched: Mutex<Watched>,
    news: Condvar,
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

    /// Ends the thread.
    pub fn close(&self) {
        self.watched.lock().closed = true;
        self.news.notify_one();
    }

    fn run(&self, workers: &[Arc<Worker>]) {
        let mut ticks = 0;
        while let Some(feeds) = self.wait() {
            let now = Instant::now();
            feeds.iter().for_each(|feed| feed.tick(now));
            ticks += 1;
            if ticks % REPORTS == 0 {
                workers.iter().for_each(|worker| worker.push(Job::Tick(now)));
            }
        }
    }

    /// The feeds alive at the next tick; `None` when it is over.
    fn wait(&self) -> Option<Vec<Arc<Feed>>> {
        let mut watched = self.watched.lock();
        if !watched.feeds.is_empty() {
            self.news.wait_for(&mut watched, TICK);
        }
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
