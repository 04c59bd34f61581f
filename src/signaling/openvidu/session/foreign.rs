//! Participants of other dialects in the same room: each that publishes is a connection with a stream, while it does.

use super::super::ids;
use super::{Millis, State, Stream, view};
use crate::model::{FeedId, Kind, ParticipantId, TrackInfo};
use serde_json::{Map, Value, json};

/// One of them.
#[derive(Clone, Debug)]
pub struct Foreign {
    pub(super) connection: String,
    pub(super) feed: FeedId,
    pub(super) stream: Stream,
    name: String,
    at: Millis,
}

impl Foreign {
    /// As a newcomer is told of it.
    pub(super) fn known(&self) -> Value {
        json!({
            "id": self.connection, "createdAt": self.at, "metadata": self.name, "streams": [view::stream(&self.stream)],
        })
    }
}

impl State {
    /// Each connection of ours hears of it: the first counts.
    pub(super) fn foreign_published(&mut self, feed: FeedId, publisher: &ParticipantId, tracks: &[TrackInfo]) {
        let ours = super::connection_of(publisher).is_some() || self.camera_of(feed).is_some();
        if ours || self.foreign.iter().any(|known| known.feed == feed) {
            return;
        }
        let has = |kind| tracks.iter().any(|track| track.kind() == kind);
        let foreign = self.meet(feed, publisher, (has(Kind::Audio), has(Kind::Video)));
        let all = self.clients(None);
        let person = json!({ "id": foreign.connection, "createdAt": foreign.at, "metadata": foreign.name });
        self.notify(&all, "participantJoined", &person);
        let published = json!({ "id": foreign.connection, "streams": [view::stream(&foreign.stream)] });
        self.notify(&all, "participantPublished", &published);
        self.foreign.push(foreign);
        self.stays_recorded();
        self.record_stream(feed);
    }

    fn meet(&self, feed: FeedId, publisher: &ParticipantId, (audio, video): (bool, bool)) -> Foreign {
        let word: String =
            publisher.as_str().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        let connection = format!("con_{word}");
        let type_of_video = video.then(|| "CUSTOM".to_owned());
        let stream = Stream {
            id: ids::stream(type_of_video.as_deref(), &connection),
            created_at: self.now,
            audio,
            video,
            audio_active: audio,
            video_active: video,
            type_of_video,
            frame_rate: None,
            dimensions: None,
            filter: Map::new(),
            feed: Some(feed),
            loopback: false,
            told: true,
        };
        Foreign { connection, feed, stream, name: publisher.to_string(), at: self.now }
    }

    pub(super) fn foreign_ended(&mut self, feed: FeedId) {
        let Some(at) = self.foreign.iter().position(|known| known.feed == feed) else { return };
        let gone = self.foreign.remove(at);
        for connection in &mut self.connections {
            let active = connection.active.as_mut();
            active.into_iter().for_each(|active| active.subscribers.retain(|watched| watched.feed != feed));
        }
        let all = self.clients(None);
        self.notify(&all, "participantLeft", &json!({ "connectionId": gone.connection, "reason": "disconnect" }));
    }
}
