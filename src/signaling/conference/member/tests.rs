//! One client, without sockets or media.

use super::*;
use crate::model::{EndReason, Opaque, Sdp, Secret, TrackInfo, TransportLocal};
use crate::room::{RoomView, TransportChange};
use crate::signaling::conference::wire::read;
use std::collections::BTreeSet;

const AUDIO: TrackInfo = TrackInfo { codec: crate::model::Codec::Opus };
const VIDEO: TrackInfo = TrackInfo { codec: crate::model::Codec::Vp8 };

fn empty() -> RoomView {
    RoomView {
        id: crate::model::RoomId::new("1"),
        created_at: jiff::Timestamp::UNIX_EPOCH,
        participants: Vec::new(),
        feeds: Vec::new(),
        data_producers: Vec::new(),
        recordings: Vec::new(),
        ingests: Vec::new(),
        broadcasts: Vec::new(),
        settings: crate::model::RoomSettings::default(),
    }
}

fn ann() -> Member {
    Member::begin(("ann", "1"), None, &empty(), Default::default(), &BTreeSet::new()).0
}

fn say(member: &mut Member, kind: &str, data: Value) -> Vec<Step> {
    let text = json!({ "type": kind, "data": data, "id": 7 }).to_string();
    member.said(&read(&text).expect("a request"))
}

fn told(steps: &[Step]) -> Vec<Value> {
    let texts = steps.iter().filter_map(|step| if let Step::Tell(text) = step { Some(text) } else { None });
    texts.map(|text| serde_json::from_str(text).expect("JSON")).collect()
}

fn asked(steps: &[Step]) -> Vec<(Place, Why, Command)> {
    let asks = steps.iter().cloned();
    asks.filter_map(|step| if let Step::Ask(place, why, command) = step { Some((place, why, command)) } else { None })
        .collect()
}

fn code(steps: &[Step]) -> String {
    told(steps)[0]["data"]["code"].as_str().unwrap_or_default().to_owned()
}

/// A transport that is open.
fn open(member: &mut Member, direction: &str, number: u64) {
    let asks = asked(&say(member, "create-transport", json!({ "direction": direction })));
    let [(0, why, Command::OpenTransport { data: false })] = &asks[..] else { panic!("{asks:?}") };
    member.answered(0, why.clone(), Ok(Reply::Peer(PeerId(number))));
    let local = TransportLocal {
        name: "u".into(),
        password: Secret::new("p"),
        addresses: vec![],
        fingerprint: "sha-256 AB".into(),
        data: None,
    };
    let change = TransportChange::Opened(local);
    let steps = member.heard(0, EventKind::Transport { transport: PeerId(number), change });
    let created = &told(&steps)[0];
    assert_eq!((&created["type"], &created["id"]), (&json!("webRtcTransportCreated"), &json!(7)));
    assert_eq!(created["data"]["id"], format!("transport-{number}"));
}

fn produce(member: &mut Member, kind: &str, app_data: Value) -> Vec<Step> {
    let (mime, rate) = if kind == "audio" { ("audio/opus", 48_000) } else { ("video/VP8", 90_000) };
    let codec = json!({ "mimeType": mime, "payloadType": 100, "clockRate": rate, "channels": 2 });
    let parameters = json!({ "codecs": [codec], "encodings": [{ "ssrc": 5 }] });
    let data = json!({ "transportId": "transport-1", "kind": kind, "rtpParameters": parameters, "appData": app_data });
    say(member, "produce", data)
}

fn live(member: &mut Member, feed: u64, publisher: &ParticipantId, tracks: &[TrackInfo]) -> Vec<Value> {
    let (feed, publisher, tracks) = (FeedId(feed), publisher.clone(), tracks.to_vec());
    told(&member.heard(0, EventKind::FeedPublished { feed, publisher, tracks }))
}

#[test]
fn sound_and_pictures_of_a_camera_are_one_feed_and_a_screen_is_another() {
    let mut ann = ann();
    open(&mut ann, "send", 1);
    let first = asked(&produce(&mut ann, "audio", json!({})));
    assert!(matches!(first[..], [(0, Why::Produced, Command::Produce { .. })]), "{first:?}");
    let taken = |feed| Ok(Reply::Feed(FeedId(feed)));
    ann.answered(0, Why::Produced, taken(3));
    let second = asked(&produce(&mut ann, "video", json!({})));
    let [(0, _, Command::Produce { offer, .. })] = &second[..] else { panic!("{second:?}") };
    assert!(offer.as_str().contains("m=audio") && offer.as_str().contains("m=video"));
    ann.answered(0, Why::Produced, taken(3));
    let screen = produce(&mut ann, "video", json!({ "source": "screen" }));
    ann.answered(1, Why::Produced, taken(4));
    assert_eq!(screen[0], Step::Sit(1, "screen".into()));
    let answered = |feed| EventKind::PublishAnswered { feed: FeedId(feed), answer: Sdp::new("") };
    for (place, feed, id, kind) in
        [(0, 3, "feed-3-audio", "audio"), (0, 3, "feed-3-video", "video"), (1, 4, "feed-4-video", "video")]
    {
        let steps = ann.heard(place, answered(feed));
        assert_eq!(told(&steps), [json!({ "type": "produced", "data": { "id": id, "kind": kind }, "id": 7 })]);
    }
    let closed = say(&mut ann, "close-producer", json!({ "producerId": "feed-3-video" }));
    let asks = asked(&closed);
    let [(0, Why::Produced, Command::Produce { offer, .. })] = &asks[..] else { panic!("{closed:?}") };
    assert!(!offer.as_str().contains("m=video"));
    let closed = say(&mut ann, "close-producer", json!({ "producerId": "feed-4-video" }));
    assert!(closed.contains(&Step::Rise(1)), "{closed:?}");
    assert_eq!(code(&say(&mut ann, "close-producer", json!({ "producerId": "feed-4-video" }))), "producer_not_found");
}

#[test]
fn a_refused_producer_leaves_the_others() {
    let mut ann = ann();
    open(&mut ann, "send", 1);
    let steps = produce(&mut ann, "audio", json!({}));
    published(&mut ann, &steps, 3, "");
    produce(&mut ann, "video", json!({}));
    let refused = ann.heard(0, EventKind::PublishRefused { error: RoomError::NoCommonCodec("x".into()) });
    assert_eq!(code(&refused), "bad_request");
    let again = asked(&produce(&mut ann, "video", json!({})));
    let refused = ann.answered(0, again[0].1.clone(), Err(RoomError::Limit("offers".into())));
    assert_eq!(code(&refused), "room_full");
    assert!(told(&say(&mut ann, "pause-producer", json!({ "producerId": "feed-3-audio" })))[0]["type"] == "ok");
}

#[test]
fn others_are_told_by_what_the_room_says() {
    let mut ann = ann();
    let (bob, screen) = (names::participant("bob", None), names::participant("bob", Some("screen")));
    let came = |participant: &ParticipantId| EventKind::ParticipantJoined { participant: participant.clone() };
    assert_eq!(
        told(&ann.heard(0, came(&bob)))[0],
        json!({ "type": "user-joined", "data": { "user": "bob", "id": bob } })
    );
    assert!(told(&ann.heard(0, came(&screen))).is_empty() && told(&ann.heard(0, came(&bob))).is_empty());
    let heard = live(&mut ann, 3, &screen, &[VIDEO]);
    let expected = json!({
        "producerId": "feed-3-video", "kind": "video", "source": "screen", "user": "bob", "peerId": bob,
    });
    assert_eq!(heard, [json!({ "type": "new-producer", "data": expected })]);
    let door = ParticipantId::new("CAMERA:door");
    let heard = live(&mut ann, 4, &door, &[AUDIO, VIDEO]);
    assert_eq!((heard.len(), &heard[0]["data"]["user"]), (3, &json!("door")), "a camera is somebody");
    assert_eq!(live(&mut ann, 4, &door, &[AUDIO])[0]["type"], "producer-closed");
    let me = ann.me.clone();
    assert!(live(&mut ann, 5, &me, &[VIDEO]).is_empty(), "its own");
    let gone = EventKind::ParticipantLeft { participant: bob.clone(), reason: EndReason::Left };
    assert_eq!(told(&ann.heard(0, gone))[0]["type"], "user-left");
}

#[test]
fn nobody_speaks_pauses_or_leaves_for_another() {
    let mut ann = ann();
    let bob = names::participant("bob", None);
    let said = say(&mut ann, "chat-message", json!({ "from": "bob", "text": "<b>hi</b>", "timestamp": "nonsense" }));
    assert_eq!(
        (&told(&said)[0]["data"]["from"], &told(&said)[0]["data"]["text"]),
        (&json!("ann"), &json!("<b>hi</b>"))
    );
    assert_eq!(code(&say(&mut ann, "leave-room", json!({ "roomId": "1", "username": "bob" }))), "bad_request");
    live(&mut ann, 3, &ParticipantId::new("CAMERA:door"), &[VIDEO]);
    live(&mut ann, 4, &bob, &[VIDEO]);
    let mut paused = |producer: &str| {
        let body = json!({ "conference": "producer-paused", "data": { "producerId": producer } }).to_string();
        told(&ann.heard(0, EventKind::Relayed { from: bob.clone(), body: Opaque::new(body) })).len()
    };
    assert_eq!((paused("feed-3-video"), paused("feed-4-video"), paused("feed-4-audio"), paused("x")), (0, 1, 0, 0));
    assert_eq!(code(&say(&mut ann, "pause-producer", json!({ "producerId": "feed-4-video" }))), "producer_not_found");
    let body = Opaque::new(json!({ "conference": "chat-message", "data": { "from": "ann" } }).to_string());
    let from = ParticipantId::new("sender");
    assert!(told(&ann.heard(0, EventKind::Relayed { from, body })).is_empty(), "another dialect's message");
}

#[test]
fn mesh_messages_are_passed_on_with_their_senders_name() {
    let mut ann = ann();
    let steps = say(&mut ann, "webrtc-offer", json!({ "target": "bob", "payload": { "x": 1 } }));
    let asks = asked(&steps);
    let [(0, why, Command::Relay { to: Some(to), body, keep: false })] = &asks[..] else { panic!("{steps:?}") };
    assert_eq!(*to, names::participant("bob", None));
    let refused = ann.answered(0, why.clone(), Err(RoomError::ParticipantNotFound));
    assert_eq!(code(&refused), "target_not_found");
    let mut bob = Member::begin(("bob", "1"), None, &empty(), Default::default(), &BTreeSet::new()).0;
    let heard = bob.heard(0, EventKind::Relayed { from: ann.me.clone(), body: body.clone() });
    let expected = json!({ "from": "ann", "fromId": ann.me, "target": "bob", "payload": { "x": 1 } });
    assert_eq!(told(&heard), [json!({ "type": "webrtc-offer", "data": expected })]);
}

#[test]
fn what_is_watched_begins_paused_and_ends_with_its_producer() {
    let mut ann = ann();
    open(&mut ann, "recv", 1);
    live(&mut ann, 3, &names::participant("bob", None), &[VIDEO]);
    let data = |producer: &str, can: Value| json!({ "transportId": "transport-1", "producerId": producer, "rtpCapabilities": can });
    let can = router::capabilities();
    assert_eq!(code(&say(&mut ann, "consume", data("feed-3-audio", can.clone()))), "producer_not_found");
    assert_eq!(code(&say(&mut ann, "consume", data("feed-3-video", json!({ "codecs": [] })))), "cannot_consume");
    let asks = asked(&say(&mut ann, "consume", data("feed-3-video", can)));
    let [(0, why, Command::Consume { paused: true, .. })] = &asks[..] else { panic!("{asks:?}") };
    ann.answered(0, why.clone(), Ok(Reply::Peer(PeerId(9))));
    let resume = asked(&say(&mut ann, "resume-consumer", json!({ "consumerId": "consumer-9" })));
    assert!(matches!(
        resume[..],
        [(0, Why::Done(..), Command::Limit { of: crate::room::Watched::Peer(PeerId(9)), .. })]
    ));
    let refused = EventKind::SubscriptionRefused { feed: FeedId(3), peer: PeerId(9), error: RoomError::FeedNotFound };
    assert_eq!(code(&ann.heard(0, refused)), "producer_not_found");
    assert_eq!(code(&say(&mut ann, "resume-consumer", json!({ "consumerId": "consumer-9" }))), "producer_not_found");
}

#[test]
fn an_unknown_message_is_named() {
    let mut ann = ann();
    assert_eq!(code(&say(&mut ann, "dance", json!({}))), "unknown_type");
    for (kind, data, expected) in [
        ("connect-transport", json!({ "transportId": "transport-5", "dtlsParameters": {} }), "transport_not_found"),
        ("create-transport", json!({ "direction": "up" }), "bad_request"),
        ("produce", json!({ "transportId": "x" }), "transport_not_found"),
        ("chat-message", json!({}), "bad_request"),
    ] {
        assert_eq!(code(&say(&mut ann, kind, data)), expected, "{kind}");
    }
}

/// The room's answer to the only question, and then the engine's.
fn published(member: &mut Member, steps: &[Step], feed: u64, answer: &str) -> Vec<Value> {
    let asks = asked(steps);
    let Some((place, why, Command::Produce { .. })) = asks.last() else { panic!("{asks:?}") };
    member.answered(*place, why.clone(), Ok(Reply::Feed(FeedId(feed))));
    let answered = EventKind::PublishAnswered { feed: FeedId(feed), answer: Sdp::new(answer) };
    told(&member.heard(*place, answered))
}

#[test]
fn an_answer_about_a_feed_that_is_over_is_nobodys() {
    let mut ann = ann();
    open(&mut ann, "send", 1);
    let steps = produce(&mut ann, "audio", json!({}));
    assert_eq!(published(&mut ann, &steps, 3, "")[0]["data"]["id"], "feed-3-audio");
    let steps = produce(&mut ann, "video", json!({}));
    assert_eq!(published(&mut ann, &steps, 3, "")[0]["data"]["id"], "feed-3-video");
    // The second comes before the engine has answered to the first.
    let less = say(&mut ann, "close-producer", json!({ "producerId": "feed-3-video" }));
    let [(0, why, Command::Produce { .. })] = &asked(&less)[..] else { panic!("{less:?}") };
    ann.answered(0, why.clone(), Ok(Reply::Feed(FeedId(3))));
    let over = say(&mut ann, "close-producer", json!({ "producerId": "feed-3-audio" }));
    assert!(asked(&over).iter().any(|(_, _, command)| *command == Command::Unpublish));
    let again = produce(&mut ann, "audio", json!({}));
    let late = EventKind::PublishAnswered { feed: FeedId(3), answer: Sdp::new("") };
    assert!(told(&ann.heard(0, late)).is_empty());
    assert_eq!(published(&mut ann, &again, 4, "")[0]["data"]["id"], "feed-4-audio");
}

#[test]
fn what_is_under_way_when_its_transport_ends_is_refused() {
    let mut ann = ann();
    open(&mut ann, "send", 1);
    open(&mut ann, "recv", 2);
    live(&mut ann, 9, &names::participant("bob", None), &[AUDIO]);
    let data = json!({ "transportId": "transport-2", "producerId": "feed-9-audio", "rtpCapabilities": router::capabilities() });
    let asks = asked(&say(&mut ann, "consume", data));
    ann.answered(0, asks[0].1.clone(), Ok(Reply::Peer(PeerId(5))));
    produce(&mut ann, "video", json!({ "share": true }));
    let ends = |number: u64| EventKind::Transport {
        transport: PeerId(number),
        change: TransportChange::Ended { reason: EndReason::IceFailed, detail: String::new() },
    };
    for number in [1, 2] {
        let told = told(&ann.heard(0, ends(number)));
        let kinds: Vec<&str> = told.iter().filter_map(|one| one["type"].as_str()).collect();
        assert_eq!(kinds, ["transport-closed", "error"], "{told:?}");
        assert_eq!((&told[1]["id"], &told[1]["data"]["code"]), (&json!(7), &json!("transport_not_found")));
    }
    open(&mut ann, "send", 1);
    let again = produce(&mut ann, "video", json!({ "share": true }));
    assert_eq!(again[0], Step::Sit(1, "screen".into()), "its place is free again");
}

#[test]
fn a_kind_that_is_not_taken_is_refused_and_the_other_stays() {
    let mut ann = ann();
    open(&mut ann, "send", 1);
    let steps = produce(&mut ann, "video", json!({}));
    published(&mut ann, &steps, 3, "");
    let steps = produce(&mut ann, "audio", json!({}));
    let answer = "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 0 UDP/TLS/RTP/SAVPF 9\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n";
    assert_eq!(published(&mut ann, &steps, 3, answer)[0]["data"]["code"], "bad_request");
    assert_eq!(ann.forgotten()[0], Note::Paused("feed-3-video".into(), false), "and no other");
    assert_eq!(ann.forgotten().len(), 2);
}

#[test]
fn a_screen_that_ends_before_it_was_live_gives_its_place_up() {
    let mut ann = ann();
    open(&mut ann, "send", 1);
    let steps = produce(&mut ann, "video", json!({ "share": true }));
    published(&mut ann, &steps, 3, "");
    let (feed, reason, detail) = (FeedId(3), EndReason::NegotiationTimeout, String::new());
    let publisher = names::participant("ann", Some("screen"));
    let ended = EventKind::FeedEnded { feed, publisher, reason, detail };
    let steps = ann.heard(1, ended);
    assert_eq!(told(&steps)[0]["type"], "producer-closed");
    assert!(steps.contains(&Step::Rise(1)));
}

#[test]
fn who_is_put_out_is_told() {
    let mut ann = ann();
    let left = EventKind::ParticipantLeft { participant: ann.me.clone(), reason: EndReason::Kicked };
    let steps = ann.heard(0, left);
    assert_eq!(told(&steps)[0]["data"], json!({ "user": "ann", "id": "CONFERENCE:ann", "reason": "kicked" }));
    assert_eq!(steps[1], Step::Left);
}
