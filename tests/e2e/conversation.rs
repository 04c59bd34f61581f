//! Two Chromium pages converse: one connection each, sound and pictures both ways, one by its own offer, one by ours.

use crate::browser::Browser;
use crate::page::serve;
use crate::service::start_server_with;
use crate::stage::{PATIENCE, plays_on};
use crate::whip::run;
use millrace::model::{FeedId, Grants, ParticipantId, RoomId, Sdp, TrackInfo};
use millrace::room::registry::Joining;
use millrace::room::{Command, EventKind, EventStream, RoomHandle};
use serde_json::Value;
use std::time::Duration;

const PAGE: &str = include_str!("conversation.html");

struct Party {
    id: ParticipantId,
    room: RoomHandle,
    events: EventStream,
    page: Browser,
}

impl Party {
    async fn join(room: &RoomHandle, name: &str, url: &str) -> Self {
        let id = ParticipantId::new(name);
        let joining = Joining {
            id: id.clone(),
            name: name.into(),
            dialect: "test",
            grants: Grants { control: false, publish: true, subscribe: true, room: None },
            leaves_with_its_feed: false,
            unique: false,
        };
        let events = room.join(joining).await.expect("joined");
        let page = Browser::start(name).await;
        page.open(url).await;
        Self { id, room: room.clone(), events, page }
    }

    async fn ask(&self, command: Command) {
        self.room.request(Some(&self.id), command).await.expect("accepted");
    }

    async fn told<T>(&mut self, what: &str, pick: impl Fn(&EventKind) -> Option<T>) -> T {
        let wait = async {
            loop {
                let event = self.events.recv().await.expect("the room goes on");
                if let Some(found) = pick(&event.kind) {
                    return found;
                }
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("missed: {what}"))
    }

    /// What a function of the page gives.
    async fn sdp(&self, name: &str, call: &str) -> Sdp {
        self.page.value(&format!("run('{name}', () => {call})")).await;
        self.page.wait(PATIENCE, name, &format!("outcome['{name}'] !== 'pending'")).await;
        let text = self.page.value(&format!("outcome['{name}']")).await;
        let text = text.as_str().filter(|text| text.starts_with("v=0")).unwrap_or_else(|| panic!("{name}: {text}"));
        Sdp::new(text)
    }

    async fn answered(&mut self) -> String {
        self.told("the answer", |kind| match kind {
            EventKind::PublishAnswered { answer, .. } => Some(answer.as_str().to_owned()),
            EventKind::PublishRefused { error } => panic!("refused: {error}"),
            _ => None,
        })
        .await
    }

    /// By the page's offer.
    async fn offers(&mut self, name: &str, call: &str) {
        let offer = self.sdp(name, call).await;
        self.ask(Command::Converse { offer: Some(offer) }).await;
        let answer = self.answered().await;
        run(&self.page, "take", &format!("take({})", Value::from(answer)), "done").await;
    }

    /// By ours.
    async fn is_offered(&mut self) {
        self.ask(Command::Converse { offer: None }).await;
        let offer = self.told("the offer", |kind| match kind {
            EventKind::PublishOffered { offer, .. } => Some(offer.as_str().to_owned()),
            _ => None,
        });
        let offer = offer.await;
        let answer = self.sdp("answer", &format!("answer({})", Value::from(offer))).await;
        self.ask(Command::AnswerConversation { answer }).await;
    }

    async fn live(&mut self) -> FeedId {
        let own = self.id.clone();
        self.told("its feed", move |kind| match kind {
            EventKind::FeedPublished { feed, publisher, tracks } if *publisher == own => {
                assert_eq!(tracks.len(), 2, "sound and pictures");
                Some(*feed)
            }
            _ => None,
        })
        .await
    }

    /// The feed's pictures are in this codec now.
    async fn shown(&mut self, of: FeedId, mime_type: &str) {
        let named = |track: &TrackInfo| format!("video/{}", track.codec.encoding_name()) == mime_type;
        let is = |kind: &EventKind| matches!(kind, EventKind::FeedPublished { feed, tracks, .. } if *feed == of && tracks.iter().any(named));
        self.told(mime_type, |kind| is(kind).then_some(())).await;
    }

    async fn gets(&self, what: &str) {
        self.page.wait(PATIENCE, what, "document.getElementById('video').videoWidth === 320").await;
        plays_on(&self.page, 40).await;
        let before = self.page.received().await.audio_energy;
        self.page.receives(PATIENCE, "sound with energy", |now| now.audio_energy > before).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_pages_see_and_hear_each_other() {
    let service = start_server_with(|config| config.media.liveness = Duration::from_secs(3)).await;
    let url = serve(PAGE).await;
    let room = service.rooms().create(Some(RoomId::new("call"))).expect("a room");
    let (mut ann, mut bob) = tokio::join!(Party::join(&room, "ann", &url), Party::join(&room, "bob", &url));
    ann.offers("offer", "offer()").await;
    let a = ann.live().await;
    bob.is_offered().await;
    let b = bob.live().await;
    ann.ask(Command::Face { feed: Some(b) }).await;
    bob.ask(Command::Face { feed: Some(a) }).await;
    ann.page.press("sound").await;
    bob.page.press("sound").await;
    ann.gets("bob").await;
    bob.gets("ann").await;

    ann.offers("restart", "restart()").await;
    ann.page.wait(PATIENCE, "the new path", "moved()").await;
    ann.gets("bob, by the new path").await;
    bob.gets("ann, by the new path").await;
    bob.offers("restart", "restart()").await;
    bob.page.wait(PATIENCE, "the new path", "moved()").await;
    ann.gets("bob, by his offer").await;
    bob.gets("ann, after his offer").await;

    for codec in ["video/H264", "video/VP9"] {
        run(&ann.page, "switch", &format!("switchTo('{codec}')"), "done").await;
        bob.shown(a, codec).await;
        bob.gets(codec).await;
    }
    drop(ann.page);
    bob.told("the end of hers", |kind| matches!(kind, EventKind::FeedEnded { feed, .. } if *feed == a).then_some(()))
        .await;
    assert_eq!(bob.page.value("pc.connectionState").await, "connected");
}
