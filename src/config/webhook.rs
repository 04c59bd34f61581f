//! `[webhook]`: where events are sent to.

use super::empty_is_none;
use serde::Deserialize;
use std::time::Duration;

/// `[webhook]`
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Webhook {
    /// Events are POSTed here as JSON; without it none are.
    #[serde(deserialize_with = "empty_is_none")]
    pub url: Option<String>,
    /// Signs each request (HMAC-SHA256), so that the receiver knows it is ours.
    #[serde(deserialize_with = "empty_is_none")]
    pub secret: Option<String>,
    /// Only events of these names; empty: all.
    pub events: Vec<String>,
    /// An event that the receiver has not taken by then is given up.
    #[serde(with = "humantime_serde")]
    pub give_up_after: Duration,
}

impl Default for Webhook {
    fn default() -> Self {
        Self { url: None, secret: None, events: Vec::new(), give_up_after: Duration::from_secs(3600) }
    }
}

/// The secret stays out of logs.
impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let secret = self.secret.as_ref().map(|_| "(hidden)");
        let (url, events) = (&self.url, &self.events);
        f.debug_struct("Webhook").field("url", url).field("secret", &secret).field("events", events).finish()
    }
}

impl Webhook {
    pub(super) fn problem(&self) -> Option<String> {
        let url = self.url.as_deref()?;
        let good = url.starts_with("http://") || url.starts_with("https://");
        (!good).then(|| format!("webhook.url is {url:?}: it must begin with http:// or https://"))
    }
}
