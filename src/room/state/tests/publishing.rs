//! Offers, renegotiation, feeds that live and end.

use super::*;

fn publish(text: &str) -> Command {
    Command::Publish { offer: Sdp::new(text), content: Content::Camera }
}
fn answered(peer: PeerId) -> MediaEvent {
    MediaEvent::PublishAnswered { peer, answer: Sdp::new("answer") }
}
fn refused(peer: PeerId) -> MediaEvent {
    MediaEvent::PublishRefused { peer, error: MediaError::BadSdp("x".into()) }
}

#[test]
fn a_second_offer_waits_for_the_first_answer_and_renegotiates() {
    let mut room = Room::new();
    room.join("device").unwrap();
    let (peer, _) = room.offer("device");
    room.ask("device", publish("second")).unwrap();
    assert!(room.asked().is_empty());
    room.media(answered(peer));
    assert_eq!(room.asked(), [MediaRequest::Republish { peer, offer: Sdp::new("second") }]);
}

#[test]
fn a_refused_first_offer_leaves_nothing() {
    let mut room = Room::new();
    room.join("device").unwrap();
    let (peer, _) = room.offer("device");
    room.media(refused(peer));
    let error = RoomError::BadSdp("x".into());
    assert_eq!(room.events(), [(Audience::One(id("device")), EventKind::PublishRefused { error })]);
    assert!(room.state.view().feeds.is_empty());
    assert_eq!(room.ask("device", Command::Unpublish), Err(RoomError::NotPublishing));
    assert_ne!(room.offer("device").0, peer);
}

#[test]
fn a_refused_first_offer_gives_way_to_the_one_that_waits() {
    let mut room = Room::new();
    room.join("device").unwrap();
    let (peer, feed) = room.offer("device");
    room.ask("device", publish("better")).unwrap();
    room.media(refused(peer));
    assert_eq!(
        room.asked(),
        [MediaRequest::Publish { peer, feed, offer: Sdp::new("better"), content: Content::Camera }]
    );
}

#[test]
fn a_refused_further_offer_leaves_what_runs() {
    let mut room = Room::new();
    room.join("device").unwrap();
    let (peer, feed) = room.publish("device");
    room.ask("device", publish("bad")).unwrap();
    room.media(refused(peer));
    assert!(room.asked().is_empty());
    assert!(room.state.view().feeds.iter().any(|view| view.id == feed && view.live));
}

#[test]
fn a_feed_is_told_when_live_again_when_it_changes_and_to_late_joiners() {
    let mut room = Room::new();
    room.join("device").unwrap();
    let (peer, feed) = room.offer("device");
    room.media(answered(peer));
    let live = |tracks| EventKind::FeedPublished { feed, publisher: id("device"), tracks };
    room.media(MediaEvent::FeedLive { feed, tracks: vec![VIDEO] });
    assert_eq!(room.events(), [(Audience::Everyone, live(vec![VIDEO]))]);
    room.media(MediaEvent::FeedLive { feed, tracks: vec![VIDEO] });
    assert!(room.events().is_empty(), "nothing has changed");
    room.media(MediaEvent::FeedLive { feed, tracks: vec![AUDIO, VIDEO] });
    assert_eq!(room.kinds(), [live(vec![AUDIO, VIDEO])]);
    room.join("late").unwrap();
    assert!(room.events().contains(&(Audience::One(id("late")), live(vec![AUDIO, VIDEO]))));
}

#[test]
fn a_late_joiner_does_not_hear_of_a_feed_without_media() {
    let mut room = Room::new();
    room.join("device").unwrap();
    let (peer, _) = room.offer("device");
    room.media(answered(peer));
    room.join("late").unwrap();
    assert_eq!(room.kinds(), [EventKind::ParticipantJoined { participant: id("late") }]);
}

#[test]
fn when_the_engine_ends_a_publisher_the_feed_and_its_subscriptions_end() {
    for (who, stays) in [("device", false), ("web", true)] {
        let mut room = Room::new();
        room.join(who).unwrap();
        room.join("viewer").unwrap();
        let (peer, feed) = room.publish(who);
        let watching = room.watch("viewer", feed);
        let reason = EndReason::IceFailed;
        room.media(MediaEvent::PeerEnded { peer, reason, detail: "gone".into() });
        assert!(!room.did(&close(peer, reason)), "the engine knows already");
        assert!(room.did(&close(watching, EndReason::FeedEnded)));
        let ended = EventKind::FeedEnded { feed, publisher: id(who), reason, detail: "gone".into() };
        assert!(room.events().contains(&(Audience::Everyone, ended)));
        assert_eq!(room.state.view().participants.iter().any(|p| p.id == id(who)), stays);
    }
}

#[test]
fn early_publisher_candidates_follow_the_answer() {
    let mut room = Room::new();
    room.join("device").unwrap();
    let trickle = |c| Command::Candidate { side: Side::Publisher, candidate: c };
    room.ask("device", trickle(candidate(Some("a")))).unwrap();
    let (peer, _) = room.offer("device");
    room.ask("device", trickle(None)).unwrap();
    assert!(room.asked().is_empty());
    room.media(answered(peer));
    let passed = [candidate(Some("a")), None].map(|candidate| MediaRequest::Candidate { peer, candidate });
    assert_eq!(room.asked(), passed);
    room.ask("device", trickle(None)).unwrap();
    assert_eq!(room.asked(), [MediaRequest::Candidate { peer, candidate: None }]);
}

#[test]
fn an_engine_that_never_answers_does_not_hold_the_publisher() {
    let mut room = Room::new();
    room.join("device").unwrap();
    let (peer, _) = room.offer("device");
    room.pass(Duration::from_secs(10));
    assert!(room.did(&close(peer, EndReason::EngineError)));
    assert!(matches!(room.kinds()[..], [EventKind::PublishRefused { error: RoomError::Internal(_) }]));
    assert!(room.state.view().feeds.is_empty());
}
