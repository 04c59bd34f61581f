//! Sessions without runtime: inputs in, frames and events out.

mod cameras;

use super::super::wire::frame::read;
use super::super::wire::new_connection::NewConnection;
use super::super::wire::new_session::{Defaults, NewSession};
use super::state::{Ask, Effect, Input, Join};
use super::{State, connection_of, participant};
use crate::model::{Codec, EndReason, FeedId, ParticipantId, Sdp, TrackInfo};
use crate::room::{Command, EventKind, RoomError};
use serde_json::{Value, json};

mod answered;
mod filters;
mod time;

const OFFER: &str = "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\n";

struct Session {
    state: State,
    last: Vec<Effect>,
    now: i64,
}

impl Session {
    fn new(properties: Value) -> Self {
        let defaults = Defaults { forced_codec: "MEDIA_SERVER_PREFERRED", allow_transcoding: false };
        let mut state = State::new("S".into(), NewSession::read(&properties, defaults).unwrap(), 1000);
        let last = state.settle();
        Self { state, last, now: 1000 }
    }

    fn apply(&mut self, input: Input) {
        self.now += 1;
        self.last = self.state.apply(self.now, input);
    }

    /// Somebody joins; the connection's name.
    fn joins(&mut self, name: &str, role: &str) -> String {
        let data = json!({ "openviduCustomConnectionId": name }).to_string();
        let wanted = NewConnection::read(&json!({ "role": role, "data": data }), 0).unwrap();
        let id = self.state.create(wanted);
        let view = self.state.connection_view(&id, "wss://h").unwrap();
        let token = view["token"].as_str().unwrap().rsplit('=').next().unwrap().to_owned();
        assert_eq!(self.state.joinable(&token), Some(id.as_str()));
        let (metadata, platform, ip) = (String::new(), "test".into(), "192.0.2.1".into());
        let join = Join {
            request: json!(1),
            token: token.clone(),
            metadata,
            platform,
            ip,
            rpc: format!("rpc_{name}"),
            ice: Vec::new(),
        };
        self.apply(Input::Join(join));
        assert_eq!(self.state.joinable(&token), None, "a token is good once");
        id
    }

    fn asks(&mut self, who: &str, method: &str, params: Value) {
        let frame = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params }).to_string();
        self.apply(Input::Request(who.into(), read(&frame).unwrap()));
    }

    /// Publishes by this feed; the stream's name.
    fn publishes(&mut self, who: &str, feed: u64) -> String {
        self.asks(who, "publishVideo", json!({ "sdpOffer": OFFER, "hasAudio": false, "hasVideo": true }));
        assert!(self.last.iter().any(|effect| matches!(effect, Effect::Ask(_, Ask::Publish, Command::Publish { .. }))));
        let answered = EventKind::PublishAnswered { feed: FeedId(feed), answer: Sdp::new("answer") };
        self.apply(Input::Event(who.into(), answered));
        self.answered(who)["result"]["id"].as_str().unwrap().to_owned()
    }

    fn watches(&mut self, who: &str, stream: &str, feed: u64) {
        self.asks(who, "receiveVideoFrom", json!({ "sender": stream, "sdpOffer": OFFER }));
        let peer = crate::model::PeerId(9);
        let answered = EventKind::SubscriptionAnswered { feed: FeedId(feed), peer, answer: Sdp::new("answer") };
        self.apply(Input::Event(who.into(), answered));
        assert_eq!(self.answered(who)["result"]["sdpAnswer"], "answer");
    }

    /// Frames to a connection.
    fn frames(&self, to: &str) -> Vec<Value> {
        let to_it = |effect: &Effect| match effect {
            Effect::Send(who, frame) if who == to => Some(serde_json::from_str(frame).unwrap()),
            _ => None,
        };
        self.last.iter().filter_map(to_it).collect()
    }

    fn answered(&self, to: &str) -> Value {
        self.frames(to).into_iter().find(|frame| frame.get("id").is_some()).expect("an answer")
    }

    /// `name reason` of the notifications to a connection.
    fn notices(&self, to: &str) -> Vec<String> {
        let frames = self.frames(to).into_iter().filter(|frame| frame.get("method").is_some());
        let words = |frame: Value| {
            let reason = frame["params"]["reason"].as_str().unwrap_or_default().to_owned();
            format!("{} {reason}", frame["method"].as_str().unwrap()).trim_end().to_owned()
        };
        frames.map(words).collect()
    }

    /// `name reason` of the events.
    fn told(&self) -> Vec<String> {
        let told =
            self.last.iter().filter_map(|effect| if let Effect::Tell(event) = effect { Some(event) } else { None });
        let words = |event: &super::Happening| {
            let reason = event.fields.get("reason").and_then(Value::as_str).unwrap_or_default();
            format!("{} {reason}", event.name).trim_end().to_owned()
        };
        told.map(words).collect()
    }

    fn refused(&self, to: &str) -> i64 {
        self.answered(to)["error"]["code"].as_i64().expect("a refusal")
    }
}

#[test]
fn those_here_hear_of_a_newcomer_before_it_is_answered() {
    let mut session = Session::new(json!({}));
    assert_eq!(session.told(), ["sessionCreated"]);
    let ann = session.joins("ann", "PUBLISHER");
    let welcome = session.answered(&ann);
    assert_eq!((&welcome["result"]["value"], &welcome["result"]["sessionId"]), (&json!([]), &json!("rpc_ann")));
    let stream = session.publishes(&ann, 3);
    let bob = session.joins("bob", "SUBSCRIBER");
    let order: Vec<&str> = session
        .last
        .iter()
        .filter_map(|e| if let Effect::Send(to, _) = e { Some(to.as_str()) } else { None })
        .collect();
    assert_eq!(order, [&ann, &bob]);
    assert_eq!(session.notices(&ann), ["participantJoined"]);
    let here = &session.answered(&bob)["result"]["value"][0];
    assert_eq!((&here["id"], &here["streams"][0]["id"]), (&json!(ann), &json!(stream)));
    assert_eq!(session.told(), ["participantJoined"]);
}

#[test]
fn roles_are_enforced() {
    let mut session = Session::new(json!({}));
    let (bob, ann) = (session.joins("bob", "SUBSCRIBER"), session.joins("ann", "PUBLISHER"));
    session.asks(&bob, "publishVideo", json!({ "sdpOffer": OFFER }));
    assert_eq!(session.refused(&bob), 401);
    for (method, params) in [
        ("forceDisconnect", json!({ "connectionId": bob })),
        ("forceUnpublish", json!({ "streamId": "str_CAM_Aaaa_con_bob" })),
    ] {
        session.asks(&ann, method, params);
        assert_eq!(session.refused(&ann), 401, "{method}");
    }
}

#[test]
fn a_stream_is_published_watched_and_taken_away() {
    let mut session = Session::new(json!({}));
    let (ann, bob) = (session.joins("ann", "PUBLISHER"), session.joins("bob", "MODERATOR"));
    let stream = session.publishes(&ann, 3);
    assert_eq!(
        (session.notices(&bob), session.told()),
        (vec!["participantPublished".into()], vec!["webrtcConnectionCreated".into()])
    );
    session.asks(&ann, "publishVideo", json!({ "sdpOffer": OFFER }));
    assert_eq!(session.refused(&ann), 106);
    session.watches(&bob, &stream, 3);
    assert_eq!(session.told(), ["webrtcConnectionCreated"]);
    session.asks(&bob, "forceUnpublish", json!({ "streamId": stream }));
    assert_eq!(session.notices(&ann), ["participantUnpublished forceUnpublishByUser"], "the owner hears of force");
    assert_eq!(session.told(), ["webrtcConnectionDestroyed forceUnpublishByUser"; 2]);
    let (answered, notices) = (session.answered(&bob), session.notices(&bob));
    assert_eq!(
        (&answered["result"], notices),
        (&json!({ "sessionId": "rpc_bob" }), vec!["participantUnpublished forceUnpublishByUser".into()])
    );
    let again = session.publishes(&ann, 4);
    assert_ne!(again, stream);
    session.asks(&ann, "unpublishVideo", json!({}));
    assert_eq!(
        (session.notices(&bob), session.notices(&ann)),
        (vec!["participantUnpublished unpublish".into()], vec![])
    );
    session.asks(&ann, "unpublishVideo", json!({}));
    assert_eq!(session.refused(&ann), 105);
}

#[test]
fn the_evicted_hear_it_last_and_the_session_ends_with_the_last() {
    let mut session = Session::new(json!({}));
    let (ann, bob) = (session.joins("ann", "MODERATOR"), session.joins("bob", "PUBLISHER"));
    session.asks(&ann, "forceDisconnect", json!({ "connectionId": bob }));
    let to_ann: Vec<String> =
        session.frames(&ann).iter().map(|f| f["method"].as_str().unwrap_or("answer").to_owned()).collect();
    assert_eq!(to_ann, ["participantLeft", "answer", "participantEvicted"]);
    assert_eq!(session.notices(&bob), ["participantEvicted forceDisconnectByUser"]);
    assert_eq!(session.told(), ["participantLeft forceDisconnectByUser"]);
    session.apply(Input::Lost(bob));
    assert!(session.last.is_empty(), "its own close is no second departure");
    let pending = session.state.create(NewConnection::read(&json!({}), 0).unwrap());
    session.asks(&ann, "leaveRoom", json!({}));
    assert_eq!(session.told(), ["participantLeft disconnect", "sessionDestroyed lastParticipantLeft"]);
    assert!(session.state.is_over() && session.state.connection_view(&pending, "").is_none(), "its tokens die with it");
}

#[test]
fn the_application_closes_it_one_after_the_other() {
    let mut session = Session::new(json!({}));
    let (ann, bob) = (session.joins("ann", "PUBLISHER"), session.joins("bob", "PUBLISHER"));
    let stream = session.publishes(&ann, 3);
    session.watches(&bob, &stream, 3);
    session.state.close("sessionClosedByServer");
    session.last = session.state.settle();
    let by_server = |name: &str| format!("{name} sessionClosedByServer");
    let expected = [
        "webrtcConnectionDestroyed",
        "webrtcConnectionDestroyed",
        "participantLeft",
        "participantLeft",
        "sessionDestroyed",
    ];
    assert_eq!(session.told(), expected.map(by_server));
    assert!(session.notices(&ann).contains(&by_server("participantEvicted")));
    assert!(session.notices(&bob).contains(&by_server("participantEvicted")));
}

#[test]
fn signals_reach_all_or_those_named_or_nobody() {
    let mut session = Session::new(json!({}));
    let (ann, bob) = (session.joins("ann", "PUBLISHER"), session.joins("bob", "PUBLISHER"));
    let say = |to: Value| json!({ "message": json!({ "to": to, "data": "hi", "type": "signal:chat" }).to_string() });
    session.asks(&ann, "sendMessage", say(json!([])));
    assert_eq!(
        (session.notices(&ann), session.notices(&bob)),
        (vec!["sendMessage".into()], vec!["sendMessage".to_owned()])
    );
    assert_eq!(session.frames(&bob)[0]["params"], json!({ "data": "hi", "type": "signal:chat", "from": ann }));
    session.asks(&ann, "sendMessage", say(json!([bob])));
    assert!(session.notices(&ann).is_empty() && session.notices(&bob) == ["sendMessage"]);
    session.asks(&ann, "sendMessage", say(json!([bob, "con_x"])));
    assert_eq!((session.refused(&ann), session.notices(&bob).len()), (601, 0));
    session.asks(&ann, "sendMessage", json!({ "message": "no json" }));
    assert_eq!(session.refused(&ann), 600);
    session.state.signal(&[], Some("srv"), None).unwrap();
    session.last = session.state.settle();
    assert_eq!(session.frames(&bob)[0]["params"], json!({ "type": "srv" }), "as given, and nobody's");
    assert_eq!(session.state.signal(&["con_x".into()], None, None), Err("con_x".into()));
}

#[test]
fn properties_are_told_as_texts_and_remembered() {
    let mut session = Session::new(json!({}));
    let (ann, bob) = (session.joins("ann", "PUBLISHER"), session.joins("bob", "PUBLISHER"));
    let stream = session.publishes(&ann, 3);
    let dimensions = r#"{"width":1,"height":2}"#;
    for (property, value, told) in [
        ("videoActive", json!(false), "false".to_owned()),
        ("videoDimensions", json!(dimensions), json!(dimensions).to_string()),
    ] {
        let change = json!({ "streamId": stream, "property": property, "newValue": value, "reason": "publishVideo" });
        session.asks(&ann, "streamPropertyChanged", change);
        assert_eq!(session.frames(&bob)[0]["params"]["newValue"], told);
    }
    session.joins("cy", "SUBSCRIBER");
    let known = &session.answered("con_cy")["result"]["value"][0]["streams"][0];
    assert_eq!((&known["videoActive"], &known["videoDimensions"]), (&json!(false), &json!(dimensions)));
    let foreign = json!({ "streamId": stream, "property": "videoActive", "newValue": true, "reason": "" });
    session.asks(&bob, "streamPropertyChanged", foreign);
    assert!(session.notices(&ann).is_empty(), "only one's own");
}

#[test]
fn a_stream_is_mended_under_its_name() {
    let mut session = Session::new(json!({}));
    let (ann, bob) = (session.joins("ann", "PUBLISHER"), session.joins("bob", "PUBLISHER"));
    let stream = session.publishes(&ann, 3);
    session.watches(&bob, &stream, 3);
    session.asks(&ann, "reconnectStream", json!({ "stream": stream, "sdpString": OFFER }));
    session.apply(Input::Event(ann.clone(), EventKind::PublishAnswered { feed: FeedId(3), answer: Sdp::new("other") }));
    assert_eq!(session.answered(&ann)["result"]["id"], stream);
    assert!(session.notices(&bob).is_empty() && session.told().is_empty());
    session.asks(&bob, "reconnectStream", json!({ "stream": stream, "sdpOffer": OFFER, "forciblyReconnect": false }));
    let again =
        session.last.iter().any(|e| matches!(e, Effect::Ask(_, _, Command::SubscribeWith { feed: FeedId(3), .. })));
    assert!(again, "{:?}", session.last);
}

#[test]
fn refusals_of_the_room_are_codes_and_leave_nothing() {
    let mut session = Session::new(json!({}));
    let ann = session.joins("ann", "PUBLISHER");
    session.asks(&ann, "publishVideo", json!({ "sdpOffer": "v=0\r\nm=video 9 X 1\r\na=rtpmap:1 AV1/90000\r\n" }));
    assert_eq!(session.refused(&ann), 800);
    session.asks(&ann, "publishVideo", json!({}));
    assert_eq!(session.refused(&ann), -1);
    session.asks(&ann, "publishVideo", json!({ "sdpOffer": OFFER }));
    session.apply(Input::Asked(ann.clone(), Ask::Publish, Err(RoomError::BadSdp("x".into()))));
    assert_eq!(session.refused(&ann), 302);
    session.publishes(&ann, 5);
    session.asks(&ann, "receiveVideoFrom", json!({ "sender": "str_CAM_Aaaa_con_x", "sdpOffer": OFFER }));
    assert_eq!(session.refused(&ann), 102);
    session.asks(&ann, "inventedMethod", json!({}));
    assert_eq!(session.refused(&ann), -32601);
}

#[test]
fn who_publishes_by_another_dialect_is_a_connection_too() {
    let mut session = Session::new(json!({}));
    let ann = session.joins("ann", "PUBLISHER");
    let (publisher, feed) = (ParticipantId::new("DEVICE:42"), FeedId(8));
    let tracks = vec![TrackInfo { codec: Codec::Vp8 }];
    let live = || EventKind::FeedPublished { feed, publisher: publisher.clone(), tracks: tracks.clone() };
    session.apply(Input::Event(ann.clone(), live()));
    assert_eq!(session.notices(&ann), ["participantJoined", "participantPublished"]);
    let stream = session.frames(&ann)[1]["params"]["streams"][0]["id"].as_str().unwrap().to_owned();
    session.apply(Input::Event(ann.clone(), live()));
    assert!(session.last.is_empty(), "once");
    session.watches(&ann, &stream, 8);
    session.joins("bob", "SUBSCRIBER");
    assert_eq!(session.answered("con_bob")["result"]["value"][1]["streams"][0]["id"], stream);
    let ended = EventKind::FeedEnded { feed, publisher, reason: EndReason::Left, detail: String::new() };
    session.apply(Input::Event(ann.clone(), ended));
    assert_eq!(session.notices(&ann), ["participantLeft disconnect"]);
    assert_eq!(connection_of(&participant("con_ann")), Some("con_ann"));
}
