//! A peer connection without a description (ORTC): opened by us, connected by the client's certificate, and whatever is
//! published and watched on it.
//!
//! Decides when it counts as connected and when it is gone; all that is on it ends with it. `member` is what those on it see of
//! it, `producer` and `consumer` are their tasks, `data` the one of its data channels. Who sends nothing and watches nothing is here as long as its checks come.

pub mod consumer;
pub mod data;
mod member;
pub mod producer;

pub use member::Transport;

use super::application::Application;
use super::hooks::Role;
use super::{CLOSE_LIMIT, Context, Ending, Input, Leg, Peer, Signal, Verdict, close, judge, ticks};
use crate::media::data::PORT;
use crate::media::sdp::{Local, Remote, STAND_IN, inner_answer};
use crate::media::{MediaError, MediaEvent, MediaSink};
use crate::model::{EndReason, PeerId, TransportRemote};
use std::sync::Arc;
use std::time::Instant;

/// ICE names that stay good: those in use, those of a restart, and those of one that was never carried out.
const NAMES: usize = 3;

struct Task {
    context: Context,
    peer: Peer,
    transport: Arc<Transport>,
    leg: Arc<Leg>,
    local: Local,
    /// Since when we wait for the handshake, or are connected; before the client has told its side there is no hurry.
    since: Option<Instant>,
    connected: bool,
}

/// Runs a transport until its end.
pub async fn run(context: Context, peer: Peer, transport: Arc<Transport>) -> Ending {
    let (id, events, current) = (peer.id, peer.events.clone(), peer.current.clone());
    match Task::open(context, peer, transport.clone()).await {
        Ok(mut task) => {
            let ending = task.watch().await;
            current.lock().take();
            finish(&transport, (id, &events), &ending).await;
            close(task.leg).await;
            ending
        }
        Err(error) => {
            let ending = Some((EndReason::EngineError, error.to_string()));
            finish(&transport, (id, &events), &ending).await;
            ending
        }
    }
}

/// Tells the room and those on it, who leave before the connection goes.
async fn finish(transport: &Transport, (id, events): (PeerId, &MediaSink), ending: &Ending) {
    if let Some((reason, detail)) = ending.clone() {
        let _ = events.send(MediaEvent::PeerEnded { peer: id, reason, detail });
    }
    let closed = || (EndReason::Requested, "its transport was closed".to_owned());
    transport.end(ending.clone().unwrap_or_else(closed));
    if tokio::time::timeout(CLOSE_LIMIT, transport.is_left()).await.is_err() {
        tracing::error!(peer.id = %id, "what is on a transport does not end");
    }
}

impl Task {
    async fn open(context: Context, peer: Peer, transport: Arc<Transport>) -> Result<Self, MediaError> {
        let application = transport.channels().map(|_| Application::new());
        let role = Role::Transport(transport.on_connected(peer.id, peer.events.clone()), application);
        let (given, mailbox, name) = (context.clone(), peer.mailbox.clone(), format!("transport-{}", peer.id.0));
        let opening = tokio::task::spawn_blocking(move || Leg::open(&given, name, role, mailbox));
        let leg = opening.await.map_err(|error| MediaError::Fatal(error.to_string()))??;
        let local = match leg.offer(STAND_IN.0, STAND_IN.1).await {
            // Said where somebody wants a description: most clients begin the handshake.
            Ok(local) => Local { setup: "passive".to_owned(), ..local },
            Err(error) => {
                close(leg).await;
                return Err(error);
            }
        };
        *peer.current.lock() = Some(leg.clone());
        transport.open(&leg, &local);
        let task = Self { context, peer, transport, leg, local, since: None, connected: false };
        task.tell_local();
        Ok(task)
    }

    fn tell_local(&self) {
        let data = self.transport.channels().map(|_| PORT);
        let local = self.local.transport(self.context.mux.announced(), data);
        let _ = self.peer.events.send(MediaEvent::TransportOpened { peer: self.peer.id, local });
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
            let done = match input {
                None | Some(Input::Close) => return None,
                Some(Input::Connect(remote)) => self.connect(&remote).await,
                Some(Input::Restart) => self.restart(),
                Some(Input::Leg(_, signal)) => match self.heard(signal) {
                    Verdict::GoOn => Ok(()),
                    Verdict::End(reason, detail) => return Some((reason, detail)),
                },
                Some(_) => Ok(()),
            };
            if let Err(error) = done {
                return Some((EndReason::NegotiationFailed, error.to_string()));
            }
        }
    }

    /// The client's side is known: the handshake may end from here on.
    async fn connect(&mut self, told: &TransportRemote) -> Result<(), MediaError> {
        if self.since.is_some() {
            return Ok(());
        }
        let remote = Remote::of_transport(told)?;
        self.since = Some(Instant::now());
        self.leg.expect(&remote.fingerprints);
        self.leg.accept(&inner_answer(&remote, &self.local.mid)?).await
    }

    /// The former names stay good: nobody knows when the client will use the new.
    fn restart(&mut self) -> Result<(), MediaError> {
        self.local = self.local.restarted()?;
        self.leg.link().register(&self.local.name, &self.local.password);
        self.leg.link().forget_names(NAMES);
        self.tell_local();
        Ok(())
    }

    fn heard(&mut self, signal: Signal) -> Verdict {
        match signal {
            Signal::Secured => (self.connected, self.since) = (true, Some(Instant::now())),
            Signal::Roamed => self.transport.request_keyframes(),
            _ => {}
        }
        judge(&self.leg, signal)
    }

    /// A connected transport lives as long as anything comes: media, reports, or checks alone.
    fn overdue(&self) -> Option<(EndReason, String)> {
        let since = self.since?;
        if !self.connected {
            let late = since.elapsed() > self.context.negotiation_limit;
            return late.then(|| (EndReason::NegotiationTimeout, "the transport did not connect in time".into()));
        }
        let link = self.leg.link();
        let last = link.last_media().into_iter().chain([since, link.last_check()]).max()?;
        let gone = last.elapsed() > self.context.liveness;
        gone.then(|| (EndReason::MediaTimeout, format!("no RTP, RTCP or ICE check for {} s", last.elapsed().as_secs())))
    }
}
