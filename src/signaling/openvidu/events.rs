//! Events to the application: POSTed one after the other, and written down in the call detail record.
//!
//! Decides the order (as it happened, of all sessions together) and when an event is given up. A receiver that is away costs
//! bounded memory.

use super::session::Happening;
use crate::config;
use backon::{ExponentialBuilder, Retryable};
use metrics::counter;
use std::path::PathBuf;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// Events that may wait.
const QUEUE: usize = 10_000;
/// One request.
const LIMIT: Duration = Duration::from_secs(10);
/// An event that was not taken by then is given up.
const GIVE_UP_AFTER: Duration = Duration::from_secs(3600);
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// The way to the application. Cheap to clone.
#[derive(Clone)]
pub struct Events(Option<mpsc::Sender<Happening>>);

impl Events {
    /// Starts what is wanted; without a webhook and a record, nothing.
    pub fn start(settings: &config::OpenVidu, closing: CancellationToken) -> Self {
        if settings.webhook.is_none() && settings.cdr.is_none() {
            return Self(None);
        }
        let (sender, queue) = mpsc::channel(QUEUE);
        tokio::spawn(Delivery::new(settings, closing).run(queue));
        Self(Some(sender))
    }

    /// Something has happened.
    pub fn tell(&self, happening: Happening) {
        let Some(queue) = &self.0 else { return };
        if queue.try_send(happening).is_err() {
            counter!("media_openvidu_events_total", "reason" => "queue_full").increment(1);
        }
    }
}

struct Delivery {
    hook: Option<(String, reqwest::Client)>,
    headers: Vec<(String, String)>,
    only: Vec<String>,
    record: Option<PathBuf>,
    closing: CancellationToken,
}

impl Delivery {
    fn new(settings: &config::OpenVidu, closing: CancellationToken) -> Self {
        // Receivers are servers of the same people, often with a certificate that they made themselves.
        let client = reqwest::Client::builder().timeout(LIMIT).tls_danger_accept_invalid_certs(true).build();
        let header =
            |line: &String| line.split_once(':').map(|(name, value)| (name.trim().into(), value.trim().into()));
        let name = jiff::Zoned::now().strftime("CDR.%Y-%m-%d_%H-%M-%S.log").to_string();
        Self {
            hook: settings.webhook.clone().zip(client.ok()),
            headers: settings.webhook_headers.iter().filter_map(header).collect(),
            only: settings.webhook_events.clone(),
            record: settings.cdr.as_ref().map(|folder| folder.join(name)),
            closing,
        }
    }

    async fn run(self, mut queue: mpsc::Receiver<Happening>) {
        while let Some(happening) = queue.recv().await {
            if let Err(error) = self.write_down(&happening).await {
                warn!(%error, "the call detail record cannot be written");
            }
            self.post(&happening).await;
        }
    }

    async fn write_down(&self, happening: &Happening) -> std::io::Result<()> {
        let Some(path) = &self.record else { return Ok(()) };
        if let Some(folder) = path.parent() {
            tokio::fs::create_dir_all(folder).await?;
        }
        let mut file = tokio::fs::OpenOptions::new().create(true).append(true).open(path).await?;
        file.write_all(format!("{}\n", happening.line()).as_bytes()).await?;
        file.flush().await
    }

    /// Again and again until it is taken, or given up: what follows waits, so that the order holds.
    async fn post(&self, happening: &Happening) {
        let wanted = self.only.is_empty() || self.only.iter().any(|name| name == happening.name);
        let Some((url, client)) = self.hook.as_ref().filter(|_| wanted) else { return };
        let body = happening.body().to_string();
        let send = || async {
            let request = client.post(url).header("Content-Type", "application/json").body(body.clone());
            let request = self.headers.iter().fold(request, |request, (name, value)| request.header(name, value));
            request.send().await?.error_for_status().map(drop)
        };
        let waits = ExponentialBuilder::default().with_min_delay(FIRST_WAIT).with_max_delay(LONGEST_WAIT);
        let waits = waits.with_total_delay(Some(GIVE_UP_AFTER)).without_max_times().with_jitter();
        let result = tokio::select! {
            result = send.retry(waits) => result.map_err(|error| error.without_url().to_string()),
            () = self.closing.cancelled() => send().await.map_err(|error| error.without_url().to_string()),
        };
        let reason = if result.is_ok() { "sent" } else { "given_up" };
        counter!("media_openvidu_events_total", "reason" => reason).increment(1);
        if let Err(error) = result {
            warn!(event = happening.name, %error, "a webhook's receiver did not take an event");
        }
    }
}
