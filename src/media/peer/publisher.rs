//! A publisher's task: answers its offers, feeds its feed, watches its deadlines.

use super::admission::{admit, gate};
use super::hooks::Role;
use super::{Context, Ending, Input, Leg, Peer, Signal, Verdict, close, judge, note_candidate, ticks};
use crate::media::feed::Feed;
use crate::media::sdp::{Local, Publication, Remote};
use crate::media::{MediaError, MediaEvent};
use crate::model::{EndReason, Sdp};
use std::sync::Arc;
use std::time::Instant;

/// A leg with what was negotiated on it.
struct Running {
    leg: Arc<Leg>,
    local: Local,
    remote: Remote,
    since: Instant,
    connected: bool,
}

struct Publisher {
    context: Context,
    peer: Peer,
    feed: Arc<Feed>,
    /// Session id and version of our answers.
    session: (u64, u64),
}

/// Runs a publisher until its end.
pub async fn run(context: Context, peer: Peer, feed: Arc<Feed>, offer: Sdp) -> Ending {
    let session = (u64::from(super::subscriber::random()), 0);
    let mut publisher = Publisher { context, peer, feed, session };
    let mut running = match publisher.open(&offer).await {
        Ok(running) => running,
        Err(error) => {
            publisher.say(MediaEvent::PublishRefused { peer: publisher.peer.id, error });
            return None;
        }
    };
    let ending = publisher.watch(&mut running).await;
    publisher.peer.current.lock().take();
    if let Some((reason, detail)) = ending.clone() {
        publisher.say(MediaEvent::PeerEnded { peer: publisher.peer.id, reason, detail });
    }
    close(running.leg).await;
    ending
}

impl Publisher {
    fn say(&self, event: MediaEvent) {
        let _ = self.peer.events.send(event);
    }

    /// A leg for an offer, answered. Whatever runs is untouched until the answer is out.
    async fn open(&mut self, offer: &Sdp) -> Result<Running, MediaError> {
        let publication = Publication::read(offer)?;
        let (context, mailbox) = (self.context.clone(), self.peer.mailbox.clone());
        let (name, role) = (format!("publisher-{}", self.peer.id.0), self.role());
        let opening = tokio::task::spawn_blocking(move || Leg::open(&context, name, role, mailbox));
        let leg = opening.await.map_err(|error| MediaError::Fatal(error.to_string()))??;
        let local = match self.negotiate(&leg, &publication).await {
            Ok(local) => local,
            Err(error) => {
                close(leg).await;
                return Err(error);
            }
        };
        let remote = publication.remote.clone();
        let running = Running { leg, local, remote, since: Instant::now(), connected: false };
        self.take(&running, &publication)?;
        *self.peer.current.lock() = Some(running.leg.clone());
        Ok(running)
    }

    /// The room hears of the connection before the first packet can make the feed live.
    fn role(&self) -> Role {
        let (id, events) = (self.peer.id, self.peer.events.clone());
        let connected = Arc::new(move || drop(events.send(MediaEvent::Connected { peer: id })));
        Role::Publisher(connected)
    }

    async fn negotiate(&self, leg: &Leg, publication: &Publication) -> Result<Local, MediaError> {
        leg.expect(&publication.remote.fingerprints);
        leg.answer(&publication.inner_offer()?, &publication.inner_tracks(), publication.transport_cc()).await
    }

    /// Makes a publication the feed's source and tells the client.
    fn take(&mut self, running: &Running, publication: &Publication) -> Result<(), MediaError> {
        running.leg.link().set_remote_name(&publication.remote.name);
        self.session.1 += 1;
        let announced = self.context.mux.announced();
        let answer = publication.answer(&running.local, announced, self.session.0, self.session.1);
        let told = || self.say(MediaEvent::PublishAnswered { peer: self.peer.id, answer });
        let admitted = (publication, gate(publication, &[]));
        admit(&running.leg, (self.peer.id, &self.peer.events), &self.feed, admitted, told)
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
                Some(Input::Republish(offer)) => self.republish(running, &offer).await,
                Some(Input::Candidate(candidate)) => note_candidate(self.peer.id, &candidate),
                Some(Input::Leg(number, signal)) if number == running.leg.number() => {
                    self.heard(running, &signal);
                    if let Verdict::End(reason, detail) = judge(&running.leg, signal) {
                        return Some((reason, detail));
                    }
                }
                Some(_) => {}
            }
        }
    }

    fn heard(&self, running: &mut Running, signal: &Signal) {
        match signal {
            Signal::Secured => {
                running.connected = true;
                running.since = Instant::now();
            }
            Signal::Roamed => self.feed.request_keyframe(),
            _ => {}
        }
    }

    fn overdue(&self, running: &Running) -> Option<(EndReason, String)> {
        let waited = running.since.elapsed();
        if !running.connected {
            let late = waited > self.context.negotiation_limit;
            return late.then(|| (EndReason::NegotiationTimeout, "the answer led to no connection".into()));
        }
        let silent = running.leg.link().last_media().map_or(waited, |at| at.elapsed().min(waited));
        let gone = silent > self.context.liveness;
        gone.then(|| (EndReason::MediaTimeout, format!("no RTP and RTCP for {} s", silent.as_secs())))
    }

    /// The same peer connection of the client: the transport stays, tracks change. Another: a new leg takes over.
    async fn republish(&mut self, running: &mut Running, offer: &Sdp) {
        let result = match Publication::read(offer) {
            Err(error) => Err(error),
            Ok(publication) if publication.remote.continues(&running.remote) => {
                running.restart_ice(&publication.remote).and_then(|()| self.take(running, &publication))
            }
            Ok(_) => match self.open(offer).await {
                Err(error) => Err(error),
                Ok(fresh) => {
                    let old = std::mem::replace(running, fresh);
                    old.leg.link().close();
                    tokio::spawn(close(old.leg));
                    Ok(())
                }
            },
        };
        if let Err(error) = result {
            self.say(MediaEvent::PublishRefused { peer: self.peer.id, error });
        }
    }
}

impl Running {
    /// A client that changed its ICE names is owed new ones (RFC 8839 5.4).
    fn restart_ice(&mut self, remote: &Remote) -> Result<(), MediaError> {
        if remote.name != self.remote.name {
            self.local = self.local.restarted()?;
            self.leg.link().register(&self.local.name, &self.local.password);
        }
        self.remote = remote.clone();
        Ok(())
    }
}
