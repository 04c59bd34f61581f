//! How much of pictures a connection of this session may send and get.

use super::super::bandwidth::{Bandwidths, at_most};
use super::super::wire::new_connection::Kind;
use super::State;
use super::state::Ask;
use crate::model::{FeedId, Sdp, ViewChange};
use crate::room::{Command, Watched};

impl State {
    /// With what the deployment allows connections that say nothing themselves.
    pub fn within(mut self, deployment: Bandwidths) -> Self {
        self.bandwidths = deployment;
        self
    }

    fn bandwidths(&self, connection: &str) -> Bandwidths {
        let options = match self.find(connection).map(|connection| &connection.new.kind) {
            Some(Kind::WebRtc { options, .. }) => options.as_ref(),
            _ => None,
        };
        self.bandwidths.with(options)
    }

    /// The answer to a publisher, with what we take of it.
    pub(super) fn limited(&self, me: &str, answer: &Sdp) -> String {
        let answer = answer.as_str();
        self.bandwidths(me).recv.map_or_else(|| answer.to_owned(), |kbits| at_most(answer, kbits))
    }

    /// A new subscription gets no more than its viewer may be sent.
    pub(super) fn limit(&mut self, me: &str, feed: FeedId) {
        if let Some(kbits) = self.bandwidths(me).send {
            let change = ViewChange { max_kbps: Some(Some(kbits)), ..ViewChange::default() };
            self.ask(me, Ask::Other, Command::Limit { of: Watched::Feed(feed), change });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::wire::frame::read;
    use super::super::super::wire::new_connection::NewConnection;
    use super::super::super::wire::new_session::{Defaults, NewSession};
    use super::super::state::{Effect, Input, Join};
    use super::*;
    use crate::room::EventKind;
    use serde_json::{Value, json};

    const OFFER: &str = "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\n";

    fn session() -> State {
        let defaults = Defaults { forced_codec: "NONE", allow_transcoding: false };
        let state = State::new("S".into(), NewSession::read(&json!({}), defaults).unwrap(), 0);
        state.within(Bandwidths { recv: Some(1000), send: None })
    }

    fn joins(state: &mut State, wanted: &Value) -> String {
        let id = state.create(NewConnection::read(wanted, 0).unwrap());
        let view = state.connection_view(&id, "wss://h").unwrap();
        let token = view["token"].as_str().unwrap().rsplit('=').next().unwrap().to_owned();
        let (text, ice) = (String::new(), Vec::new());
        let (metadata, platform, ip, rpc) = (text.clone(), text.clone(), text.clone(), text);
        state.apply(0, Input::Join(Join { request: json!(1), token, metadata, platform, ip, rpc, ice }));
        id
    }

    fn asks(state: &mut State, who: &str, method: &str, params: &Value) -> Vec<Effect> {
        let frame = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params }).to_string();
        state.apply(0, Input::Request(who.into(), read(&frame).unwrap()))
    }

    /// The stream's name and the answer.
    fn publishes(state: &mut State, who: &str, feed: FeedId) -> (String, String) {
        asks(state, who, "publishVideo", &json!({ "sdpOffer": OFFER, "hasAudio": false }));
        let answered = EventKind::PublishAnswered { feed, answer: Sdp::new(OFFER) };
        let effects = state.apply(0, Input::Event(who.into(), answered));
        let frame =
            effects.iter().find_map(|effect| if let Effect::Send(_, frame) = effect { Some(frame) } else { None });
        let answer: Value = serde_json::from_str(frame.expect("an answer")).unwrap();
        let text = |field: &str| answer["result"][field].as_str().unwrap().to_owned();
        (text("id"), text("sdpAnswer"))
    }

    #[test]
    fn a_publisher_hears_what_is_taken_of_it() {
        let mut state = session();
        let plain = joins(&mut state, &json!({}));
        assert!(publishes(&mut state, &plain, FeedId(1)).1.contains("b=AS:1000\r\nb=TIAS:1000000\r\na=rtpmap"));
        let own = joins(&mut state, &json!({ "kurentoOptions": { "videoMaxRecvBandwidth": 300 } }));
        assert!(publishes(&mut state, &own, FeedId(2)).1.contains("b=AS:300\r\n"));
        let free = joins(&mut state, &json!({ "kurentoOptions": { "videoMaxRecvBandwidth": 0 } }));
        assert_eq!(publishes(&mut state, &free, FeedId(3)).1, OFFER);
    }

    #[test]
    fn a_viewer_wants_no_more_than_it_may_be_sent() {
        let mut state = session();
        let ann = joins(&mut state, &json!({}));
        let (stream, _) = publishes(&mut state, &ann, FeedId(1));
        let watch = json!({ "sender": stream, "sdpOffer": OFFER });
        let limits = |effects: Vec<Effect>| {
            let asked =
                effects.into_iter().filter_map(|e| if let Effect::Ask(.., command) = e { Some(command) } else { None });
            asked.filter(|command| matches!(command, Command::Limit { .. })).collect::<Vec<_>>()
        };
        let bob = joins(&mut state, &json!({ "kurentoOptions": { "videoMaxSendBandwidth": 500 } }));
        let change = ViewChange { max_kbps: Some(Some(500)), ..ViewChange::default() };
        let expected = Command::Limit { of: Watched::Feed(FeedId(1)), change };
        assert_eq!(limits(asks(&mut state, &bob, "receiveVideoFrom", &watch)), [expected]);
        let eve = joins(&mut state, &json!({}));
        assert_eq!(limits(asks(&mut state, &eve, "receiveVideoFrom", &watch)), []);
    }
}
