//! A broadcast's task: reaches the other side, watches, and after a failure tries again, later each time.
//!
//! Decides when an attempt has failed and when the next one begins; leaves the attempt itself to `pipe` and `rtp`. Whether the
//! other side may be reached is asked anew each time.

use super::pipe::{Ends, Pipe};
use super::plan::{Plan, To};
use super::report::Report;
use super::rtp::Forward;
use crate::config::Reach;
use crate::media::MediaError;
use crate::media::feed::Feed;
use crate::media::reach::{self, ReachError, Target};
use crate::media::rendition::Renditions;
use crate::model::{BroadcastId, BroadcastState, EndReason};
use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::oneshot;

/// Between attempts, least and most; jitter comes on top.
const SOONEST: Duration = Duration::from_secs(1);
const LATEST: Duration = Duration::from_secs(30);
/// Where trying again soon will not help.
const REFUSED: Duration = Duration::from_secs(30);
/// Live for so long, the next failure is a first one again.
const SOUND: Duration = Duration::from_secs(30);
/// The other side connects, or takes something, within this.
const SILENCE: Duration = Duration::from_secs(10);
/// An attempt is looked at so often.
const TICK: Duration = Duration::from_secs(1);
/// Players join at keyframes; publishers over WebRTC make them when asked. In ticks.
const KEYFRAMES: u32 = 2;

/// What an attempt tells.
#[derive(Debug)]
pub(super) enum Happening {
    /// Media flows.
    Live,
    /// Nobody takes it any more; others may come.
    Alone,
    /// It failed. `refused`: trying again soon will not help.
    Failed { why: String, refused: bool },
    /// The feed's tracks are others now: begin again at once.
    Anew,
    /// The feed gives nothing any more.
    FeedOver(EndReason),
}

/// What is sent.
pub(super) struct Source {
    pub feed: Weak<Feed>,
    pub renditions: Arc<Renditions>,
}

/// An attempt that runs.
enum Attempt {
    Pipe(Pipe),
    Forward(Forward),
}

/// How an attempt ended.
enum Outcome {
    Over(EndReason),
    Again,
    Failed { why: String, refused: bool },
}

pub(super) struct Supervisor {
    id: BroadcastId,
    plan: Plan,
    source: Source,
    reach: Arc<Reach>,
    report: Arc<Report>,
}

impl Supervisor {
    pub(super) fn new(id: BroadcastId, plan: Plan, source: Source, reach: Arc<Reach>, report: Arc<Report>) -> Self {
        Self { id, plan, source, reach, report }
    }

    /// Until it is stopped or the feed ends.
    pub(super) async fn run(self, mut stop: oneshot::Receiver<EndReason>) {
        let mut pauses = pauses();
        let reason = loop {
            let begun = Instant::now();
            match self.attempt(&mut stop).await {
                Outcome::Over(reason) => break reason,
                Outcome::Again => {}
                Outcome::Failed { why, refused } => {
                    if begun.elapsed() >= SOUND {
                        pauses = self::pauses();
                    }
                    let pause = pauses.next().unwrap_or(LATEST);
                    let pause = if refused { pause.max(REFUSED) } else { pause };
                    self.report.waiting(&why, pause, self.plan.url.scheme());
                    tracing::warn!(broadcast.id = %self.id, why = self.report.clean(&why), ?pause, "a broadcast failed");
                    if let Ok(reason) = tokio::time::timeout(pause, &mut stop).await {
                        break reason.unwrap_or(EndReason::Shutdown);
                    }
                }
            }
        };
        tracing::info!(broadcast.id = %self.id, %reason, bytes = self.report.bytes(), "a broadcast ended");
        self.report.ended(reason, None);
    }

    /// One attempt, from the name to its failure.
    async fn attempt(&self, stop: &mut oneshot::Receiver<EndReason>) -> Outcome {
        self.report.connecting();
        let found = tokio::select! {
            reason = &mut *stop => return Outcome::Over(reason.unwrap_or(EndReason::Shutdown)),
            found = self.target() => found,
        };
        let (tell, mut told) = unbounded_channel();
        let begun = match found {
            Ok(target) => self.begin(target, &tell).await,
            Err(error) => {
                let refused = !matches!(error, ReachError::Unknown(_));
                return Outcome::Failed { why: error.to_string(), refused };
            }
        };
        let attempt = match begun {
            Ok(attempt) => attempt,
            Err(MediaError::NotReady(_)) => return Outcome::Over(EndReason::FeedEnded),
            // What the pipeline said of it is better than that it could not be begun.
            Err(error) => {
                return match told.try_recv() {
                    Ok(Happening::Failed { why, refused }) => Outcome::Failed { why, refused },
                    _ => Outcome::Failed { why: error.to_string(), refused: false },
                };
            }
        };
        let outcome = self.watch(&attempt, &mut told, stop).await;
        let politely = self.report.status().state == BroadcastState::Live && !matches!(outcome, Outcome::Failed { .. });
        let _ = tokio::task::spawn_blocking(move || attempt.close(politely)).await;
        outcome
    }

    async fn target(&self) -> Result<Target, ReachError> {
        let (url, port) = (self.plan.url.as_str(), self.plan.default_port());
        reach::target(&self.reach, url, port, self.plan.way()).await
    }

    async fn begin(
        &self,
        target: Target,
        tell: &tokio::sync::mpsc::UnboundedSender<Happening>,
    ) -> Result<Attempt, MediaError> {
        let ended = || MediaError::NotReady("the feed has ended".into());
        let feed = self.source.feed.upgrade().ok_or_else(ended)?;
        feed.ready()?;
        let (plan, renditions) = (self.plan.clone(), self.source.renditions.clone());
        let (report, tell) = (self.report.clone(), tell.clone());
        let begin = move || match &plan.to {
            To::Rtp => {
                let to = target.addresses.first().copied().ok_or_else(|| MediaError::Transient("no address".into()))?;
                Forward::start(&feed, to, &report, &tell).map(Attempt::Forward)
            }
            To::Rtmp { .. } | To::Srt(_) => {
                let ends = Ends { feed: &feed, renditions: &renditions, report: &report, tell: &tell };
                Pipe::start(&plan, &target, &ends).map(Attempt::Pipe)
            }
        };
        let begun = tokio::task::spawn_blocking(begin).await;
        begun.unwrap_or_else(|error| Err(MediaError::Fatal(error.to_string())))
    }

    /// What becomes of an attempt.
    async fn watch(
        &self,
        attempt: &Attempt,
        told: &mut UnboundedReceiver<Happening>,
        stop: &mut oneshot::Receiver<EndReason>,
    ) -> Outcome {
        let mut tick = tokio::time::interval(TICK);
        let (mut moved, mut bytes, mut ticks) = (Instant::now(), self.report.bytes(), 0u32);
        loop {
            tokio::select! {
                reason = &mut *stop => return Outcome::Over(reason.unwrap_or(EndReason::Shutdown)),
                happening = told.recv() => match happening {
                    Some(Happening::Live) => self.report.live(),
                    Some(Happening::Alone) => self.report.connecting(),
                    Some(Happening::Failed { why, refused }) => return Outcome::Failed { why, refused },
                    Some(Happening::Anew) | None => return Outcome::Again,
                    Some(Happening::FeedOver(EndReason::FeedEnded)) => return Outcome::Over(EndReason::FeedEnded),
                    Some(Happening::FeedOver(_)) => {
                        let why = "the feed's pictures or sound cannot be made fit for it".into();
                        return Outcome::Failed { why, refused: false };
                    }
                },
                _ = tick.tick() => {
                    ticks += 1;
                    if ticks.is_multiple_of(KEYFRAMES) && let Some(feed) = self.source.feed.upgrade() {
                        feed.request_keyframe();
                    }
                    if self.report.bytes() != bytes || !attempt.is_slow() {
                        (moved, bytes) = (Instant::now(), self.report.bytes());
                    }
                    if moved.elapsed() >= SILENCE {
                        let why = format!("the other side takes nothing for {} s", SILENCE.as_secs());
                        return Outcome::Failed { why, refused: false };
                    }
                }
            }
        }
    }
}

impl Attempt {
    fn is_slow(&self) -> bool {
        matches!(self, Self::Pipe(pipe) if pipe.slow.load(Relaxed))
    }

    fn close(self, politely: bool) {
        match self {
            Self::Pipe(pipe) => pipe.close(politely),
            Self::Forward(forward) => drop(forward),
        }
    }
}

fn pauses() -> ExponentialBackoff {
    ExponentialBuilder::new().with_min_delay(SOONEST).with_max_delay(LATEST).without_max_times().with_jitter().build()
}
