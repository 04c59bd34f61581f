//! A subscriber's task: offers a feed, takes the answer, hands the keys to `egress`, watches its deadlines.

use super::hooks::Role;
use super::{Context, Ending, Input, Leg, Peer, Signal, Verdict, close, judge, note_candidate, ticks};
use crate::media::egress::DownlinkSpec;
use crate::media::feed::Feed;
use crate::media::sdp::{Accepted, Local, Subscription};
use crate::media::{MediaError, MediaEvent};
use crate::model::{EndReason, Sdp};
use std::sync::Arc;
use std::time::Instant;

struct Subscriber {
    context: Context,
    peer: Peer,
    feed: Arc<Feed>,
    subscription: Subscription,
    leg: Arc<Leg>,
    local: Local,
    accepted: Option<Accepted>,
    since: Instant,
    connected: bool,
}

/// Runs a subscriber until its end.
pub async fn run(context: Context, peer: Peer, feed: Arc<Feed>) -> Ending {
    let (id, events, current) = (peer.id, peer.events.clone(), peer.current.clone());
    let ended = |(reason, detail)| {
        let _ = events.send(MediaEvent::PeerEnded { peer: id, reason, detail });
    };
    let mut subscriber = match Subscriber::open(context, peer, feed).await {
        Ok(subscriber) => subscriber,
        Err(error) => {
            let ending = (EndReason::NegotiationFailed, error.to_string());
            ended(ending.clone());
            return Some(ending);
        }
    };
    let ending = subscriber.watch().await;
    current.lock().take();
    ending.iter().cloned().for_each(ended);
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
    async fn open(context: Context, peer: Peer, feed: Arc<Feed>) -> Result<Self, MediaError> {
        feed.ready()?;
        let subscription = Subscription::of(feed.id(), &feed.tracks(), random);
        let first =
            subscription.streams.first().ok_or_else(|| MediaError::NotReady("the feed has no tracks".into()))?;
        let (codec, payload_type) = (first.codec, first.payload_type);
        let name = format!("subscriber-{}", peer.id.0);
        let (opening_context, mailbox) = (context.clone(), peer.mailbox.clone());
        let opening = tokio::task::spawn_blocking(move || Leg::open(&opening_context, name, Role::Subscriber, mailbox));
        let leg = opening.await.map_err(|error| MediaError::Fatal(error.to_string()))??;
        let local = match leg.offer(codec, payload_type).await {
            Ok(local) => local,
            Err(error) => {
                close(leg).await;
                return Err(error);
            }
        };
        *peer.current.lock() = Some(leg.clone());
        let offer = subscription.offer(&local, context.mux.announced(), u64::from(random()));
        let _ = peer.events.send(MediaEvent::SubscribeOffered { peer: peer.id, offer });
        let since = Instant::now();
        Ok(Self { context, peer, feed, subscription, leg, local, accepted: None, since, connected: false })
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
                Some(Input::Republish(_)) => {}
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
        let inner = self.subscription.inner_answer(&accepted.remote, &self.local.mid)?;
        self.leg.expect(&accepted.remote.fingerprints);
        self.leg.link().set_remote_name(&accepted.remote.name);
        self.leg.accept(&inner).await?;
        self.accepted = Some(accepted);
        self.since = Instant::now();
        Ok(())
    }

    /// Connected: from here on `egress` sends.
    fn begin(&mut self) -> Result<(), MediaError> {
        let accepted = self.accepted.as_ref().ok_or_else(|| MediaError::Fatal("connected without an answer".into()))?;
        let downlink = self.context.pool.attach(DownlinkSpec {
            peer: self.peer.id,
            feed: self.feed.clone(),
            streams: accepted.streams.clone(),
            extensions: accepted.extensions,
            keys: self.leg.keys()?,
            wire: self.leg.link().clone(),
            cname: self.subscription.cname.clone(),
        });
        self.leg.set_downlink(downlink);
        self.connected = true;
        self.since = Instant::now();
        self.say(MediaEvent::Connected { peer: self.peer.id });
        Ok(())
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
