//! A transport as those on it see it: they wait until it is open or connected, hear when it ends, and it waits until they have
//! left.

use crate::media::data::Channels;
use crate::media::peer::Leg;
use crate::media::peer::hooks::OnConnected;
use crate::media::sdp::Local;
use crate::media::{MediaError, MediaEvent, MediaSink};
use crate::model::{EndReason, PeerId};
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::watch;

/// How far it is.
#[derive(Clone)]
enum State {
    Opening,
    Open(Opened),
    Connected(Opened),
    Ended(EndReason, String),
}

/// What is there once it is open.
#[derive(Clone)]
pub struct Opened {
    /// The connection.
    pub leg: Arc<Leg>,
    /// Our end of it.
    pub local: Local,
}

/// A transport.
pub struct Transport {
    state: watch::Sender<State>,
    /// Who publishes on it and is to be told of the connection; `None`: there is one.
    waiting: Mutex<Option<Vec<(PeerId, MediaSink)>>>,
    /// Where its data channels are, if it was asked for any.
    channels: Option<Arc<Channels>>,
}

/// One who is on it, or comes onto it.
pub struct Member(watch::Receiver<State>);

impl Transport {
    /// One that is being opened.
    pub fn opening(channels: Option<Arc<Channels>>) -> Arc<Self> {
        let (state, waiting) = (watch::Sender::new(State::Opening), Mutex::new(Some(Vec::new())));
        Arc::new(Self { state, waiting, channels })
    }

    /// Where its data channels are, if it was asked for any.
    pub fn channels(&self) -> Option<&Arc<Channels>> {
        self.channels.as_ref()
    }

    /// Comes onto it. It ends after its members.
    pub fn join(&self) -> Member {
        Member(self.state.subscribe())
    }

    /// It is open.
    pub(super) fn open(&self, leg: &Arc<Leg>, local: &Local) {
        self.state.send_replace(State::Open(Opened { leg: leg.clone(), local: local.clone() }));
    }

    /// Tells the room of the connection, before the first packet of any publication can pass.
    pub(super) fn on_connected(self: &Arc<Self>, id: PeerId, events: MediaSink) -> OnConnected {
        let weak = Arc::downgrade(self);
        Arc::new(move || {
            let _ = events.send(MediaEvent::Connected { peer: id });
            weak.upgrade().iter().for_each(|transport| transport.connected());
        })
    }

    fn connected(&self) {
        for (peer, events) in self.waiting.lock().take().unwrap_or_default() {
            let _ = events.send(MediaEvent::Connected { peer });
        }
        self.state.send_if_modified(|state| match state {
            State::Open(opened) => {
                *state = State::Connected(opened.clone());
                true
            }
            _ => false,
        });
    }

    /// Tells the room of the connection of one who publishes: now, or when there is one.
    pub(super) fn greet(&self, peer: PeerId, events: &MediaSink) {
        match &mut *self.waiting.lock() {
            Some(waiting) => waiting.push((peer, events.clone())),
            None => drop(events.send(MediaEvent::Connected { peer })),
        }
    }

    /// The client misses pictures, and so may those who watch what it publishes.
    pub(super) fn request_keyframes(&self) {
        let State::Connected(Opened { leg, .. }) = self.state.borrow().clone() else { return };
        leg.trunk().iter().for_each(|trunk| trunk.request_keyframes());
        leg.uplink().iter().flat_map(|uplink| uplink.feeds()).for_each(|feed| feed.request_keyframe());
    }

    /// It is over: its members leave.
    pub(super) fn end(&self, (reason, detail): (EndReason, String)) {
        self.state.send_replace(State::Ended(reason, detail));
    }

    /// Waits until they have left.
    pub(super) async fn is_left(&self) {
        self.state.closed().await;
    }
}

impl Member {
    /// Once it is open; an error when it ended instead.
    pub async fn opened(&mut self) -> Result<Opened, MediaError> {
        let gone = |detail: &str| MediaError::NotReady(format!("the transport has ended: {detail}"));
        let state = self.0.wait_for(|state| !matches!(state, State::Opening)).await.map(|state| state.clone());
        match state {
            Ok(State::Open(opened) | State::Connected(opened)) => Ok(opened),
            Ok(State::Ended(_, detail)) => Err(gone(&detail)),
            Ok(State::Opening) | Err(_) => Err(gone("it was given up")),
        }
    }

    /// Once it is connected (unless that is `known`), or over, and why.
    pub async fn news(&mut self, known: bool) -> Result<(), (EndReason, String)> {
        let is_news = |state: &State| match state {
            State::Opening | State::Open(_) => false,
            State::Connected(_) => !known,
            State::Ended(..) => true,
        };
        let state = self.0.wait_for(is_news).await.map(|state| state.clone());
        match state {
            Ok(State::Ended(reason, detail)) => Err((reason, detail)),
            Ok(_) => Ok(()),
            Err(_) => Err((EndReason::EngineError, "the transport was given up".into())),
        }
    }
}
