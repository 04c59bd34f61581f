//! What a client produces. Sound and pictures of a camera are one feed, of its own place; a shared screen, or a further
//! camera, is another's.

use super::{Member, Note, Place, Step, Why};
use crate::model::{Content, EndReason, FeedId, Kind, PeerId, Sdp};
use crate::room::{Command, RoomError};
use crate::signaling::conference::names;
use crate::signaling::conference::ortc::RtpParameters;
use crate::signaling::conference::ortc::produced::{self, Section};
use crate::signaling::conference::refusal::Refusal;
use crate::signaling::conference::wire::Request;
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};

/// Places of a client: a camera, a screen, and two more.
const MOST: usize = 4;

const CAMERA: &str = "camera";

/// A place to publish from.
#[derive(Debug)]
pub struct Slot {
    /// `None`: the client's own.
    label: Option<String>,
    seated: bool,
    content: Content,
    on: Option<PeerId>,
    sections: BTreeMap<Kind, Section>,
    feed: Option<FeedId>,
    /// In order.
    waiting: VecDeque<Waiting>,
}

/// An offer that the engine has not answered.
#[derive(Debug)]
struct Waiting {
    /// `None`: the room has not told it yet.
    feed: Option<FeedId>,
    /// The `produce` that it is made for: its request's id, and of which kind it is. `None`: something was taken away.
    asked: Option<Asked>,
}

type Asked = (Option<Value>, Kind);

impl Slot {
    /// The client's own place.
    pub fn own() -> Self {
        Self::new(None, Content::Camera)
    }

    fn new(label: Option<String>, content: Content) -> Self {
        let (sections, waiting) = (BTreeMap::new(), VecDeque::new());
        Self { seated: label.is_none(), label, content, on: None, sections, feed: None, waiting }
    }

    fn takes(&self, kind: Kind, content: Content, on: PeerId) -> bool {
        let fits = self.content == content && !self.sections.contains_key(&kind);
        fits && (self.sections.is_empty() || self.on == Some(on))
    }

    fn label(&self) -> &str {
        self.label.as_deref().unwrap_or(CAMERA)
    }

    fn is_about(&self, feed: FeedId) -> bool {
        self.feed == Some(feed) || self.waiting.iter().any(|waiting| waiting.feed == Some(feed))
    }

    /// Whether it publishes nothing, and nothing is under way.
    fn is_free(&self) -> bool {
        self.sections.is_empty() && self.waiting.is_empty()
    }
}

impl Member {
    pub(super) fn produce(&mut self, request: &Request) -> Result<(), Refusal> {
        let on = self.transport(request.text("transportId", 64)?)?;
        let kind = names::kind(request.text("kind", 16)?);
        let kind = kind.ok_or_else(|| Refusal::bad_request("`kind` must be audio or video"))?;
        let sent: RtpParameters = request.structure("rtpParameters")?;
        let section = Section::of(kind, &sent, kind.as_str())?;
        let place = self.place_for(kind, produced::content(&request.any("appData")), on)?;
        if let Some(slot) = self.slots.get_mut(place) {
            slot.on = Some(on);
            slot.sections.insert(kind, section);
        }
        self.offer(place, Some((request.id.clone(), kind)));
        Ok(())
    }

    fn place_for(&mut self, kind: Kind, content: Content, on: PeerId) -> Result<Place, Refusal> {
        if let Some(place) = self.slots.iter().position(|slot| slot.takes(kind, content, on)) {
            return Ok(place);
        }
        let slot = Slot::new(Some(self.new_label(content)), content);
        match self.slots.iter().skip(1).position(Slot::is_free) {
            Some(place) if self.slots.len() >= MOST => {
                // Another content's place that nobody needs any more.
                let place = place + 1;
                self.slots[place] = Slot { seated: false, ..slot };
                Ok(place)
            }
            None if self.slots.len() >= MOST => {
                Err(Refusal::bad_request(format!("a client produces from {MOST} sources at most")))
            }
            _ => {
                self.slots.push(slot);
                Ok(self.slots.len() - 1)
            }
        }
    }

    fn new_label(&self, content: Content) -> String {
        let word = if content == Content::Screen { "screen" } else { CAMERA };
        let taken = |label: &str| self.slots.iter().any(|slot| slot.label() == label);
        let numbered = (2..).map(|n| format!("{word}-{n}"));
        std::iter::once(word.to_owned()).chain(numbered).find(|label| !taken(label)).unwrap_or_default()
    }

    /// All that a place produces now, told to the engine.
    fn offer(&mut self, place: Place, asked: Option<Asked>) {
        let Some(slot) = self.slots.get_mut(place) else { return };
        let Some(on) = slot.on else { return };
        if let (false, Some(label)) = (std::mem::replace(&mut slot.seated, true), slot.label.clone()) {
            self.steps.push(Step::Sit(place, label));
        }
        slot.waiting.push_back(Waiting { feed: None, asked });
        let (offer, content) = (produced::offer(slot.sections.values()), slot.content);
        self.ask(place, Why::Produced, Command::Produce { on, offer, content });
    }

    /// The room has taken the newest offer: it is of this feed.
    pub(super) fn offered(&mut self, place: Place, feed: FeedId) {
        let newest = self.slots.get_mut(place).and_then(|slot| slot.waiting.back_mut());
        newest.into_iter().for_each(|waiting| waiting.feed = Some(feed));
    }

    /// The answer to an offer of a feed that is over means nothing.
    pub(super) fn published(&mut self, place: Place, feed: FeedId, answer: &Sdp) {
        let Some(slot) = self.slots.get_mut(place) else { return };
        let Some(answered) = slot.waiting.pop_front_if(|waiting| waiting.feed == Some(feed)) else { return };
        slot.feed = Some(feed);
        let Some((id, kind)) = answered.asked else { return };
        if produced::is_rejected(answer, kind) {
            let refusal = Refusal::bad_request("none of the codecs in `rtpParameters` is taken");
            return self.take_back(place, (id, kind), &refusal);
        }
        let told = json!({ "id": names::producer(feed, kind), "kind": kind.as_str() });
        self.tell("produced", told, id.as_ref());
    }

    pub(super) fn not_published(&mut self, place: Place, error: &RoomError) {
        let waiting = self.slots.get_mut(place).and_then(|slot| slot.waiting.pop_front());
        self.give_up(place, waiting, error);
    }

    /// The room did not even take the newest offer.
    pub(super) fn refused_to_publish(&mut self, place: Place, error: &RoomError) {
        let waiting = self.slots.get_mut(place).and_then(|slot| slot.waiting.pop_back());
        self.give_up(place, waiting, error);
    }

    fn give_up(&mut self, place: Place, waiting: Option<Waiting>, error: &RoomError) {
        let Some(asked) = waiting.and_then(|waiting| waiting.asked) else { return };
        let refusal = match error {
            RoomError::NoCommonCodec(words) => Refusal::bad_request(words.clone()),
            error => Refusal::from(error),
        };
        self.take_back(place, asked, &refusal);
    }

    fn take_back(&mut self, place: Place, (id, kind): Asked, refusal: &Refusal) {
        if let Some(slot) = self.slots.get_mut(place) {
            slot.sections.remove(&kind);
        }
        self.refuse(id.as_ref(), refusal);
        self.rise_if_free(place);
    }

    /// A further place is for publishing alone.
    fn rise_if_free(&mut self, place: Place) {
        let Some(slot) = self.slots.get_mut(place).filter(|slot| slot.is_free() && slot.label.is_some()) else {
            return;
        };
        slot.feed = None;
        if std::mem::replace(&mut slot.seated, false) {
            self.steps.push(Step::Rise(place));
        }
    }

    /// The place of a producer of this client's.
    fn own_producer(&self, request: &Request) -> Result<(Place, (FeedId, Kind)), Refusal> {
        let name = request.text("producerId", 64)?;
        let (feed, kind) = names::read_producer(name)?;
        let owns = |slot: &Slot| slot.feed == Some(feed) && slot.sections.contains_key(&kind);
        let place = self.slots.iter().position(owns);
        place.map(|place| (place, (feed, kind))).ok_or_else(|| Refusal::no_producer(name))
    }

    /// The names of all of this client's.
    pub(super) fn producers(&self) -> impl Iterator<Item = String> {
        let live = self.slots.iter().filter_map(|slot| Some((slot.feed?, &slot.sections)));
        live.flat_map(|(feed, sections)| sections.keys().map(move |kind| names::producer(feed, *kind)))
    }

    pub(super) fn close_producer(&mut self, request: &Request) -> Result<(), Refusal> {
        let (place, (feed, kind)) = self.own_producer(request)?;
        self.steps.push(Step::Note(Note::Paused(names::producer(feed, kind), false)));
        let slot = &mut self.slots[place];
        slot.sections.remove(&kind);
        if slot.sections.is_empty() {
            slot.feed = None;
            slot.waiting.clear();
            self.ask_unpublished(place);
        } else {
            self.offer(place, None);
        }
        self.tell("ok", json!({}), request.id.as_ref());
        Ok(())
    }

    fn ask_unpublished(&mut self, place: Place) {
        self.ask(place, Why::Nothing, Command::Unpublish);
        self.rise_if_free(place);
    }

    pub(super) fn pause_producer(&mut self, request: &Request, paused: bool) -> Result<(), Refusal> {
        let (place, (feed, kind)) = self.own_producer(request)?;
        let name = names::producer(feed, kind);
        self.ask(place, Why::Nothing, Command::Hold { kind, held: paused });
        self.steps.push(Step::Note(Note::Paused(name.clone(), paused)));
        let kind = if paused { "producer-paused" } else { "producer-resumed" };
        self.pass(None, kind, json!({ "producerId": name }), Why::Nothing);
        self.tell("ok", json!({}), request.id.as_ref());
        Ok(())
    }

    /// A feed is over: its producers are. The client's own, too, if it was not the one to end it.
    pub(super) fn feed_ended(&mut self, feed: FeedId, reason: EndReason) {
        let Some(live) = self.feeds.remove(&feed) else { return self.own_feed_ended(feed, reason) };
        match names::owner(&live.publisher).0 == self.me {
            true => self.own_feed_ended(feed, reason),
            false => live.kinds.into_iter().for_each(|kind| self.producer_gone(feed, kind)),
        }
    }

    pub(super) fn own_feed_ended(&mut self, feed: FeedId, reason: EndReason) {
        if let Some(place) = self.slots.iter().position(|slot| slot.is_about(feed)) {
            self.stop_producing(place, reason, &Refusal::new("internal", format!("it has ended: {reason}")));
        }
    }

    /// `refusal`: for what was under way.
    fn stop_producing(&mut self, place: Place, reason: EndReason, refusal: &Refusal) {
        let slot = &mut self.slots[place];
        slot.on = None;
        let (feed, waiting) = (slot.feed.take(), std::mem::take(&mut slot.waiting));
        let mut sections = std::mem::take(&mut slot.sections);
        for (id, kind) in waiting.into_iter().filter_map(|waiting| waiting.asked) {
            sections.remove(&kind);
            self.refuse(id.as_ref(), refusal);
        }
        for producer in sections.into_keys().filter_map(|kind| Some(names::producer(feed?, kind))) {
            self.steps.push(Step::Note(Note::Paused(producer.clone(), false)));
            self.tell("producer-closed", json!({ "producerId": producer, "reason": reason }), None);
        }
        self.rise_if_free(place);
    }

    /// Their transport is over.
    pub(super) fn stop_producing_on(&mut self, transport: PeerId, reason: EndReason, refusal: &Refusal) {
        let places = (0..self.slots.len()).filter(|place| self.slots[*place].on == Some(transport));
        places.collect::<Vec<_>>().into_iter().for_each(|place| self.stop_producing(place, reason, refusal));
    }
}
