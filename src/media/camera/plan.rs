//! A wish made ready: its URI read, credentials out of it.

use super::trouble::Trouble;
use crate::config::{Ingests, Reach};
use crate::media::reach::{self, Target, Way};
use crate::model::{IngestReason, IngestWish, Transport};
use std::sync::Arc;
use url::Url;

/// All that an attempt needs to know. Cheap to clone.
#[derive(Clone)]
pub struct Plan {
    /// What was asked for; its `uri` is not to be used: it may hold credentials.
    pub wish: Arc<IngestWish>,
    /// Without credentials.
    pub url: Url,
    /// From the wish, else from its URI.
    pub user: String,
    /// From the wish, else from its URI. In no log and no graph.
    pub password: String,
    /// What may be opened.
    pub reach: Arc<Reach>,
    /// Limits.
    pub settings: Ingests,
    /// Where to, checked just now; `None` for schemes that check by themselves (see [`checks_itself`]).
    pub target: Option<Target>,
}

/// Without `Debug` of the parts: one of them is a password.
impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Plan({}://…)", self.url.scheme())
    }
}

impl Plan {
    /// Reads a wish.
    ///
    /// # Errors
    /// `NotFound` when the URI cannot be read.
    pub fn new(wish: IngestWish, reach: Arc<Reach>, settings: Ingests) -> Result<Self, Trouble> {
        let (url, user, password) = reach::parse(&wish.uri)?;
        let user = if wish.user.is_empty() { user } else { wish.user.clone() };
        let password = if wish.password.is_empty() { password } else { wish.password.reveal().to_owned() };
        Ok(Self { wish: Arc::new(wish), url, user, password, reach, settings, target: None })
    }

    /// Resolves and checks the address anew.
    ///
    /// # Errors
    /// `Forbidden`, `Unreachable`.
    pub async fn checked(&self) -> Result<Self, Trouble> {
        let mut plan = self.clone();
        reach::scheme(&self.reach, &self.url)?;
        if !checks_itself(self.url.scheme()) {
            plan.target = Some(reach::target(&self.reach, self.url.as_str(), self.default_port(), self.way()).await?);
        }
        Ok(plan)
    }

    /// # Errors
    /// `Failed`: the scheme has no target.
    pub fn target(&self) -> Result<&Target, Trouble> {
        self.target.as_ref().ok_or_else(|| Trouble::new(IngestReason::Failed, "the source has no address"))
    }

    fn default_port(&self) -> u16 {
        match self.url.scheme() {
            "rtsp" => 554,
            "rtsps" => 322,
            "rtmp" => 1935,
            "rtmps" => 443,
            "http" => 80,
            "https" => 443,
            _ => 0,
        }
    }

    fn way(&self) -> Way {
        let listens = self.url.query_pairs().any(|(key, value)| key == "mode" && value == "listener");
        match self.url.scheme() {
            "udp" | "rtp" => Way::Listen,
            "srt" if listens || self.url.host_str() == Some("0.0.0.0") => Way::Listen,
            "rtsp" if self.wish.transport == Transport::Multicast => Way::Connect,
            _ => Way::Connect,
        }
    }
}

/// No address at all, or each request is checked by who makes it.
fn checks_itself(scheme: &str) -> bool {
    matches!(scheme, "test" | "file" | "http" | "https")
}
