//! The task that repairs what a crash left and then looks after space, once a minute.

use super::{Recordings, StoreError};
use jiff::Timestamp;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

const EVERY: Duration = Duration::from_secs(60);

impl Recordings {
    /// Starts it; it ends when `closing` is cancelled, without waiting for a repair: the next start does that again.
    pub fn start_housekeeping(&self, closing: CancellationToken) -> JoinHandle<()> {
        let store = self.clone();
        tokio::spawn(async move {
            let work = async {
                store.repair_off_thread(closing.clone()).await;
                let mut minutes = tokio::time::interval(EVERY);
                minutes.set_missed_tick_behavior(MissedTickBehavior::Delay);
                loop {
                    minutes.tick().await;
                    store.tick_off_thread().await;
                }
            };
            let _ends_only_by_being_cancelled = closing.run_until_cancelled(work).await;
        })
    }

    /// A thread of its own, since the runtime waits for its blocking threads when it ends, and a repair may take minutes.
    /// Files are replaced at once, so the process may end in the middle.
    async fn repair_off_thread(&self, closing: CancellationToken) {
        let (store, (done, repaired)) = (self.clone(), oneshot::channel());
        let repair = move || {
            let _nobody_waits = done.send(store.repair_all(|| closing.is_cancelled()));
        };
        match std::thread::Builder::new().name("rec-repair".into()).spawn(repair) {
            Ok(_detached) => told(repaired.await),
            Err(error) => tracing::error!(%error, "no thread to repair recordings in; the next start tries again"),
        }
    }

    async fn tick_off_thread(&self) {
        let store = self.clone();
        told(tokio::task::spawn_blocking(move || store.tick(Timestamp::now()).map(drop)).await);
    }
}

fn told<E: std::fmt::Display>(result: Result<Result<(), StoreError>, E>) {
    match result {
        Ok(Ok(())) => (),
        Ok(Err(error)) => tracing::warn!(%error, "the recordings could not be looked after"),
        Err(error) => tracing::error!(%error, "looking after the recordings failed"),
    }
}
