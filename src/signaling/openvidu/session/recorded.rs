//! The recording of a session: whether it may begin, what is in it, who is told, and that it keeps the session until it is over.
//!
//! When it stops by itself is `autostop`'s to say.

use super::super::recording::kept::KeptStream;
use super::super::recording::{Kept, NotStarted};
use super::super::wire::new_connection::Role;
use super::super::wire::recording::Properties;
use super::state::Effect;
use super::{Connection, Happening, State, Stream, agent};
use crate::config::RecordingNotification;
use crate::model::{EndReason, FeedId, Kind};
use serde_json::json;
use std::time::Duration;

/// What the deployment says of recordings.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Who hears that one begins and ends.
    pub told: RecordingNotification,
    /// A recording goes on for so long without anybody.
    pub autostop: Duration,
}

impl Default for Rules {
    fn default() -> Self {
        let settings = crate::config::OpenVidu::default();
        Self { told: settings.recording_notification, autostop: settings.recording_autostop }
    }
}

/// Where the session's recording stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Recorded {
    /// There is none.
    #[default]
    No,
    /// It has been asked for.
    Claimed,
    /// It is made, and what is to be in it is not being written yet.
    Starting(Box<Kept>),
    /// It runs.
    Running(Box<Kept>),
    /// It is being completed, for this reason.
    Stopping(Box<Kept>, &'static str),
}

impl Recorded {
    /// From the moment it is asked for until it is told to stop.
    pub fn is_on(&self) -> bool {
        !matches!(self, Self::No | Self::Stopping(..))
    }

    /// What is being written.
    fn open(&mut self) -> Option<&mut Kept> {
        match self {
            Self::Starting(kept) | Self::Running(kept) => Some(kept),
            _ => None,
        }
    }
}

impl State {
    /// By these rules from now on.
    pub fn set_rules(&mut self, rules: Rules) {
        self.rules = rules;
    }

    /// Claims the session for a recording; its name, and the feeds that can be in one of this kind.
    pub fn claim_recording(&mut self, only: Option<Kind>) -> Result<(String, Vec<FeedId>), NotStarted> {
        if let (_, Some(why)) = self.recording_terms() {
            return Err(why);
        }
        self.recorded = Recorded::Claimed;
        Ok((self.id.clone(), self.recordable(only).into_iter().map(|stream| stream.feed).collect()))
    }

    /// What recordings are like unless told otherwise, and why none may begin now.
    pub fn recording_terms(&self) -> (Properties, Option<NotStarted>) {
        let refused = match &self.recorded {
            _ if self.properties.media_mode == "RELAYED" => Some(NotStarted::Conflict),
            Recorded::No => self.is_empty().then_some(NotStarted::Empty),
            _ => Some(NotStarted::Conflict),
        };
        (self.properties.recording.clone(), refused)
    }

    /// The room has made it; from now on what is published comes into it. Returns it with its streams.
    pub fn recording_made(&mut self, mut kept: Kept) -> Kept {
        for stream in self.recordable(kept.only) {
            kept.take_up(stream);
        }
        self.recorded = Recorded::Starting(Box::new(kept.clone()));
        kept
    }

    /// Feeds that a recording is to have and that are still there.
    pub fn recorded_feeds(&mut self) -> Vec<FeedId> {
        let only = self.recorded.open().and_then(|kept| kept.only);
        self.recordable(only).into_iter().map(|stream| stream.feed).collect()
    }

    /// Media is being written.
    pub fn recording_runs(&mut self, kept: &Kept) {
        // It has the streams that came meanwhile.
        let streams = self.recorded.open().map(|known| known.streams.clone()).unwrap_or_default();
        self.recorded = Recorded::Running(Box::new(Kept { streams, ..kept.clone() }));
        let to = self.who_may_know();
        self.notify(&to, "recordingStarted", &json!({ "id": kept.id, "name": kept.name }));
        let at = kept.created_at;
        let event = Happening::new("recordingStatusChanged", (&self.id, &self.unique()), at, kept.event(None));
        self.effects.push(Effect::Tell(event));
        self.look_after_recording();
    }

    /// A stream has come, or came back under another feed.
    pub(super) fn record_stream(&mut self, feed: FeedId) {
        let only = match self.recorded.open() {
            Some(kept) if kept.individual => kept.only,
            _ => return,
        };
        let stream = self.recordable(only).into_iter().find(|stream| stream.feed == feed);
        if let (Some(stream), Some(kept)) = (stream, self.recorded.open())
            && kept.take_up(stream.clone())
        {
            let (id, of) = (kept.id.clone(), kept.of.clone());
            self.effects.push(Effect::RecordFeed(id, of, stream));
        }
    }

    /// The application stops it: it does not begin again by itself. Whether there was anything to stop.
    pub fn stop_by_hand(&mut self) -> bool {
        self.stopped_by_hand = true;
        self.recording_stops("recordingStoppedByServer").is_some()
    }

    /// It begins to stop, for this reason; all who may know are told. Its name, unless it does not run.
    pub(super) fn recording_stops(&mut self, reason: &'static str) -> Option<String> {
        let Recorded::Running(kept) = std::mem::take(&mut self.recorded) else { return None };
        self.autostop_at = None;
        let to = self.who_may_know();
        self.notify(&to, "recordingStopped", &json!({ "id": kept.id, "name": kept.name, "reason": reason }));
        self.tell("recordingStatusChanged", kept.turned("stopped").event(Some(reason)));
        let id = kept.id.clone();
        self.recorded = Recorded::Stopping(kept, reason);
        Some(id)
    }

    /// Nothing is written any more, whoever ended it.
    pub fn recording_ended(&mut self, reason: Option<EndReason>) {
        let reason = match reason {
            _ if self.ending.is_some() => "sessionClosedByServer",
            Some(EndReason::RoomClosed) => "sessionClosedByServer",
            Some(EndReason::Shutdown) => "openviduServerStopped",
            Some(reason) if reason.is_failure() => "mediaServerDisconnect",
            _ => "recordingStoppedByServer",
        };
        self.recording_stops_if_running(reason);
    }

    fn recording_stops_if_running(&mut self, reason: &'static str) {
        if matches!(self.recorded, Recorded::Running(_)) {
            self.recording_stops(reason);
        }
    }

    /// It could not be started, and is kept as failed.
    pub fn recording_failed(&mut self, kept: &Kept) {
        self.tell("recordingStatusChanged", kept.event(None));
    }

    /// It is complete, or was never begun (`None`).
    pub fn recording_over(&mut self, kept: Option<&Kept>) {
        let reason = match std::mem::take(&mut self.recorded) {
            Recorded::Stopping(_, reason) => Some(reason),
            _ => None,
        };
        if let Some(kept) = kept {
            self.tell("recordingStatusChanged", kept.event(reason));
            self.evict_agents();
        }
        match self.ending {
            Some(reason) => self.finish(reason),
            None => self.end_if_empty_after(reason),
        }
    }

    /// Streams that individual recordings have.
    pub(super) fn recordable(&self, only: Option<Kind>) -> Vec<KeptStream> {
        let wanted = |stream: &&Stream| match only {
            None => stream.audio || stream.video,
            Some(Kind::Audio) => stream.audio,
            Some(Kind::Video) => stream.video,
        };
        let recorded = self.connections.iter().filter(|connection| connection.new.record);
        let own = recorded.filter_map(|c| kept_stream(c, c.stream().filter(wanted)?));
        let foreign = self.foreign.iter().filter(|foreign| wanted(&&foreign.stream)).map(|foreign| KeptStream {
            feed: foreign.feed,
            stream: foreign.stream.id.clone(),
            connection: foreign.connection.clone(),
            client_data: String::new(),
            server_data: String::new(),
            type_of_video: foreign.stream.type_of_video.clone(),
        });
        own.chain(foreign).collect()
    }

    /// Whether a recording is to begin by itself, now that somebody publishes.
    pub(super) fn records_by_itself(&self) -> bool {
        let always = self.properties.recording_mode == "ALWAYS" && self.properties.media_mode == "ROUTED";
        always && self.recorded == Recorded::No && !self.stopped_by_hand
    }

    fn who_may_know(&self) -> Vec<String> {
        let mut all = self.clients(None);
        all.retain(|id| self.find(id).is_some_and(|connection| self.may_know(connection)));
        all
    }

    fn may_know(&self, connection: &Connection) -> bool {
        let role = connection.role();
        !agent::is(&connection.id)
            && match self.rules.told {
                RecordingNotification::None => false,
                RecordingNotification::Moderator => role == Role::Moderator,
                RecordingNotification::PublisherModerator => role >= Role::Publisher,
                RecordingNotification::All => true,
            }
    }

    /// The running recording's id and name, for a newcomer who may know.
    pub(super) fn recording_for(&self, connection: &Connection) -> Option<(&str, &str)> {
        match &self.recorded {
            Recorded::Running(kept) if self.may_know(connection) => Some((&kept.id, &kept.name)),
            _ => None,
        }
    }

    pub(super) fn unique(&self) -> String {
        format!("{}_{}", self.id, self.created_at)
    }
}

fn kept_stream(connection: &Connection, stream: &Stream) -> Option<KeptStream> {
    Some(KeptStream {
        feed: stream.feed?,
        stream: stream.id.clone(),
        connection: connection.id.clone(),
        client_data: connection.active.as_ref().map(|active| active.client_data.clone()).unwrap_or_default(),
        server_data: connection.new.data.clone(),
        type_of_video: stream.type_of_video.clone(),
    })
}
