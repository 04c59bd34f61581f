//! A client's transports, one each way.

use super::{Member, Why};
use crate::model::{EndReason, PeerId};
use crate::room::{Command, TransportChange};
use crate::signaling::conference::refusal::Refusal;
use crate::signaling::conference::wire::Request;
use crate::signaling::conference::{names, ortc};
use serde_json::{Value, json};

/// One that the room knows.
#[derive(Debug)]
pub struct Transport {
    pub peer: PeerId,
    direction: &'static str,
    /// Data channels may come onto it.
    data: bool,
    waiting: Option<Waiting>,
    /// Consumers that it has had: each has a mid of its own.
    mids: u32,
}

/// A request whose answer the engine brings.
#[derive(Debug)]
enum Waiting {
    Open(Option<Value>),
    Restart(Option<Value>),
}

const DIRECTIONS: [&str; 2] = ["send", "recv"];

impl Member {
    /// Without a direction the first is for sending.
    pub(super) fn create_transport(&mut self, request: &Request) -> Result<(), Refusal> {
        let sends = self.transports.iter().any(|transport| transport.direction == "send");
        let wanted = request.optional_text("direction", 16)?.unwrap_or(DIRECTIONS[usize::from(sends)]);
        let direction = DIRECTIONS.into_iter().find(|direction| *direction == wanted);
        let direction = direction.ok_or_else(|| Refusal::bad_request("`direction` must be send or recv"))?;
        // mediasoup's servers ask for it by what the client can do.
        let data = request.switch("data")?.unwrap_or(request.any("sctpCapabilities").is_object());
        self.ask(0, Why::Opened(request.id.clone(), (direction, data)), Command::OpenTransport { data });
        Ok(())
    }

    pub(super) fn opening(&mut self, peer: PeerId, (direction, data): (&'static str, bool), id: Option<Value>) {
        self.transports.push(Transport { peer, direction, data, waiting: Some(Waiting::Open(id)), mids: 0 });
    }

    /// Whether it has a transport for data that it knows of.
    pub(super) fn hears_data(&self) -> bool {
        let known = |transport: &&Transport| !matches!(transport.waiting, Some(Waiting::Open(_)));
        self.transports.iter().filter(known).any(|transport| transport.data)
    }

    pub(super) fn connect_transport(&mut self, request: &Request) -> Result<(), Refusal> {
        let name = request.text("transportId", 64)?;
        let transport = self.transport(name)?;
        let remote = request.structure::<ortc::DtlsParameters>("dtlsParameters")?.remote()?;
        let why = Why::Done(request.id.clone(), "transport-connected", json!({ "transportId": name }));
        self.ask(0, why, Command::ConnectTransport { transport, remote });
        Ok(())
    }

    pub(super) fn restart_ice(&mut self, request: &Request) -> Result<(), Refusal> {
        let transport = self.transport(request.text("transportId", 64)?)?;
        let known = self.transports.iter_mut().find(|known| known.peer == transport);
        let known = known.filter(|known| known.waiting.is_none());
        let known = known.ok_or_else(|| Refusal::bad_request("the transport is being made or restarted just now"))?;
        known.waiting = Some(Waiting::Restart(request.id.clone()));
        self.ask(0, Why::Nothing, Command::RestartTransport { transport });
        Ok(())
    }

    pub(super) fn close_transport(&mut self, request: &Request) -> Result<(), Refusal> {
        let transport = self.transport(request.text("transportId", 64)?)?;
        self.forget_transport(transport, EndReason::Requested);
        self.ask_ok(request, Command::CloseTransport { transport });
        Ok(())
    }

    pub(super) fn transport_changed(&mut self, peer: PeerId, change: TransportChange) {
        let heard = self.hears_data();
        let Some(transport) = self.transports.iter_mut().find(|transport| transport.peer == peer) else { return };
        let (direction, name) = (transport.direction, names::peer("transport", peer));
        match change {
            TransportChange::Connected => {}
            TransportChange::Opened(local) => match transport.waiting.take() {
                Some(Waiting::Open(id)) => {
                    self.tell("webRtcTransportCreated", ortc::transport(&name, direction, &local), id.as_ref());
                    if !heard && self.hears_data() {
                        self.begins_to_hear_data();
                    }
                }
                Some(Waiting::Restart(id)) => {
                    self.tell("ice-restarted", json!({ "iceParameters": ortc::ice_parameters(&local) }), id.as_ref());
                }
                None => {}
            },
            TransportChange::Ended { reason, detail } => {
                match transport.waiting.take() {
                    Some(Waiting::Open(id) | Waiting::Restart(id)) => {
                        self.refuse(id.as_ref(), &Refusal::new("internal", format!("{reason}: {detail}")));
                    }
                    None => {
                        let told = json!({ "transportId": name, "reason": reason, "message": detail });
                        self.tell("transport-closed", told, None);
                    }
                }
                self.forget_transport(peer, reason);
            }
        }
    }

    /// All that is on it goes with it, and what was about to be is refused.
    fn forget_transport(&mut self, peer: PeerId, reason: EndReason) {
        self.transports.retain(|known| known.peer != peer);
        let refusal = Refusal::no_transport(&names::peer("transport", peer));
        self.stop_consuming_on(peer, &refusal);
        self.stop_producing_on(peer, reason, &refusal);
        for id in self.data.forget(peer) {
            self.refuse(id.as_ref(), &refusal);
        }
    }

    /// For one more consumer on a transport.
    pub(super) fn next_mid(&mut self, peer: PeerId) -> String {
        let Some(transport) = self.transports.iter_mut().find(|transport| transport.peer == peer) else {
            return String::new();
        };
        transport.mids += 1;
        (transport.mids - 1).to_string()
    }
}
