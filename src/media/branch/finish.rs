//! How a recorder ends: the file is completed under a deadline, then told of. What was written is kept, always.

use super::align::Align;
use super::facts::Facts;
use super::mux::{Mux, Outcome};
use super::worker::End;
use crate::media::BranchReport;
use crate::model::EndReason;
use std::sync::mpsc;
use std::time::{Duration, Instant};

const EOS_LIMIT: Duration = Duration::from_millis(3500);
/// Between two looks whether pictures that were away are back in the muxer.
const SETTLE: Duration = Duration::from_millis(5);
const CLOSE_LIMIT: Duration = Duration::from_millis(1000);
/// Completes the file.
pub(super) fn finish(
    mux: Option<Mux>,
    mut facts: Facts,
    align: &Align,
    (reason, detail): End,
) -> (EndReason, BranchReport) {
    let Some(mut mux) = mux else {
        let _ = std::fs::remove_file(facts.path());
        return (reason, facts.report(align, detail.or(Some("no picture or sound came".into()))));
    };
    // A muxer that has failed does not get better by waiting.
    let (reason, detail) = if mux.has_failed() { (reason, detail) } else { complete(&mut mux, reason, detail) };
    facts.size = facts.size.or_else(|| mux.size());
    close(mux);
    facts.close();
    let synced = std::fs::File::open(facts.path()).and_then(|file| file.sync_all());
    let report = facts.report(align, detail);
    match synced {
        Err(error) if !reason.is_failure() => (
            EndReason::StorageFailed,
            BranchReport { detail: Some(format!("the disk did not keep the file: {error}")), ..report },
        ),
        _ => (reason, report),
    }
}

/// End of stream through the muxer, which writes the index.
fn complete(mux: &mut Mux, reason: EndReason, detail: Option<String>) -> End {
    let deadline = Instant::now() + EOS_LIMIT;
    while !mux.is_settled() && Instant::now() + EOS_LIMIT / 2 < deadline {
        mux.push_on();
        std::thread::sleep(SETTLE);
    }
    mux.end();
    while Instant::now() < deadline {
        match mux.poll(gst::ClockTime::from_mseconds(100)) {
            Some(Outcome::Complete) => return (reason, detail),
            Some(Outcome::Failed(reason, words)) => return (reason, Some(words)),
            None => {}
        }
    }
    (EndReason::StorageFailed, Some(format!("the file could not be completed within {} ms", EOS_LIMIT.as_millis())))
}

/// A disk that hangs may hold the pipeline: it is left behind then, and said so.
fn close(mux: Mux) {
    let (done, closed) = mpsc::channel();
    let spawned = std::thread::Builder::new().name("rec-close".into()).spawn(move || {
        mux.close();
        let _ = done.send(());
    });
    if spawned.is_err() || closed.recv_timeout(CLOSE_LIMIT).is_err() {
        tracing::error!("a recorder's pipeline does not stop: the disk hangs, the pipeline is left behind");
    }
}
