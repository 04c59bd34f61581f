//! Publishing and watching: the client offers, the room answers by an event.

use super::super::ids;
use super::super::wire::frame::{Params, Refusal, Request};
use super::happening::{end, with};
use super::state::{Ask, Effect};
use super::{Pending, State, Stream, Subscribed, view};
use crate::model::{Candidate, Content, EndReason, FeedId, PeerId, Sdp};
use crate::room::{Command, EventKind, RoomError, Side};
use serde_json::{Map, Value, json};

impl State {
    pub(super) fn publish(&mut self, me: &str, request: &Request) -> Result<(), Refusal> {
        if !self.grants(me).publish {
            return Err(Refusal::new(401, "Unable to publish: the role does not allow it"));
        }
        let offer = self.offer(request.params.text("sdpOffer")?)?;
        let mut stream = read_stream(me, &request.params, self.now);
        stream.loopback = request.params.switch("doLoopback") == Some(true);
        stream.filter = self.first_filter(me, &request.params)?;
        let Some(active) = self.active_mut(me) else { return Ok(()) };
        if active.publisher.is_some() {
            return Err(Refusal::new(106, "The connection is already publishing"));
        }
        let command = stream.offered(offer);
        active.publisher = Some(stream);
        active.publishing = Some(Pending { request: request.id.clone(), mends: false });
        self.ask(me, Ask::Publish, command);
        Ok(())
    }

    /// A broken peer connection of a publisher, or of a viewer, is replaced by another.
    pub(super) fn reconnect(&mut self, me: &str, request: &Request) -> Result<(), Refusal> {
        let name = request.params.text("stream")?;
        let own = self.find(me).and_then(|c| c.stream()).is_some_and(|stream| stream.id == name);
        let (string, offer) = (request.params.find("sdpString"), request.params.find("sdpOffer"));
        match (own, string, offer) {
            (true, Some(offer), _) | (true, None, Some(offer)) => self.republish(me, request, offer),
            (false, _, Some(offer)) => {
                let offer = self.offer_for(name, offer)?;
                self.watch(me, request, name, |feed| Command::SubscribeWith { feed, offer })
            }
            (false, Some(answer), None) => self.settle_offer(me, request, name, answer),
            (_, None, None) => Err(Refusal::missing("sdpString")),
        }
    }

    fn republish(&mut self, me: &str, request: &Request, offer: &str) -> Result<(), Refusal> {
        let offer = self.offer(offer)?;
        let own = self.find(me).and_then(|c| c.stream());
        let Some(command) = own.map(|stream| stream.offered(offer)) else { return Ok(()) };
        let pending = Pending { request: request.id.clone(), mends: true };
        let earlier = self.active_mut(me).and_then(|active| active.publishing.replace(pending));
        self.superseded(me, earlier);
        self.ask(me, Ask::Publish, command);
        Ok(())
    }

    /// A request that another has taken the place of: nothing would answer it.
    pub(super) fn superseded(&mut self, me: &str, earlier: Option<Pending>) {
        if let Some(earlier) = earlier {
            self.refuse(me, &earlier.request, Refusal::new(303, "A later request has taken its place"));
        }
    }

    pub(super) fn receive(&mut self, me: &str, request: &Request) -> Result<(), Refusal> {
        let name = request.params.text("sender")?;
        if let Some(answer) = request.params.find("sdpAnswer") {
            return self.settle_offer(me, request, name, answer);
        }
        let offer = self.offer_for(name, request.params.text("sdpOffer")?)?;
        self.watch(me, request, name, |feed| Command::SubscribeWith { feed, offer })
    }

    /// Anew, whatever it watched by: `how` the room is asked.
    pub(super) fn watch(
        &mut self,
        me: &str,
        request: &Request,
        name: &str,
        how: impl FnOnce(FeedId) -> Command,
    ) -> Result<(), Refusal> {
        let (owner, feed) = self.carrier(name)?;
        let at = self.now;
        let Some(active) = self.active_mut(me) else { return Ok(()) };
        let earlier = take(&mut active.subscribing, feed);
        active.subscribing.push((feed, Pending { request: request.id.clone(), mends: false }));
        let before = active.subscribers.iter_mut().find(|known| known.stream == name);
        // A stream that was mended may have another feed.
        let before = before.map(|known| std::mem::replace(&mut known.feed, feed));
        if before.is_none() {
            active.subscribers.push(Subscribed { stream: name.into(), owner, feed, peer: None, at, told: false });
        }
        self.superseded(me, earlier);
        if let Some(feed) = before {
            // Its client has made another peer connection: the former cannot go on with its offer.
            self.ask(me, Ask::Other, Command::Unsubscribe { feed });
        }
        self.ask(me, Ask::Subscribe(feed), how(feed));
        self.limit(me, feed);
        Ok(())
    }

    /// Who publishes a stream, and the feed that carries it.
    pub(super) fn carrier(&self, name: &str) -> Result<(String, FeedId), Refusal> {
        if let Some(foreign) = self.foreign.iter().find(|foreign| foreign.stream.id == name) {
            return Ok((foreign.connection.clone(), foreign.feed));
        }
        let owner = self.connections.iter().find(|c| c.stream().is_some_and(|stream| stream.id == name));
        let Some(owner) = owner else {
            let gone = ids::owner(name).is_none_or(|owner| self.find(owner).is_none());
            return Err(Refusal::new(if gone { 102 } else { 105 }, format!("There is no stream {name}")));
        };
        let feed = owner.stream().and_then(|stream| stream.feed);
        feed.map(|feed| (owner.id.clone(), feed))
            .ok_or_else(|| Refusal::new(105, format!("{name} is not streaming now")))
    }

    /// The offer, cut down to the session's codec.
    pub(super) fn offer(&self, sdp: &str) -> Result<Sdp, Refusal> {
        use super::super::codec;
        let forced = super::super::wire::new_session::codec(self.properties.forced_codec);
        match forced {
            None => Ok(Sdp::new(sdp)),
            Some(codec) => match codec::only(sdp, codec) {
                Some(cut) => Ok(Sdp::new(cut)),
                None if self.properties.allow_transcoding => Ok(Sdp::new(sdp)),
                None => Err(Refusal::new(800, format!("The session's codec {codec} is not in the offer"))),
            },
        }
    }

    pub(super) fn unsubscribe(&mut self, me: &str, request: &Request) -> Result<(), Refusal> {
        let owner = request.params.text("sender")?;
        let owner = ids::owner(owner).unwrap_or(owner).to_owned();
        if self.active(&owner).is_none() && self.foreign.iter().all(|foreign| foreign.connection != owner) {
            return Err(Refusal::new(102, format!("There is no connection {owner}")));
        }
        let Some(active) = self.active_mut(me) else { return Ok(()) };
        let ended: Vec<_> = active.subscribers.extract_if(.., |watched| watched.owner == owner).collect();
        for watched in ended {
            self.unwatched(me, &watched, "unsubscribe");
            self.ask(me, Ask::Other, Command::Unsubscribe { feed: watched.feed });
        }
        self.done(me, &request.id);
        Ok(())
    }

    /// A pair of connection and stream is over.
    pub(super) fn unwatched(&mut self, me: &str, watched: &Subscribed, reason: &str) {
        if watched.told && !super::agent::is(me) {
            let fields = view::inbound(me, watched, self.stream_named(&watched.stream));
            self.tell("webrtcConnectionDestroyed", with(fields, end(watched.at, self.now, reason)));
        }
    }

    fn stream_named(&self, name: &str) -> Option<&Stream> {
        self.connections.iter().filter_map(|c| c.stream()).find(|stream| stream.id == name)
    }

    pub(super) fn candidate(&mut self, me: &str, request: &Request) -> Result<(), Refusal> {
        let side = match request.params.find("endpointName") {
            Some(name) if name != me && ids::owner(name) != Some(me) => Side::Subscriber,
            // Mobile clients leave out their own.
            _ => Side::Publisher,
        };
        let text = request.params.find("candidate").unwrap_or_default();
        if !text.is_empty() {
            let ufrag = text.split_whitespace().skip_while(|word| *word != "ufrag").nth(1).map(str::to_owned);
            let mline = request.params.number("sdpMLineIndex").map(|index| index as u32);
            let mid = request.params.find("sdpMid").map(str::to_owned);
            let candidate = Some(Candidate { candidate: text.into(), mid, mline, ufrag });
            self.ask(me, Ask::Other, Command::Candidate { side, candidate });
        }
        self.done(me, &request.id);
        Ok(())
    }

    pub(super) fn asked(&mut self, me: &str, ask: Ask, result: Result<(), RoomError>) {
        match (ask, result) {
            (Ask::Filter(asked), result) => self.filter_asked(me, asked, result),
            (Ask::Answer(feed, request), result) => self.offer_settled(me, (feed, &request), result),
            (Ask::Publish, Err(error)) => self.not_published(me, &error),
            (Ask::Subscribe(feed), Err(error)) => self.not_subscribed(me, feed, &error),
            (Ask::Publish | Ask::Subscribe(_), Ok(())) | (Ask::Other, _) => {}
        }
    }

    fn not_published(&mut self, me: &str, error: &RoomError) {
        let Some(active) = self.active_mut(me) else { return };
        let Some(pending) = active.publishing.take() else { return };
        if !pending.mends {
            active.publisher = None;
        }
        self.refuse(me, &pending.request, refusal(error));
    }

    fn not_subscribed(&mut self, me: &str, feed: FeedId, error: &RoomError) {
        let Some(active) = self.active_mut(me) else { return };
        let Some(pending) = take(&mut active.subscribing, feed) else { return };
        active.subscribers.retain(|watched| watched.feed != feed || watched.told);
        self.refuse(me, &pending.request, refusal(error));
    }

    pub(super) fn event(&mut self, me: &str, event: EventKind) {
        match event {
            EventKind::PublishAnswered { feed, answer } => self.published(me, feed, &answer),
            EventKind::PublishRefused { error } => self.not_published(me, &error),
            EventKind::SubscriptionAnswered { feed, peer, answer } => self.subscribed(me, (feed, peer), &answer),
            EventKind::SubscriptionOffered { feed, peer, offer } => self.offered(me, (feed, peer), &offer),
            EventKind::SubscriptionRefused { feed, error, .. } => self.not_subscribed(me, feed, &error),
            EventKind::SubscriptionEnded { participant: who, feed, peer, reason, .. }
                if who == super::participant(me) =>
            {
                self.subscription_broke(me, (feed, peer), reason);
            }
            // By an operator's hand.
            EventKind::ParticipantLeft { participant: who, reason: EndReason::Kicked }
                if who == super::participant(me) =>
            {
                self.evict(me, "forceDisconnectByServer", None);
            }
            EventKind::FeedEnded { feed, publisher, reason, .. } => match self.camera_of(feed).map(str::to_owned) {
                Some(camera) => self.camera_ended(&camera, reason),
                None => self.feed_ended(feed, &publisher),
            },
            EventKind::FeedPublished { feed, publisher, tracks } => self.foreign_published(feed, &publisher, &tracks),
            EventKind::RoomClosed { reason: EndReason::Shutdown } => self.close("openviduServerStopped"),
            EventKind::FilterChanged { feed, publisher, failure: Some(_), .. } => {
                self.filter_failed(me, feed, &publisher)
            }
            EventKind::CodeSeen { feed, code } => self.code_seen(feed, &code),
            EventKind::RoomClosed { .. } => self.close("sessionClosedByServer"),
            _ => {}
        }
    }

    fn published(&mut self, me: &str, feed: FeedId, answer: &Sdp) {
        let Some(active) = self.active_mut(me) else { return };
        let Some(pending) = active.publishing.take() else { return };
        let Some(stream) = active.publisher.as_mut() else { return };
        let begins = stream.feed.replace(feed) != Some(feed);
        let (news, stream) = (!std::mem::replace(&mut stream.told, true), stream.clone());
        let result = json!({ "sdpAnswer": self.limited(me, answer), "id": stream.id, "createdAt": stream.created_at });
        self.answer(me, &pending.request, Ok(result));
        if stream.loopback {
            self.ask(me, Ask::Other, Command::Face { feed: Some(feed) });
        }
        if news {
            let others = self.clients(Some(me));
            self.notify(&others, "participantPublished", &json!({ "id": me, "streams": [view::stream(&stream)] }));
            self.tell("webrtcConnectionCreated", view::outbound(me, &stream));
            self.stays_recorded();
            if self.records_by_itself() {
                self.effects.push(Effect::Record);
            }
        }
        self.record_stream(feed);
        if begins {
            self.begin_filter(me, feed);
        }
    }

    fn subscribed(&mut self, me: &str, (feed, peer): (FeedId, PeerId), answer: &Sdp) {
        let Some(active) = self.active_mut(me) else { return };
        let Some(pending) = take(&mut active.subscribing, feed) else { return };
        if let Some(watched) = active.subscribers.iter_mut().find(|watched| watched.feed == feed) {
            watched.peer = Some(peer);
        }
        self.answer(me, &pending.request, Ok(json!({ "sdpAnswer": answer.as_str() })));
        self.now_watches(me, feed);
    }

    /// The application hears of a pair of connection and stream once.
    pub(super) fn now_watches(&mut self, me: &str, feed: FeedId) {
        let Some(active) = self.active_mut(me) else { return };
        let watched = active.subscribers.iter_mut().find(|watched| watched.feed == feed);
        let news = watched.and_then(|watched| (!std::mem::replace(&mut watched.told, true)).then(|| watched.clone()));
        if let Some(watched) = news.filter(|_| !super::agent::is(me)) {
            let fields = view::inbound(me, &watched, self.stream_named(&watched.stream));
            self.tell("webrtcConnectionCreated", fields);
        }
    }

    /// The engine gave a viewer's peer up; its client makes another by `reconnectStream`, under the same name. The end of one
    /// that was answered, and of one that we ended to watch anew, says nothing of what waits now.
    fn subscription_broke(&mut self, me: &str, (feed, peer): (FeedId, PeerId), reason: EndReason) {
        let Some(active) = self.active_mut(me) else { return };
        let answered = active.subscribers.iter().any(|watched| watched.peer == Some(peer));
        if answered || [EndReason::Unsubscribed, EndReason::Replaced].contains(&reason) {
            return;
        }
        if let Some(waiting) = take(&mut active.subscribing, feed) {
            self.refuse(me, &waiting.request, Refusal::new(105, "The stream is not streaming now"));
        }
    }

    /// The feed is over, the stream is not: its publisher mends it under the same name, or unpublishes.
    fn feed_ended(&mut self, feed: FeedId, publisher: &crate::model::ParticipantId) {
        match super::connection_of(publisher).map(str::to_owned) {
            None => self.foreign_ended(feed),
            Some(owner) => {
                if let Some(stream) = self.stream_mut(&owner).filter(|stream| stream.feed == Some(feed)) {
                    stream.feed = None;
                }
            }
        }
    }
}

impl Stream {
    /// The offer of its publisher's peer connection, as the room is asked.
    fn offered(&self, offer: Sdp) -> Command {
        let content = if self.type_of_video.as_deref() == Some("SCREEN") { Content::Screen } else { Content::Camera };
        if self.loopback { Command::Converse { offer: Some(offer) } } else { Command::Publish { offer, content } }
    }
}

/// What waits for a feed's answer.
pub(super) fn take(waiting: &mut Vec<(FeedId, Pending)>, feed: FeedId) -> Option<Pending> {
    let at = waiting.iter().position(|(known, _)| *known == feed)?;
    Some(waiting.remove(at).1)
}

fn read_stream(me: &str, params: &Params, now: i64) -> Stream {
    let (audio, video) = (params.switch("hasAudio").unwrap_or(true), params.switch("hasVideo").unwrap_or(true));
    let type_of_video = params.find("typeOfVideo").filter(|kind| video && !kind.is_empty()).map(str::to_owned);
    let type_of_video = type_of_video.or_else(|| video.then(|| "CAMERA".to_owned()));
    Stream {
        id: ids::stream(type_of_video.as_deref(), me),
        created_at: now,
        audio,
        video,
        audio_active: params.switch("audioActive").unwrap_or(audio),
        video_active: params.switch("videoActive").unwrap_or(video),
        type_of_video,
        frame_rate: params.number("frameRate"),
        dimensions: params.find("videoDimensions").map(str::to_owned),
        filter: Map::new(),
        feed: None,
        loopback: false,
        told: false,
    }
}

/// The dialect's codes. Exhaustive: a new `RoomError` needs a code here.
pub(super) fn refusal(error: &RoomError) -> Refusal {
    let code = match error {
        RoomError::RoomNotFound => 202,
        RoomError::ShuttingDown => 203,
        RoomError::NotInRoom | RoomError::ParticipantNotFound => 102,
        RoomError::FeedNotFound
        | RoomError::NotPublishing
        | RoomError::SubscriptionNotFound
        | RoomError::DataNotFound
        | RoomError::TransportNotFound => 105,
        RoomError::Forbidden(_) => 401,
        RoomError::BadSdp(_) | RoomError::NoPendingOffer => 302,
        RoomError::NoCommonCodec(_) => 303,
        RoomError::Occupied => 104,
        RoomError::WrongState(_) => 106,
        RoomError::RecordingNotFound | RoomError::Storage(_) => 701,
        RoomError::IngestNotFound | RoomError::BroadcastNotFound => 102,
        RoomError::Invalid(_) | RoomError::Limit(_) | RoomError::Internal(_) => 999,
    };
    Refusal::new(code, error.to_string())
}

/// Fields of an event about a value that may be absent.
pub(super) fn or_null(value: Option<&str>) -> Value {
    value.map_or(Value::Null, Into::into)
}
