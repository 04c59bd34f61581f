//! Subscriptions: made before broken, limited, answered, ended; whose candidate it is.

use super::*;

/// A room with a live feed and a viewer.
fn room() -> (Room, FeedId) {
    room_with(config::Rooms::default())
}
fn room_with(limits: config::Rooms) -> (Room, FeedId) {
    let mut room = Room::with(limits);
    room.join("device").unwrap();
    room.join("web").unwrap();
    let (_, feed) = room.publish("device");
    (room, feed)
}
fn trickle(candidate: Option<Candidate>) -> Command {
    Command::Candidate { side: Side::Subscriber, candidate }
}
fn ended(room: &Room) -> Vec<(PeerId, EndReason)> {
    let kinds = room.kinds().into_iter();
    kinds
        .filter_map(|kind| match kind {
            EventKind::SubscriptionEnded { peer, reason, .. } => Some((peer, reason)),
            _ => None,
        })
        .collect()
}

#[test]
fn only_live_feeds_can_be_watched() {
    let (mut room, _) = room();
    room.join("other").unwrap();
    let (_, silent) = room.offer("other");
    for feed in [silent, FeedId(u64::MAX)] {
        assert_eq!(room.ask("web", Command::Subscribe { feed }), Err(RoomError::FeedNotFound));
    }
}

#[test]
fn a_subscription_is_offered_answered_and_started() {
    let (mut room, feed) = room();
    let peer = room.subscribe("web", feed);
    let offer = Sdp::new("offer");
    let offered = EventKind::SubscriptionOffered { feed, peer, offer };
    assert_eq!(room.events(), [(Audience::One(id("web")), offered)]);
    let answer = Sdp::new("a=ice-ufrag:u");
    assert_eq!(room.answer("web", None, "u"), [MediaRequest::Answer { peer, answer: answer.clone() }]);
    assert_eq!(room.ask("web", Command::Answer { feed: None, answer }), Err(RoomError::NoPendingOffer));
    room.media(MediaEvent::Connected { peer });
    assert_eq!(room.kinds(), [EventKind::SubscriptionStarted { participant: id("web"), feed, peer }]);
    assert_eq!(room.state.view().participants[1].subscriptions[0].state, "connected");
}

#[test]
fn the_old_subscription_plays_until_the_new_one_is_connected() {
    let (mut room, feed) = room();
    let old = room.watch("web", feed);
    let new = room.subscribe("web", feed);
    room.answer("web", Some(feed), "v");
    assert!(!room.did(&close(old, EndReason::Replaced)));
    room.media(MediaEvent::Connected { peer: new });
    assert!(room.did(&close(old, EndReason::Replaced)));
    assert_eq!(ended(&room), [(old, EndReason::Replaced)]);
}

#[test]
fn a_new_subscription_that_fails_leaves_the_old_one() {
    let (mut room, feed) = room();
    let old = room.watch("web", feed);
    let peer = room.subscribe("web", feed);
    let reason = EndReason::NegotiationTimeout;
    room.media(MediaEvent::PeerEnded { peer, reason, detail: String::new() });
    assert_eq!(ended(&room), [(peer, reason)]);
    assert_eq!(room.state.view().participants[1].subscriptions[0].peer, old);
}

#[test]
fn unanswered_offers_for_a_feed_do_not_pile_up() {
    let (mut room, feed) = room();
    for _ in 0..100 {
        room.subscribe("web", feed);
    }
    assert_eq!(room.state.view().participants[1].subscriptions.len(), 1);
}

#[test]
fn subscriptions_are_limited_but_replacing_one_is_not() {
    let (mut room, feed) = room_with(config::Rooms { max_subscriptions: 1, ..config::Rooms::default() });
    room.join("other").unwrap();
    let (_, other) = room.publish("other");
    room.watch("web", feed);
    assert!(matches!(room.ask("web", Command::Subscribe { feed: other }), Err(RoomError::Limit(_))));
    room.subscribe("web", feed);
}

#[test]
fn a_refused_answer_opens_the_offer_again() {
    let (mut room, feed) = room();
    let peer = room.subscribe("web", feed);
    room.answer("web", None, "u");
    room.media(MediaEvent::AnswerRefused { peer, error: MediaError::BadSdp("x".into()) });
    let error = RoomError::BadSdp("x".into());
    assert_eq!(room.kinds(), [EventKind::AnswerRefused { feed, error }]);
    assert_eq!(room.answer("web", None, "u").len(), 1);
}

#[test]
fn an_answer_without_a_feed_is_for_the_newest_open_offer() {
    let (mut room, feed) = room();
    room.join("other").unwrap();
    let (_, second) = room.publish("other");
    let older = room.subscribe("web", feed);
    let newer = room.subscribe("web", second);
    assert!(matches!(room.answer("web", None, "a")[..], [MediaRequest::Answer { peer, .. }] if peer == newer));
    assert!(matches!(room.answer("web", None, "b")[..], [MediaRequest::Answer { peer, .. }] if peer == older));
}

#[test]
fn candidates_go_by_ufrag_and_early_ones_wait_for_their_answer() {
    let (mut room, feed) = room();
    room.join("other").unwrap();
    let (_, second) = room.publish("other");
    let one = room.subscribe("web", feed);
    let two = room.subscribe("web", second);
    for early in [candidate(Some("u1")), candidate(Some("u2")), candidate(None)] {
        room.ask("web", trickle(early)).unwrap();
        assert!(room.asked().is_empty());
    }
    let of = |peer, candidate| MediaRequest::Candidate { peer, candidate };
    assert_eq!(room.answer("web", Some(feed), "u1")[1..], [of(one, candidate(Some("u1")))]);
    let newest_then_named = [of(two, candidate(None)), of(two, candidate(Some("u2")))];
    assert_eq!(room.answer("web", Some(second), "u2")[1..], newest_then_named);
    room.ask("web", trickle(candidate(Some("u1")))).unwrap();
    assert_eq!(room.asked(), [of(one, candidate(Some("u1")))]);
    room.ask("web", trickle(None)).unwrap();
    assert_eq!(room.asked(), [of(two, None)]);
}

#[test]
fn a_candidate_before_any_subscription_is_kept_too() {
    let (mut room, feed) = room();
    room.ask("web", trickle(candidate(Some("u")))).unwrap();
    let peer = room.subscribe("web", feed);
    let candidate = candidate(Some("u"));
    assert_eq!(room.answer("web", None, "u")[1..], [MediaRequest::Candidate { peer, candidate }]);
}

#[test]
fn a_silent_engine_or_client_ends_the_subscription() {
    let (mut room, feed) = room();
    room.ask("web", Command::Subscribe { feed }).unwrap();
    room.pass(Duration::from_secs(10));
    assert!(matches!(ended(&room)[..], [(_, EndReason::EngineError)]));
    let peer = room.subscribe("web", feed);
    room.pass(Duration::from_secs(90));
    assert_eq!(ended(&room), [(peer, EndReason::NegotiationTimeout)]);
}

#[test]
fn unsubscribing_closes() {
    let (mut room, feed) = room();
    let peer = room.watch("web", feed);
    room.ask("web", Command::Unsubscribe { feed }).unwrap();
    assert!(room.did(&close(peer, EndReason::Unsubscribed)));
    assert_eq!(room.ask("web", Command::Unsubscribe { feed }), Err(RoomError::FeedNotFound));
}
