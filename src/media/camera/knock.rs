//! Whether somebody is there, before a pipeline is made for it: a camera that is switched off costs one connection attempt.
//!
//! It also finds a camera that comes back sooner: a connection attempt of the system's own repeats itself after 1, 3 and 7 s.

use super::plan::Plan;
use super::trouble::Trouble;
use crate::model::IngestReason;
use std::time::Duration;
use tokio::net::TcpStream;

/// While somebody watches, an attempt is given up after this: the next one asks anew.
const WATCHED: Duration = Duration::from_millis(1000);

/// Connects and hangs up. `watched`: somebody uses the feed.
///
/// # Errors
/// `Unreachable`, with what the system says.
pub async fn knock(plan: &Plan, watched: bool) -> Result<(), Trouble> {
    let (Some(target), "rtsp" | "rtsps") = (&plan.target, plan.url.scheme()) else { return Ok(()) };
    let limit = if watched { plan.settings.connect_limit.min(WATCHED) } else { plan.settings.connect_limit };
    let Some(address) = target.addresses.first() else { return Ok(()) };
    let why = match tokio::time::timeout(limit, TcpStream::connect(address)).await {
        Ok(Ok(_)) => return Ok(()),
        Ok(Err(error)) => error.kind().to_string(),
        Err(_) => format!("no answer within {limit:?}"),
    };
    let detail = format!("{address} cannot be reached ({why}): check address and port, and that it is switched on");
    Err(Trouble::new(IngestReason::Unreachable, detail))
}
