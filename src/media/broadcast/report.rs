//! What is told of a broadcast: its status, events, metrics; secrets taken out of all words.

use super::OnChange;
use crate::model::{BroadcastState, BroadcastStatus, BroadcastWish, EndReason};
use jiff::Timestamp;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// A broadcast's status and who is told of it.
pub(super) struct Report {
    status: Mutex<BroadcastStatus>,
    bytes: AtomicU64,
    on_change: OnChange,
    secrets: Vec<String>,
}

impl Report {
    /// Connecting, since now.
    pub(super) fn new(wish: &BroadcastWish, on_change: OnChange) -> Self {
        gauge(BroadcastState::Connecting).increment(1.0);
        let status = Mutex::new(BroadcastStatus { since: Timestamp::now(), ..BroadcastStatus::default() });
        Self { status, bytes: AtomicU64::new(0), on_change, secrets: secrets(wish) }
    }

    /// How it is just now.
    pub(super) fn status(&self) -> BroadcastStatus {
        BroadcastStatus { bytes: self.bytes.load(Relaxed), ..self.status.lock().clone() }
    }

    /// So many bytes were sent.
    pub(super) fn sent(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Relaxed);
    }

    /// Bytes sent so far.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }

    /// The other side is being reached.
    pub(super) fn connecting(&self) {
        self.change(BroadcastState::Connecting, |status| status.next_try_at = None);
    }

    /// Media flows.
    pub(super) fn live(&self) {
        if self.status.lock().state == BroadcastState::Live {
            return;
        }
        self.change(BroadcastState::Live, |status| {
            // Trouble is what an outage was told with.
            status.reconnects += u64::from(status.trouble.is_some());
            status.next_try_at = None;
        });
    }

    /// It failed, and is tried again after this.
    pub(super) fn waiting(&self, why: &str, again: Duration, scheme: &str) {
        metrics::counter!("media_broadcast_failures_total", "kind" => scheme.to_owned()).increment(1);
        let (why, at) = (self.clean(why), Timestamp::now().checked_add(again).ok());
        self.change(BroadcastState::Waiting, |status| {
            status.trouble = Some(why);
            status.next_try_at = at;
        });
    }

    /// What a receiver of plain RTP needs.
    pub(super) fn sdp(&self, text: String) {
        let state = self.status.lock().state;
        self.change(state, |status| status.sdp = Some(text));
    }

    /// Over.
    pub(super) fn ended(&self, reason: EndReason, why: Option<String>) {
        let why = why.map(|why| self.clean(&why));
        self.change(BroadcastState::Ended, |status| {
            status.trouble = why.or(status.trouble.take());
            (status.reason, status.next_try_at) = (Some(reason), None);
        });
    }

    /// Words without secrets.
    pub(super) fn clean(&self, words: &str) -> String {
        self.secrets.iter().fold(words.to_owned(), |words, secret| words.replace(secret, "(hidden)"))
    }

    fn change(&self, state: BroadcastState, set: impl FnOnce(&mut BroadcastStatus)) {
        let mut status = self.status.lock();
        if status.state == BroadcastState::Ended {
            return;
        }
        set(&mut status);
        if status.state != state {
            gauge(status.state).decrement(1.0);
            if state != BroadcastState::Ended {
                gauge(state).increment(1.0);
            }
            (status.state, status.since) = (state, Timestamp::now());
        }
        drop(status);
        (self.on_change)(self.status());
    }
}

/// One that was never ended counts no more.
impl Drop for Report {
    fn drop(&mut self) {
        let state = self.status.get_mut().state;
        if state != BroadcastState::Ended {
            gauge(state).decrement(1.0);
        }
    }
}

fn gauge(state: BroadcastState) -> metrics::Gauge {
    let state = match state {
        BroadcastState::Connecting => "connecting",
        BroadcastState::Live => "live",
        BroadcastState::Waiting => "waiting",
        BroadcastState::Ended => "ended",
    };
    metrics::gauge!("media_broadcasts", "state" => state)
}

/// All that must not be repeated: the fields, and what a query or a path may hold. Longest first.
fn secrets(wish: &BroadcastWish) -> Vec<String> {
    let mut all = vec![wish.key.reveal().to_owned(), wish.password.reveal().to_owned()];
    all.extend(wish.to.split_once('?').map(|(_, query)| query.to_owned()));
    if let Ok(super::Plan { to, .. }) = super::Plan::read(wish) {
        match to {
            super::plan::To::Rtmp { key } => all.push(key.reveal().to_owned()),
            super::plan::To::Srt(srt) => all.extend([srt.stream_id.reveal().into(), srt.passphrase.reveal().into()]),
            super::plan::To::Rtp => {}
        }
    }
    all.retain(|secret| !secret.is_empty());
    all.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Secret;
    use std::sync::Arc;

    #[test]
    fn changes_are_told_once_and_without_secrets() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let heard = told.clone();
        let wish = BroadcastWish { to: "rtmp://h/app".into(), key: Secret::new("k-123"), ..BroadcastWish::default() };
        let report = Report::new(&wish, Box::new(move |status| heard.lock().push(status)));
        report.live();
        report.sent(7);
        report.waiting("no stream k-123 here", Duration::from_secs(1), "rtmp");
        report.connecting();
        report.live();
        report.ended(EndReason::Requested, None);
        report.live();
        let told = told.lock();
        let states: Vec<_> = told.iter().map(|status| status.state).collect();
        use BroadcastState::*;
        assert_eq!(states, [Live, Waiting, Connecting, Live, Ended]);
        assert_eq!(told[1].trouble.as_deref(), Some("no stream (hidden) here"));
        assert!(told[1].next_try_at.is_some() && told[2].next_try_at.is_none());
        assert_eq!([0, 3].map(|n| told[n].reconnects), [0, 1]);
        assert_eq!((told[4].bytes, told[4].reason), (7, Some(EndReason::Requested)));
    }
}
