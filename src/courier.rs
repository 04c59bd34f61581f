//! Requests to somebody else's server, sent again until they are taken.
//!
//! Decides how long one may take and when the next try is; what is sent, and which answers mean what, is the caller's.

use backon::{BackoffBuilder, ExponentialBuilder};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// One request.
pub const LIMIT: Duration = Duration::from_secs(10);
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What one try came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver has it.
    Taken,
    /// It may be taken later; why not now.
    Again(String),
    /// It will never be taken; why not.
    Refused(String),
}

/// A client that follows no redirect: what is sent is meant for the address that the operator gave. `self_signed`: takes
/// certificates that nobody vouches for.
pub fn client(self_signed: bool) -> reqwest::Result<reqwest::Client> {
    let builder = reqwest::Client::builder().timeout(LIMIT).redirect(reqwest::redirect::Policy::none());
    builder.tls_danger_accept_invalid_certs(self_signed).build()
}

/// What a connection error says. An address may hold a password: it stays out of the words.
pub fn words(error: reqwest::Error) -> String {
    error.without_url().to_string()
}

/// Tries until it is taken or refused, or until this has passed since the first try; `Err`: why it was not taken. Once
/// `hurry` is cancelled the service is ending: the next tries come soon.
pub async fn until_taken<F: Future<Output = Outcome>>(
    mut attempt: impl FnMut() -> F,
    give_up_after: Duration,
    hurry: &CancellationToken,
) -> Result<(), String> {
    let waits = ExponentialBuilder::default().with_min_delay(FIRST_WAIT).with_max_delay(LONGEST_WAIT).with_jitter();
    let mut waits = waits.with_total_delay(Some(give_up_after)).without_max_times().build();
    loop {
        let reason = match attempt().await {
            Outcome::Taken => return Ok(()),
            Outcome::Refused(reason) => return Err(reason),
            Outcome::Again(reason) => reason,
        };
        let Some(wait) = waits.next() else { return Err(reason) };
        tracing::info!(reason, wait_ms = wait.as_millis() as u64, "a webhook's receiver failed, again later");
        rest(wait, hurry).await;
    }
}

async fn rest(wait: Duration, hurry: &CancellationToken) {
    if hurry.is_cancelled() {
        return tokio::time::sleep(wait.min(FIRST_WAIT)).await;
    }
    tokio::select! {
        () = tokio::time::sleep(wait) => (),
        () = hurry.cancelled() => (),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use tokio::time::Instant;

    /// Tries with these outcomes, the last for ever; when each was made, in seconds.
    async fn tries(outcomes: &[Outcome], hurry: &CancellationToken) -> (Result<(), String>, Vec<u64>) {
        let (begun, made) = (Instant::now(), RefCell::new(Vec::new()));
        let attempt = || {
            let mut made = made.borrow_mut();
            made.push(begun.elapsed().as_secs());
            let outcome = outcomes.get(made.len() - 1).or(outcomes.last());
            std::future::ready(outcome.cloned().unwrap_or(Outcome::Taken))
        };
        let ended = until_taken(attempt, Duration::from_secs(600), hurry).await;
        (ended, made.into_inner())
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_tried_until_it_is_taken_refused_or_too_old() {
        let (hurry, away) = (CancellationToken::new(), Outcome::Again("away".into()));
        assert_eq!(tries(&[away.clone(), away.clone(), Outcome::Taken], &hurry).await.1.len(), 3);
        let refused = tries(&[away.clone(), Outcome::Refused("no".into())], &hurry).await;
        assert_eq!((refused.0, refused.1.len()), (Err("no".into()), 2));
        let (ended, made) = tries(&[away], &hurry).await;
        assert_eq!(ended, Err("away".into()));
        assert!((10..40).contains(&made.len()) && (400..=660).contains(&made[made.len() - 1]), "{made:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn at_the_end_nobody_waits_for_long() {
        let hurry = CancellationToken::new();
        hurry.cancel();
        let (_, made) = tries(
            &vec![Outcome::Again("away".into()); 12].into_iter().chain([Outcome::Taken]).collect::<Vec<_>>(),
            &hurry,
        )
        .await;
        assert!(made[made.len() - 1] <= 6, "{made:?}");
    }
}
