//! Joining, grants, grace, leaving, the end of the room.

use super::*;

#[test]
fn a_lost_participant_may_come_back_and_keeps_its_peers() {
    let mut room = Room::new();
    room.join("device").unwrap();
    let (_, feed) = room.publish("device");
    room.apply(Input::ConnectionLost(id("device")));
    assert!(room.did(&Effect::DropStream(id("device"))));
    room.pass(Duration::from_secs(9));
    assert!(room.asked().is_empty());
    room.join("device").unwrap();
    assert!(matches!(room.kinds()[..], [EventKind::FeedPublished { feed: told, .. }] if told == feed));
    room.pass(Duration::from_secs(20));
    assert_eq!(room.state.view().participants.len(), 1);
}

#[test]
fn after_the_grace_time_it_has_left() {
    let mut room = Room::new();
    room.join("device").unwrap();
    room.join("web").unwrap();
    let (peer, feed) = room.publish("device");
    room.apply(Input::ConnectionLost(id("device")));
    assert_eq!(room.state.next_deadline(), Some(room.now.instant + Duration::from_secs(10)));
    room.pass(Duration::from_secs(10));
    assert!(room.did(&close(peer, EndReason::ConnectionLost)));
    let (publisher, reason) = (id("device"), EndReason::ConnectionLost);
    let ended = EventKind::FeedEnded { feed, publisher: publisher.clone(), reason, detail: String::new() };
    assert_eq!(room.kinds(), [ended, EventKind::ParticipantLeft { participant: publisher, reason }]);
}

#[test]
fn losing_it_twice_does_not_prolong_the_grace_time() {
    let mut room = Room::new();
    room.join("web").unwrap();
    room.apply(Input::ConnectionLost(id("web")));
    room.pass(Duration::from_secs(6));
    room.apply(Input::ConnectionLost(id("web")));
    room.pass(Duration::from_secs(5));
    assert!(room.state.view().participants.is_empty());
}

#[test]
fn grants_are_checked() {
    let mut room = Room::new();
    room.join_with("nobody", Grants::default()).unwrap();
    let offer = Sdp::new("offer");
    for command in [
        Command::Publish { offer, content: Content::Camera },
        Command::Subscribe { feed: FeedId(1) },
        Command::Kick { participant: id("nobody") },
        Command::Close { reason: EndReason::Requested },
        Command::StartRecording { wish: None },
    ] {
        assert!(matches!(room.ask("nobody", command), Err(RoomError::Forbidden(_))));
    }
    let elsewhere = Grants { room: Some(RoomId::new("2")), ..Grants::default() };
    assert!(matches!(room.join_with("stranger", elsewhere), Err(RoomError::Forbidden(_))));
    assert_eq!(room.ask("stranger", Command::Leave), Err(RoomError::NotInRoom));
    assert_eq!(room.operate(Command::Leave), Err(RoomError::NotInRoom));
}

#[test]
fn the_number_of_participants_is_limited_but_a_resume_always_fits() {
    let mut room = Room::with(config::Rooms { max_participants: 1, ..config::Rooms::default() });
    room.join("web").unwrap();
    assert!(matches!(room.join("other"), Err(RoomError::Limit(_))));
    room.join("web").unwrap();
}

#[test]
fn the_operator_kicks() {
    let mut room = Room::new();
    room.join("web").unwrap();
    assert_eq!(room.operate(Command::Kick { participant: id("x") }), Err(RoomError::ParticipantNotFound));
    room.operate(Command::Kick { participant: id("web") }).unwrap();
    let (participant, reason) = (id("web"), EndReason::Kicked);
    assert_eq!(room.events(), [(Audience::Everyone, EventKind::ParticipantLeft { participant, reason })]);
    let at = |fits: fn(&Effect) -> bool| room.last.iter().position(fits).unwrap();
    let (told, dropped) = (at(|e| matches!(e, Effect::Emit(_))), at(|e| matches!(e, Effect::DropStream(_))));
    assert!(told < dropped, "the removed one hears of it first");
}

#[test]
fn an_empty_room_closes_and_grace_is_not_empty() {
    let mut room = Room::new();
    room.join("web").unwrap();
    room.pass(Duration::from_secs(3600));
    assert!(!room.did(&Effect::Closed));
    room.apply(Input::ConnectionLost(id("web")));
    room.pass(Duration::from_secs(10));
    room.pass(Duration::from_secs(59));
    assert!(!room.did(&Effect::Closed));
    room.pass(Duration::from_secs(1));
    assert!(room.did(&Effect::Closed));
}

#[test]
fn closing_ends_everything_and_answers_no_more() {
    let mut room = Room::new();
    room.join("device").unwrap();
    room.join("web").unwrap();
    let (publisher, feed) = room.publish("device");
    let subscriber = room.watch("web", feed);
    let reason = EndReason::RoomClosed;
    room.operate(Command::Close { reason }).unwrap();
    assert!(room.did(&close(publisher, reason)) && room.did(&close(subscriber, EndReason::FeedEnded)));
    assert!(room.events().contains(&(Audience::Everyone, EventKind::RoomClosed { reason })));
    assert!(room.did(&Effect::Closed));
    assert_eq!(room.join("late"), Err(RoomError::RoomNotFound));
    assert_eq!(room.operate(Command::StartRecording { wish: None }), Err(RoomError::RoomNotFound));
}
