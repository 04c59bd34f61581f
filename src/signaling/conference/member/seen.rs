//! What others do: who is here, what they produce, who speaks. A participant of another dialect that publishes is a person
//! with producers.

use super::{Live, Member, Step, data};
use crate::model::{EndReason, FeedId, Kind, ParticipantId, TrackInfo};
use crate::room::{EventKind, RoomView};
use crate::signaling::conference::names;
use crate::signaling::conference::ortc::router;
use crate::signaling::conference::wire::message;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

impl Member {
    /// One who has just come in, into a room that looks so. `more`: fields of `joined` that are no room's matter;
    /// `hands`: who has raised one.
    pub fn begin(
        (name, room): (&str, &str),
        id: Option<&Value>,
        view: &RoomView,
        more: Map<String, Value>,
        hands: &BTreeSet<ParticipantId>,
    ) -> (Self, Vec<Step>) {
        let me = names::participant(name, None);
        let peers = peers(view, &me);
        let names = std::iter::once(name.to_owned()).chain(peers.values().map(|peer| peer.name.clone()));
        let mut joined = json!({
            "roomId": room, "users": names.collect::<Vec<_>>(), "you": { "id": me, "username": name },
            "peers": peers.iter().map(|(id, peer)| peer.shown(id, hands)).collect::<Vec<_>>(),
            "routerRtpCapabilities": router::capabilities(),
        });
        joined.as_object_mut().into_iter().for_each(|fields| fields.extend(more.clone()));
        let member = Self {
            name: name.to_owned(),
            me,
            known: peers.into_keys().collect(),
            feeds: BTreeMap::new(),
            transports: Vec::new(),
            slots: vec![super::produce::Slot::own()],
            consumers: Vec::new(),
            data: Default::default(),
            steps: Vec::new(),
        };
        (member, vec![Step::Tell(message("joined", joined, id))])
    }

    pub(super) fn seen(&mut self, event: EventKind) {
        match event {
            EventKind::ParticipantJoined { participant } => self.came(&participant),
            EventKind::ParticipantLeft { participant, reason } if participant == self.me => self.put_out(reason),
            EventKind::ParticipantLeft { participant, .. } => self.went(&participant),
            EventKind::RoomClosed { reason } => self.put_out(reason),
            EventKind::FeedPublished { feed, publisher, tracks } => self.live(feed, publisher, &tracks),
            EventKind::FeedEnded { feed, reason, .. } => self.feed_ended(feed, reason),
            EventKind::SpeakerChanged { participant, .. } => self.speaks(participant.as_ref()),
            EventKind::Relayed { from, body } => self.relayed(&from, &body),
            EventKind::Transport { transport, change } => self.transport_changed(transport, change),
            EventKind::Data { peer, change } => self.data_changed(peer, change),
            EventKind::DataProduced { producer, publisher, label, protocol } => {
                self.data_produced(producer, publisher, (label, protocol));
            }
            EventKind::DataProducerEnded { producer, .. } => self.data_producer_ended(producer),
            EventKind::SubscriptionAnswered { peer, answer, .. } => self.consumed(peer, &answer),
            EventKind::SubscriptionRefused { peer, error, .. } => self.not_consumed(peer, &error),
            EventKind::SubscriptionEnded { peer, reason, .. } => self.consumer_ended(peer, reason),
            _ => {}
        }
    }

    fn came(&mut self, participant: &ParticipantId) {
        if matches!(names::parts(participant), Some((_, None))) && *participant != self.me {
            self.meet(participant);
        }
    }

    fn meet(&mut self, person: &ParticipantId) {
        if self.known.insert(person.clone()) {
            let (_, name) = names::owner(person);
            self.tell("user-joined", json!({ "user": name, "id": person }), None);
        }
    }

    fn went(&mut self, participant: &ParticipantId) {
        if self.known.remove(participant) {
            let (_, name) = names::owner(participant);
            self.tell("user-left", json!({ "user": name, "id": participant }), None);
        }
    }

    /// Not by its own wish.
    fn put_out(&mut self, reason: EndReason) {
        self.tell("user-left", json!({ "user": self.name, "id": self.me, "reason": reason }), None);
        self.steps.push(Step::Left);
    }

    /// A feed's tracks, at first or others.
    fn live(&mut self, feed: FeedId, publisher: ParticipantId, tracks: &[TrackInfo]) {
        let kinds: BTreeSet<Kind> = tracks.iter().map(TrackInfo::kind).collect();
        let live = Live { publisher: publisher.clone(), kinds: kinds.clone() };
        let before = self.feeds.insert(feed, live).map(|live| live.kinds).unwrap_or_default();
        let (person, _) = names::owner(&publisher);
        if person == self.me {
            return;
        }
        self.meet(&person);
        before.difference(&kinds).for_each(|kind| self.producer_gone(feed, *kind));
        kinds.difference(&before).for_each(|kind| self.new_producer(feed, *kind, &publisher));
    }

    pub(super) fn new_producer(&mut self, feed: FeedId, kind: Kind, publisher: &ParticipantId) {
        let producer = names::producer(feed, kind);
        let mut told = described(feed, kind, publisher);
        let (person, name) = names::owner(publisher);
        told.insert("user".into(), name.into());
        told.insert("peerId".into(), json!(person));
        self.tell("new-producer", told.into(), None);
        self.steps.push(Step::TellPaused(producer));
    }

    pub(super) fn producer_gone(&mut self, feed: FeedId, kind: Kind) {
        self.consumers.retain(|consumer| consumer.of != (feed, kind));
        self.tell("producer-closed", json!({ "producerId": names::producer(feed, kind) }), None);
    }

    fn speaks(&mut self, participant: Option<&ParticipantId>) {
        let who = participant.map(names::owner);
        let (id, user) = (who.as_ref().map(|(id, _)| id), who.as_ref().map(|(_, name)| name));
        self.tell_of_media("active-speaker", json!({ "peerId": id, "user": user }));
    }
}

/// A person as a newcomer finds it.
struct Peer {
    name: String,
    producers: Vec<Value>,
    data_producers: Vec<Value>,
}

impl From<String> for Peer {
    fn from(name: String) -> Self {
        Self { name, producers: Vec::new(), data_producers: Vec::new() }
    }
}

impl Peer {
    fn shown(&self, id: &ParticipantId, hands: &BTreeSet<ParticipantId>) -> Value {
        json!({
            "id": id, "username": self.name, "producers": self.producers, "dataProducers": self.data_producers,
            "hand": hands.contains(id),
        })
    }
}

/// People, and those of other dialects who publish.
fn peers(view: &RoomView, me: &ParticipantId) -> BTreeMap<ParticipantId, Peer> {
    let people = view.participants.iter().filter(|who| matches!(names::parts(&who.id), Some((_, None))));
    let mut peers: BTreeMap<ParticipantId, Peer> =
        people.map(|who| (who.id.clone(), Peer::from(names::owner(&who.id).1))).collect();
    for feed in view.feeds.iter().filter(|feed| feed.live) {
        let (person, name) = names::owner(&feed.publisher);
        let peer = peers.entry(person).or_insert_with(|| name.into());
        let kinds = feed.tracks.iter().map(TrackInfo::kind);
        peer.producers.extend(kinds.map(|kind| Value::from(described(feed.id, kind, &feed.publisher))));
    }
    for one in &view.data_producers {
        if let Some(peer) = peers.get_mut(&names::owner(&one.publisher).0) {
            peer.data_producers.push(data::described(one.producer, &one.label, &one.protocol));
        }
    }
    peers.remove(me);
    peers
}

/// A producer; `source` tells a camera from a shared screen.
fn described(feed: FeedId, kind: Kind, publisher: &ParticipantId) -> Map<String, Value> {
    let source = names::parts(publisher).and_then(|(_, label)| label).unwrap_or("camera");
    let fields = [
        ("producerId", names::producer(feed, kind)),
        ("kind", kind.as_str().to_owned()),
        ("source", source.to_owned()),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect()
}
