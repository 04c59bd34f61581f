//! What is remembered of a recording beside its files, in this dialect's words.

use super::super::session::Millis;
use super::super::wire::recording::Properties;
use crate::model::{Kind, Recording, RecordingFile, RecordingId, RecordingState};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

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
    /// Of each stream, or of all, this alone.
    #[serde(default)]
    pub only: Option<Kind>,
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
    /// What carried it; another one once it was mended.
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
            only: properties.only(),
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

    /// The same in another status.
    pub fn turned(&self, status: &str) -> Self {
        Self { status: status.into(), ..self.clone() }
    }

    /// Whether nothing changes any more.
    pub fn is_over(&self) -> bool {
        ["ready", "failed"].contains(&self.status.as_str())
    }

    /// Has this stream from now on; whether that is news.
    pub fn take_up(&mut self, stream: KeptStream) -> bool {
        let news = self.individual && !self.streams.contains(&stream);
        if news {
            self.streams.push(stream);
        }
        news
    }

    /// What the store knows of it by now.
    pub fn finish(&mut self, recording: &Recording) {
        let files = || recording.files.iter();
        self.size = files().map(|file| file.bytes).sum();
        let longest = files().map(|file| file.duration_ms).max().unwrap_or(0);
        let span = span_ms(recording).filter(|_| self.individual).unwrap_or(longest);
        self.duration = span as f64 / 1000.0;
        let good = recording.state == RecordingState::Ready && files().any(|file| file.bytes > 0);
        // Nobody has published anything: its ZIP has a sheet, and nothing went wrong.
        let empty = self.individual && self.streams.is_empty() && !recording.reason.is_some_and(|r| r.is_failure());
        self.status = if good || empty { "ready" } else { "failed" }.into();
        if let Some(film) = files().find(|file| file.width.is_some()).filter(|_| !self.individual) {
            self.measure(film);
        }
    }

    /// A film is as it came out.
    fn measure(&mut self, film: &RecordingFile) {
        let has = |kind| film.codecs.iter().any(|codec| codec.kind() == kind);
        let size = format!("{}x{}", film.width.unwrap_or(0), film.height.unwrap_or(0));
        let mut set = |name: &str, value: Value| drop(self.properties.insert(name.into(), value));
        set("resolution", size.into());
        set("hasAudio", has(Kind::Audio).into());
        set("hasVideo", has(Kind::Video).into());
        if film.facts.framerate > 0.0 {
            set("frameRate", (film.facts.framerate.round() as u64).into());
        }
    }
}

/// From the first picture or sound to the last.
fn span_ms(recording: &Recording) -> Option<u64> {
    let began = |file: &RecordingFile| file.started_at.map(|at| at.as_millisecond());
    let first = recording.files.iter().filter_map(began).min()?;
    let ends = recording.files.iter().filter_map(|file| Some(began(file)? + i64::try_from(file.duration_ms).ok()?));
    u64::try_from(ends.max()? - first).ok()
}
