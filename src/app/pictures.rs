//! Posters and thumbnails: made one recording at a time, after it is over, off everybody's way.

use crate::media::files;
use crate::model::{Kind, Recording};
use crate::recordings::{Filter, Recordings};
use crate::room::{EventKind, Rooms};
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Recordings without pictures that a start looks after: those of a service that was ended before it came to them.
const LOOK_BACK: u32 = 100;

/// Makes pictures of each recording that is over, until the service ends.
pub fn start(rooms: Rooms, store: Recordings, closing: CancellationToken) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut events = rooms.journal();
        for old in without_pictures(&store).await {
            if closing.is_cancelled() {
                return;
            }
            make(&rooms, &store, old).await;
        }
        loop {
            let event = tokio::select! {
                event = events.recv() => event,
                () = closing.cancelled() => return,
            };
            match event {
                Ok(event) => {
                    if let EventKind::RecordingChanged { recording } = event.kind
                        && wants(&recording)
                    {
                        make(&rooms, &store, *recording).await;
                    }
                }
                Err(RecvError::Lagged(count)) => {
                    tracing::warn!(count, "pictures of some recordings come at the next start")
                }
                Err(RecvError::Closed) => return,
            }
        }
    })
}

fn wants(recording: &Recording) -> bool {
    recording.state.is_over()
        && recording.thumbnails.is_none()
        && recording.deleted_at.is_none()
        && best(recording).is_some()
}

/// The longest file with pictures, else the longest.
fn best(recording: &Recording) -> Option<String> {
    let pictures = |file: &&crate::model::RecordingFile| file.codecs.iter().any(|codec| codec.kind() == Kind::Video);
    let files = || recording.files.iter().filter(|file| file.bytes > 0 && file.duration_ms > 0);
    let longest = files().filter(pictures).max_by_key(|file| file.duration_ms);
    longest.or_else(|| files().max_by_key(|file| file.duration_ms)).map(|file| file.name.clone())
}

async fn without_pictures(store: &Recordings) -> Vec<Recording> {
    let store = store.clone();
    let found = tokio::task::spawn_blocking(move || {
        let newest = store.find(&Filter { limit: Some(LOOK_BACK), ..Filter::default() });
        newest.into_iter().filter(wants).collect()
    });
    found.await.unwrap_or_default()
}

/// Events may be old: what is stored counts. But the news that it is over may come before the room's task has stored it.
async fn make(rooms: &Rooms, store: &Recordings, over: Recording) {
    let store = store.clone();
    let made = tokio::task::spawn_blocking(move || {
        let id = over.id.clone();
        if store.get(id.as_str()).is_some_and(|stored| !stored.state.is_over()) {
            let saved = store.save(&over);
            saved.inspect_err(|error| tracing::warn!(%error, "a recording's manifest was not written")).ok()?;
        }
        let file = store.get(id.as_str()).filter(wants).as_ref().and_then(best)?;
        let folder = store.folder(&id);
        match files::thumbnails(&folder.join(&file), &folder) {
            Ok(pictures) => store.update(&id, |recording| recording.thumbnails = Some(pictures)).ok().flatten(),
            Err(error) => {
                tracing::info!(recording.id = %id, file, reason = %error, "no pictures of a recording");
                None
            }
        }
    });
    if let Ok(Some(recording)) = made.await {
        rooms.announce(recording);
    }
}
