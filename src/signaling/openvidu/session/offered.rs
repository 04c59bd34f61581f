//! Watching by an offer of ours: `prepareReceiveVideoFrom` asks for it, the answer to it comes as a `receiveVideoFrom` or a
//! `reconnectStream`. Clients do this where `mediaServer` is not `kurento`; ours is, but all of them can.

use super::super::wire::frame::{Refusal, Request};
use super::state::Ask;
use super::{State, media};
use crate::model::{FeedId, PeerId, Sdp};
use crate::room::{Command, RoomError};
use serde_json::{Value, json};

impl State {
    pub(super) fn prepare(&mut self, me: &str, request: &Request) -> Result<(), Refusal> {
        let name = request.params.text("sender")?;
        self.watch(me, request, name, |feed| Command::Subscribe { feed })
    }

    /// The room has made the offer; what it offers is cut down as what clients offer is.
    pub(super) fn offered(&mut self, me: &str, (feed, peer): (FeedId, PeerId), offer: &Sdp) {
        let offer = self.offer(offer.as_str());
        let Some(active) = self.active_mut(me) else { return };
        let Some(pending) = media::take(&mut active.subscribing, feed) else { return };
        if let Some(watched) = active.subscribers.iter_mut().find(|watched| watched.feed == feed) {
            watched.peer = Some(peer);
        }
        let outcome = offer.map(|offer| json!({ "sdpOffer": offer.as_str() }));
        if outcome.is_err() {
            self.ask(me, Ask::Other, Command::Unsubscribe { feed });
        }
        self.answer(me, &pending.request, outcome);
    }

    /// The client's answer to our offer of this stream.
    pub(super) fn settle_offer(
        &mut self,
        me: &str,
        request: &Request,
        name: &str,
        answer: &str,
    ) -> Result<(), Refusal> {
        let watched = self.active(me).and_then(|active| active.subscribers.iter().find(|one| one.stream == name));
        let nobody = || Refusal::new(105, format!("{name} was not prepared"));
        let feed = watched.map(|watched| watched.feed).ok_or_else(nobody)?;
        let command = Command::Answer { feed: Some(feed), answer: Sdp::new(answer) };
        self.ask(me, Ask::Answer(feed, request.id.clone()), command);
        Ok(())
    }

    /// The room has taken the answer, or not.
    pub(super) fn offer_settled(&mut self, me: &str, (feed, request): (FeedId, &Value), result: Result<(), RoomError>) {
        match result {
            Ok(()) => {
                self.done(me, request);
                self.now_watches(me, feed);
            }
            Err(error) => self.refuse(me, request, media::refusal(&error)),
        }
    }
}
