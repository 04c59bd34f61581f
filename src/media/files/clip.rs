//! Cuts a part out of a file, or out of a feed's last seconds.

use super::copy::copy;
use super::repair::{Repaired, repair};
use super::scan::{Window, begin, scan};
use crate::media::branch::{Recorder, RecorderEvent, RecorderSpec};
use crate::media::feed::{SourceTrack, TapItem};
use crate::media::{BranchReport, MediaError};
use crate::model::{EndReason, FeedId, RecordingId};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// A recorder that has got all packets is done within this.
const TAP_LIMIT: Duration = Duration::from_secs(30);

/// A part of a recording in a file of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Clip {
    /// Where it is.
    pub path: PathBuf,
    /// Where it really begins in the source, in milliseconds: at the keyframe at or before what was asked for. 0 for a
    /// feed's past.
    pub from_ms: u64,
    /// Where it really ends in the source, in milliseconds.
    pub to_ms: u64,
    /// What it holds.
    pub holds: Repaired,
}

/// How long the file is as far as it is written now. Errors as [`super::repair`].
pub fn duration(path: &Path) -> Result<Duration, MediaError> {
    Ok(Duration::from_nanos(scan(path, Window::ALL, None)?.end()))
}

/// Copies `from`…`to` of a finished or growing file into `out`, a finished file of the same container, without
/// transcoding. It begins at the keyframe at or before `from` (at the first one, if there is none).
///
/// `NotReady`: no file, nothing in it, or nothing in this part of it. `Fatal`: not readable, or `from` is not before `to`.
/// `Transient`: the disk. No `out` is there after an error.
pub fn clip(source: &Path, from: Duration, to: Duration, out: &Path) -> Result<Clip, MediaError> {
    if from >= to {
        return Err(super::fatal("clip", "it ends before it begins"));
    }
    let limit = source.metadata().ok().map(|meta| meta.len());
    let (from, to) = (nanoseconds(from), nanoseconds(to));
    let start = begin(source, from, limit)?;
    let copied = copy(source, Window { from: start, to }, start, limit, out)?;
    let end = copied.scan.end();
    let mut holds = Repaired::of(&copied);
    holds.duration_ms = end.saturating_sub(start) / 1_000_000;
    for gap in &mut holds.facts.gaps {
        gap.at_ms = gap.at_ms.saturating_sub(start / 1_000_000);
    }
    Ok(Clip { path: out.into(), from_ms: start / 1_000_000, to_ms: end / 1_000_000, holds })
}

/// Writes packets into `STEM.webm` or `STEM.mp4`, as a recording of them would: from the first keyframe to the last one
/// that comes. Returns when the sender is dropped and the file is complete.
///
/// `NotReady`: no keyframe or sound among them. `Transient`: the disk.
pub fn clip_of_tap(tracks: Vec<SourceTrack>, packets: Receiver<TapItem>, stem: &Path) -> Result<Clip, MediaError> {
    let (events, told) = channel();
    let recorder = Recorder::start(RecorderSpec {
        recording: RecordingId::new("clip"),
        feed: FeedId(0),
        tracks,
        only: None,
        packets,
        stem: stem.into(),
        min_free_bytes: 0,
        templates: None,
        paused: false,
        disk: Arc::default(),
        request_keyframe: Box::new(|| {}),
        events: Box::new(move |event| drop(events.send(event))),
    })?;
    let report = ended(&told);
    recorder.stop(EndReason::Requested);
    let report = report?;
    let path = stem.with_file_name(&report.file);
    if report.bytes == 0 {
        return Err(MediaError::NotReady(report.detail.unwrap_or_else(|| "no picture or sound was kept".into())));
    }
    let holds = repair(&path)?;
    Ok(Clip { path, from_ms: 0, to_ms: holds.duration_ms, holds })
}

fn ended(told: &Receiver<RecorderEvent>) -> Result<BranchReport, MediaError> {
    let deadline = Instant::now() + TAP_LIMIT;
    loop {
        match told.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(RecorderEvent::Ended(reason, report)) if reason.is_failure() => {
                return Err(MediaError::Transient(report.detail.unwrap_or_else(|| reason.to_string())));
            }
            Ok(RecorderEvent::Ended(_, report)) => return Ok(report),
            Ok(RecorderEvent::Started(_)) => {}
            Err(_) => return Err(MediaError::Transient("the clip was not complete in time".into())),
        }
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
