//! What is remembered of a recording beside its files: a JSON file in its folder, so that it goes with it.

use super::super::session::Millis;
use super::super::wire::recording::Properties;
use crate::model::{Recording, RecordingId, RecordingState};
use crate::recordings::{Filter, Recordings};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Its file's name.
const FILE: &str = "openvidu.json";

/// A recording in this dialect's words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// Name of the session, for the first, then with `~1`…
    pub id: String,
    /// The store's name of it.
    pub of: RecordingId,
    /// Chosen by the application, else the id.
    pub name: String,
    /// Whose.
    pub session: String,
    /// When it began.
    pub created_at: Millis,
    /// Whether a file of each stream.
    pub individual: bool,
    /// The properties as answers show them.
    pub properties: serde_json::Map<String, Value>,
    /// `starting`, `started`, `stopped`, `ready`, `failed`.
    pub status: String,
    /// Bytes of media.
    pub size: u64,
    /// Seconds.
    pub duration: f64,
    /// Name in its address → name in its folder.
    pub file: Option<(String, String)>,
    /// Streams of an individual one.
    pub streams: Vec<KeptStream>,
}

/// A stream that was recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptStream {
    /// Its feed.
    pub feed: crate::model::FeedId,
    /// Its name.
    pub stream: String,
    /// Whose.
    pub connection: String,
    /// What the page said of itself.
    pub client_data: String,
    /// What the application said of it.
    pub server_data: String,
    /// `CAMERA`, `SCREEN`…
    pub type_of_video: Option<String>,
}

impl Kept {
    /// One that begins.
    pub fn begin(id: String, session: &str, of: RecordingId, properties: &Properties, now: Millis) -> Self {
        let name = Some(properties.name.clone()).filter(|name| !name.is_empty()).unwrap_or_else(|| id.clone());
        let mut shown = properties.to_json();
        ["name", "shmSize", "ignoreFailedStreams"].iter().for_each(|field| drop(shown.remove(*field)));
        Self {
            id,
            of,
            name,
            session: session.to_owned(),
            created_at: now,
            individual: !properties.mode.is_composed(),
            properties: shown,
            status: "starting".into(),
            size: 0,
            duration: 0.0,
            file: None,
            streams: Vec::new(),
        }
    }

    /// As REST shows it; `url` is the deployment's.
    pub fn view(&self, url: &str) -> Value {
        let file = self.file.as_ref().map(|(name, _)| format!("{url}/openvidu/recordings/{}/{name}", self.id));
        let mut view = json!({
            "id": self.id, "object": "recording", "name": self.name, "sessionId": self.session, "createdAt": self.created_at,
            "size": self.size, "duration": self.duration, "url": file, "status": self.status,
        });
        if let Some(fields) = view.as_object_mut() {
            fields.extend(self.properties.clone());
        }
        view
    }

    /// Fields of its events.
    pub fn event(&self, reason: Option<&str>) -> Value {
        let mut fields = json!({
            "startTime": self.created_at, "id": self.id, "name": self.name, "size": self.size, "duration": self.duration,
            "status": self.status,
        });
        if let Some(fields) = fields.as_object_mut() {
            fields.extend(self.properties.clone());
            reason.into_iter().for_each(|reason| drop(fields.insert("reason".into(), reason.into())));
        }
        fields
    }

    /// Whether it runs, or is about to.
    pub fn is_running(&self) -> bool {
        ["starting", "started"].contains(&self.status.as_str())
    }

    /// What the store knows of it by now.
    pub fn finish(&mut self, recording: &Recording) {
        let files = || recording.files.iter();
        self.size = files().map(|file| file.bytes).sum();
        let longest = files().map(|file| file.duration_ms).max().unwrap_or(0);
        let span = span_ms(recording).filter(|_| self.individual).unwrap_or(longest);
        self.duration = span as f64 / 1000.0;
        let good = recording.state == RecordingState::Ready && files().any(|file| file.bytes > 0);
        self.status = if good { "ready" } else { "failed" }.into();
        if let Some(file) = files().find(|file| file.width.is_some()).filter(|_| !self.individual) {
            let (width, height) = (file.width.unwrap_or(0), file.height.unwrap_or(0));
            self.properties.insert("resolution".into(), format!("{width}x{height}").into());
        }
    }
}

/// From the first picture or sound to the last.
fn span_ms(recording: &Recording) -> Option<u64> {
    let began = |file: &crate::model::RecordingFile| file.started_at.map(|at| at.as_millisecond());
    let first = recording.files.iter().filter_map(began).min()?;
    let ends = recording.files.iter().filter_map(|file| Some(began(file)? + i64::try_from(file.duration_ms).ok()?));
    u64::try_from(ends.max()? - first).ok()
}

/// Those of the store. Blocking.
#[derive(Clone)]
pub struct Shelf(pub Recordings);

impl Shelf {
    /// All.
    pub fn list(&self) -> Vec<Kept> {
        self.0.find(&Filter::default()).iter().filter_map(|recording| self.read(&recording.id)).collect()
    }
    /// One by this dialect's name.
    pub fn get(&self, id: &str) -> Option<Kept> {
        self.list().into_iter().find(|kept| kept.id == id)
    }
    /// Path of a file beside its media.
    pub fn path(&self, of: &RecordingId, name: &str) -> PathBuf {
        self.0.folder(of).join(name)
    }
    /// Writes what is remembered.
    pub fn write(&self, kept: &Kept) -> std::io::Result<()> {
        let path = self.path(&kept.of, FILE);
        let new = path.with_extension("new");
        std::fs::write(&new, serde_json::to_vec_pretty(kept)?)?;
        std::fs::rename(new, path)
    }
    fn read(&self, of: &RecordingId) -> Option<Kept> {
        let text = std::fs::read(self.path(of, FILE)).ok()?;
        serde_json::from_slice(&text).ok()
    }
}
