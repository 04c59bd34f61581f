//! A source's task: opens it, looks after it, opens it again, for as long as its feed lives.
//!
//! Decides when an attempt has failed and when the next one comes. Leaves the pipeline to `session`, what people see in between
//! to `cover`.

use super::backoff::Backoff;
use super::board::Board;
use super::cover::Cover;
use super::knock;
use super::line::Shared;
use super::output::Output;
use super::plan::Plan;
use super::session::Session;
use super::trouble::Trouble;
use super::upstream::Bell;
use super::{Input, Signal};
use crate::config::{Ingests, Reach};
use crate::media::feed::Feed;
use crate::model::{EndReason, IngestReason, IngestWish};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

/// How often a source is looked at.
const TICK: Duration = Duration::from_millis(200);
/// How often one that nobody wants is asked for users, besides being woken.
const POLL: Duration = Duration::from_secs(1);
/// A teardown that takes longer is left to itself.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

/// A source to look after.
pub struct Job {
    /// Its name in pipelines and logs.
    pub name: String,
    /// What it feeds.
    pub feed: Arc<Feed>,
    /// What was asked for.
    pub wish: IngestWish,
    /// What may be opened.
    pub reach: Arc<Reach>,
    /// Limits.
    pub settings: Ingests,
    /// Where its state is told.
    pub board: Arc<Board>,
    /// Its own mailbox, for its attempts.
    pub mailbox: UnboundedSender<Input>,
    /// Its mailbox's other end.
    pub inbox: UnboundedReceiver<Input>,
}

/// How an attempt, or a wait, came to its end.
enum Outcome {
    Close,
    Restart,
    Ended,
    Unwanted,
    Failed(Trouble),
}

struct Supervisor {
    job: Job,
    output: Arc<Output>,
    bell: Arc<Bell>,
    /// Of the last attempt, even.
    generation: u64,
    reorders: Arc<AtomicBool>,
    backoff: Backoff,
    /// It was live at least once, and not closed on purpose since.
    was_live: bool,
}

/// An attempt that is looked after.
struct Attempt {
    session: Session,
    generation: u64,
    live: bool,
    used: Instant,
}

/// Runs a source until it is told to end (`None`) or comes to its end.
pub async fn run(job: Job) -> Option<(EndReason, String)> {
    let bell = Arc::new(Bell::new(job.mailbox.clone()));
    let output = Arc::new(Output::new(job.feed.clone(), bell.clone()));
    let backoff = Backoff::new(&job.settings);
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let covering = Cover::new(&job.name, output.clone(), job.settings.silence_limit).run(stopped);
    let covering = tokio::spawn(covering);
    let reorders = Arc::default();
    let mut supervisor = Supervisor { job, output, bell, generation: 0, reorders, backoff, was_live: false };
    let ending = supervisor.work().await;
    drop(stop);
    let _ = covering.await;
    ending
}

impl Supervisor {
    async fn work(&mut self) -> Option<(EndReason, String)> {
        let mut outcome = if self.is_lazy() { Outcome::Unwanted } else { Outcome::Restart };
        loop {
            outcome = match outcome {
                Outcome::Close => return None,
                Outcome::Restart => {
                    self.backoff = Backoff::new(&self.job.settings);
                    self.attempt().await
                }
                Outcome::Ended if self.job.wish.repeat => self.attempt().await,
                Outcome::Ended => {
                    self.job.board.ended();
                    return Some((EndReason::SourceEnded, "the source came to its end".into()));
                }
                Outcome::Unwanted => self.sleep().await,
                Outcome::Failed(trouble) => self.wait(&trouble).await,
            }
        }
    }

    /// Nobody needs to know what it has before somebody wants it.
    fn is_lazy(&self) -> bool {
        self.job.wish.on_demand && self.job.wish.lazy
    }

    /// Opens the source and looks after it until something ends it.
    async fn attempt(&mut self) -> Outcome {
        self.job.board.connecting();
        self.generation += 2;
        let generation = self.generation;
        let mut early = Vec::new();
        let opening = open(self.plan(), self.shared(generation));
        let opened = tokio::select! {
            opened = opening => opened,
            outcome = told(&mut self.job.inbox, &mut early) => return outcome,
        };
        // What the attempt said while it was being opened counts.
        for input in early {
            let _ = self.job.mailbox.send(input);
        }
        let session = match opened {
            Ok(session) => session,
            Err(trouble) => return Outcome::Failed(trouble),
        };
        self.job.board.show(session.pipeline());
        let mut attempt = Attempt { session, generation, live: false, used: Instant::now() };
        let outcome = self.watch(&mut attempt).await;
        close(attempt.session, &self.job.name).await;
        outcome
    }

    fn plan(&self) -> Result<Plan, Trouble> {
        Plan::new(self.job.wish.clone(), self.job.reach.clone(), self.job.settings.clone())
    }

    fn shared(&self, generation: u64) -> Arc<Shared> {
        Arc::new(Shared {
            generation,
            output: self.output.clone(),
            mailbox: self.job.mailbox.clone(),
            wish: Arc::new(self.job.wish.clone()),
            reorders: self.reorders.clone(),
            name: self.job.name.clone(),
        })
    }

    async fn watch(&mut self, attempt: &mut Attempt) -> Outcome {
        let mut tick = tokio::time::interval(TICK);
        loop {
            let flow = tokio::select! {
                input = self.job.inbox.recv() => self.heard(attempt, input),
                _ = tick.tick() => self.look(attempt),
            };
            if let ControlFlow::Break(outcome) = flow {
                return outcome;
            }
        }
    }

    fn heard(&mut self, attempt: &mut Attempt, input: Option<Input>) -> ControlFlow<Outcome> {
        match input {
            None | Some(Input::Close) => ControlFlow::Break(Outcome::Close),
            Some(Input::Restart) => ControlFlow::Break(Outcome::Restart),
            Some(Input::Session(generation, signal)) if generation == attempt.generation => match signal {
                Signal::Failed(trouble) => ControlFlow::Break(Outcome::Failed(trouble)),
                Signal::Ended if attempt.session.is_finite() => ControlFlow::Break(Outcome::Ended),
                Signal::Ended => fail(IngestReason::Closed, "it closed the connection"),
                Signal::Tracks => {
                    // One that came late: the feed has it from now on.
                    if let Some(codecs) = attempt.session.tracks(Instant::now()).filter(|_| attempt.live) {
                        self.output.open(&codecs);
                    }
                    self.look(attempt)
                }
                Signal::Latency => {
                    tokio::task::block_in_place(|| attempt.session.recalculate_latency());
                    ControlFlow::Continue(())
                }
            },
            Some(Input::Session(..) | Input::Wake) => ControlFlow::Continue(()),
        }
    }

    /// Whether it is live, silent, wanted.
    fn look(&mut self, attempt: &mut Attempt) -> ControlFlow<Outcome> {
        let (now, users) = (Instant::now(), self.output.users());
        if users > 0 {
            attempt.used = now;
        }
        if !attempt.live {
            self.begin(attempt, now)?;
        }
        self.job.board.figures(attempt.session.describe(now), users, attempt.session.skew());
        let since = |at: Instant| now.saturating_duration_since(at);
        if attempt.live && attempt.session.last().is_none_or(|last| since(last) > self.job.settings.silence_limit) {
            return fail(IngestReason::Silent, "it was live, and nothing comes any more: check its line and its power");
        }
        let linger = Duration::from_millis(self.job.wish.linger_ms);
        match self.job.wish.on_demand && attempt.live && since(attempt.used) > linger {
            true => ControlFlow::Break(Outcome::Unwanted),
            false => ControlFlow::Continue(()),
        }
    }

    fn begin(&mut self, attempt: &mut Attempt, now: Instant) -> ControlFlow<Outcome> {
        let Some(codecs) = attempt.session.tracks(now) else {
            let late = now.saturating_duration_since(attempt.session.since) > self.job.settings.connect_limit;
            return match late && !attempt.session.is_patient() {
                true => {
                    fail(IngestReason::Unreachable, "it answers in part or not at all, and sends nothing: look at it")
                }
                false => ControlFlow::Continue(()),
            };
        };
        self.output.open(&codecs);
        attempt.live = true;
        attempt.used = now;
        self.job.board.live(self.was_live);
        self.was_live = true;
        self.backoff = Backoff::new(&self.job.settings);
        ControlFlow::Continue(())
    }

    /// Nobody wants it: until somebody does.
    async fn sleep(&mut self) -> Outcome {
        self.was_live = false;
        self.job.board.idle();
        let mut poll = tokio::time::interval(POLL);
        self.bell.sleep();
        loop {
            let wanted = tokio::select! {
                input = self.job.inbox.recv() => match input {
                    None | Some(Input::Close) => return Outcome::Close,
                    Some(Input::Restart | Input::Wake) => true,
                    Some(Input::Session(..)) => false,
                },
                _ = poll.tick() => self.output.users() > 0,
            };
            if wanted {
                return Outcome::Restart;
            }
        }
    }

    /// Until the next attempt, which comes at once for the first who wants it, if it may succeed by then.
    async fn wait(&mut self, trouble: &Trouble) -> Outcome {
        let users = self.output.users();
        let wait = self.backoff.next(trouble.reason, users > 0);
        self.job.board.users(users);
        self.job.board.waiting(trouble, wait);
        if users == 0 && trouble.reason.may_pass_soon() {
            self.bell.sleep();
        }
        let mut waited = std::pin::pin!(tokio::time::sleep(wait));
        loop {
            tokio::select! {
                input = self.job.inbox.recv() => match input {
                    None | Some(Input::Close) => return Outcome::Close,
                    Some(Input::Restart | Input::Wake) => return Outcome::Restart,
                    Some(Input::Session(..)) => {}
                },
                () = &mut waited => break,
            }
        }
        match self.is_lazy() && self.output.users() == 0 {
            true => Outcome::Unwanted,
            false => self.attempt().await,
        }
    }
}

fn fail(reason: IngestReason, detail: &str) -> ControlFlow<Outcome> {
    ControlFlow::Break(Outcome::Failed(Trouble::new(reason, detail)))
}

/// Until the source is to be closed or opened anew; what attempts say is kept.
async fn told(inbox: &mut UnboundedReceiver<Input>, kept: &mut Vec<Input>) -> Outcome {
    loop {
        match inbox.recv().await {
            None | Some(Input::Close) => return Outcome::Close,
            Some(Input::Restart) => return Outcome::Restart,
            Some(Input::Wake) => {}
            Some(said) => kept.push(said),
        }
    }
}

/// Checks the address, then opens. One that is not waited for any more ends on the thread that opened it.
async fn open(plan: Result<Plan, Trouble>, shared: Arc<Shared>) -> Result<Session, Trouble> {
    let plan = plan?.checked().await?;
    knock::knock(&plan, shared.output.users() > 0).await?;
    let opening = tokio::task::spawn_blocking(move || Session::open(&plan, shared));
    opening.await.map_err(|error| Trouble::new(IngestReason::Failed, error.to_string()))?
}

/// Ends an attempt off the async threads, bounded.
async fn close(session: Session, name: &str) {
    let closing = tokio::task::spawn_blocking(move || drop(session));
    if tokio::time::timeout(CLOSE_LIMIT, closing).await.is_err() {
        metrics::counter!("media_teardown_stuck_total").increment(1);
        tracing::error!(pipeline = name, "teardown is stuck; the pipeline is left to itself");
    }
}
