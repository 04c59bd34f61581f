//! What a service that died left behind: files are repaired, states settled.
//!
//! Decides which files count and what becomes of the recording; how a file is repaired is told by who opens the store.

use super::{Recordings, StoreError, manifest};
use crate::model::{Codec, EndReason, FeedId, FileFacts, Happening, Recording, RecordingFile, RecordingState};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const REPAIRED: &str = "the service stopped while this was recorded; the file was repaired";
const NOT_REPAIRED: &str = "the service stopped while this was recorded, and the file could not be repaired";
const NOTHING: &str = "the service stopped before anything was recorded";
/// Endings of files that are written while recording.
const MEDIA: [&str; 6] = ["webm", "mp4", "mkv", "ogg", "opus", "m4a"];

/// Makes a file playable to its end and puts it in the place of the old one, at once (a rename). Takes as long as it
/// takes. The error is for people.
pub type Repair = Arc<dyn Fn(&Path) -> Result<Repaired, String> + Send + Sync>;

/// A picture of a file, from about this place and this wide: JPEG. The error is for people.
pub type Still = Arc<dyn Fn(&Path, Duration, u32) -> Result<Vec<u8>, String> + Send + Sync>;

/// What is known of a file after its repair.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Repaired {
    /// Length in milliseconds.
    pub duration_ms: u64,
    /// Size in bytes.
    pub bytes: u64,
    /// Codecs in it.
    pub codecs: Vec<Codec>,
    /// Width of the first picture in pixels.
    pub width: Option<u32>,
    /// Height of the first picture in pixels.
    pub height: Option<u32>,
    /// What was measured.
    pub facts: FileFacts,
}

/// Before the repair: the recording is finishing, its list of files is that of the disk.
pub(super) fn prepare(recording: &mut Recording, folder: &Path) {
    recording.state = RecordingState::Finishing;
    take_up_unnamed(recording, folder);
    recording.files.retain(|file| file.state.is_over() || keep(&folder.join(&file.name)));
    for file in recording.files.iter_mut().filter(|file| !file.state.is_over()) {
        file.state = RecordingState::Finishing;
        file.bytes = fs::metadata(folder.join(&file.name)).map_or(0, |m| m.len());
    }
    // The repair writes files anew: their times tell nothing afterwards.
    recording.ended_at = recording.ended_at.or_else(|| last_write(recording, folder)).or(Some(recording.started_at));
}

/// A file that is missing or empty leaves no entry.
fn keep(path: &Path) -> bool {
    let bytes = fs::metadata(path).map_or(0, |m| m.len());
    if bytes == 0 {
        let _not_there = fs::remove_file(path);
    }
    bytes > 0
}

/// Files of media that the manifest does not name yet: the crash came before it was saved.
fn take_up_unnamed(recording: &mut Recording, folder: &Path) {
    let names = fs::read_dir(folder).into_iter().flatten().flatten().filter_map(|e| e.file_name().into_string().ok());
    let mut names: Vec<_> = names.filter(|n| !recording.files.iter().any(|f| f.name == *n)).collect();
    names.sort();
    for name in names {
        if let Some(feed) = feed_in(&name) {
            let file = unnamed(recording, name, feed);
            recording.files.push(file);
        }
    }
}

/// `NN-feed-N.EXT` names a feed, `mix.EXT` and `mix-….EXT` none; other names are not ours.
fn feed_in(name: &str) -> Option<Option<FeedId>> {
    let (stem, extension) = name.rsplit_once('.')?;
    if !MEDIA.contains(&extension) || !manifest::is_file_name(name) {
        return None;
    }
    if stem == "mix" || stem.starts_with("mix-") {
        return Some(None);
    }
    let (number, feed) = stem.split_once("-feed-")?;
    number.parse::<u32>().ok()?;
    Some(Some(FeedId(feed.parse().ok()?)))
}

fn unnamed(recording: &Recording, name: String, feed: Option<FeedId>) -> RecordingFile {
    let published = recording.events.iter().rev().find_map(|event| match &event.what {
        Happening::Published { feed: of, name, .. } if Some(*of) == feed => Some(name.clone()),
        _ => None,
    });
    let earlier = || recording.files.iter().find(|f| f.feed == feed).map(|f| f.publisher.clone());
    let room = || if feed.is_none() { recording.room.to_string() } else { "unknown".into() };
    let publisher = published.or_else(earlier).unwrap_or_else(room);
    let segment = 1 + recording.files.iter().filter(|f| f.publisher == publisher).count() as u32;
    RecordingFile {
        name,
        feed,
        publisher,
        segment,
        state: RecordingState::Finishing,
        codecs: Vec::new(),
        started_at: None,
        duration_ms: 0,
        bytes: 0,
        width: None,
        height: None,
        reason: None,
        detail: None,
        facts: FileFacts::default(),
        uploads: Vec::new(),
    }
}

fn last_write(recording: &Recording, folder: &Path) -> Option<jiff::Timestamp> {
    let times = recording.files.iter().filter_map(|f| fs::metadata(folder.join(&f.name)).ok()?.modified().ok());
    times.max().and_then(|t| jiff::Timestamp::try_from(t).ok())
}

impl Recordings {
    /// Repairs what a crash left, one file after the other, and settles the states; those who listen are told of each
    /// recording. May take long. `stop` is asked between files: what is left then is found again at the next start.
    pub fn repair_all(&self, stop: impl Fn() -> bool) -> Result<(), StoreError> {
        while let Some(id) = self.next_unrepaired() {
            let Some(mut recording) = self.get(id.as_str()) else { continue };
            while let Some(index) = recording.files.iter().position(|f| !f.state.is_over()) {
                if stop() {
                    return Ok(());
                }
                self.repair_file(&mut recording.files[index], &self.folder(&id));
                self.save(&recording)?;
            }
            settle(&mut recording);
            self.settled(&recording)?;
        }
        Ok(())
    }

    fn next_unrepaired(&self) -> Option<crate::model::RecordingId> {
        self.inner.unrepaired.lock().pop()
    }

    fn repair_file(&self, file: &mut RecordingFile, folder: &Path) {
        file.reason = Some(EndReason::Crashed);
        match (self.inner.repair)(&folder.join(&file.name)) {
            Ok(repaired) => take_over(file, repaired),
            Err(why) => {
                file.state = RecordingState::Failed;
                file.detail = Some(format!("{NOT_REPAIRED}: {why}"));
            }
        }
    }

    fn settled(&self, recording: &Recording) -> Result<(), StoreError> {
        let state = recording.state.as_str();
        tracing::info!(recording.id = %recording.id, state, "a recording that was cut off is settled");
        metrics::counter!("media_recordings_repaired_total", "state" => state).increment(1);
        self.save(recording)?;
        self.get(recording.id.as_str()).iter().for_each(|recording| self.changed(recording));
        Ok(())
    }
}

fn take_over(file: &mut RecordingFile, repaired: Repaired) {
    let gaps = std::mem::take(&mut file.facts.gaps);
    file.state = RecordingState::Ready;
    file.detail = Some(REPAIRED.into());
    (file.duration_ms, file.bytes) = (repaired.duration_ms, repaired.bytes);
    (file.width, file.height) = (repaired.width.or(file.width), repaired.height.or(file.height));
    if !repaired.codecs.is_empty() {
        file.codecs = repaired.codecs;
    }
    file.facts = repaired.facts;
    if file.facts.gaps.is_empty() {
        file.facts.gaps = gaps;
    }
}

/// Ready if anything of it can be played.
fn settle(recording: &mut Recording) {
    let ready = recording.files.iter().filter(|f| f.state == RecordingState::Ready).count();
    let of = recording.files.len();
    recording.reason = Some(EndReason::Crashed);
    recording.repaired = ready > 0;
    recording.state = if ready > 0 { RecordingState::Ready } else { RecordingState::Failed };
    recording.detail = match (ready, of) {
        (0, 0) => Some(NOTHING.into()),
        (0, _) => Some(NOT_REPAIRED.into()),
        (ready, of) if ready < of => Some(format!("{} of {of} files could not be repaired", of - ready)),
        _ => Some(REPAIRED.into()),
    };
}
