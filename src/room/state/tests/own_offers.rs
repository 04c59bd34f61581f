//! Watching by the client's own offer.

use super::*;

fn room() -> (Room, FeedId) {
    let mut room = Room::new();
    room.join("device").unwrap();
    room.join("web").unwrap();
    let (_, feed) = room.publish("device");
    (room, feed)
}
fn offer(ufrag: &str) -> Sdp {
    Sdp::new(format!("a=ice-ufrag:{ufrag}"))
}
fn watch(room: &mut Room, feed: FeedId, ufrag: &str) -> Vec<MediaRequest> {
    room.ask("web", Command::SubscribeWith { feed, offer: offer(ufrag) }).unwrap();
    room.asked()
}
/// A peer that the engine was asked for.
fn first(room: &mut Room, feed: FeedId) -> PeerId {
    match watch(room, feed, "u")[..] {
        [MediaRequest::SubscribeWith { peer, .. }] => peer,
        ref other => panic!("one SubscribeWith: {other:?}"),
    }
}
fn stage(room: &Room) -> String {
    room.state.view().participants[1].subscriptions[0].state.clone()
}

#[test]
fn an_offer_is_answered_and_connected() {
    let (mut room, feed) = room();
    let peer = first(&mut room, feed);
    assert_eq!(stage(&room), "answering");
    let answer = Sdp::new("answer");
    room.media(MediaEvent::SubscribeAnswered { peer, answer: answer.clone() });
    assert_eq!(room.events(), [(Audience::One(id("web")), EventKind::SubscriptionAnswered { feed, peer, answer })]);
    assert_eq!(stage(&room), "connecting");
    room.media(MediaEvent::Connected { peer });
    assert_eq!(room.kinds(), [EventKind::SubscriptionStarted { participant: id("web"), feed, peer }]);
}

#[test]
fn a_refused_first_offer_leaves_no_subscription() {
    let (mut room, feed) = room();
    let peer = first(&mut room, feed);
    room.media(MediaEvent::SubscribeRefused { peer, error: MediaError::NoCommonCodec("x".into()) });
    let error = RoomError::NoCommonCodec("x".into());
    assert_eq!(room.kinds(), [EventKind::SubscriptionRefused { feed, peer, error }]);
    assert!(room.state.view().participants[1].subscriptions.is_empty());
}

#[test]
fn a_further_offer_is_the_same_peers_and_waits_its_turn() {
    let (mut room, feed) = room();
    let peer = first(&mut room, feed);
    assert_eq!(watch(&mut room, feed, "v"), []);
    room.media(MediaEvent::SubscribeAnswered { peer, answer: Sdp::new("answer") });
    let asked = room.asked();
    let [MediaRequest::SubscribeWith { peer: of, offer: further, .. }] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!((*of, further.as_str()), (peer, offer("v").as_str()));
    room.media(MediaEvent::SubscribeRefused { peer, error: MediaError::BadSdp("x".into()) });
    assert_eq!(stage(&room), "connecting", "what runs goes on");
}

#[test]
fn candidates_wait_for_the_answer_and_find_either_name() {
    let (mut room, feed) = room();
    let trickle = |ufrag| Command::Candidate { side: Side::Subscriber, candidate: candidate(Some(ufrag)) };
    let peer = first(&mut room, feed);
    room.ask("web", trickle("u")).unwrap();
    assert_eq!(room.asked(), []);
    room.media(MediaEvent::SubscribeAnswered { peer, answer: Sdp::new("answer") });
    assert_eq!(room.asked(), [MediaRequest::Candidate { peer, candidate: candidate(Some("u")) }]);
    watch(&mut room, feed, "v");
    room.ask("web", trickle("v")).unwrap();
    assert_eq!(room.asked(), [MediaRequest::Candidate { peer, candidate: candidate(Some("v")) }]);
}

#[test]
fn it_ends_with_its_feed_and_needs_a_live_one() {
    let (mut room, feed) = room();
    let peer = first(&mut room, feed);
    room.ask("device", Command::Unpublish).unwrap();
    assert!(room.did(&close(peer, EndReason::FeedEnded)));
    let again = Command::SubscribeWith { feed, offer: offer("w") };
    assert_eq!(room.ask("web", again), Err(RoomError::FeedNotFound));
}
