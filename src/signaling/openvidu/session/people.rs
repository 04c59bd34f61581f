//! Joining: a token is good once; who is here hears of the newcomer before it is answered.

use super::super::ids;
use super::super::wire::frame::Refusal;
use super::super::wire::ice;
use super::super::wire::new_connection::{Kind, NewConnection};
use super::state::Join;
use super::{Active, Connection, State, agent, view};
use crate::model::{Grants, IceServer};
use serde_json::{Map, Value, json};

/// Best known to clients: the newest that they compare themselves with.
const VERSION: &str = "2.32.2";

impl State {
    /// A connection that waits for its client. Returns its name.
    pub fn create(&mut self, new: NewConnection) -> String {
        let id = ids::connection(&new.data);
        // A name that an application chose may be taken.
        let id = if self.find(&id).is_some() { ids::connection("") } else { id };
        self.add(id.clone(), Some(ids::token()), new);
        id
    }

    pub(super) fn join(&mut self, join: Join) {
        let pending = |c: &&mut Connection| c.active.is_none() && c.token.as_deref() == Some(join.token.as_str());
        let Some(connection) = self.connections.iter_mut().find(pending) else { return };
        connection.active = Some(Active {
            at: self.now,
            ip: Some(join.ip),
            platform: join.platform,
            client_data: join.metadata,
            rpc: join.rpc,
            publisher: None,
            subscribers: Vec::new(),
            publishing: None,
            subscribing: Vec::new(),
        });
        let newcomer = connection.clone();
        if agent::is(&newcomer.id) {
            let welcome = self.welcome(&newcomer, &join.ice);
            return self.answer(&newcomer.id, &join.request, Ok(welcome));
        }
        self.active = true;
        let others = self.clients(Some(&newcomer.id));
        self.notify(&others, "participantJoined", &introduced(&newcomer));
        let welcome = self.welcome(&newcomer, &join.ice);
        self.answer(&newcomer.id, &join.request, Ok(welcome));
        self.tell("participantJoined", view::participant(&newcomer));
    }

    /// The connection that a token's value would join as, while it is good.
    pub fn joinable(&self, token: &str) -> Option<&str> {
        let good = |c: &&Connection| !self.is_ending() && c.active.is_none() && c.token.as_deref() == Some(token);
        self.connections.iter().find(good).map(|c| c.id.as_str())
    }

    /// Refusal of a token that is not good.
    pub fn refused_token() -> Refusal {
        Refusal::new(401, "Error: the token is not valid or was used already")
    }

    /// What a connection may do in the room.
    pub fn grants(&self, connection: &str) -> Grants {
        use super::super::wire::new_connection::Role;
        let role = self.find(connection).map_or(Role::Subscriber, Connection::role);
        let insecure = agent::is(connection);
        let (publish, control) = (insecure || role >= Role::Publisher, insecure || role == Role::Moderator);
        Grants { control, publish, subscribe: true, room: None }
    }

    /// Its name for people.
    pub fn name_of(&self, connection: &str) -> String {
        self.find(connection)
            .map(Connection::metadata)
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| connection.into())
    }

    fn welcome(&self, me: &Connection, deployment: &[IceServer]) -> Value {
        let others = self.participants().filter(|c| c.active.is_some() && c.id != me.id);
        let here: Vec<Value> = others.map(known).chain(self.foreign.iter().map(|f| f.known())).collect();
        let mut welcome = json!({
            "id": me.id, "value": here, "session": self.id, "version": VERSION, "mediaServer": "kurento",
            "videoSimulcast": false, "role": me.role().as_str(), "record": me.new.record,
            "createdAt": me.active.as_ref().map(|active| active.at), "metadata": me.metadata(),
            "finalUserId": final_user(me),
        });
        if let (Some(fields), Some((id, name))) = (welcome.as_object_mut(), self.recording_for(me)) {
            fields.insert("recordingId".into(), id.into());
            fields.insert("recordingName".into(), name.into());
        }
        let servers = servers(me).unwrap_or(deployment);
        if let (Some(fields), false) = (welcome.as_object_mut(), servers.is_empty()) {
            fields.extend(relay_of_old(servers));
            fields.insert("customIceServers".into(), ice::list(servers));
        }
        welcome
    }
}

/// The connection's own servers.
fn servers(connection: &Connection) -> Option<&[IceServer]> {
    match &connection.new.kind {
        Kind::WebRtc { ice, .. } if !ice.is_empty() => Some(ice),
        _ => None,
    }
}

/// The first TURN server in the words of clients before 2.21, which know no others.
fn relay_of_old(servers: &[IceServer]) -> Map<String, Value> {
    let relay = servers.iter().find_map(|server| Some((server.url.strip_prefix("turn:")?, server.account.as_ref()?)));
    let Some((address, (user, password))) = relay else { return Map::new() };
    let address = address.split('?').next().unwrap_or(address);
    let (host, port) = address.rsplit_once(':').unwrap_or((address, "3478"));
    let fields = [
        ("coturnIp", json!(host)),
        ("coturnPort", json!(port.parse::<u16>().unwrap_or(3478))),
        ("turnUsername", json!(user)),
        ("turnCredential", json!(password.reveal())),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Opaque to clients; tied to the resume secret without showing it.
fn final_user(connection: &Connection) -> String {
    let rpc = connection.active.as_ref().map_or("", |active| active.rpc.as_str());
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, rpc.as_bytes());
    digest.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn introduced(connection: &Connection) -> Value {
    let at = connection.active.as_ref().map_or(connection.created_at, |active| active.at);
    json!({ "id": connection.id, "createdAt": at, "metadata": connection.metadata() })
}

/// The same with what it publishes.
fn known(connection: &Connection) -> Value {
    let mut person = introduced(connection);
    let told = connection.stream().filter(|stream| stream.told);
    if let (Some(fields), Some(stream)) = (person.as_object_mut(), told) {
        fields.insert("streams".into(), json!([view::stream(stream)]));
    }
    person
}
