//! Seats without sockets: what is left behind when the last page has gone, on a paused clock; and what a seat does.

use super::super::Shared;
use super::super::client::ClientAddress;
use super::super::quota::Quotas;
use super::Desk;
use super::play::{Play, Step};
use super::seat::{self, Seat};
use super::translate::Refusal;
use super::wire::{self, ClientMessage, Join, Role, ServerMessage, Via};
use crate::auth::Auth;
use crate::config;
use crate::media::fake::FakeEngine;
use crate::model::{EndReason, FeedId, Grants, Opaque, ParticipantId, PeerId, RoomId, Sdp};
use crate::recordings::Recordings;
use crate::room::{Command, EventKind, Lobby, RoomView, Rooms};
use crate::turn::{Credentials, Handout, Ports};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

fn desk(store: &tempfile::TempDir, guests: config::Guests) -> Desk {
    let recordings = Recordings::open(store.path().join("recordings"), 0).unwrap();
    let limits = config::Rooms::default();
    Desk::new(Shared {
        rooms: Rooms::new(limits.clone(), FakeEngine::automatic(), recordings.clone()),
        recordings,
        lobby: Lobby::default(),
        auth: Auth::new(None),
        limits,
        handout: Handout::new(&config::Turn::default(), Ports::default(), Credentials::new(b"north"), None),
        quotas: Quotas::new(&guests),
        guests: Arc::new(guests),
        openvidu: Arc::default(),
        server: Arc::default(),
        closing: CancellationToken::new(),
        last: Default::default(),
    })
}

fn join(role: Role, room: &str, via: Via) -> Join {
    Join { role, room: json!(room), id: RoomId::of_name(room), via }
}

async fn sit(desk: &Desk, role: Role, room: &str, via: Via) -> Result<(Seat, RoomView), Refusal> {
    let grants = Grants { control: false, publish: true, subscribe: true, room: None };
    seat::take(desk, ClientAddress([192, 0, 2, 1].into()), &grants, &join(role, room, via)).await
}

#[tokio::test(start_paused = true)]
async fn a_room_that_everybody_has_left_is_forgotten_with_what_was_kept_in_it() {
    let store = tempfile::tempdir().unwrap();
    let desk = desk(&store, config::Guests::default());
    let (seat, _) = sit(&desk, Role::Sender, "hall", Via::Pages).await.unwrap();
    let (to, body) = (Some(ParticipantId::new("viewer")), Opaque::new("{}"));
    seat.room.request(Some(&seat.me), Command::Relay { to, body, keep: true }).await.unwrap();
    let room = seat.room.clone();
    seat.leave().await;
    assert!(desk.shared.rooms.find(room.id()).is_ok(), "who comes back finds it");
    tokio::time::sleep(desk.shared.limits.empty_limit + Duration::from_secs(1)).await;
    assert!(room.is_gone() && desk.shared.rooms.find(room.id()).is_err());
    let (viewer, view) = sit(&desk, Role::Viewer, "hall", Via::Pages).await.unwrap();
    assert_eq!((view.participants.len(), viewer.events.len()), (1, 1), "nobody else, and nothing but its own coming");
}

#[tokio::test(start_paused = true)]
async fn an_offer_does_not_outlive_its_sender() {
    let store = tempfile::tempdir().unwrap();
    let desk = desk(&store, config::Guests::default());
    let (seat, _) = sit(&desk, Role::Sender, "hall", Via::Pages).await.unwrap();
    let (to, body) = (Some(ParticipantId::new("viewer")), Opaque::new("{}"));
    seat.room.request(Some(&seat.me), Command::Relay { to, body, keep: true }).await.unwrap();
    seat.leave().await;
    let (mut viewer, _) = sit(&desk, Role::Viewer, "hall", Via::Pages).await.unwrap();
    viewer.room.view().await.unwrap();
    while let Ok(event) = viewer.events.try_recv() {
        assert!(!matches!(event.kind, EventKind::Relayed { .. }), "{event:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_lost_its_stream_makes_place_at_once() {
    let store = tempfile::tempdir().unwrap();
    let desk = desk(&store, config::Guests::default());
    let (lost, _) = sit(&desk, Role::Sender, "hall", Via::Pages).await.unwrap();
    let (room, me) = (lost.room.clone(), lost.me.clone());
    assert_eq!(sit(&desk, Role::Sender, "hall", Via::Pages).await.err().unwrap().reason, "sender-already-exists");
    let Seat { events, .. } = lost;
    drop(events);
    room.connection_lost(&me);
    let (_newer, view) = sit(&desk, Role::Sender, "hall", Via::Pages).await.unwrap();
    assert_eq!(view.participants.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_rooms_way_is_its_first_joiners_while_anybody_is_there() {
    let store = tempfile::tempdir().unwrap();
    let desk = desk(&store, config::Guests::default());
    let (first, _) = sit(&desk, Role::Viewer, "hall", Via::Pages).await.unwrap();
    assert_eq!(sit(&desk, Role::Sender, "hall", Via::Server).await.err().unwrap().reason, "bad-request");
    first.leave().await;
    let _server = sit(&desk, Role::Sender, "hall", Via::Server).await.unwrap();
    assert_eq!(sit(&desk, Role::Viewer, "hall", Via::Pages).await.err().unwrap().reason, "bad-request");
}

#[tokio::test(start_paused = true)]
async fn rooms_of_one_address_are_counted_as_long_as_they_live() {
    let store = tempfile::tempdir().unwrap();
    let desk = desk(&store, config::Guests { max_rooms: 1, ..config::Guests::default() });
    let (one, _) = sit(&desk, Role::Sender, "one", Via::Pages).await.unwrap();
    let refused = sit(&desk, Role::Sender, "two", Via::Pages).await.err().unwrap();
    assert_eq!(refused.message, "limit reached: 1 rooms and lines at once of one address");
    assert!(desk.shared.rooms.find(&RoomId::new("two")).is_err());
    one.leave().await;
    let (again, _) = sit(&desk, Role::Sender, "one", Via::Pages).await.unwrap();
    assert!(
        sit(&desk, Role::Sender, "two", Via::Pages).await.is_err(),
        "nobody need be in it, or its maker only again"
    );
    again.leave().await;
    tokio::time::sleep(desk.shared.limits.empty_limit + Duration::from_secs(1)).await;
    assert!(sit(&desk, Role::Sender, "two", Via::Pages).await.is_ok());
}

fn view() -> RoomView {
    let created_at = jiff::Timestamp::UNIX_EPOCH;
    RoomView {
        id: RoomId::new("hall"),
        created_at,
        participants: vec![],
        feeds: vec![],
        data_producers: vec![],
        recordings: vec![],
        ingests: vec![],
        broadcasts: vec![],
        settings: Default::default(),
    }
}

fn said(text: serde_json::Value) -> ClientMessage {
    wire::read(&text.to_string()).unwrap()
}

#[test]
fn candidates_for_a_page_that_has_gone_are_dropped_and_those_of_an_early_offer_are_kept() {
    let me = ParticipantId::new("sender");
    let (mut play, first) = Play::begin(Role::Sender, Via::Pages, me, &view());
    assert!(first.is_empty());
    let candidate = || said(json!({"type": "ice-candidate", "candidate": null}));
    let kept = |steps: Vec<Step>| match steps.as_slice() {
        [] => None,
        [Step::Ask(Command::Relay { keep, .. })] => Some(*keep),
        other => panic!("{other:?}"),
    };
    assert_eq!(kept(play.said(candidate()).unwrap()), None);
    let offer = || said(json!({"type": "offer", "sdp": {"type": "offer", "sdp": "v=0"}}));
    assert_eq!(kept(play.said(offer()).unwrap()), Some(true));
    assert_eq!(kept(play.said(candidate()).unwrap()), Some(true));
    let viewer = || ParticipantId::new("viewer");
    let came = play.heard(EventKind::ParticipantJoined { participant: viewer() });
    assert_eq!(came, [Step::Tell(ServerMessage::ViewerReady)]);
    assert_eq!(kept(play.said(offer()).unwrap()), Some(false), "meant for this viewer alone");
    let left = EventKind::ParticipantLeft { participant: viewer(), reason: EndReason::Left };
    assert_eq!(play.heard(left), [Step::Tell(ServerMessage::ViewerLeft)]);
    assert_eq!(kept(play.said(candidate()).unwrap()), None);
    assert_eq!(kept(play.said(offer()).unwrap()), None, "it was meant for the one who has left");
    assert_eq!(kept(play.said(candidate()).unwrap()), None);
}

#[test]
fn what_others_than_the_other_page_say_is_not_passed_on() {
    let (mut play, _) = Play::begin(Role::Viewer, Via::Pages, ParticipantId::new("viewer"), &view());
    let relayed = |from: &str| EventKind::Relayed { from: ParticipantId::new(from), body: Opaque::new("{}") };
    assert!(play.heard(relayed("WEB:1")).is_empty());
    assert_eq!(play.heard(relayed("sender")), [Step::Pass(Opaque::new("{}"))]);
}

#[test]
fn a_viewer_of_the_server_is_offered_the_senders_feed_else_the_only_one() {
    let (mut play, first) = Play::begin(Role::Viewer, Via::Server, ParticipantId::new("viewer-1"), &view());
    assert!(first.is_empty());
    let published = |feed, who: &str| EventKind::FeedPublished {
        feed: FeedId(feed),
        publisher: ParticipantId::new(who),
        tracks: vec![],
    };
    let subscribe = |feed| Step::Ask(Command::Subscribe { feed: FeedId(feed) });
    let ready = || Step::Tell(ServerMessage::SenderReady);
    assert_eq!(play.heard(published(1, "DEVICE:1")), [ready(), subscribe(1)]);
    assert!(play.heard(published(2, "DEVICE:2")).is_empty());
    let unsubscribe = Step::Ask(Command::Unsubscribe { feed: FeedId(1) });
    let left = || Step::Tell(ServerMessage::SenderLeft);
    assert_eq!(play.heard(published(3, "sender")), [unsubscribe, left(), ready(), subscribe(3)]);
    assert!(play.heard(published(3, "sender")).is_empty(), "told again");
    let ended = |feed| EventKind::FeedEnded {
        feed: FeedId(feed),
        publisher: ParticipantId::new("sender"),
        reason: EndReason::Left,
        detail: String::new(),
    };
    assert_eq!(play.heard(ended(3)), [left()], "of two others neither is the one");
    assert!(play.heard(ended(2)).is_empty());
}

#[test]
fn a_viewer_whose_media_was_lost_is_offered_again_once_it_had_come() {
    let (mut play, _) = Play::begin(Role::Viewer, Via::Server, ParticipantId::new("viewer-1"), &view());
    let (feed, peer) = (FeedId(1), PeerId(1));
    play.heard(EventKind::FeedPublished { feed, publisher: ParticipantId::new("sender"), tracks: vec![] });
    let offered = |peer| EventKind::SubscriptionOffered { feed, peer, offer: Sdp::new("v=0") };
    let participant = ParticipantId::new("viewer-1");
    let lost = |peer| EventKind::SubscriptionEnded {
        participant: participant.clone(),
        feed,
        peer,
        reason: EndReason::MediaTimeout,
        detail: String::new(),
    };
    play.heard(offered(peer));
    play.heard(EventKind::SubscriptionStarted { participant: participant.clone(), feed, peer });
    assert_eq!(play.heard(lost(peer)), [Step::Ask(Command::Subscribe { feed })]);
    play.heard(offered(PeerId(2)));
    assert!(play.heard(lost(peer)).is_empty(), "an older one");
    let told = play.heard(lost(PeerId(2)));
    assert!(matches!(told.as_slice(), [Step::Tell(ServerMessage::Error { reason: "server-error", .. })]), "{told:?}");
}

#[test]
fn a_sender_whose_media_was_lost_is_asked_for_another_offer() {
    let me = ParticipantId::new("sender");
    let (mut play, first) = Play::begin(Role::Sender, Via::Server, me.clone(), &view());
    assert_eq!(first, [Step::Tell(ServerMessage::ViewerReady)]);
    let ended = || EventKind::FeedEnded {
        feed: FeedId(1),
        publisher: me.clone(),
        reason: EndReason::IceFailed,
        detail: String::new(),
    };
    let told = play.heard(ended());
    assert!(matches!(told.as_slice(), [Step::Tell(ServerMessage::Error { .. })]), "it never came: {told:?}");
    play.heard(EventKind::FeedPublished { feed: FeedId(1), publisher: me.clone(), tracks: vec![] });
    let again = [Step::Tell(ServerMessage::ViewerLeft), Step::Tell(ServerMessage::ViewerReady)];
    assert_eq!(play.heard(ended()), again);
}
