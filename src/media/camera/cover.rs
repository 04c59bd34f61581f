//! When a placeholder stands in for pictures: somebody watches, and none came for some time.
//!
//! Looks by itself, whatever the supervisor is doing: connecting may take long. Leaves to `splice` that the source's own
//! pictures take its place.

use super::output::Output;
use super::placeholder::Placeholder;
use crate::model::Kind;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

const TICK: Duration = Duration::from_millis(200);

/// Watches one output.
pub struct Cover {
    name: String,
    output: Arc<Output>,
    limit: Duration,
    /// Since when somebody watches without interruption.
    watched: Option<Instant>,
    running: Option<(Placeholder, u64)>,
}

impl Cover {
    /// `limit`: so long without pictures.
    pub fn new(name: &str, output: Arc<Output>, limit: Duration) -> Self {
        Self { name: format!("{name}-cover"), output, limit, watched: None, running: None }
    }

    /// Until `stopped` ends.
    pub async fn run(mut self, mut stopped: oneshot::Receiver<()>) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = &mut stopped => break,
                _ = tick.tick() => self.look(Instant::now()).await,
            }
        }
        self.stop().await;
    }

    async fn look(&mut self, now: Instant) {
        let watched = self.output.users() > 0;
        self.watched = if watched { self.watched.or(Some(now)) } else { None };
        let (last, generation) = self.output.last(Kind::Video);
        match &self.running {
            Some((_, own)) if !watched || (generation != *own && last.is_some_and(|at| now < at + TICK)) => {
                self.stop().await;
            }
            Some(_) => {}
            None => {
                let since = self.watched.max(last);
                let due =
                    self.watched.is_some() && since.is_some_and(|at| now.saturating_duration_since(at) > self.limit);
                if due && last.is_some() {
                    self.start(last.map_or(Duration::ZERO, |at| now.saturating_duration_since(at))).await;
                }
            }
        }
    }

    /// `ago`: when the last picture came.
    async fn start(&mut self, ago: Duration) {
        let Some(keyframe) = self.output.keyframe() else { return };
        let (name, output, generation) = (self.name.clone(), Arc::downgrade(&self.output), self.output.cover());
        let made = tokio::task::spawn_blocking(move || Placeholder::start(&name, &keyframe, ago, generation, output));
        match made.await {
            Ok(Ok(placeholder)) => self.running = Some((placeholder, generation)),
            Ok(Err(error)) => {
                tracing::warn!(pipeline = self.name, %error, "there is no placeholder for a source that is away");
                // Not again at once.
                self.watched = Some(Instant::now());
            }
            Err(error) => tracing::error!(pipeline = self.name, %error, "a placeholder failed"),
        }
    }

    async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            let _ = tokio::task::spawn_blocking(move || drop(running)).await;
        }
    }
}
