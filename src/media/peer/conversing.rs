//! The task of a peer that publishes and receives on one connection: its offer answered or ours made, its feed fed, what
//! it faces sent to it; its deadlines watched.

use super::admission::{admit, gate};
use super::facing::Facing;
use super::hooks::Role;
use super::subscriber::random;
use super::{Context, Ending, Input, Leg, Peer, Signal, Verdict, close, judge, note_candidate, ticks};
use crate::media::egress::{DownlinkSpec, TransportNumbers};
use crate::media::feed::Feed;
use crate::media::sdp::{Conversation, Local, Remote, Subscription};
use crate::media::{MediaError, MediaEvent, Viewer};
use crate::model::{EndReason, Sdp};
use std::sync::Arc;
use std::time::Instant;

struct Conversing {
    context: Context,
    peer: Peer,
    feed: Arc<Feed>,
    facing: Facing,
    /// CNAME and MediaStream of what it gets, whoever that is.
    cname: String,
    /// Session id and version of our descriptions.
    session: (u64, u64),
}

/// A leg with what was negotiated on it.
struct Running {
    leg: Arc<Leg>,
    local: Local,
    /// Ours, if we made the first offer.
    offered: Option<Subscription>,
    /// `None`: our offer is open.
    agreed: Option<Conversation>,
    numbers: TransportNumbers,
    since: Instant,
    connected: bool,
}

/// Runs a conversing peer until its end. Without an offer of the client's the server makes one.
pub async fn run(context: Context, peer: Peer, (feed, viewer): (Arc<Feed>, Viewer), offer: Option<Sdp>) -> Ending {
    let facing = Facing::new(peer.id, viewer, peer.events.clone(), context.choices.clone());
    let (cname, session) = (peer.id.to_string(), (u64::from(random()), 0));
    let mut conversing = Conversing { context, peer, feed, facing, cname, session };
    let opened = match &offer {
        Some(offer) => conversing.open(offer).await,
        None => conversing.propose().await,
    };
    let mut running = match opened {
        Ok(running) => running,
        Err(error) => {
            conversing.refuse(error);
            return None;
        }
    };
    let ending = conversing.watch(&mut running).await;
    conversing.peer.current.lock().take();
    if let Some((reason, detail)) = ending.clone() {
        conversing.say(MediaEvent::PeerEnded { peer: conversing.peer.id, reason, detail });
    }
    // Before its downlink goes.
    conversing.facing.disconnect();
    close(running.leg).await;
    ending
}

impl Conversing {
    fn say(&self, event: MediaEvent) {
        let _ = self.peer.events.send(event);
    }

    fn refuse(&self, error: MediaError) {
        self.say(MediaEvent::PublishRefused { peer: self.peer.id, error });
    }

    async fn leg(&self) -> Result<Arc<Leg>, MediaError> {
        let (id, events) = (self.peer.id, self.peer.events.clone());
        // The room hears of the connection before the first packet can make the feed live.
        let connected = Arc::new(move || drop(events.send(MediaEvent::Connected { peer: id })));
        let role = Role::Publisher(connected);
        let (context, mailbox, name) =
            (self.context.clone(), self.peer.mailbox.clone(), format!("conversation-{}", id.0));
        let opening = tokio::task::spawn_blocking(move || Leg::open(&context, name, role, mailbox));
        opening.await.map_err(|error| MediaError::Fatal(error.to_string()))?
    }

    /// A leg for the client's offer, answered. Whatever runs is untouched until the answer is out.
    async fn open(&mut self, offer: &Sdp) -> Result<Running, MediaError> {
        let agreed = Conversation::read(offer, &self.cname, None, random)?;
        let publication = &agreed.publication;
        let (inner, tracks) = (publication.inner_offer()?, publication.inner_tracks());
        let leg = self.leg().await?;
        leg.expect(&publication.remote.fingerprints);
        let made = leg.answer(&inner, &tracks, publication.transport_cc()).await;
        let running = self.running(leg, made).await?;
        self.take(&running.leg, &agreed)?;
        self.answer(&running, &agreed);
        Ok(Running { agreed: Some(agreed), ..running })
    }

    /// A leg with our offer.
    async fn propose(&mut self) -> Result<Running, MediaError> {
        let offered = Subscription::both_ways(self.cname.clone(), random);
        let first = offered.streams.first().map(|stream| stream.first);
        let first = first.ok_or_else(|| MediaError::Fatal("an offer of nothing".into()))?;
        let leg = self.leg().await?;
        let made = leg.offer(first.codec, first.payload_type).await;
        let running = self.running(leg, made).await?;
        self.session.1 = 1;
        let offer = offered.offer(&running.local, self.context.mux.announced(), self.session.0);
        self.say(MediaEvent::PublishOffered { peer: self.peer.id, offer });
        Ok(Running { offered: Some(offered), ..running })
    }

    async fn running(&self, leg: Arc<Leg>, local: Result<Local, MediaError>) -> Result<Running, MediaError> {
        match local {
            Ok(local) => {
                *self.peer.current.lock() = Some(leg.clone());
                let (numbers, since) = (TransportNumbers::default(), Instant::now());
                Ok(Running { leg, local, offered: None, agreed: None, numbers, since, connected: false })
            }
            Err(error) => {
                close(leg).await;
                Err(error)
            }
        }
    }

    /// Makes what the client sends the feed's source.
    fn take(&self, leg: &Leg, agreed: &Conversation) -> Result<(), MediaError> {
        let (others, publication) = (agreed.others(), &agreed.publication);
        leg.link().set_remote_name(&publication.remote.name);
        let admitted = (publication, gate(publication, &others));
        admit(leg, (self.peer.id, &self.peer.events), &self.feed, admitted, || {})?;
        leg.uplink()?.set_others(others);
        Ok(())
    }

    fn answer(&mut self, running: &Running, agreed: &Conversation) {
        self.session.1 += 1;
        let (id, version) = self.session;
        let answer = agreed.answer(&running.local, self.context.mux.announced(), id, version);
        self.say(MediaEvent::PublishAnswered { peer: self.peer.id, answer });
    }

    async fn watch(&mut self, running: &mut Running) -> Ending {
        let mut tick = ticks();
        loop {
            let input = tokio::select! {
                input = self.peer.inbox.recv() => input,
                _ = tick.tick() => {
                    if let Some(ending) = self.overdue(running) {
                        return Some(ending);
                    }
                    continue;
                }
            };
            match input {
                None | Some(Input::Close) => return None,
                Some(Input::Leg(number, signal)) if number == running.leg.number() => {
                    if let Some(ending) = self.heard(running, signal).await {
                        return Some(ending);
                    }
                }
                Some(Input::Leg(..)) => {}
                Some(input) => self.told(running, input).await,
            }
        }
    }

    async fn told(&mut self, running: &mut Running, input: Input) {
        match input {
            Input::Republish(offer) => {
                if let Err(error) = self.republish(running, &offer).await {
                    self.refuse(error);
                }
            }
            Input::Answer(answer) => {
                if let Err(error) = self.take_answer(running, &answer).await {
                    self.say(MediaEvent::AnswerRefused { peer: self.peer.id, error });
                }
            }
            Input::Candidate(candidate) => note_candidate(self.peer.id, &candidate),
            Input::Face(feed) => self.facing.face(feed),
            Input::FeedLive => self.facing.look(),
            Input::FeedEnded => self.facing.face(None),
            Input::Close | Input::Leg(..) | Input::Connect(_) | Input::Restart => {}
        }
    }

    async fn heard(&mut self, running: &mut Running, signal: Signal) -> Ending {
        match signal {
            Signal::Secured => {
                (running.connected, running.since) = (true, Instant::now());
                if let Err(error) = self.send(running).await {
                    return Some((EndReason::EngineError, error.to_string()));
                }
            }
            Signal::Roamed => {
                self.feed.request_keyframe();
                self.facing.request_keyframe();
            }
            Signal::OtherPayload(payload_type) => {
                if let Some(agreed) = &mut running.agreed
                    && agreed.prefer(payload_type)
                    && let Err(error) = self.take(&running.leg, agreed)
                {
                    return Some((EndReason::EngineError, error.to_string()));
                }
            }
            _ => {}
        }
        match judge(&running.leg, signal) {
            Verdict::GoOn => None,
            Verdict::End(reason, detail) => Some((reason, detail)),
        }
    }

    /// From here on it is sent what it faces. What was sent before ends first: two senders of one peer are none.
    async fn send(&mut self, running: &Running) -> Result<(), MediaError> {
        let Some(agreed) = &running.agreed else {
            return Err(MediaError::Fatal("connected without an answer".into()));
        };
        self.facing.disconnect();
        end_downlink(&running.leg).await;
        if agreed.receiving.streams.is_empty() {
            return Ok(());
        }
        let receiving = agreed.receiving.clone();
        let downlink = Arc::new(self.context.pool.attach(DownlinkSpec {
            peer: self.peer.id,
            feed: None,
            streams: receiving.streams.clone(),
            extensions: receiving.extensions,
            keys: running.leg.keys()?,
            numbers: running.numbers.clone(),
            wire: running.leg.link().clone(),
            cname: receiving.cname.clone(),
        }));
        self.facing.connect(&downlink, receiving);
        running.leg.set_downlink(downlink);
        Ok(())
    }

    async fn take_answer(&mut self, running: &mut Running, answer: &Sdp) -> Result<(), MediaError> {
        let offered = running.offered.as_ref().filter(|_| running.agreed.is_none());
        let offered = offered.ok_or_else(|| MediaError::NotReady("there is no open offer".into()))?;
        let agreed = Conversation::accept(offered, answer)?;
        let remote = &agreed.publication.remote;
        let inner = offered.inner_answer(remote, &running.local.mid)?;
        running.leg.expect(&remote.fingerprints);
        // The handshake may end while webrtcbin is still at it.
        self.take(&running.leg, &agreed)?;
        running.leg.accept(&inner).await?;
        // What is left to us, for later descriptions.
        running.local.setup = if remote.setup == "active" { "passive" } else { "active" }.into();
        (running.agreed, running.since) = (Some(agreed), Instant::now());
        Ok(())
    }

    /// The same peer connection of the client: the transport stays, tracks and streams may change. Another: a new leg.
    async fn republish(&mut self, running: &mut Running, offer: &Sdp) -> Result<(), MediaError> {
        let before = running.agreed.as_ref();
        let before = before.ok_or_else(|| MediaError::NotReady("the server's offer waits for its answer".into()))?;
        let mut agreed = Conversation::read(offer, &self.cname, Some(&before.receiving), random)?;
        if !agreed.publication.remote.continues(&before.publication.remote) {
            return self.take_over(running, offer).await;
        }
        // It goes on sending what it sent, whichever its offer names first.
        for track in before.publication.tracks() {
            agreed.prefer(track.payload_type);
        }
        let others = agreed.receiving != before.receiving;
        let remote = before.publication.remote.clone();
        running.restart_ice(&remote, &agreed.publication.remote)?;
        self.take(&running.leg, &agreed)?;
        self.answer(running, &agreed);
        running.agreed = Some(agreed);
        if others && running.connected {
            self.send(running).await?;
        }
        Ok(())
    }

    async fn take_over(&mut self, running: &mut Running, offer: &Sdp) -> Result<(), MediaError> {
        let fresh = self.open(offer).await?;
        let old = std::mem::replace(running, fresh);
        self.facing.disconnect();
        old.leg.link().close();
        end_downlink(&old.leg).await;
        tokio::spawn(close(old.leg));
        Ok(())
    }

    /// A connected peer lives as long as it sends, reports or checks: it may have nothing to send, or to receive.
    fn overdue(&self, running: &Running) -> Option<(EndReason, String)> {
        if !running.connected {
            let late = running.since.elapsed() > self.context.negotiation_limit;
            return late.then(|| (EndReason::NegotiationTimeout, "the description led to no connection".into()));
        }
        let link = running.leg.link();
        let last = link.last_media().into_iter().chain([running.since, link.last_check()]).max()?;
        let gone = last.elapsed() > self.context.liveness;
        gone.then(|| (EndReason::MediaTimeout, format!("no RTP, RTCP or ICE check for {} s", last.elapsed().as_secs())))
    }
}

impl Running {
    /// A client that changed its ICE names is owed new ones (RFC 8839 5.4).
    fn restart_ice(&mut self, before: &Remote, now: &Remote) -> Result<(), MediaError> {
        if now.name != before.name {
            self.local = self.local.restarted()?;
            self.leg.link().register(&self.local.name, &self.local.password);
        }
        Ok(())
    }
}

/// Waits for the sending thread: not on an async one.
async fn end_downlink(leg: &Arc<Leg>) {
    let leg = leg.clone();
    let _ = tokio::task::spawn_blocking(move || leg.end_downlink()).await;
}
