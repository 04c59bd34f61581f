//! Events to somebody else's server: POSTed as JSON, in order, signed, and sent again until they are taken.
//!
//! Decides what is sent and when it is given up. A receiver that is slow or away costs bounded memory and nobody's time.

use crate::config;
use crate::courier::{self, Outcome};
use crate::room::{Event, Notice};
use aws_lc_rs::hmac;
use metrics::counter;
use std::time::Duration;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// Events that may wait for the receiver.
const QUEUE: usize = 10_000;
/// At the end of the service what waits is still sent, within this.
const LAST_LIMIT: Duration = Duration::from_secs(2);

/// Sends events until `ended`, which is when no room is left to say anything; returns at once when no address is set.
pub async fn deliver(events: Receiver<Event>, settings: config::Webhook, ended: CancellationToken) {
    let Some(url) = settings.url.clone() else { return };
    let client = match courier::client(false) {
        Ok(client) => client,
        Err(error) => return warn!(%error, "webhooks cannot be sent"),
    };
    let (queue, waiting) = mpsc::channel(QUEUE);
    let hook = Hook { client, url, settings, ended: ended.clone() };
    let filter = hook.settings.events.clone();
    let sending = tokio::spawn(hook.send_all(waiting));
    collect(events, &filter, queue, ended).await;
    if tokio::time::timeout(LAST_LIMIT, sending).await.is_err() {
        warn!("events were still waiting for the webhook's receiver when the service ended");
    }
}

async fn collect(
    mut events: Receiver<Event>,
    filter: &[String],
    queue: mpsc::Sender<Notice>,
    ended: CancellationToken,
) {
    loop {
        let next = tokio::select! {
            biased;
            next = events.recv() => next,
            // What was said before is read first.
            () = ended.cancelled() => return,
        };
        match next {
            Ok(event) => {
                let Some(notice) = Notice::of(&event) else { continue };
                let wanted = filter.is_empty() || filter.iter().any(|name| name == notice.name());
                if wanted && queue.try_send(notice).is_err() {
                    counter!("media_webhooks_total", "reason" => "queue_full").increment(1);
                }
            }
            Err(RecvError::Lagged(count)) => warn!(count, "the webhook was too slow and skipped events"),
            Err(RecvError::Closed) => return,
        }
    }
}

struct Hook {
    client: reqwest::Client,
    url: String,
    settings: config::Webhook,
    ended: CancellationToken,
}

impl Hook {
    async fn send_all(self, mut waiting: mpsc::Receiver<Notice>) {
        while let Some(notice) = waiting.recv().await {
            let Ok(body) = serde_json::to_vec(&notice) else { continue };
            let delivery = format!("{:032x}", rand::random::<u128>());
            let attempt = || self.send(&body, &delivery);
            let sent = courier::until_taken(attempt, self.settings.give_up_after, &self.ended).await;
            let result = if sent.is_ok() { "taken" } else { "given_up" };
            counter!("media_webhooks_total", "reason" => result).increment(1);
            if let Err(reason) = sent {
                warn!(event = notice.name(), room.id = %notice.room, reason, "a webhook was given up");
            }
        }
    }

    /// Taken is any answer of 2xx.
    async fn send(&self, body: &[u8], delivery: &str) -> Outcome {
        let mut request = self
            .client
            .post(&self.url)
            .header("content-type", "application/json")
            .header("millrace-delivery", delivery)
            .body(body.to_vec());
        if let Some(secret) = &self.settings.secret {
            request = request.header("millrace-signature", signature(secret, body));
        }
        match request.send().await {
            Ok(answer) if answer.status().is_success() => Outcome::Taken,
            Ok(answer) => Outcome::Again(format!("the receiver said {}", answer.status())),
            Err(error) => Outcome::Again(courier::words(error)),
        }
    }
}

/// `t=SECONDS,v1=HEX`: HMAC-SHA256 (RFC 2104) of `SECONDS.BODY`.
fn signature(secret: &str, body: &[u8]) -> String {
    let seconds = jiff::Timestamp::now().as_second();
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let signed = [seconds.to_string().as_bytes(), b".", body].concat();
    let tag = hmac::sign(&key, &signed);
    let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={seconds},v1={hex}")
}
