//! The webhook: a lane for each session that has something to tell, so that its events stay in order and nobody else's wait.
//!
//! Decides what an answer means: 2xx has taken the event, another answer below 500 has refused it, anything else is tried again
//! for an hour. Receivers know by their order in a session what came first; a try whose answer was lost may come twice.

use super::super::session::Happening;
use crate::config;
use crate::courier::{self, Outcome};
use metrics::counter;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

/// Events that may wait, of all sessions together.
const QUEUE: usize = 10_000;
/// Requests at once: a receiver that hangs on some sessions still hears of the others.
const AT_ONCE: usize = 8;
/// An event that is older gets one try.
const GIVE_UP_AFTER: Duration = Duration::from_secs(3600);

/// The way to the receiver. Cheap to clone.
#[derive(Clone)]
pub struct Hook(Arc<Inner>);

struct Inner {
    url: String,
    client: reqwest::Client,
    headers: Vec<(String, String)>,
    only: Vec<String>,
    lanes: Mutex<Lanes>,
    tasks: TaskTracker,
    turns: Semaphore,
    closing: CancellationToken,
}

/// What waits, by session. A lane that is there has a task that empties it.
#[derive(Default)]
struct Lanes {
    by_session: HashMap<String, VecDeque<(Instant, Happening)>>,
    waiting: usize,
    dropped: u64,
}

impl Hook {
    /// `None` where no webhook is set.
    pub fn new(settings: &config::OpenVidu, closing: CancellationToken) -> Option<Self> {
        let url = settings.webhook.clone()?;
        // Receivers are servers of the same people, often with a certificate that they made themselves.
        let client = courier::client(true).inspect_err(|error| warn!(%error, "webhooks cannot be sent")).ok()?;
        let header =
            |line: &String| line.split_once(':').map(|(name, value)| (name.trim().into(), value.trim().into()));
        let headers = settings.webhook_headers.iter().filter_map(header).collect();
        let (only, lanes, tasks) = (settings.webhook_events.clone(), Mutex::default(), TaskTracker::new());
        let turns = Semaphore::new(AT_ONCE);
        Some(Self(Arc::new(Inner { url, client, headers, only, lanes, tasks, turns, closing })))
    }

    /// Puts an event last in its session's lane.
    pub fn send(&self, happening: Happening) {
        let only = &self.0.only;
        if !only.is_empty() && !only.iter().any(|name| name == happening.name) {
            return;
        }
        let session = happening.session().to_owned();
        let mut lanes = self.0.lanes();
        if lanes.waiting >= QUEUE {
            return lanes.drop_one();
        }
        lanes.waiting += 1;
        let new = !lanes.by_session.contains_key(&session);
        lanes.by_session.entry(session.clone()).or_default().push_back((Instant::now(), happening));
        drop(lanes);
        if new {
            let inner = Arc::clone(&self.0);
            self.0.tasks.spawn(async move { inner.empty(&session).await });
        }
    }

    /// Returns when nothing waits and nothing is on its way.
    pub async fn idle(&self) {
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }

    /// Events that wait.
    pub fn waiting(&self) -> usize {
        self.0.lanes().waiting
    }
}

impl Lanes {
    fn drop_one(&mut self) {
        if self.dropped == 0 {
            warn!(
                waiting = self.waiting,
                "the webhook's receiver is away for too long: events are dropped from now on"
            );
        }
        self.dropped += 1;
        counter!("media_openvidu_events_total", "reason" => "queue_full").increment(1);
    }

    /// The lane's first; without one the lane is gone.
    fn next(&mut self, session: &str) -> Option<(Instant, Happening)> {
        let Some(next) = self.by_session.get_mut(session).and_then(VecDeque::pop_front) else {
            self.by_session.remove(session);
            return None;
        };
        self.waiting -= 1;
        if self.waiting < QUEUE / 2 && self.dropped > 0 {
            let events = std::mem::take(&mut self.dropped);
            warn!(events, "events were dropped while the webhook's receiver was away");
        }
        Some(next)
    }
}

impl Inner {
    async fn empty(&self, session: &str) {
        loop {
            let next = self.lanes().next(session);
            let Some((since, happening)) = next else { return };
            self.deliver(since, &happening).await;
        }
    }

    async fn deliver(&self, since: Instant, happening: &Happening) {
        let body = happening.body().to_string();
        let left = GIVE_UP_AFTER.saturating_sub(since.elapsed());
        let sent = courier::until_taken(|| self.post(&body), left, &self.closing).await;
        let reason = if sent.is_ok() { "sent" } else { "given_up" };
        counter!("media_openvidu_events_total", "reason" => reason).increment(1);
        if let Err(reason) = sent {
            warn!(event = happening.name, reason, "a webhook's receiver did not take an event");
        }
    }

    async fn post(&self, body: &str) -> Outcome {
        let _turn = self.turns.acquire().await;
        let request = self.client.post(&self.url).header("Content-Type", "application/json").body(body.to_owned());
        let request = self.headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        match request.send().await {
            Ok(answer) if answer.status().is_success() => Outcome::Taken,
            Ok(answer) if answer.status().is_server_error() => Outcome::Again(format!("it said {}", answer.status())),
            Ok(answer) => Outcome::Refused(format!("it said {}", answer.status())),
            Err(error) => Outcome::Again(courier::words(error)),
        }
    }

    /// Never held across an await.
    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_does_not_fit_is_counted_and_the_rest_goes_in_order() {
        let mut lanes = Lanes { waiting: QUEUE, ..Lanes::default() };
        lanes.drop_one();
        lanes.drop_one();
        assert_eq!(lanes.dropped, 2);
        lanes.waiting = 2;
        for at in 1..=2 {
            let event = Happening::new("signalSent", ("S", "S_1"), at, json!({}));
            lanes.by_session.entry("S".into()).or_default().push_back((Instant::now(), event));
        }
        let mut next = || lanes.next("S").map(|(_, event)| event.fields["timestamp"].clone());
        assert_eq!((next(), next(), next()), (Some(json!(1)), Some(json!(2)), None));
        assert!(lanes.by_session.is_empty() && lanes.waiting == 0 && lanes.dropped == 0);
    }
}
