use super::super::tests::*;
use super::*;
use crate::media::MediaEvent;
use crate::room::Command;
use std::time::Duration;

fn conversation(room: &mut Room, who: &str, offer: Option<Sdp>) -> (PeerId, FeedId) {
    room.ask(who, Command::Converse { offer }).unwrap();
    match room.asked()[..] {
        [MediaRequest::Converse { peer, feed, .. }] => (peer, feed),
        _ => panic!("one Converse: {:?}", room.last),
    }
}

#[test]
fn the_client_offers_and_is_shown_the_other_side() {
    let mut room = Room::new();
    room.join("ann").unwrap();
    room.join("bob").unwrap();
    let (peer, feed) = conversation(&mut room, "ann", Some(Sdp::new("offer")));
    room.media(MediaEvent::PublishAnswered { peer, answer: Sdp::new("answer") });
    assert_eq!(room.kinds(), [EventKind::PublishAnswered { feed, answer: Sdp::new("answer") }]);
    let (other, theirs) = conversation(&mut room, "bob", None);
    room.ask("ann", Command::Face { feed: Some(theirs) }).unwrap();
    assert_eq!(room.asked(), [MediaRequest::Face { peer, feed: Some(theirs) }]);
    room.media(MediaEvent::PublishOffered { peer: other, offer: Sdp::new("ours") });
    assert_eq!(room.kinds(), [EventKind::PublishOffered { feed: theirs, offer: Sdp::new("ours") }]);
    room.ask("bob", Command::AnswerConversation { answer: Sdp::new("theirs") }).unwrap();
    assert_eq!(room.asked(), [MediaRequest::Answer { peer: other, answer: Sdp::new("theirs") }]);
    room.media(MediaEvent::Connected { peer: other });
    room.pass(Duration::from_secs(200));
    assert!(room.kinds().is_empty(), "the offer is settled: {:?}", room.last);
}

#[test]
fn what_cannot_be_is_refused_in_words() {
    let mut room = Room::new();
    room.join("ann").unwrap();
    assert_eq!(room.ask("ann", Command::Face { feed: None }), Err(RoomError::NotPublishing));
    assert_eq!(room.ask("ann", Command::AnswerConversation { answer: Sdp::new("x") }), Err(RoomError::NoPendingOffer));
    conversation(&mut room, "ann", None);
    assert!(matches!(room.ask("ann", Command::Converse { offer: None }), Err(RoomError::WrongState(_))));
    assert_eq!(room.ask("ann", Command::Face { feed: Some(FeedId(u64::MAX)) }), Err(RoomError::FeedNotFound));
    room.publish_as("bob");
    assert!(matches!(room.ask("bob", Command::Converse { offer: None }), Err(RoomError::WrongState(_))));
}

#[test]
fn an_answer_that_was_refused_may_be_given_again() {
    let mut room = Room::new();
    room.join("bob").unwrap();
    let (peer, _) = conversation(&mut room, "bob", None);
    room.media(MediaEvent::PublishOffered { peer, offer: Sdp::new("ours") });
    for _ in 0..2 {
        room.ask("bob", Command::AnswerConversation { answer: Sdp::new("x") }).unwrap();
        room.media(MediaEvent::AnswerRefused { peer, error: crate::media::MediaError::BadSdp("no".into()) });
        assert!(matches!(room.kinds()[..], [EventKind::PublishRefused { .. }]));
    }
}

#[test]
fn an_offer_of_ours_that_nobody_answers_ends() {
    let mut room = Room::new();
    room.join("bob").unwrap();
    let (peer, feed) = conversation(&mut room, "bob", None);
    room.media(MediaEvent::PublishOffered { peer, offer: Sdp::new("ours") });
    room.pass(Duration::from_secs(91));
    assert!(room.did(&close(peer, EndReason::NegotiationTimeout)));
    let ended = |kind: &EventKind| matches!(kind, EventKind::FeedEnded { feed: of, .. } if *of == feed);
    assert!(room.kinds().iter().any(ended), "{:?}", room.last);
    room.pass(Duration::from_secs(1));
    assert!(room.last.is_empty(), "once");
}
