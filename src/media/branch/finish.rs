//! How a recorder ends: the file is completed under a deadline, then told of. What was written is kept, always.

use super::mux::{Mux, Outcome};
use super::worker::End;
use crate::media::BranchReport;
use crate::media::rtp::Packet;
use crate::model::{Codec, EndReason, FileFacts, Kind};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, Instant};

const EOS_LIMIT: Duration = Duration::from_millis(3500);
const CLOSE_LIMIT: Duration = Duration::from_millis(1000);
/// Length of the last picture is not known; it is as long as the one before, but not more than this.
const LONGEST_FRAME: i64 = 1_000_000_000;

/// What is known of the file.
pub(super) struct Facts {
    path: PathBuf,
    codecs: Vec<Codec>,
    started_at: Option<jiff::Timestamp>,
    pub size: Option<(u32, u32)>,
    last_picture: i64,
    /// End of the last sample in nanoseconds.
    end: i64,
}

impl Facts {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.into(), codecs: Vec::new(), started_at: None, size: None, last_picture: 0, end: 0 }
    }

    pub(super) fn began(&mut self, first: &Packet, codecs: Vec<Codec>) {
        let ago = jiff::SignedDuration::try_from(first.at.elapsed()).unwrap_or_default();
        self.started_at = jiff::Timestamp::now().checked_sub(ago).ok();
        self.size = first.size;
        self.codecs = codecs;
    }

    pub(super) fn wrote(&mut self, kind: Kind, pts: i64) {
        let length = match kind {
            Kind::Audio => 20_000_000,
            Kind::Video => (pts - self.last_picture).clamp(0, LONGEST_FRAME),
        };
        self.end = self.end.max(pts + length);
        if kind == Kind::Video {
            self.last_picture = pts;
        }
    }

    pub(super) fn on_disk(&self) -> u64 {
        std::fs::metadata(&self.path).map_or(0, |metadata| metadata.len())
    }

    pub(super) fn report(&self, detail: Option<String>) -> BranchReport {
        BranchReport {
            file: self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
            codecs: self.codecs.clone(),
            started_at: self.started_at,
            duration_ms: u64::try_from(self.end / 1_000_000).unwrap_or(0),
            bytes: self.on_disk(),
            size: self.size,
            detail,
            facts: FileFacts::default(),
        }
    }
}

/// Completes the file.
pub(super) fn finish(mux: Option<Mux>, mut facts: Facts, (reason, detail): End) -> (EndReason, BranchReport) {
    let Some(mut mux) = mux else {
        let _ = std::fs::remove_file(&facts.path);
        return (reason, facts.report(detail.or(Some("no picture or sound came".into()))));
    };
    // A muxer that has failed does not get better by waiting.
    let (reason, detail) = if mux.has_failed() { (reason, detail) } else { complete(&mut mux, reason, detail) };
    facts.size = facts.size.or_else(|| mux.size());
    close(mux);
    let synced = std::fs::File::open(&facts.path).and_then(|file| file.sync_all());
    let report = facts.report(detail);
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
    mux.end();
    let deadline = Instant::now() + EOS_LIMIT;
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
