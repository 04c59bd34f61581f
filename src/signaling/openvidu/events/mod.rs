//! Events to the application: POSTed, and written down in the call detail record.
//!
//! Decides that a session's events stay in their order, and that a session whose events are not taken holds up no other. A
//! receiver that is away costs bounded memory; what no longer fits is counted and said.

pub mod cdr;
mod hook;

use super::session::Happening;
use crate::config;
use cdr::Record;
use hook::Hook;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// At the end of the service what waits is still sent, within this.
const DRAIN_LIMIT: Duration = Duration::from_secs(4);

/// The way to the application. Cheap to clone.
#[derive(Clone)]
pub struct Events {
    hook: Option<Hook>,
    record: Option<Record>,
}

impl Events {
    /// Starts what is wanted; without a webhook and a record, nothing. `closing`: the service ends. Needs a tokio runtime.
    pub fn start(settings: &config::OpenVidu, closing: CancellationToken) -> Self {
        Self { hook: Hook::new(settings, closing), record: settings.cdr.as_deref().map(Record::start) }
    }

    /// Something has happened.
    pub fn tell(&self, happening: Happening) {
        if let Some(record) = &self.record {
            record.write_down(&happening);
        }
        if let Some(hook) = &self.hook {
            hook.send(happening);
        }
    }

    /// Waits for what was told before, some seconds at most.
    pub async fn drain(&self) {
        if let Some(record) = &self.record {
            record.flush().await;
        }
        if let Some(hook) = &self.hook
            && tokio::time::timeout(DRAIN_LIMIT, hook.idle()).await.is_err()
        {
            tracing::warn!(
                events = hook.waiting(),
                "events were still waiting for the webhook's receiver when the service ended"
            );
        }
    }
}
