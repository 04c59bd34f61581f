//! Requests that something comes between: each has its answer, and nothing is told to whom it does not concern.

use super::*;

/// A request's answer, when another of its kind or an ending takes its place: nothing is left without one.
#[test]
fn every_request_is_answered() {
    let mut session = Session::new(json!({}));
    let (ann, bob) = (session.joins("ann", "MODERATOR"), session.joins("bob", "SUBSCRIBER"));
    let stream = session.publishes(&ann, 3);
    let mend = json!({ "stream": stream, "sdpOffer": OFFER });
    session.asks(&bob, "receiveVideoFrom", json!({ "sender": stream, "sdpOffer": OFFER }));
    session.asks(&bob, "reconnectStream", mend.clone());
    assert_eq!(session.refused(&bob), 303, "the earlier one");
    let (participant, feed, peer) = (participant(&bob), FeedId(3), crate::model::PeerId(9));
    let ended = |peer, reason| {
        let (participant, detail) = (participant.clone(), String::new());
        Input::Event(bob.clone(), EventKind::SubscriptionEnded { participant, feed, peer, reason, detail })
    };
    session.apply(ended(peer, EndReason::Unsubscribed));
    assert!(session.last.is_empty(), "it waits for its answer");
    let answer = Sdp::new("answer");
    session.apply(Input::Event(bob.clone(), EventKind::SubscriptionAnswered { feed, peer, answer }));
    assert_eq!(session.answered(&bob)["result"]["sdpAnswer"], "answer");
    session.asks(&bob, "reconnectStream", mend);
    session.apply(ended(peer, EndReason::IceFailed));
    assert!(session.last.is_empty(), "that was the one before");
    session.apply(ended(crate::model::PeerId(10), EndReason::FeedEnded));
    assert_eq!(session.refused(&bob), 105);

    session.asks(&ann, "reconnectStream", json!({ "stream": stream, "sdpString": OFFER }));
    session.asks(&ann, "reconnectStream", json!({ "stream": stream, "sdpString": OFFER }));
    assert_eq!(session.refused(&ann), 303);
    session.asks(&ann, "unpublishVideo", json!({}));
    let answers: Vec<_> = session.frames(&ann).into_iter().filter(|frame| frame.get("id").is_some()).collect();
    assert_eq!((answers.len(), &answers[0]["error"]["code"]), (2, &json!(105)));
    session.asks(&bob, "unsubscribeFromVideo", json!({ "sender": "con_x" }));
    assert_eq!(session.refused(&bob), 102);
    session.asks(&ann, "forceDisconnect", json!({ "connectionId": ann }));
    assert_eq!(session.answered(&ann)["result"], json!({ "sessionId": "rpc_ann" }), "one may evict oneself");
    assert_eq!(session.notices(&ann), ["participantEvicted forceDisconnectByUser"]);
    let kicked = EventKind::ParticipantLeft { participant, reason: EndReason::Kicked };
    session.apply(Input::Event(bob.clone(), kicked));
    assert_eq!(session.notices(&bob), ["participantEvicted forceDisconnectByServer"]);
}

#[test]
fn a_stream_that_was_mended_by_another_feed_is_watched_anew() {
    let mut session = Session::new(json!({}));
    let (ann, bob) = (session.joins("ann", "PUBLISHER"), session.joins("bob", "PUBLISHER"));
    let stream = session.publishes(&ann, 3);
    session.watches(&bob, &stream, 3);
    let (feed, publisher) = (FeedId(3), participant(&ann));
    let gone = EventKind::FeedEnded { feed, publisher, reason: EndReason::IceFailed, detail: String::new() };
    session.apply(Input::Event(bob.clone(), gone));
    session.asks(&bob, "reconnectStream", json!({ "stream": stream, "sdpOffer": OFFER }));
    assert_eq!(session.refused(&bob), 105);
    session.asks(&ann, "reconnectStream", json!({ "stream": stream, "sdpString": OFFER }));
    session.apply(Input::Event(ann.clone(), EventKind::PublishAnswered { feed: FeedId(4), answer: Sdp::new("x") }));
    assert_eq!(session.answered(&ann)["result"]["id"], stream);
    session.watches(&bob, &stream, 4);
    session.asks(&bob, "unsubscribeFromVideo", json!({ "sender": ann }));
    let asked = |feed| move |effect: &Effect| matches!(effect, Effect::Ask(_, _, Command::Unsubscribe { feed: of }) if *of == FeedId(feed));
    assert!(session.last.iter().any(asked(4)) && !session.last.iter().any(asked(3)), "{:?}", session.last);
}

#[test]
fn a_loop_is_mended_as_a_loop_and_a_screen_as_a_screen() {
    let mut session = Session::new(json!({}));
    let ann = session.joins("ann", "PUBLISHER");
    session.asks(&ann, "publishVideo", json!({ "sdpOffer": OFFER, "doLoopback": true, "frameRate": "30" }));
    session.apply(Input::Event(ann.clone(), EventKind::PublishAnswered { feed: FeedId(1), answer: Sdp::new("x") }));
    let stream = session.answered(&ann)["result"]["id"].clone();
    session.asks(&ann, "reconnectStream", json!({ "stream": stream, "sdpString": OFFER }));
    assert!(matches!(&session.last[0], Effect::Ask(_, Ask::Publish, Command::Converse { offer: Some(_) })));
    let view = session.state.connection_view(&ann, "").unwrap();
    assert_eq!(view["publishers"][0]["mediaOptions"]["frameRate"].to_string(), "30", "a whole number");
}

#[test]
fn a_signal_of_the_wrong_form_reaches_nobody() {
    let mut session = Session::new(json!({}));
    let (ann, bob) = (session.joins("ann", "PUBLISHER"), session.joins("bob", "PUBLISHER"));
    for wrong in ["7", "[]", r#"{"to":[5]}"#, r#"{"to":"con_bob"}"#, r#"{"to":[],"type":5}"#] {
        session.asks(&ann, "sendMessage", json!({ "message": wrong }));
        assert_eq!((session.refused(&ann), session.notices(&bob).len()), (600, 0), "{wrong}");
    }
    let twice = json!({ "to": ["con_bob", "con_bob"], "data": "x" }).to_string();
    session.asks(&ann, "sendMessage", json!({ "message": twice }));
    assert_eq!(session.notices(&bob), ["sendMessage"], "once");
}

/// For clients that were told of another media server than ours.
#[test]
fn a_viewer_may_ask_for_our_offer() {
    let mut session = Session::new(json!({}));
    let (ann, bob) = (session.joins("ann", "PUBLISHER"), session.joins("bob", "SUBSCRIBER"));
    let stream = session.publishes(&ann, 3);
    let (feed, peer) = (FeedId(3), crate::model::PeerId(9));
    let offered =
        |offer: &str| Input::Event(bob.clone(), EventKind::SubscriptionOffered { feed, peer, offer: Sdp::new(offer) });
    session.asks(&bob, "prepareReceiveVideoFrom", json!({ "sender": stream, "reconnect": false }));
    session.apply(offered(format!("{OFFER}a=rtpmap:98 H264/90000\r\n").as_str()));
    let offer = session.answered(&bob)["result"]["sdpOffer"].as_str().unwrap().to_owned();
    assert!(offer.contains("VP8") && !offer.contains("H264"), "cut to the session's codec: {offer}");
    session.asks(&bob, "receiveVideoFrom", json!({ "sender": stream, "sdpAnswer": "answer" }));
    let asked = |effect: &Effect| matches!(effect, Effect::Ask(_, _, Command::Answer { feed: Some(FeedId(3)), .. }));
    assert!(session.last.iter().any(asked) && session.frames(&bob).is_empty(), "{:?}", session.last);
    session.apply(Input::Asked(bob.clone(), Ask::Answer(feed, json!(7)), Ok(())));
    assert_eq!(session.answered(&bob)["result"], json!({ "sessionId": "rpc_bob" }));
    assert_eq!(session.told(), ["webrtcConnectionCreated"]);
    session.asks(&bob, "prepareReceiveVideoFrom", json!({ "sender": stream, "reconnect": true }));
    session.apply(offered(OFFER));
    session.asks(
        &bob,
        "reconnectStream",
        json!({ "stream": stream, "sdpString": "answer", "forciblyReconnect": false }),
    );
    session.apply(Input::Asked(bob.clone(), Ask::Answer(feed, json!(7)), Ok(())));
    assert!(session.answered(&bob)["result"].is_object() && session.told().is_empty(), "once");
    session.apply(Input::Asked(bob.clone(), Ask::Answer(feed, json!(7)), Err(RoomError::NoPendingOffer)));
    assert_eq!(session.refused(&bob), 302);
    session.asks(&bob, "receiveVideoFrom", json!({ "sender": "str_CAM_Aaaa_con_x", "sdpAnswer": "x" }));
    assert_eq!(session.refused(&bob), 105);
}
