//! A mix of a running room: a thread that lets the mixer tick, a little behind what happens.
//!
//! Decides which instant is next, what a pause leaves out, and why the mix ends. A file runs 700 ms behind: packets are in
//! order and decoded by then; whoever is not, is shown by the picture before. A feed is watched while people talk, so it runs
//! 250 ms behind: what was lost and sent again mostly comes too late for it.

use super::encoder::{Encoder, End, Look};
use super::layout::{self, Plan};
use super::member::{Joining, Member, since};
use super::mixer::Mixer;
use super::others::Others;
use crate::media::branch::Disk;
use crate::media::feed::Feed;
use crate::media::{BranchReport, MediaError, disk};
use crate::model::{EndReason, FeedId, Film, Layout, RecordingId};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// How far behind a file runs: reordering (400 ms), decoding, and some more.
const FILE_DELAY: Duration = Duration::from_millis(700);
/// How far behind a feed runs: unsteady networks, decoding.
const FEED_DELAY: Duration = Duration::from_millis(250);
/// A mix that waits for its encoder looks again so often; so long the last ticks wait for a decoder.
const BREATH: Duration = Duration::from_millis(70);
const DISK_CHECK: Duration = Duration::from_secs(1);
/// Seconds that may wait for the encoder; beyond, the mix stands still and its inputs lose packets, not memory.
const MOST_WAITING: u64 = 3;
const FINISH_LIMIT: Duration = Duration::from_millis(3000);
/// The last ticks wait for decoders so long, all together.
const LAST_TICKS: Duration = Duration::from_millis(800);

/// Where a mix goes.
pub enum Target {
    /// Into a file.
    File {
        /// Path without extension.
        stem: PathBuf,
        /// It ends with `DiskFull` when less is free, in bytes.
        min_free_bytes: u64,
        /// Has the file synced.
        disk: Arc<Disk>,
    },
    /// Into a feed, whose source it becomes; its sound without a member's into others. Its pictures cannot be left out.
    Feed(Arc<Feed>, Arc<Others>),
}

/// What a mix needs.
pub struct MixSpec {
    /// Its name.
    pub recording: RecordingId,
    /// Where it goes.
    pub target: Target,
    /// Pictures in this layout; `None`: sound alone.
    pub layout: Option<Layout>,
    /// How the file is; a feed is as its layout says.
    pub film: Film,
    /// Shown in the picture.
    pub title: String,
    /// Folder whose templates and layouts override the embedded ones.
    pub templates: Option<PathBuf>,
    /// Told of its life.
    pub events: Box<dyn Fn(MixEvent) + Send + Sync>,
}

/// A mix's life.
#[derive(Clone, Debug, PartialEq)]
pub enum MixEvent {
    /// The first picture and sound are on the disk. A feed tells it by itself.
    Started(BranchReport),
    /// The file is complete or given up, the feed gets no more; always the last event, exactly once.
    Ended(EndReason, BranchReport),
}

enum Command {
    Join(Box<Joining>),
    Leave(FeedId),
    Layout(Layout),
    Pause(bool),
    Stop(EndReason),
}

/// A running mix. Dropped without `stop` it is stopped and logged as a bug.
pub struct Mix {
    commands: Sender<Command>,
    others: Option<Arc<Others>>,
}

impl Mix {
    /// Starts its thread; what is wrong comes as `Ended`.
    pub fn start(spec: MixSpec) -> Result<Self, MediaError> {
        let (commands, receiver) = channel();
        let others = match &spec.target {
            Target::File { .. } => None,
            Target::Feed(_, others) => Some(others.clone()),
        };
        let name: String = format!("mix-{}", spec.recording).chars().take(15).collect();
        std::thread::Builder::new()
            .name(name)
            .spawn(move || run(spec, &receiver))
            .map_err(|error| MediaError::Transient(format!("no thread for a mix: {error}")))?;
        Ok(Self { commands, others })
    }

    /// A feed comes.
    pub fn join(&self, joining: Joining) {
        self.others.iter().for_each(|others| others.join(joining.feed));
        let _ = self.commands.send(Command::Join(Box::new(joining)));
    }
    /// A feed leaves.
    pub fn leave(&self, feed: FeedId) {
        self.others.iter().for_each(|others| others.leave(feed));
        let _ = self.commands.send(Command::Leave(feed));
    }
    /// Another layout from now on. One that cannot be used is logged, and the one before stays.
    pub fn set_layout(&self, layout: Layout) {
        let _ = self.commands.send(Command::Layout(layout));
    }
    /// Stops writing, or goes on.
    pub fn pause(&self, paused: bool) {
        let _ = self.commands.send(Command::Pause(paused));
    }
    /// Finishes the file; returns at once, `Ended` comes within 5 s.
    pub fn stop(self, reason: EndReason) {
        let _ = self.commands.send(Command::Stop(reason));
    }
}

fn run(spec: MixSpec, commands: &Receiver<Command>) {
    let mixer = match begin(&spec) {
        Ok(mixer) => mixer,
        Err(error) => {
            let reason = match spec.target {
                Target::File { .. } => EndReason::StorageFailed,
                Target::Feed(..) => EndReason::EngineError,
            };
            return (spec.events)(MixEvent::Ended(reason, BranchReport::nothing(error.to_string())));
        }
    };
    let _synced = match (&spec.target, mixer.encoder().path()) {
        (Target::File { disk, .. }, Some(path)) => Some(disk.keep(path)),
        _ => None,
    };
    let mut live = Live::new(&spec, mixer);
    let end = loop {
        if let Err(end) = live.step(commands) {
            break end;
        }
    };
    let ((reason, _), report) = live.finish(end);
    tracing::info!(recording.id = %spec.recording, %reason, duration_ms = report.duration_ms, report.bytes,
        detail = report.detail, "mix ended");
    (spec.events)(MixEvent::Ended(reason, report));
}

fn begin(spec: &MixSpec) -> Result<Mixer, MediaError> {
    let templates = spec.templates.as_deref();
    let plan = spec.layout.as_ref().map(|layout| layout::load(layout, templates)).transpose()?;
    let plan = plan.map(|plan| Look::of(&plan, spec.film.picture).map(|look| (plan, look))).transpose()?;
    let look = plan.as_ref().map(|(_, look)| *look);
    match (&spec.target, look) {
        (Target::File { stem, .. }, look) => {
            Ok(Mixer::new(plan, &spec.title, Encoder::start(stem, look, !spec.film.silent, templates)?, None))
        }
        (Target::Feed(feed, others), Some(look)) => {
            let (encoder, start) = Encoder::start_feed(feed, look, templates)?;
            others.begin(start);
            Ok(Mixer::new(plan, &spec.title, encoder, Some(others.clone())))
        }
        (Target::Feed(..), None) => Err(MediaError::Fatal("a mix without pictures is no feed".into())),
    }
}

struct Live<'a> {
    spec: &'a MixSpec,
    mixer: Mixer,
    members: Vec<Member>,
    start: Instant,
    /// How far behind it runs.
    delay: Duration,
    /// The next tick's number, written or not.
    tick: u64,
    /// From and to, in nanoseconds since the start; the last one may be open.
    pauses: Vec<(i64, Option<i64>)>,
    skipping: bool,
    announced: bool,
    checked: Instant,
}

impl<'a> Live<'a> {
    fn new(spec: &'a MixSpec, mut mixer: Mixer) -> Self {
        let start = Instant::now();
        mixer.started_at = Some(jiff::Timestamp::now());
        let (members, pauses) = (Vec::new(), Vec::new());
        let (delay, announced) = match spec.target {
            Target::File { .. } => (FILE_DELAY, false),
            Target::Feed(..) => (FEED_DELAY, true),
        };
        Self { spec, mixer, members, start, delay, tick: 0, pauses, skipping: false, announced, checked: start }
    }

    /// Waits for the next tick or command, and does all that is due.
    fn step(&mut self, commands: &Receiver<Command>) -> Result<(), End> {
        let due = self.start + self.delay + Duration::from_nanos(u64::try_from(self.at(self.tick)).unwrap_or(0));
        let behind = self.mixer.encoder().waiting() > MOST_WAITING * u64::from(self.mixer.rate());
        let wait = if behind { BREATH } else { due.saturating_duration_since(Instant::now()) };
        match commands.recv_timeout(wait) {
            Ok(command) => self.obey(command)?,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                tracing::error!(recording.id = %self.spec.recording, "bug: a mix was dropped without being stopped");
                return Err((EndReason::EngineError, Some("the mix was dropped".into())));
            }
        }
        let now = Instant::now();
        self.take_packets(now);
        if now >= due && !behind {
            self.tick(Duration::ZERO)?;
        }
        self.watch(now)
    }

    fn obey(&mut self, command: Command) -> Result<(), End> {
        match command {
            Command::Join(joining) => {
                self.leave(joining.feed);
                let close = matches!(self.spec.target, Target::Feed(..));
                let member = Member::join(*joining, &mut self.mixer, self.spec.templates.clone(), close);
                self.members.push(member);
            }
            Command::Leave(feed) => self.leave(feed),
            Command::Layout(layout) => match Plan::load(&layout, self.spec.templates.as_deref()) {
                Ok(plan) => self.mixer.set_plan(plan),
                Err(why) => tracing::warn!(recording.id = %self.spec.recording, why, "the layout stays as it was"),
            },
            Command::Pause(paused) => self.pause(paused),
            Command::Stop(reason) => return Err((reason, None)),
        }
        Ok(())
    }

    fn leave(&mut self, feed: FeedId) {
        self.members.retain(|member| member.feed() != feed);
        self.mixer.leave(feed.0);
    }

    /// What happened before still comes, since the mix runs behind.
    fn pause(&mut self, paused: bool) {
        let now = since(self.start, Instant::now());
        match (paused, self.pauses.last_mut()) {
            (true, Some((_, None))) | (false, None) => {}
            (true, _) => self.pauses.push((now, None)),
            (false, Some((_, to))) => _ = to.get_or_insert(now),
        }
    }

    fn take_packets(&mut self, now: Instant) {
        let (mixer, start) = (&mut self.mixer, self.start);
        let over: Vec<FeedId> =
            self.members.iter_mut().filter_map(|m| (!m.work(mixer, start, now)).then_some(m.feed())).collect();
        for feed in over {
            if let Target::Feed(_, others) = &self.spec.target {
                others.leave(feed);
            }
            self.leave(feed);
        }
    }

    /// One tick: written, or left out in a pause.
    fn tick(&mut self, patience: Duration) -> Result<(), End> {
        let at = self.at(self.tick);
        self.tick += 1;
        let paused = self.pauses.iter().find(|(from, to)| *from <= at && to.is_none_or(|to| at < to));
        let was_paused = std::mem::replace(&mut self.skipping, paused.is_some());
        if paused.is_some() {
            self.mixer.skip(at);
            return Ok(());
        }
        if was_paused && let Some((from, Some(to))) = self.pauses.iter().rev().find(|(_, to)| to.is_some()) {
            self.mixer.missing(u64::try_from((to - from) / 1_000_000).unwrap_or(0), "paused");
        }
        self.mixer.tick(at, patience)
    }

    /// The disk, and the news of the first data on it.
    fn watch(&mut self, now: Instant) -> Result<(), End> {
        if now.saturating_duration_since(self.checked) < DISK_CHECK && self.announced {
            return Ok(());
        }
        if !self.announced {
            let report = self.mixer.report(None);
            if report.bytes > 0 && report.duration_ms > 0 {
                self.announced = true;
                (self.spec.events)(MixEvent::Started(report));
            }
        }
        if now.saturating_duration_since(self.checked) >= DISK_CHECK {
            self.checked = now;
            if let (Target::File { min_free_bytes, .. }, Some(path)) = (&self.spec.target, self.mixer.encoder().path())
            {
                disk::check(path, *min_free_bytes)?;
            }
        }
        Ok(())
    }

    /// Instant of a tick, in nanoseconds since the start.
    fn at(&self, tick: u64) -> i64 {
        i64::try_from(u128::from(tick) * 1_000_000_000 / u128::from(self.mixer.rate())).unwrap_or(i64::MAX)
    }

    /// What happened before the end was asked for belongs into the file.
    fn finish(mut self, end: End) -> (End, BranchReport) {
        if let Target::Feed(_, others) = &self.spec.target {
            others.end();
            return (end, self.mixer.stop());
        }
        let until = since(self.start, Instant::now());
        for member in &mut self.members {
            member.flush(&mut self.mixer, self.start);
        }
        let deadline = Instant::now() + LAST_TICKS;
        while self.at(self.tick) < until && !end.0.is_failure() {
            let patience = deadline.saturating_duration_since(Instant::now()).min(BREATH);
            if let Err(end) = self.tick(patience) {
                return self.mixer.finish(FINISH_LIMIT, end);
            }
        }
        self.mixer.finish(FINISH_LIMIT, end)
    }
}
