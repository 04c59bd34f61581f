//! The task that repairs what a crash left and then looks after space, once a minute.

use super::Recordings;
use jiff::Timestamp;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

const EVERY: Duration = Duration::from_secs(60);

impl Recordings {
    /// Starts it; it ends when `closing` is cancelled, after the file that is being repaired.
    pub fn start_housekeeping(&self, closing: CancellationToken) -> JoinHandle<()> {
        let store = self.clone();
        tokio::spawn(async move {
            let stop = closing.clone();
            store.off_thread("repair", move |store| store.repair_all(|| stop.is_cancelled())).await;
            let mut minutes = tokio::time::interval(EVERY);
            minutes.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    () = closing.cancelled() => return,
                    _ = minutes.tick() => store.off_thread("housekeeping", |store| store.tick(Timestamp::now())).await,
                }
            }
        })
    }

    async fn off_thread<T: Send + 'static>(
        &self,
        what: &'static str,
        work: impl FnOnce(&Self) -> Result<T, super::StoreError> + Send + 'static,
    ) {
        let store = self.clone();
        match tokio::task::spawn_blocking(move || work(&store).map(drop)).await {
            Ok(Ok(())) => (),
            Ok(Err(error)) => tracing::warn!(what, %error, "the recordings could not be looked after"),
            Err(error) => tracing::error!(what, %error, "looking after the recordings failed"),
        }
    }
}
