//! When recordings go: the bin, age, quota. What runs never goes; with uploads, only what is verified elsewhere goes by
//! itself.

use super::open::PURGED;
use super::{Filter, Recordings, StoreError, manifest};
use crate::model::{Recording, RecordingId};
use jiff::{SignedDuration, Timestamp};
use std::fs;
use std::time::Duration;

/// What a round of housekeeping did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Removed for good.
    pub purged: Vec<RecordingId>,
    /// Would have been removed, but its copies are not verified yet.
    pub kept_unverified: Vec<RecordingId>,
}

impl Recordings {
    /// Puts a recording that is over into the bin: its files stay for `recording.bin_for`. Whether there was one.
    pub fn delete(&self, id: &str) -> Result<bool, StoreError> {
        let id = RecordingId::new(id);
        let mut done = false;
        let after = self.update(&id, |recording| {
            done = recording.state.is_over() && recording.deleted_at.is_none();
            if done {
                recording.deleted_at = Some(Timestamp::now());
            }
        })?;
        match after {
            Some(_) if done && self.inner.settings.bin_for.is_zero() => self.purge(id.as_str()),
            Some(recording) if done => {
                self.changed(&recording);
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Takes a recording out of the bin. Whether there was one.
    pub fn restore(&self, id: &str) -> Result<bool, StoreError> {
        let mut done = false;
        let after = self.update(&RecordingId::new(id), |recording| done = recording.deleted_at.take().is_some())?;
        after.iter().filter(|_| done).for_each(|recording| self.changed(recording));
        Ok(done)
    }

    /// Removes a recording that is over, in the bin or not, with its files. Copies elsewhere stay. Whether there was one.
    pub fn purge(&self, id: &str) -> Result<bool, StoreError> {
        let gone = {
            let _alone = self.inner.writing.lock();
            let Some(recording) = self.get(id).filter(|r| r.state.is_over()) else { return Ok(false) };
            // At once out of sight; a removal that is cut off goes on at the next start.
            let aside = self.inner.dir.join(format!("{PURGED}{id}"));
            fs::rename(self.folder(&recording.id), &aside).map_err(|source| self.io(source))?;
            self.inner.index.remove(id)?;
            self.forget_uploads(id)?;
            fs::remove_dir_all(&aside).map_err(|source| self.io(source))?;
            recording
        };
        self.changed(&gone);
        Ok(true)
    }

    /// Bytes that recordings take on this disk, running ones and those in the bin included.
    pub fn used_bytes(&self) -> Result<u64, StoreError> {
        let running = self.inner.index.running()?.iter().map(|r| self.bytes_on_disk(r)).sum::<u64>();
        Ok(self.inner.index.bytes_of_finished()? + running)
    }

    fn bytes_on_disk(&self, recording: &Recording) -> u64 {
        let entries = fs::read_dir(self.folder(&recording.id)).into_iter().flatten().flatten();
        entries.filter(|e| e.file_name() != manifest::MANIFEST).filter_map(|e| Some(e.metadata().ok()?.len())).sum()
    }

    /// A round of housekeeping as of `now`: what was long enough in the bin, the too old, then what is too much.
    pub fn tick(&self, now: Timestamp) -> Result<Swept, StoreError> {
        let mut swept = Swept::default();
        let finished = self.finished()?;
        for recording in &finished {
            let binned = recording.deleted_at.is_some_and(|at| is_past(at, self.inner.settings.bin_for, now));
            let old = self.inner.settings.max_age.is_some_and(|age| is_past(recording.started_at, age, now));
            if binned {
                self.sweep(recording, &mut swept)?;
            } else if old {
                self.sweep_verified(recording, &mut swept)?;
            }
        }
        self.sweep_for_space(&mut swept)?;
        self.sweep_for_quota(&mut swept)?;
        self.report(&swept)?;
        Ok(swept)
    }

    /// Those that may go, in the order in which they would: the bin first, the oldest first.
    fn finished(&self) -> Result<Vec<Recording>, StoreError> {
        let mut all = self.inner.index.find(&Filter { deleted: true, ..Filter::default() })?;
        all.retain(|r| r.state.is_over());
        all.sort_by_key(|r| (r.deleted_at.is_none(), r.deleted_at, r.started_at));
        Ok(all)
    }

    fn sweep_for_space(&self, swept: &mut Swept) -> Result<(), StoreError> {
        let is_short = || Ok::<_, StoreError>(self.free_bytes()? < self.inner.settings.min_free_bytes);
        if !is_short()? {
            return Ok(());
        }
        for recording in self.finished()?.iter().filter(|r| r.deleted_at.is_some()) {
            if !is_short()? {
                break;
            }
            self.sweep(recording, swept)?;
        }
        Ok(())
    }

    fn sweep_for_quota(&self, swept: &mut Swept) -> Result<(), StoreError> {
        if !self.is_over_quota()? {
            return Ok(());
        }
        for recording in &self.finished()? {
            // One without a file here makes no room.
            if self.bytes_on_disk(recording) > 0 {
                self.sweep_verified(recording, swept)?;
            }
            if !self.is_over_quota()? {
                break;
            }
        }
        Ok(())
    }

    fn sweep_verified(&self, recording: &Recording, swept: &mut Swept) -> Result<(), StoreError> {
        if recording.deleted_at.is_some() || self.is_verified(recording)? {
            return self.sweep(recording, swept);
        }
        if !swept.kept_unverified.contains(&recording.id) {
            swept.kept_unverified.push(recording.id.clone());
        }
        Ok(())
    }

    fn sweep(&self, recording: &Recording, swept: &mut Swept) -> Result<(), StoreError> {
        if self.purge(recording.id.as_str())? {
            tracing::info!(recording.id = %recording.id, "a recording was removed by the rules of [recording]");
            swept.purged.push(recording.id.clone());
        }
        Ok(())
    }

    fn report(&self, swept: &Swept) -> Result<(), StoreError> {
        let kept = swept.kept_unverified.len();
        metrics::gauge!("media_recordings_bytes").set(self.used_bytes()? as f64);
        metrics::gauge!("media_recordings_kept_unverified").set(kept as f64);
        metrics::counter!("media_recordings_purged_total").increment(swept.purged.len() as u64);
        if kept > 0 {
            tracing::warn!(
                recordings = kept,
                "recordings are kept beyond max_age or max_total_bytes: not uploaded yet"
            );
        }
        Ok(())
    }

    fn is_over_quota(&self) -> Result<bool, StoreError> {
        let limit = self.inner.settings.max_total_bytes;
        Ok(limit > 0 && self.used_bytes()? >= limit)
    }

    fn free_bytes(&self) -> Result<u64, StoreError> {
        fs4::available_space(&self.inner.dir).map_err(|source| self.io(source))
    }

    /// Sees to it that a recording may begin, or says why not.
    pub(super) fn make_room(&self) -> Result<(), StoreError> {
        let mut swept = Swept::default();
        self.sweep_for_space(&mut swept)?;
        self.sweep_for_quota(&mut swept)?;
        let (free, need) = (self.free_bytes()?, self.inner.settings.min_free_bytes);
        if free < need {
            return Err(StoreError::NoSpace { dir: self.inner.dir.clone(), free, need });
        }
        if self.is_over_quota()? {
            return Err(StoreError::Quota { used: self.used_bytes()?, limit: self.inner.settings.max_total_bytes });
        }
        Ok(())
    }
}

fn is_past(at: Timestamp, limit: Duration, now: Timestamp) -> bool {
    SignedDuration::try_from(limit).is_ok_and(|limit| now.duration_since(at) >= limit)
}
