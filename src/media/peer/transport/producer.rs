//! A publication on a transport: its offers answered, its feed fed. The connection is the transport's, with its deadlines: one
//! that sends nothing is paused.

use super::member::{Member, Opened, Transport};
use crate::media::feed::Feed;
use crate::media::peer::admission::{admit, gate};
use crate::media::peer::{Context, Ending, Input, Peer};
use crate::media::sdp::Publication;
use crate::media::{MediaError, MediaEvent};
use crate::model::Sdp;
use std::sync::Arc;

struct Producer {
    context: Context,
    peer: Peer,
    feed: Arc<Feed>,
    opened: Opened,
    /// Session id and version of our answers.
    session: (u64, u64),
}

/// Runs a publication until its end.
pub async fn run(
    context: Context,
    peer: Peer,
    feed: Arc<Feed>,
    (transport, mut member): (Arc<Transport>, Member),
    offer: Sdp,
) -> Ending {
    let opened = match member.opened().await {
        Ok(opened) => opened,
        Err(error) => {
            let _ = peer.events.send(MediaEvent::PublishRefused { peer: peer.id, error });
            return None;
        }
    };
    let session = (u64::from(crate::media::peer::subscriber::random()), 0);
    let mut producer = Producer { context, peer, feed, opened, session };
    if let Err(error) = producer.take(&offer, Some(&transport)) {
        producer.refuse(error);
        return None;
    }
    drop(transport);
    *producer.peer.current.lock() = Some(producer.opened.leg.clone());
    let ending = producer.watch(&mut member).await;
    producer.leave();
    if let Some((reason, detail)) = ending.clone() {
        producer.say(MediaEvent::PeerEnded { peer: producer.peer.id, reason, detail });
    }
    ending
}

impl Producer {
    fn say(&self, event: MediaEvent) {
        let _ = self.peer.events.send(event);
    }

    fn refuse(&self, error: MediaError) {
        self.say(MediaEvent::PublishRefused { peer: self.peer.id, error });
    }

    /// Makes an offer the feed's source and answers it. The room hears of the answer and of the connection (of the first offer
    /// alone) before a packet can make the feed live.
    fn take(&mut self, offer: &Sdp, greeter: Option<&Transport>) -> Result<(), MediaError> {
        let publication = Publication::read(offer)?;
        let mut gate = gate(&publication, &[]);
        let (id, mids) = publication.mids();
        gate.name_sections(id, mids);
        self.session.1 += 1;
        let announced = self.context.mux.announced();
        let answer = publication.answer(&self.opened.local, announced, self.session.0, self.session.1);
        let told = || {
            self.say(MediaEvent::PublishAnswered { peer: self.peer.id, answer });
            greeter.into_iter().for_each(|transport| transport.greet(self.peer.id, &self.peer.events));
        };
        let whose = (self.peer.id, &self.peer.events);
        admit(&self.opened.leg, whose, &self.feed, (&publication, gate), told)
    }

    async fn watch(&mut self, member: &mut Member) -> Ending {
        loop {
            let input = tokio::select! {
                input = self.peer.inbox.recv() => input,
                news = member.news(true) => match news {
                    Ok(()) => continue,
                    Err(ended) => return Some(ended),
                },
            };
            match input {
                None | Some(Input::Close) => return None,
                Some(Input::Republish(offer)) => {
                    if let Err(error) = self.take(&offer, None) {
                        self.refuse(error);
                    }
                }
                Some(_) => {}
            }
        }
    }

    /// Nothing of it comes in any more; others on the transport go on.
    fn leave(&self) {
        self.peer.current.lock().take();
        let leg = &self.opened.leg;
        let gone = leg.link().remove_gate(self.peer.id);
        if let Ok(uplink) = leg.uplink() {
            uplink.retire(&gone);
            uplink.remove(self.peer.id);
        }
    }
}
