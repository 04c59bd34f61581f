use super::super::tests::*;
use super::*;
use crate::room::event::Audience;
use crate::room::{Command, Reply};

fn say(room: &mut Room, from: &str, to: Option<&str>, body: &str, keep: bool) -> Result<Reply, RoomError> {
    room.ask(from, Command::Relay { to: to.map(id), body: Opaque::new(body), keep })
}

fn said(to: &str, from: &str, body: &str) -> (Audience, EventKind) {
    (Audience::One(id(to)), EventKind::Relayed { from: id(from), body: Opaque::new(body) })
}

#[test]
fn a_message_goes_to_one_or_to_all_others() {
    let mut room = Room::new();
    ["ann", "bob", "cy"].iter().for_each(|who| drop(room.join(who).unwrap()));
    say(&mut room, "ann", Some("bob"), "1", false).unwrap();
    assert_eq!(room.events(), [said("bob", "ann", "1")]);
    say(&mut room, "ann", None, "2", false).unwrap();
    assert_eq!(room.events(), [said("bob", "ann", "2"), said("cy", "ann", "2")]);
    assert_eq!(say(&mut room, "ann", Some("dan"), "3", false), Err(RoomError::ParticipantNotFound));
    assert_eq!(say(&mut room, "dan", None, "4", false), Err(RoomError::NotInRoom));
}

#[test]
fn what_is_kept_comes_in_order_and_goes_with_its_sender() {
    let mut room = Room::new();
    ["ann", "cy"].iter().for_each(|who| drop(room.join(who).unwrap()));
    for (from, body) in [("ann", "1"), ("cy", "2"), ("ann", "3")] {
        say(&mut room, from, Some("bob"), body, true).unwrap();
        assert!(room.events().is_empty());
    }
    room.ask("cy", Command::Leave).unwrap();
    room.join("bob").unwrap();
    let relayed: Vec<_> =
        room.events().into_iter().filter(|(_, kind)| matches!(kind, EventKind::Relayed { .. })).collect();
    assert_eq!(relayed, [said("bob", "ann", "1"), said("bob", "ann", "3")]);
    room.join("bob").unwrap();
    assert!(!room.kinds().iter().any(|kind| matches!(kind, EventKind::Relayed { .. })), "once");
}

#[test]
fn what_is_kept_is_bounded() {
    let mut room = Room::new();
    room.join("ann").unwrap();
    let full = |result| matches!(result, Err(RoomError::Limit(_)));
    for _ in 0..MAX_KEPT {
        say(&mut room, "ann", Some("bob"), "x", true).unwrap();
    }
    assert!(full(say(&mut room, "ann", Some("bob"), "x", true)));
    assert!(full(say(&mut room, "ann", Some("cy"), &"x".repeat(MAX_KEPT_BYTES + 1), true)));
    for n in 0..MAX_ABSENT {
        let _ = say(&mut room, "ann", Some(&format!("absent-{n}")), "x", true);
    }
    assert!(full(say(&mut room, "ann", Some("one-more"), "x", true)));
}

#[test]
fn a_unique_name_is_taken_over_only_from_the_dead() {
    let mut room = Room::new();
    room.join("ann").unwrap();
    let again = |room: &mut Room| {
        room.apply(super::super::Input::Join(joining("ann", true)));
        room.replied()
    };
    assert_eq!(again(&mut room), Err(RoomError::Occupied));
    room.apply(super::super::Input::ConnectionLost(id("ann")));
    assert_eq!(again(&mut room), Ok(Reply::Done));
    assert_eq!(again(&mut room), Err(RoomError::Occupied));
}
