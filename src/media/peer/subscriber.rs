//! A subscriber's task: offers a feed and takes the answer, or answers the client's own offer; hands the keys to `egress`,
//! watches its deadlines. A client's own offer is answered before the feed has tracks, too: for all that the client takes.

use super::facing::Facing;
use super::hooks::Role;
use super::{Context, Ending, Input, Leg, Peer, Signal, Verdict, close, judge, note_candidate, ticks};
use crate::media::choice::{Chosen, Joining, Watcher};
use crate::media::egress::{Downlink, DownlinkSpec, OutStream, TransportNumbers};
use crate::media::feed::Feed;
use crate::media::sdp::{Accepted, Local, Subscription, Viewing};
use crate::media::{MediaError, MediaEvent, Viewer};
use crate::model::{Codec, EndReason, Kind, Sdp};
use std::sync::{Arc, Weak};
use std::time::Instant;

/// Who makes the offer.
pub enum Opening {
    /// The server.
    Ours,
    /// The client: this is it.
    Theirs(Sdp),
}

struct Subscriber {
    context: Context,
    peer: Peer,
    feed: Arc<Feed>,
    viewer: Viewer,
    /// From the connection on.
    chosen: Option<Chosen>,
    /// Of a feed that had no tracks when it was answered: shows it once it has.
    facing: Option<Facing>,
    subscription: Subscription,
    leg: Arc<Leg>,
    local: Local,
    accepted: Option<Accepted>,
    /// The client's own offer, once answered.
    viewing: Option<Viewing>,
    /// Session id and version of our descriptions.
    session: (u64, u64),
    since: Instant,
    connected: bool,
}

/// Runs a subscriber until its end.
pub async fn run(context: Context, peer: Peer, (feed, viewer): (Arc<Feed>, Viewer), opening: Opening) -> Ending {
    let (id, events, current) = (peer.id, peer.events.clone(), peer.current.clone());
    let ended = |(reason, detail)| {
        let _ = events.send(MediaEvent::PeerEnded { peer: id, reason, detail });
    };
    let theirs = matches!(opening, Opening::Theirs(_));
    let mut subscriber = match Subscriber::open(context, peer, (feed, viewer), opening).await {
        Ok(subscriber) => subscriber,
        Err(error) if theirs => {
            let _ = events.send(MediaEvent::SubscribeRefused { peer: id, error });
            return None;
        }
        Err(error) => {
            let ending = (EndReason::NegotiationFailed, error.to_string());
            ended(ending.clone());
            return Some(ending);
        }
    };
    let ending = subscriber.watch().await;
    current.lock().take();
    ending.iter().cloned().for_each(ended);
    // Before its downlink goes.
    drop((subscriber.chosen.take(), subscriber.facing.take()));
    close(subscriber.leg).await;
    ending
}

/// A random number that may stand as an SSRC.
pub fn random() -> u32 {
    let mut bytes = [0; 4];
    match aws_lc_rs::rand::fill(&mut bytes) {
        Ok(()) => u32::from_be_bytes(bytes) | 1,
        // The system's generator does not fail; a counter would still be unique in this process.
        Err(_) => gst::glib::random_int() | 1,
    }
}

impl Subscriber {
    async fn open(
        context: Context,
        peer: Peer,
        (feed, viewer): (Arc<Feed>, Viewer),
        opening: Opening,
    ) -> Result<Self, MediaError> {
        let ready = feed.ready();
        let early = ready.is_err() && matches!(opening, Opening::Theirs(_));
        let viewing = match &opening {
            Opening::Theirs(offer) => Some(judged(offer, &feed, early)?),
            Opening::Ours => {
                ready?;
                None
            }
        };
        let subscription = match &viewing {
            Some(viewing) => viewing.subscription.clone(),
            None => Subscription::of(feed.id(), &feed.tracks(), random),
        };
        let (leg, local) = open_leg(&context, &peer, &subscription).await?;
        *peer.current.lock() = Some(leg.clone());
        let (session, since) = ((u64::from(random()), 0), Instant::now());
        let (accepted, connected, chosen) = (None, false, None);
        let facing = early.then(|| Facing::new(peer.id, viewer, peer.events.clone(), context.choices.clone()));
        let mut subscriber = Self {
            context,
            peer,
            feed,
            viewer,
            chosen,
            facing,
            subscription,
            leg,
            local,
            accepted,
            viewing: None,
            session,
            since,
            connected,
        };
        match viewing {
            None => subscriber.offer(),
            Some(viewing) => subscriber.answer_first(viewing).await?,
        }
        Ok(subscriber)
    }

    fn offer(&mut self) {
        let offer = self.subscription.offer(&self.local, self.context.mux.announced(), self.session.0);
        self.say(MediaEvent::SubscribeOffered { peer: self.peer.id, offer });
    }

    async fn answer_first(&mut self, viewing: Viewing) -> Result<(), MediaError> {
        if let Err(error) = self.take_remote(viewing.accepted.clone()).await {
            self.peer.current.lock().take();
            close(self.leg.clone()).await;
            return Err(error);
        }
        if let Some(facing) = &mut self.facing {
            facing.face(Some(self.feed.clone()));
        }
        self.answer(viewing);
        Ok(())
    }

    fn answer(&mut self, viewing: Viewing) {
        self.session.1 += 1;
        let (id, version) = self.session;
        let answer = viewing.answer(&viewing.local(&self.local), self.context.mux.announced(), id, version);
        self.viewing = Some(viewing);
        self.say(MediaEvent::SubscribeAnswered { peer: self.peer.id, answer });
    }

    fn say(&self, event: MediaEvent) {
        let _ = self.peer.events.send(event);
    }

    async fn watch(&mut self) -> Ending {
        let mut tick = ticks();
        loop {
            let input = tokio::select! {
                input = self.peer.inbox.recv() => input,
                _ = tick.tick() => {
                    if let Some(ending) = self.overdue() {
                        return Some(ending);
                    }
                    continue;
                }
            };
            match input {
                None | Some(Input::Close) => return None,
                Some(Input::FeedEnded) => return Some((EndReason::FeedEnded, "the publisher is gone".into())),
                Some(Input::Answer(answer)) => self.take_answer(&answer).await,
                Some(Input::Candidate(candidate)) => note_candidate(self.peer.id, &candidate),
                Some(Input::Leg(_, signal)) => {
                    if let Some(ending) = self.heard(signal) {
                        return Some(ending);
                    }
                }
                Some(Input::Republish(offer)) => self.take_further_offer(&offer),
                Some(Input::FeedLive) => self.facing.iter_mut().for_each(Facing::look),
                Some(Input::Face(_) | Input::Connect(_) | Input::Restart) => {}
            }
        }
    }

    fn heard(&mut self, signal: Signal) -> Ending {
        match signal {
            Signal::Secured => {
                if let Err(error) = self.begin() {
                    return Some((EndReason::EngineError, error.to_string()));
                }
            }
            Signal::Roamed => self.feed.request_keyframe(),
            _ => {}
        }
        match judge(&self.leg, signal) {
            Verdict::GoOn => None,
            Verdict::End(reason, detail) => Some((reason, detail)),
        }
    }

    async fn take_answer(&mut self, answer: &Sdp) {
        if let Err(error) = self.try_answer(answer).await {
            self.say(MediaEvent::AnswerRefused { peer: self.peer.id, error });
        }
    }

    async fn try_answer(&mut self, answer: &Sdp) -> Result<(), MediaError> {
        if self.accepted.is_some() {
            return Err(MediaError::NotReady("the offer was answered already".into()));
        }
        let accepted = self.subscription.accept(answer)?;
        self.take_remote(accepted).await
    }

    /// The far side's end of the transport, and what it accepted.
    async fn take_remote(&mut self, accepted: Accepted) -> Result<(), MediaError> {
        let inner = self.subscription.inner_answer(&accepted.remote, &self.local.mid)?;
        self.leg.expect(&accepted.remote.fingerprints);
        self.leg.link().set_remote_name(&accepted.remote.name);
        self.leg.accept(&inner).await?;
        self.accepted = Some(accepted);
        self.since = Instant::now();
        Ok(())
    }

    fn take_further_offer(&mut self, offer: &Sdp) {
        match self.restarted(offer) {
            Ok(viewing) => self.answer(viewing),
            Err(error) => self.say(MediaEvent::SubscribeRefused { peer: self.peer.id, error }),
        }
    }

    /// A further offer of the client's may change its ICE names, and is owed new ones (RFC 8839 5.4); nothing else.
    fn restarted(&mut self, offer: &Sdp) -> Result<Viewing, MediaError> {
        let before = self.viewing.as_ref().ok_or_else(|| MediaError::NotReady("the server makes the offers".into()))?;
        let remote = judged(offer, &self.feed, self.facing.is_some())?.accepted.remote;
        let mut viewing = before.clone();
        if !remote.continues(&viewing.accepted.remote) {
            return Err(MediaError::BadSdp("it is of another peer connection: open another session".into()));
        }
        if remote.name != viewing.accepted.remote.name {
            self.local = self.local.restarted()?;
            self.leg.link().register(&self.local.name, &self.local.password);
            self.leg.link().set_remote_name(&remote.name);
        }
        viewing.accepted.remote = remote;
        Ok(viewing)
    }

    /// Connected: from here on `egress` sends.
    fn begin(&mut self) -> Result<(), MediaError> {
        let accepted = self.accepted.as_ref().ok_or_else(|| MediaError::Fatal("connected without an answer".into()))?;
        let downlink = self.context.pool.attach(DownlinkSpec {
            peer: self.peer.id,
            feed: self.facing.is_none().then(|| self.feed.clone()),
            streams: accepted.streams.clone(),
            extensions: accepted.extensions,
            keys: self.leg.keys()?,
            numbers: TransportNumbers::default(),
            wire: self.leg.link().clone(),
            cname: self.subscription.cname.clone(),
        });
        let downlink = Arc::new(downlink);
        match (&mut self.facing, &self.viewing) {
            (Some(facing), Some(viewing)) => facing.connect(&downlink, viewing.receiving()),
            _ => self.chosen = Some(self.context.choices.add(self.joining(accepted, &downlink))),
        }
        self.leg.set_downlink(downlink);
        self.connected = true;
        self.since = Instant::now();
        self.say(MediaEvent::Connected { peer: self.peer.id });
        Ok(())
    }

    fn joining(&self, accepted: &Accepted, downlink: &Arc<Downlink>) -> Joining {
        Joining {
            peer: self.peer.id,
            viewer: self.viewer,
            feed: self.feed.clone(),
            downlink: weak(downlink),
            begun: true,
            only: None,
            decoders: decoders(&accepted.streams),
            own_pictures: accepted.own_pictures,
            events: self.peer.events.clone(),
        }
    }

    /// A connected subscriber lives as long as it reports or checks.
    fn overdue(&self) -> Option<(EndReason, String)> {
        if !self.connected {
            let late = self.since.elapsed() > self.context.negotiation_limit;
            return late.then(|| (EndReason::NegotiationTimeout, "the offer led to no connection".into()));
        }
        let last = self.leg.last_rtcp().into_iter().chain([self.since, self.leg.link().last_check()]).max()?;
        let gone = last.elapsed() > self.context.liveness;
        gone.then(|| (EndReason::MediaTimeout, format!("no RTCP and no ICE check for {} s", last.elapsed().as_secs())))
    }
}

/// A client's own offer; `early`: of a feed whose tracks are not known.
fn judged(offer: &Sdp, feed: &Feed, early: bool) -> Result<Viewing, MediaError> {
    match early {
        true => Viewing::early(offer, feed.id(), random),
        false => Viewing::read(offer, feed.id(), &feed.tracks(), random),
    }
}

/// The choice must not keep it alive.
pub fn weak<W: Watcher + 'static>(downlink: &Arc<W>) -> Weak<dyn Watcher> {
    let downlink: Weak<W> = Arc::downgrade(downlink);
    downlink
}

/// Codecs of pictures that were negotiated.
pub fn decoders(streams: &[OutStream]) -> Vec<Codec> {
    let pictures = streams.iter().filter(|stream| stream.kind() == Kind::Video);
    pictures.flat_map(|stream| stream.codecs().map(|out| out.codec)).collect()
}

/// A leg that has offered the first stream to webrtcbin, whoever offers to the client.
async fn open_leg(
    context: &Context,
    peer: &Peer,
    subscription: &Subscription,
) -> Result<(Arc<Leg>, Local), MediaError> {
    let first = subscription.streams.first().ok_or_else(|| MediaError::NotReady("the feed has no tracks".into()))?;
    let (context, mailbox) = (context.clone(), peer.mailbox.clone());
    let name = format!("subscriber-{}", peer.id.0);
    let opening = tokio::task::spawn_blocking(move || Leg::open(&context, name, Role::Subscriber, mailbox));
    let leg = opening.await.map_err(|error| MediaError::Fatal(error.to_string()))??;
    match leg.offer(first.first.codec, first.first.payload_type).await {
        Ok(local) => Ok((leg, local)),
        Err(error) => {
            close(leg).await;
            Err(error)
        }
    }
}
