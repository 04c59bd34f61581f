//! A relay that is open: its session, its socket, and the task that reads it until its time is over.

use super::frames::MAX_MESSAGE;
use super::house::{Figures, House};
use super::ledger::Held;
use super::session::Session;
use super::way::{Way, send_now};
use parking_lot::Mutex;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio_util::sync::CancellationToken;

/// The longest packet of a peer; with what is put before it, it is no longer than a message may be.
const MAX_PACKET: usize = MAX_MESSAGE - 64;

/// One client's relay.
pub(super) struct Allocation {
    session: Mutex<Session>,
    socket: UdpSocket,
    way: Way,
    ended: CancellationToken,
}

impl Allocation {
    /// Begins to read what peers send. `None` if the session got no relay after all.
    pub(super) fn start(
        house: &Arc<House>,
        session: Session,
        socket: UdpSocket,
        mut held: Held,
        way: Way,
    ) -> Option<Arc<Self>> {
        held.opened(session.relay()?);
        let allocation = Arc::new(Self { session: Mutex::new(session), socket, way, ended: CancellationToken::new() });
        tokio::spawn(Arc::clone(&allocation).run(Arc::clone(house), held));
        Some(allocation)
    }

    /// Whether it is over.
    pub(super) fn is_over(&self) -> bool {
        self.ended.is_cancelled()
    }

    /// Ends it: the client is gone.
    pub(super) fn end(&self) {
        self.ended.cancel();
    }

    /// Resolves when it is over.
    pub(super) async fn over(&self) {
        self.ended.cancelled().await;
    }

    /// Works with the session. A fault in code that is not ours costs this relay, not the server.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut Session) -> T) -> T
    where
        T: Default,
    {
        let mut session = self.session.lock();
        let done = catch_unwind(AssertUnwindSafe(|| work(&mut session)));
        if session.relay().is_none() {
            self.end();
        }
        done.unwrap_or_else(|_| {
            tracing::error!("a relay failed and is closed; please report this as a bug");
            self.end();
            T::default()
        })
    }

    /// A client's packet to its peer.
    pub(super) fn outward(&self, house: &House, packet: &[u8]) {
        let sent = self.with(|session| Some(session.outward(packet, &|peer| house.allows(peer), house.now())));
        match sent {
            Some(Ok((peer, range))) => {
                let bytes = range.len();
                let data = packet.get(range).unwrap_or_default();
                if send_now(&self.socket, data, house.ground.inward(peer, &house.ledger)) {
                    house.figures.relayed(true, bytes);
                } else {
                    Figures::dropped("line");
                }
            }
            Some(Err(reason)) => Figures::dropped(reason.as_str()),
            None => {}
        }
    }

    async fn run(self: Arc<Self>, house: Arc<House>, held: Held) {
        let mut packet = vec![0; MAX_PACKET + 1];
        while !self.is_over() {
            let next = self.with(|session| session.tick(house.now()));
            let Some(next) = next else { break };
            let wait = next.checked_duration_since(house.now()).unwrap_or(Duration::ZERO);
            tokio::select! {
                _ = self.ended.cancelled() => break,
                _ = tokio::time::sleep(wait + Duration::from_millis(1)) => {}
                read = self.socket.readable() => {
                    // An error is of a packet that did not arrive, or none was there after all.
                    if read.is_ok() {
                        self.read(&house, &mut packet);
                    }
                }
            }
        }
        self.end();
        drop(held);
    }

    /// All that has come, but not for ever: others want to be served too.
    fn read(&self, house: &House, packet: &mut [u8]) {
        for _ in 0..32 {
            match self.socket.try_recv_from(packet) {
                Ok((length, from)) if length <= MAX_PACKET => self.inward(house, from, &packet[..length]),
                Ok(_) => Figures::dropped("too_long"),
                Err(_) => return,
            }
        }
    }

    fn inward(&self, house: &House, from: SocketAddr, data: &[u8]) {
        let from = house.ground.outward(from, &house.ledger);
        let got = self.with(|session| Some(session.inward(from, data, &|peer| house.allows(peer), house.now())));
        match got {
            Some(Ok(message)) => {
                if self.way.send(message) {
                    house.figures.relayed(false, data.len());
                } else {
                    Figures::dropped("line");
                }
            }
            Some(Err(reason)) => Figures::dropped(reason.as_str()),
            None => {}
        }
    }
}
