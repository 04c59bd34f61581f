//! Which feed a name means, live mixes, broadcasts.

use super::*;
use crate::model::{BroadcastId, BroadcastState, BroadcastStatus, BroadcastWish, Layout, RecordingId};

impl Room {
    fn find(&mut self, name: Option<&str>) -> Result<Reply, RoomError> {
        self.operate(Command::FindFeed { name: name.map(str::to_owned) })
    }
    /// Asks for what is a mix that has to be made.
    fn mixed(&mut self, name: Option<&str>) -> (PeerId, FeedId) {
        let command = Command::FindFeed { name: name.map(str::to_owned) };
        self.apply(Input::Command { from: None, command });
        let asked = self.asked();
        let Some(MediaRequest::LiveMix { peer, feed, .. }) = asked.first() else { panic!("a mix: {asked:?}") };
        assert!(self.did(&Effect::ReplyLater(Awaited::Mix(*feed))));
        (*peer, *feed)
    }
    fn send(&mut self, wish: BroadcastWish) -> Result<BroadcastId, RoomError> {
        match self.operate(Command::StartBroadcast { wish: Box::new(wish) })? {
            Reply::Broadcast(broadcast) => Ok(broadcast.id),
            other => panic!("a broadcast: {other:?}"),
        }
    }
}

fn to(to: &str) -> BroadcastWish {
    BroadcastWish { to: to.into(), ..BroadcastWish::default() }
}

fn room() -> Room {
    let mut room = Room::new();
    room.join("ann").unwrap();
    room.join("bob").unwrap();
    room
}

#[test]
fn without_a_name_it_is_the_only_feed_then_the_mix() {
    let mut room = room();
    assert_eq!(room.find(None), Err(RoomError::FeedNotFound));
    let (_, ann) = room.publish("ann");
    assert_eq!(room.find(None), Ok(Reply::Feed(ann)));
    assert_eq!(room.find(Some(&ann.0.to_string())), Ok(Reply::Feed(ann)));
    assert_eq!(room.find(Some("ann")), Ok(Reply::Feed(ann)));
    assert_eq!(room.find(Some("bob")), Err(RoomError::FeedNotFound));
    room.publish("bob");
    let (_, mix) = room.mixed(None);
    room.media(MediaEvent::FeedLive { feed: mix, tracks: vec![AUDIO, VIDEO] });
    assert_eq!(room.replied(), Ok(Reply::Feed(mix)));
    assert!(room.kinds().is_empty(), "a mix is no feed of the room's");
    assert_eq!(room.find(Some("mix")), Ok(Reply::Feed(mix)), "one for all");
    room.watch("ann", mix);
}

#[test]
fn feeds_come_into_the_mix_and_leave_it() {
    let mut room = room();
    let (peer, ann) = room.publish("ann");
    let (_, mix) = room.mixed(Some("mix"));
    let member = |feed, name: Option<&str>| MediaRequest::MixFeed {
        recording: RecordingId::new(format!("live-{}", mix.0)),
        feed,
        name: name.map(str::to_owned),
    };
    assert_eq!(room.asked()[1..], [member(ann, Some("ann"))]);
    let (_, bob) = room.publish("bob");
    assert_eq!(room.asked(), [member(bob, Some("bob"))]);
    room.media(MediaEvent::PeerEnded { peer, reason: EndReason::MediaTimeout, detail: String::new() });
    assert_eq!(room.asked(), [member(ann, None)]);
}

#[test]
fn a_mix_that_nobody_uses_is_forgotten_and_made_again() {
    let mut room = room();
    let (peer, mix) = room.mixed(Some("mix"));
    room.media(MediaEvent::FeedLive { feed: mix, tracks: vec![AUDIO, VIDEO] });
    let subscription = room.watch("ann", mix);
    room.media(MediaEvent::PeerEnded { peer, reason: EndReason::Unused, detail: String::new() });
    assert!(room.did(&close(subscription, EndReason::FeedEnded)));
    let (peer, again) = room.mixed(Some("mix"));
    assert_ne!(again, mix);
    room.apply(Input::Command { from: None, command: Command::Close { reason: EndReason::Requested } });
    assert!(room.did(&close(peer, EndReason::Requested)));
    assert!(room.did(&Effect::ReplyNow(Awaited::Mix(again), Err(RoomError::RoomNotFound))), "nobody waits for ever");
}

#[test]
fn a_broadcast_of_a_layout_waits_for_its_mix() {
    let mut room = room();
    let wish = BroadcastWish { layout: Some(Layout::default()), ..to("rtmp://h/app/key") };
    let id = room.send(wish).unwrap();
    let asked = room.asked();
    let [MediaRequest::LiveMix { feed, .. }] = asked[..] else { panic!("only the mix: {asked:?}") };
    room.media(MediaEvent::FeedLive { feed, tracks: vec![AUDIO, VIDEO] });
    let asked = room.asked();
    let [MediaRequest::Broadcast { broadcast, feed: sent, wish }] = &asked[..] else { panic!("{asked:?}") };
    assert_eq!((*broadcast, *sent, wish.key.reveal()), (id, feed, "key"));
    let shown = serde_json::to_string(&room.state.view()).unwrap();
    assert!(shown.contains("rtmp://h/app") && !shown.contains("app/key"), "{shown}");
}

#[test]
fn a_broadcast_ends_when_the_engine_says_so() {
    let mut room = room();
    assert_eq!(room.send(to("rtmp://h/app")), Err(RoomError::FeedNotFound));
    room.publish("ann");
    let id = room.send(to("rtmp://h/app")).unwrap();
    room.operate(Command::StopBroadcast { broadcast: id }).unwrap();
    assert_eq!(room.asked(), [MediaRequest::StopBroadcast { broadcast: id, reason: EndReason::Requested }]);
    let (state, reason) = (BroadcastState::Ended, Some(EndReason::Requested));
    let status = Box::new(BroadcastStatus { state, reason, ..BroadcastStatus::default() });
    room.media(MediaEvent::BroadcastChanged { broadcast: id, status });
    assert!(matches!(room.kinds()[..], [EventKind::BroadcastChanged { .. }]));
    assert!(room.state.view().broadcasts.is_empty());
    assert_eq!(room.operate(Command::StopBroadcast { broadcast: id }), Err(RoomError::BroadcastNotFound));
}
