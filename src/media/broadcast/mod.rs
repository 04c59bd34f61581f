//! Broadcasts: feeds pushed to other servers over RTMP, SRT or plain RTP until they are stopped.
//!
//! `plan` reads where to (pure), `supervisor` tries again and again, `pipe` is one attempt over RTMP or SRT and `feeder` what
//! goes into it, `rtp` one over plain RTP, `report` what is told. Leaves which feed is sent to the room, and what may be
//! reached to `reach`. A server that is gone, slow or broken never touches the feed.

mod feeder;
mod pipe;
mod plan;
mod report;
mod rtp;
mod sdp;
mod supervisor;
#[cfg(test)]
mod tests;

use super::feed::Feed;
use super::rendition::Renditions;
use crate::config::Reach;
use crate::model::{BroadcastId, BroadcastStatus, BroadcastWish, EndReason};
use parking_lot::Mutex;
use plan::Plan;
use report::Report;
use std::sync::Arc;
use tokio::sync::oneshot;

/// Told whenever a broadcast changes; `Ended` is the last.
pub type OnChange = Box<dyn Fn(BroadcastStatus) + Send + Sync>;

/// What a broadcast needs.
pub struct BroadcastSpec {
    /// Its number.
    pub id: BroadcastId,
    /// Where to.
    pub wish: BroadcastWish,
    /// What.
    pub feed: Arc<Feed>,
    /// For pictures that are not H264.
    pub renditions: Arc<Renditions>,
    /// What may be reached.
    pub reach: Arc<Reach>,
    /// Told of its life.
    pub on_change: OnChange,
}

/// A running broadcast.
pub struct Broadcast {
    report: Arc<Report>,
    stop: Mutex<Option<oneshot::Sender<EndReason>>>,
}

impl Broadcast {
    /// Begins to reach the other side: a task on the current runtime. What cannot be read ends at once and says why.
    pub fn start(spec: BroadcastSpec) -> Self {
        let (stop, stopped) = oneshot::channel();
        let report = Arc::new(Report::new(&spec.wish, spec.on_change));
        match Plan::read(&spec.wish) {
            Ok(plan) => {
                let source = supervisor::Source { feed: Arc::downgrade(&spec.feed), renditions: spec.renditions };
                let supervisor = supervisor::Supervisor::new(spec.id, plan, source, spec.reach, report.clone());
                tokio::spawn(supervisor.run(stopped));
            }
            Err(why) => report.ended(EndReason::NegotiationFailed, Some(why)),
        }
        Self { report, stop: Mutex::new(Some(stop)) }
    }

    /// Ends it; returns at once, `Ended` comes within seconds.
    pub fn stop(&self, reason: EndReason) {
        if let Some(stop) = self.stop.lock().take() {
            let _ = stop.send(reason);
        }
    }

    /// How it is just now.
    pub fn status(&self) -> BroadcastStatus {
        self.report.status()
    }
}

/// Whether the address and the secrets of a broadcast can be used; else what to do about it. No name is looked up.
pub fn check_broadcast(wish: &BroadcastWish) -> Result<(), String> {
    Plan::read(wish).map(drop)
}
