//! Filters: who may, who hears of it, and with which codes it is refused.

use super::*;
use crate::model::{CodeSeen, FilterChange, FilterWish};

const GREY: &str = "videobalance saturation=0.0";

impl Session {
    /// Somebody joins whose connection has these `kurentoOptions`.
    fn joins_with(&mut self, name: &str, options: Value) -> String {
        let data = json!({ "openviduCustomConnectionId": name }).to_string();
        let wanted = json!({ "role": "PUBLISHER", "data": data, "kurentoOptions": options });
        let id = self.state.create(NewConnection::read(&wanted, 0).unwrap());
        let view = self.state.connection_view(&id, "wss://h").unwrap();
        let token = view["token"].as_str().unwrap().rsplit('=').next().unwrap().to_owned();
        let (request, text, rpc) = (json!(1), String::new, format!("rpc_{name}"));
        let join = Join { request, token, metadata: text(), platform: text(), ip: text(), rpc, ice: Vec::new() };
        self.apply(Input::Join(join));
        id
    }

    /// The room takes what was just asked for, or refuses it.
    fn room_says(&mut self, result: Result<(), RoomError>) -> FilterChange {
        let asked = self.last.iter().find_map(|effect| match effect {
            Effect::Ask(who, ask @ Ask::Filter(_), Command::Filter { change, .. }) => {
                Some((who.clone(), ask.clone(), change.clone()))
            }
            _ => None,
        });
        let (who, ask, change) = asked.expect("the room is asked");
        self.apply(Input::Asked(who, ask, result));
        change
    }

    fn applies(&mut self, who: &str, stream: &str, kind: &str, options: Value) {
        let params = json!({ "streamId": stream, "type": kind, "options": options.to_string() });
        self.asks(who, "applyFilter", params);
    }

    fn code(&self, who: &str) -> i64 {
        self.answered(who)["error"]["code"].as_i64().expect("a refusal")
    }

    fn filter(&self, who: &str) -> Value {
        self.state.connection_view(who, "wss://h").unwrap()["publishers"][0]["mediaOptions"]["filter"].clone()
    }
}

#[test]
fn a_filter_is_applied_changed_and_removed_and_the_others_hear_of_it() {
    let mut session = Session::new(json!({}));
    let ann = session.joins_with("ann", json!({ "allowedFilters": ["GStreamerFilter"] }));
    let bob = session.joins("bob", "SUBSCRIBER");
    let stream = session.publishes(&ann, 1);
    session.applies(&ann, &stream, "GStreamerFilter", json!({ "command": GREY }));
    let FilterChange::Apply(FilterWish::Elements(elements)) = session.room_says(Ok(())) else { panic!("no elements") };
    assert_eq!(elements[0].settings, [("saturation".to_owned(), "0.0".to_owned())]);
    assert_eq!(session.answered(&ann)["result"], json!({ "sessionId": "rpc_ann" }));
    let applied = json!({ "type": "GStreamerFilter", "options": { "command": GREY } });
    let told = session.frames(&bob).remove(0);
    assert_eq!(told["method"], "streamPropertyChanged");
    assert_eq!(
        told["params"],
        json!({
            "connectionId": ann, "streamId": stream, "property": "filter", "newValue": applied, "reason": "applyFilter",
        })
    );
    assert!(session.notices(&ann).is_empty(), "who did it knows");
    assert_eq!(session.filter(&ann), applied);
    session.applies(&ann, &stream, "GStreamerFilter", json!({ "command": GREY }));
    assert_eq!(session.code(&ann), 405);
    let params = json!({ "propertyName": "saturation", "propertyValue": 0.5 });
    let exec =
        |params: Value| json!({ "streamId": stream, "method": "setElementProperty", "params": params.to_string() });
    session.asks(&ann, "execFilterMethod", exec(params.clone()));
    let set = FilterChange::Set { property: "saturation".into(), value: "0.5".into() };
    assert_eq!(session.room_says(Ok(())), set);
    assert_eq!(session.notices(&bob), ["streamPropertyChanged execFilterMethod"]);
    let last = json!({ "method": "setElementProperty", "params": params });
    assert_eq!(session.filter(&ann)["lastExecMethod"], last);
    session.asks(&ann, "execFilterMethod", exec(json!({ "propertyName": "x" })));
    assert_eq!(session.code(&ann), 406);
    session.asks(&ann, "execFilterMethod", exec(params));
    session.room_says(Err(RoomError::Invalid("no".into())));
    assert_eq!((session.code(&ann), session.notices(&bob).len()), (406, 0));
    session.asks(&ann, "removeFilter", json!({ "streamId": stream }));
    assert_eq!(session.room_says(Ok(())), FilterChange::Remove);
    let told = session.frames(&bob).remove(0);
    assert_eq!((&told["params"]["newValue"], &told["params"]["reason"]), (&json!({}), &json!("removeFilter")));
    assert_eq!(session.filter(&ann), json!({}));
    session.asks(&ann, "removeFilter", json!({ "streamId": stream }));
    assert_eq!(session.code(&ann), 406);
    session.asks(&ann, "execFilterMethod", exec(json!({ "propertyName": "x", "propertyValue": 1 })));
    assert_eq!(session.code(&ann), 406);
}

#[test]
fn moderators_may_on_any_stream_and_others_what_their_connection_allows() {
    let mut session = Session::new(json!({}));
    let ann = session.joins_with("ann", json!({ "allowedFilters": ["ZBarFilter"] }));
    let (boss, bob) = (session.joins("boss", "MODERATOR"), session.joins("bob", "PUBLISHER"));
    let stream = session.publishes(&ann, 1);
    for who in [&ann, &bob] {
        session.applies(who, &stream, "GStreamerFilter", json!({ "command": GREY }));
        assert_eq!(session.code(who), 401);
    }
    for method in ["execFilterMethod", "removeFilter", "addFilterEventListener", "removeFilterEventListener"] {
        let params = json!({ "streamId": stream, "method": "x", "params": "{}", "eventType": "CodeFound" });
        session.asks(&bob, method, params.clone());
        assert_eq!(session.code(&bob), 401, "{method}");
        session.asks(&boss, method, params);
        assert_eq!(session.code(&boss), 406, "{method}: there is none");
    }
    session.applies(&boss, &stream, "GStreamerFilter", json!({ "command": GREY }));
    session.room_says(Ok(()));
    assert_eq!(session.notices(&ann), ["streamPropertyChanged applyFilter"], "the owner hears it, too");
    assert_eq!((session.notices(&bob).len(), session.notices(&boss).len()), (1, 0));
    for (stream, code) in [("str_CAM_Aaaa_con_nobody", 102), ("str_CAM_Aaaa_con_bob", 105)] {
        session.applies(&boss, stream, "GStreamerFilter", json!({ "command": GREY }));
        assert_eq!(session.code(&boss), code);
    }
}

#[test]
fn what_cannot_be_is_refused_with_words() {
    let mut session = Session::new(json!({}));
    let boss = session.joins("boss", "MODERATOR");
    let stream = session.publishes(&boss, 1);
    for (kind, options) in [
        ("GStreamerFilter", "{".to_owned()),
        ("GStreamerFilter", "[]".to_owned()),
        ("GStreamerFilter", "{}".to_owned()),
        ("GStreamerFilter", json!({ "command": "filesrc location=/etc/passwd" }).to_string()),
        ("GStreamerFilter", json!({ "command": "videobalance ! filesink location=/tmp/x" }).to_string()),
        ("GStreamerFilter", json!({ "command": "videobalance\n" }).to_string()),
        ("GStreamerFilter", json!({ "command": "videobalance \u{0}" }).to_string()),
        ("GStreamerFilter", json!({ "command": "x".repeat(100_000) }).to_string()),
        ("FaceOverlayFilter", "{}".to_owned()),
        ("ChromaFilter", "{}".to_owned()),
        ("", "{}".to_owned()),
    ] {
        session.asks(&boss, "applyFilter", json!({ "streamId": stream, "type": kind, "options": options }));
        assert_eq!(session.code(&boss), 406, "{kind} {options:.60}");
        assert!(session.answered(&boss)["error"]["message"].as_str().unwrap().len() < 1500);
    }
    session.applies(&boss, &stream, "GStreamerFilter", json!({ "command": GREY }));
    session.room_says(Err(RoomError::Limit("it needs 0.50 cores".into())));
    let refused = session.answered(&boss)["error"].clone();
    assert_eq!(refused["code"], 406);
    assert!(refused["message"].as_str().unwrap().contains("0.50 cores"));
    assert_eq!(session.filter(&boss), json!({}));
    session.asks(&boss, "applyFilter", json!({ "streamId": stream }));
    assert_eq!(session.code(&boss), -1);
}

#[test]
fn a_stream_begins_with_the_filter_that_its_connection_allows() {
    let mut session = Session::new(json!({}));
    let publish = |command: &str| {
        let filter = json!({ "type": "GStreamerFilter", "options": { "command": command } });
        json!({ "sdpOffer": OFFER, "hasAudio": false, "hasVideo": true, "filter": filter })
    };
    let none = session.joins("none", "MODERATOR");
    session.asks(&none, "publishVideo", publish(GREY));
    session.apply(Input::Event(none.clone(), EventKind::PublishAnswered { feed: FeedId(1), answer: Sdp::new("a") }));
    assert_eq!(session.filter(&none), json!({}), "a connection without options publishes without");
    let other = session.joins_with("other", json!({ "allowedFilters": [] }));
    session.asks(&other, "publishVideo", publish(GREY));
    assert_eq!(session.code(&other), 406);
    let ann = session.joins_with("ann", json!({ "allowedFilters": ["GStreamerFilter"] }));
    session.asks(&ann, "publishVideo", publish("filesrc"));
    assert_eq!(session.code(&ann), 406);
    session.asks(&ann, "publishVideo", publish(GREY));
    let answered = |feed| EventKind::PublishAnswered { feed: FeedId(feed), answer: Sdp::new("answer") };
    session.apply(Input::Event(ann.clone(), answered(2)));
    let published = session.frames(&none).remove(0);
    assert_eq!(published["params"]["streams"][0]["filter"]["options"]["command"], GREY);
    session.room_says(Ok(()));
    assert!(session.last.is_empty(), "all was said");
    // A stream that is mended has another feed.
    let stream = session.state.connection_view(&ann, "").unwrap()["publishers"][0]["streamId"].clone();
    session.asks(&ann, "reconnectStream", json!({ "stream": stream, "sdpString": OFFER }));
    session.apply(Input::Event(ann.clone(), answered(3)));
    session.room_says(Err(RoomError::Limit("no".into())));
    assert_eq!(session.notices(&ann), ["streamPropertyChanged removeFilter"]);
    assert_eq!(session.filter(&ann), json!({}));
}

#[test]
fn a_filter_that_fails_is_gone_and_all_hear_it_once() {
    let mut session = Session::new(json!({}));
    let (boss, bob) = (session.joins("boss", "MODERATOR"), session.joins("bob", "SUBSCRIBER"));
    let stream = session.publishes(&boss, 1);
    session.applies(&boss, &stream, "GStreamerFilter", json!({ "command": GREY }));
    session.room_says(Ok(()));
    let failure = Some("an element failed".to_owned());
    let failed = EventKind::FilterChanged { feed: FeedId(1), publisher: participant(&boss), filter: None, failure };
    session.apply(Input::Event(bob.clone(), failed.clone()));
    assert!(session.last.is_empty());
    session.apply(Input::Event(boss.clone(), failed));
    assert_eq!(session.notices(&boss), ["streamPropertyChanged removeFilter"]);
    assert_eq!(session.notices(&bob), ["streamPropertyChanged removeFilter"]);
    assert_eq!(session.filter(&boss), json!({}));
}

#[test]
fn codes_are_told_to_who_listens_and_to_the_application() {
    let mut session = Session::new(json!({}));
    let ann = session.joins_with("ann", json!({ "allowedFilters": ["ZBarFilter"] }));
    let boss = session.joins("boss", "MODERATOR");
    let stream = session.publishes(&ann, 1);
    let seen =
        || EventKind::CodeSeen { feed: FeedId(1), code: CodeSeen { kind: "QR-Code".into(), text: "hello".into() } };
    let listen = |event: &str| json!({ "streamId": stream, "eventType": event });
    session.applies(&ann, &stream, "ZBarFilter", json!({}));
    assert_eq!(session.room_says(Ok(())), FilterChange::Apply(FilterWish::Codes));
    session.asks(&boss, "addFilterEventListener", listen("Other"));
    assert_eq!(session.code(&boss), 407);
    session.asks(&boss, "removeFilterEventListener", listen("CodeFound"));
    assert_eq!(session.code(&boss), 407);
    session.apply(Input::Event(ann.clone(), seen()));
    assert!(session.last.is_empty(), "nobody listens");
    session.asks(&boss, "addFilterEventListener", listen("CodeFound"));
    session.asks(&boss, "addFilterEventListener", listen("CodeFound"));
    session.apply(Input::Event(ann.clone(), seen()));
    assert_eq!((session.frames(&ann).len(), session.frames(&boss).len()), (0, 1));
    let told = session.frames(&boss).remove(0);
    assert_eq!(told["method"], "filterEventDispatched");
    let params = &told["params"];
    assert_eq!((&params["connectionId"], &params["streamId"]), (&json!(ann), &json!(stream)));
    assert_eq!((&params["filterType"], &params["eventType"]), (&json!("ZBarFilter"), &json!("CodeFound")));
    let data: Value = serde_json::from_str(params["data"].as_str().unwrap()).unwrap();
    assert_eq!((&data["value"], &data["codeType"]), (&json!("hello"), &json!("QR-Code")));
    assert_eq!(session.told(), ["filterEventDispatched"]);
    session.asks(&boss, "removeFilterEventListener", listen("CodeFound"));
    session.apply(Input::Event(ann.clone(), seen()));
    assert!(session.last.is_empty());
}
