//! All recordings of this dialect: a JSON file in each one's folder, so that it goes with it, and an index of them in memory.
//!
//! The store's word counts: what it has no more, or has in its bin, is not here either. What a service that died left
//! unfinished is listed as stopped until somebody settles it.

use super::kept::Kept;
use crate::model::{Recording, RecordingId};
use crate::recordings::{Filter, Recordings};
use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OnceCell;

/// Its file's name.
const FILE: &str = "openvidu.json";

type Index = BTreeMap<String, Kept>;

/// Those of the store. Cheap to clone.
#[derive(Clone)]
pub struct Shelf {
    store: Recordings,
    /// By this dialect's name.
    index: Arc<OnceCell<Mutex<Index>>>,
}

impl Shelf {
    /// Reads nothing yet.
    pub fn new(store: Recordings) -> Self {
        Self { store, index: Arc::default() }
    }

    /// All.
    pub async fn list(&self) -> Vec<Kept> {
        let all: Vec<Kept> = self.with(|index| index.values().cloned().collect()).await;
        let there = self.blocking(|store| {
            let known = store.find(&Filter::default());
            known.into_iter().map(|recording| recording.id).collect::<HashSet<_>>()
        });
        let there = there.await.unwrap_or_default();
        all.into_iter().filter(|kept| there.contains(&kept.of)).collect()
    }

    /// One by this dialect's name.
    pub async fn get(&self, id: &str) -> Option<Kept> {
        let kept = self.with(|index| index.get(id).cloned()).await?;
        self.look(&kept.of).await.filter(|recording| recording.deleted_at.is_none()).map(|_| kept)
    }

    /// Whether a name is in use.
    pub async fn names(&self) -> HashSet<String> {
        self.list().await.into_iter().map(|kept| kept.id).collect()
    }

    /// Remembers one.
    pub async fn keep(&self, kept: &Kept) {
        self.with(|index| index.insert(kept.id.clone(), kept.clone())).await;
        let (path, sheet) = (self.path(&kept.of, FILE), kept.clone());
        if let Some(Err(error)) = self.blocking(move |_| write(path, &sheet)).await {
            tracing::warn!(recording.id = %kept.of, %error, "what is known of a recording cannot be written");
        }
    }

    /// Removes one with its files; `false`: it cannot be removed.
    pub async fn delete(&self, kept: &Kept) -> bool {
        let of = kept.of.clone();
        let purged = self.blocking(move |store| {
            store.delete(of.as_str()).and_then(|_| store.purge(of.as_str())).is_ok_and(|purged| purged)
        });
        let purged = purged.await.unwrap_or(false);
        if purged {
            self.with(|index| index.remove(&kept.id)).await;
        }
        purged
    }

    /// What the store knows of it.
    pub async fn look(&self, of: &RecordingId) -> Option<Recording> {
        let of = of.clone();
        self.blocking(move |store| store.get(of.as_str())).await.flatten()
    }

    /// Path of a file beside its media.
    pub fn path(&self, of: &RecordingId, name: &str) -> PathBuf {
        self.store.folder(of).join(name)
    }

    /// The store, off the async threads; `None`: it panicked.
    pub async fn blocking<T: Send + 'static>(&self, ask: impl FnOnce(&Recordings) -> T + Send + 'static) -> Option<T> {
        let store = self.store.clone();
        tokio::task::spawn_blocking(move || ask(&store)).await.ok()
    }

    async fn with<T>(&self, work: impl FnOnce(&mut Index) -> T) -> T {
        let read = || async { Mutex::new(self.blocking(read_all).await.unwrap_or_default()) };
        let index = self.index.get_or_init(read).await;
        work(&mut index.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn write(path: PathBuf, kept: &Kept) -> std::io::Result<()> {
    let new = path.with_extension("new");
    std::fs::write(&new, serde_json::to_vec_pretty(kept)?)?;
    std::fs::rename(new, path)
}

fn read_all(store: &Recordings) -> Index {
    let read = |recording: Recording| {
        let text = std::fs::read(store.folder(&recording.id).join(FILE)).ok()?;
        let mut kept: Kept = serde_json::from_slice(&text).ok()?;
        if !kept.is_over() {
            kept.status = "stopped".into();
        }
        Some((kept.id.clone(), kept))
    };
    store.find(&Filter::default()).into_iter().filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::wire::recording::Properties;
    use super::*;
    use crate::model::{RecordingWish, RoomId};

    fn kept(store: &Recordings, id: &str, status: &str) -> Kept {
        let recording = store.create(&RoomId::of_name("S"), &RecordingWish::default()).unwrap();
        Kept::begin(id.into(), "S", recording.id, &Properties::default(), 1).turned(status)
    }

    #[tokio::test]
    async fn the_list_survives_and_what_was_cut_off_is_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let store = Recordings::open(folder.path().into(), 0).unwrap();
        let shelf = Shelf::new(store.clone());
        for (id, status) in [("S", "ready"), ("S~1", "started"), ("S~2", "ready")] {
            shelf.keep(&kept(&store, id, status)).await;
        }
        let again = Shelf::new(store.clone());
        let known = |all: Vec<Kept>| all.iter().map(|kept| format!("{} {}", kept.id, kept.status)).collect::<Vec<_>>();
        assert_eq!(known(again.list().await), ["S ready", "S~1 stopped", "S~2 ready"]);
        let gone = again.get("S~2").await.unwrap();
        std::fs::remove_dir_all(store.folder(&gone.of)).unwrap();
        let later = Shelf::new(Recordings::open(folder.path().into(), 0).unwrap());
        assert_eq!((known(later.list().await).len(), later.get("S~2").await), (2, None));
    }
}
