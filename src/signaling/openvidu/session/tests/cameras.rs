//! Cameras as connections.

use super::*;
use crate::model::IngestWish;

const DOOR: &str = "rtsp://admin:secret@10.0.0.7:554/cam";

impl Session {
    /// The application adds a camera, which the room takes as this feed; its name and the room's wish.
    fn adds(&mut self, more: Value, feed: u64) -> (String, IngestWish) {
        let mut body = json!({ "type": "IPCAM", "rtspUri": DOOR, "data": "door" });
        more.as_object().into_iter().flatten().for_each(|(name, value)| body[name] = value.clone());
        let new = NewConnection::read(&body, 0).unwrap();
        let id = self.state.at(self.now).add_camera(new, Some("10.0.0.7".into())).unwrap();
        let effects = self.state.settle();
        let [Effect::Open(of, wish)] = &effects[..] else { panic!("the room is asked first: {effects:?}") };
        assert_eq!(*of, id);
        let wish = (**wish).clone();
        self.apply(Input::Opened(id.clone(), Ok(FeedId(feed))));
        (id, wish)
    }

    fn shown(&self, id: &str) -> Value {
        self.state.connection_view(id, "wss://h").unwrap()
    }

    fn event(&self, name: &str) -> Value {
        let told = self.last.iter().find_map(|effect| match effect {
            Effect::Tell(event) if event.name == name => Some(event.fields.clone()),
            _ => None,
        });
        Value::Object(told.unwrap_or_else(|| panic!("no {name}: {:?}", self.last)))
    }

    fn shuts(&self, id: &str) -> bool {
        self.last.contains(&Effect::Shut(crate::signaling::openvidu::ids::ingest(id)))
    }
}

#[test]
fn a_camera_is_a_connection_with_a_stream() {
    let mut session = Session::new(json!({}));
    let ann = session.joins("ann", "SUBSCRIBER");
    let (id, wish) = session.adds(json!({}), 3);
    assert!(id.starts_with("ipc_IPCAM_rtsp_") && id.ends_with("_10_0_0_7_554_cam"), "{id}");
    let expected = IngestWish {
        name: id.clone(),
        uri: DOOR.into(),
        on_demand: true,
        lazy: true,
        latency_ms: 2000,
        ..IngestWish::default()
    };
    assert_eq!(wish, expected);
    assert_eq!(session.notices(&ann), ["participantJoined", "participantPublished"]);
    assert_eq!(session.frames(&ann)[0]["params"]["metadata"], "door");
    let stream = &session.frames(&ann)[1]["params"]["streams"][0];
    assert!(stream["id"].as_str().unwrap().starts_with("str_IPC_") && stream.get("frameRate").is_none(), "{stream}");
    for (name, value) in [("hasAudio", json!(true)), ("videoActive", json!(true)), ("typeOfVideo", json!("IPCAM"))] {
        assert_eq!(stream[name], value, "{name}");
    }
    let (joined, created) = (session.event("participantJoined"), session.event("webrtcConnectionCreated"));
    assert_eq!(
        (&joined["platform"], &joined["clientData"], &joined["ip"]),
        (&json!("IPCAM"), &Value::Null, &json!("10.0.0.7"))
    );
    assert_eq!((&created["connection"], &created["videoSource"]), (&json!("OUTBOUND"), &json!("IPCAM")));
    let settings =
        json!({ "rtspUri": DOOR, "adaptativeBitrate": true, "onlyPlayWithSubscribers": true, "networkCache": 2000 });
    let shown = session.shown(&id);
    for (name, value) in settings.as_object().unwrap() {
        assert_eq!((&created[name], &shown[name]), (value, value), "{name}");
    }
    for (name, value) in [
        ("type", json!("IPCAM")),
        ("status", json!("active")),
        ("platform", json!("IPCAM")),
        ("token", Value::Null),
        ("role", Value::Null),
        ("clientData", Value::Null),
        ("kurentoOptions", Value::Null),
        ("customIceServers", json!([])),
        ("ip", json!("10.0.0.7")),
        ("serverData", json!("door")),
        ("subscribers", json!([])),
    ] {
        assert_eq!(shown.get(name), Some(&value), "{name}");
    }
    let publisher = &shown["publishers"][0];
    assert_eq!((&publisher["rtspUri"], &publisher["mediaOptions"]["networkCache"]), (&json!(DOOR), &json!(2000)));
    assert_eq!(publisher["mediaOptions"].get("frameRate"), Some(&Value::Null));
    session.joins("bob", "SUBSCRIBER");
    assert_eq!(session.answered("con_bob")["result"]["value"][1]["streams"][0]["id"], stream_of(&shown));
}

fn stream_of(shown: &Value) -> Value {
    shown["publishers"][0]["streamId"].clone()
}

#[test]
fn what_the_application_chose_is_asked_for() {
    let mut session = Session::new(json!({}));
    let choice =
        json!({ "onlyPlayWithSubscribers": false, "networkCache": 150, "adaptativeBitrate": false, "record": false });
    let (id, wish) = session.adds(choice, 3);
    assert_eq!((wish.on_demand, wish.lazy, wish.latency_ms), (false, false, 150));
    assert_eq!(session.shown(&id)["adaptativeBitrate"], false);
    assert!(session.state.recordable(None).is_empty(), "it is not to be recorded");
    let (other, _) = session.adds(json!({}), 4);
    let [recorded] = &session.state.recordable(None)[..] else { panic!("one of both") };
    assert_eq!(
        (recorded.feed, &recorded.connection, recorded.type_of_video.as_deref()),
        (FeedId(4), &other, Some("IPCAM"))
    );
    let long = json!({ "rtspUri": format!("rtsp://10.0.0.7/{}", "x".repeat(200)) });
    let (id, wish) = session.adds(long, 5);
    assert!(id.len() > 200 && crate::model::RoomId::is_valid(&wish.name), "{}", wish.name);
}

#[test]
fn a_camera_makes_a_session_active_and_keeps_it_alone() {
    let mut session = Session::new(json!({}));
    assert!(!session.state.was_active());
    let (id, _) = session.adds(json!({}), 3);
    assert!(session.state.was_active() && !session.state.is_empty());
    let ann = session.joins("ann", "PUBLISHER");
    session.asks(&ann, "leaveRoom", json!({}));
    assert!(!session.state.is_over());
    assert!(session.state.at(9).delete_connection(&id));
    session.last = session.state.settle();
    assert!(session.shuts(&id) && session.state.is_over());
    let ends = ["webrtcConnectionDestroyed", "participantLeft"].map(|name| format!("{name} forceDisconnectByServer"));
    assert_eq!(session.told(), [&ends[..], &["sessionDestroyed lastParticipantLeft".into()]].concat());
    assert_eq!(session.event("webrtcConnectionDestroyed")["rtspUri"], DOOR);
}

#[test]
fn a_moderator_disconnects_it_but_cannot_unpublish_it() {
    let mut session = Session::new(json!({}));
    let ann = session.joins("ann", "MODERATOR");
    let (id, _) = session.adds(json!({}), 3);
    let stream = stream_of(&session.shown(&id));
    session.asks(&ann, "forceUnpublish", json!({ "streamId": stream }));
    assert_eq!(session.refused(&ann), 10);
    assert_eq!(session.state.delete_stream(stream.as_str().unwrap()), Err(true));
    session.asks(&ann, "forceDisconnect", json!({ "connectionId": id }));
    let reason = |name: &str| format!("{name} forceDisconnectByUser");
    assert_eq!(session.notices(&ann), [reason("participantLeft"), reason("participantEvicted")]);
    assert!(session.answered(&ann).get("result").is_some() && session.shuts(&id));
}

#[test]
fn its_feed_is_no_strangers_and_its_end_is_the_connections() {
    let mut session = Session::new(json!({}));
    let ann = session.joins("ann", "SUBSCRIBER");
    let publisher = ParticipantId::new("CAMERA:door");
    for (reason, expected) in [
        (
            EndReason::Requested,
            vec!["participantLeft forceDisconnectByServer", "participantEvicted forceDisconnectByServer"],
        ),
        (EndReason::SourceEnded, vec!["participantLeft disconnect"]),
    ] {
        let (id, _) = session.adds(json!({}), 3);
        let tracks = vec![TrackInfo { codec: Codec::H264 }];
        session.apply(Input::Event(
            ann.clone(),
            EventKind::FeedPublished { feed: FeedId(3), publisher: publisher.clone(), tracks },
        ));
        assert!(session.last.is_empty(), "it is known: {:?}", session.last);
        let ended =
            || EventKind::FeedEnded { feed: FeedId(3), publisher: publisher.clone(), reason, detail: String::new() };
        session.apply(Input::Event(String::new(), ended()));
        assert_eq!(session.notices(&ann), expected);
        session.apply(Input::Event(ann.clone(), ended()));
        assert!(session.last.is_empty() && session.state.connection_view(&id, "").is_none());
    }
    let (id, _) = session.adds(json!({}), 4);
    let reason = EndReason::RoomClosed;
    session.apply(Input::Event(
        ann.clone(),
        EventKind::FeedEnded { feed: FeedId(4), publisher, reason, detail: String::new() },
    ));
    assert!(session.last.is_empty());
    session.apply(Input::Event(ann.clone(), EventKind::RoomClosed { reason }));
    assert!(session.told().contains(&"participantLeft sessionClosedByServer".into()) && session.shuts(&id));
}

#[test]
fn what_the_room_does_not_take_never_was() {
    let mut session = Session::new(json!({}));
    let new = NewConnection::read(&json!({ "type": "IPCAM", "rtspUri": DOOR }), 0).unwrap();
    let id = session.state.add_camera(new, None).unwrap();
    session.apply(Input::Opened(id.clone(), Err(RoomError::Limit("64 ingests".into()))));
    assert!(session.last.iter().all(|effect| matches!(effect, Effect::Open(..))), "{:?}", session.last);
    assert!(session.state.connection_view(&id, "").is_none() && !session.state.was_active());
}

#[test]
fn nobody_resumes_a_camera() {
    let mut session = Session::new(json!({}));
    session.adds(json!({}), 3);
    assert_eq!((session.state.resumed_by(""), session.state.joinable("")), (None, None));
}

#[test]
fn viewers_keep_their_codecs_where_a_camera_cannot_be_made_the_sessions() {
    let offer = "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96 98 102\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:98 VP9/90000\r\na=rtpmap:102 H264/90000\r\n";
    for (forced, kept) in [("VP8", vec!["VP8"]), ("H264", vec!["H264"]), ("VP9", vec!["VP8", "VP9", "H264"])] {
        let mut session = Session::new(json!({ "forcedVideoCodec": forced }));
        let ann = session.joins("ann", "SUBSCRIBER");
        let (id, _) = session.adds(json!({}), 3);
        let stream = stream_of(&session.shown(&id));
        session.asks(&ann, "receiveVideoFrom", json!({ "sender": stream, "sdpOffer": offer }));
        let asked = session.last.iter().find_map(|effect| match effect {
            Effect::Ask(_, Ask::Subscribe(FeedId(3)), Command::SubscribeWith { offer, .. }) => {
                Some(offer.as_str().to_owned())
            }
            _ => None,
        });
        let asked = asked.expect("the room is asked");
        let found: Vec<&str> = ["VP8", "VP9", "H264"].into_iter().filter(|codec| asked.contains(codec)).collect();
        assert_eq!(found, kept, "{forced}");
    }
}
