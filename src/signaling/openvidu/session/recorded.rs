//! The recording of a session: whether it may begin, who is told, and that it keeps the session until it is over.

use super::super::recording::kept::KeptStream;
use super::super::recording::{Kept, NotStarted};
use super::super::wire::new_connection::Role;
use super::super::wire::recording::Properties;
use super::{Connection, State, Stream};
use crate::model::EndReason;
use serde_json::json;

/// Where the session's recording stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Recorded {
    /// There is none.
    #[default]
    No,
    /// It has been asked for.
    Starting,
    /// Its id and name.
    Running(String, String),
}

impl State {
    /// Claims the session for a recording; returns the session's name.
    pub fn begin_recording(&mut self) -> Result<String, NotStarted> {
        if let (_, Some(why)) = self.recording_terms() {
            return Err(why);
        }
        self.recorded = Recorded::Starting;
        Ok(self.id.clone())
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

    /// Media is being written.
    pub fn recording_runs(&mut self, kept: &Kept) {
        self.recorded = Recorded::Running(kept.id.clone(), kept.name.clone());
        let to = self.who_may_know();
        self.notify(&to, "recordingStarted", &json!({ "id": kept.id, "name": kept.name }));
        self.tell("recordingStatusChanged", kept.event(None));
    }

    /// The application stopped it: it does not begin again by itself.
    pub fn stopped_by_hand(&mut self) {
        self.stopped_by_hand = true;
    }

    /// It is over, or was never begun (`None`).
    pub fn recording_over(&mut self, kept: Option<&Kept>, reason: Option<EndReason>) {
        self.recorded = Recorded::No;
        if let Some(kept) = kept {
            let reason = self.why_stopped(reason);
            let to = self.who_may_know();
            self.notify(&to, "recordingStopped", &json!({ "id": kept.id, "name": kept.name, "reason": reason }));
            let stopped = Kept { status: "stopped".into(), size: 0, duration: 0.0, ..kept.clone() };
            self.tell("recordingStatusChanged", stopped.event(Some(reason)));
            self.tell("recordingStatusChanged", kept.event(Some(reason)));
        }
        self.end_if_empty();
    }

    fn why_stopped(&self, reason: Option<EndReason>) -> &'static str {
        match reason {
            _ if self.over => "sessionClosedByServer",
            Some(EndReason::RoomEmpty) => "automaticStop",
            Some(EndReason::Shutdown) => "openviduServerStopped",
            Some(EndReason::RoomClosed) => "sessionClosedByServer",
            _ => "recordingStoppedByServer",
        }
    }

    /// Streams that individual recordings have.
    pub fn recordable(&mut self) -> Vec<KeptStream> {
        let recorded = self.connections.iter().filter(|connection| connection.new.record);
        recorded.filter_map(|connection| kept_stream(connection, connection.stream()?)).collect()
    }

    /// Whether a recording is to begin by itself, now that somebody publishes.
    pub(super) fn records_by_itself(&self) -> bool {
        let always = self.properties.recording_mode == "ALWAYS" && self.properties.media_mode == "ROUTED";
        always && self.recorded == Recorded::No && !self.stopped_by_hand
    }

    fn who_may_know(&self) -> Vec<String> {
        let mut all = self.clients(None);
        all.retain(|id| self.find(id).is_some_and(may_know));
        all
    }

    /// The running recording's id and name, for a newcomer who may know.
    pub(super) fn recording_for(&self, connection: &Connection) -> Option<(&str, &str)> {
        match &self.recorded {
            Recorded::Running(id, name) if may_know(connection) => Some((id, name)),
            _ => None,
        }
    }
}

/// As the original by default: publishers and moderators.
fn may_know(connection: &Connection) -> bool {
    connection.role() >= Role::Publisher
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
