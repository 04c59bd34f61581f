//! The sockets of a session's connections, and what waits for those that are lost.
//!
//! Bounded in frames and bytes: a client that does not read loses its socket, and one that misses more than is kept cannot
//! come back, rather than go on without knowing what it missed. When a lost one is given up is the actor's to say.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::mpsc;

/// Frames that may wait for a socket, or for a lost one to come back.
const FRAMES: usize = 512;
/// Their bytes. The welcome to a session of fifty streams has some 30 kB.
const BYTES: usize = 2 << 20;

/// For a socket.
#[derive(Debug, PartialEq, Eq)]
pub enum Out {
    /// A frame.
    Frame(String),
    /// Its connection has left: its client is to close it.
    Dismissed,
    /// Close it.
    Close,
}

/// A connection's way to its client, as its socket holds it.
pub struct Bound {
    /// Its connection.
    pub connection: String,
    /// Tells this socket from an earlier one of the same connection.
    pub number: u64,
    outbox: mpsc::Receiver<Out>,
    waiting: Arc<AtomicUsize>,
}

impl Bound {
    /// What is to be sent next; `None`: the session has let this socket go. Cancel safe.
    pub async fn next(&mut self) -> Option<Out> {
        let out = self.outbox.recv().await;
        if let Some(Out::Frame(frame)) = &out {
            self.waiting.fetch_sub(frame.len(), Ordering::Relaxed);
        }
        out
    }
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// It is on its way, or waits, or nobody is there who could miss it.
    Done,
    /// The socket does not take it.
    Not,
}

/// All of a session.
#[derive(Default)]
pub(super) struct Links {
    all: HashMap<String, Link>,
    last: u64,
}

/// One connection's socket, or what waits for the next.
#[derive(Default)]
struct Link {
    number: u64,
    socket: Option<Way>,
    gap: Gap,
}

struct Way {
    outbox: mpsc::Sender<Out>,
    waiting: Arc<AtomicUsize>,
}

#[derive(Default)]
struct Gap {
    frames: VecDeque<String>,
    bytes: usize,
    /// Something was lost.
    over: bool,
}

impl Links {
    /// A socket for a connection; the one before is closed.
    pub fn bind(&mut self, connection: &str) -> Bound {
        let (outbox, receiver) = mpsc::channel(FRAMES);
        let waiting = Arc::new(AtomicUsize::new(0));
        self.last += 1;
        let link = self.all.entry(connection.to_owned()).or_default();
        link.number = self.last;
        if let Some(before) = link.socket.replace(Way { outbox, waiting: waiting.clone() }) {
            // When it is full, its end says the same.
            let _full = before.outbox.try_send(Out::Close);
        }
        Bound { connection: connection.to_owned(), number: link.number, outbox: receiver, waiting }
    }

    /// The same with what waited; `None`: too much was missed.
    pub fn resume(&mut self, connection: &str) -> Option<Bound> {
        if self.all.get(connection)?.gap.over {
            return None;
        }
        let bound = self.bind(connection);
        let link = self.all.get_mut(connection)?;
        let gap = std::mem::take(&mut link.gap);
        for frame in gap.frames {
            // A new socket takes as much as was kept.
            let _room_for_all = link.send(frame);
        }
        Some(bound)
    }

    /// Its number if a connection loses its socket now. `number`: only if it is still this one.
    pub fn lose(&mut self, connection: &str, number: Option<u64>) -> Option<u64> {
        let link = self.all.get_mut(connection)?;
        if number.is_some_and(|number| number != link.number) {
            return None;
        }
        link.socket.take().map(|_gone| link.number)
    }

    /// Whether the socket of this number was the last and is lost.
    pub fn is_lost(&self, connection: &str, number: u64) -> bool {
        self.all.get(connection).is_some_and(|link| link.number == number && link.socket.is_none())
    }

    /// To a connection, or kept for it.
    pub fn send(&mut self, to: &str, frame: String) -> Sent {
        self.all.get_mut(to).map_or(Sent::Done, |link| link.send(frame))
    }

    /// Its client is to go.
    pub fn dismiss(&mut self, who: &str) {
        let socket = self.all.remove(who).and_then(|link| link.socket);
        // When it is full, its end says the same.
        socket.into_iter().for_each(|way| drop(way.outbox.try_send(Out::Dismissed)));
    }
}

impl Link {
    fn send(&mut self, frame: String) -> Sent {
        let Some(way) = &self.socket else {
            self.gap.keep(frame);
            return Sent::Done;
        };
        let bytes = frame.len();
        let fits = way.waiting.fetch_add(bytes, Ordering::Relaxed) + bytes <= BYTES;
        if fits && way.outbox.try_send(Out::Frame(frame)).is_ok() {
            return Sent::Done;
        }
        // It misses this one: nobody can go on from here.
        self.gap = Gap { over: true, ..Gap::default() };
        Sent::Not
    }
}

impl Gap {
    fn keep(&mut self, frame: String) {
        self.bytes += frame.len();
        if self.over || self.bytes > BYTES || self.frames.len() == FRAMES {
            *self = Self { over: true, ..Self::default() };
            return;
        }
        self.frames.push_back(frame);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn frames(bound: &mut Bound) -> Vec<String> {
        let mut all = Vec::new();
        while let Ok(Some(Out::Frame(frame))) = tokio::time::timeout(std::time::Duration::ZERO, bound.next()).await {
            all.push(frame);
        }
        all
    }

    #[tokio::test]
    async fn what_was_missed_follows_in_its_order() {
        let mut links = Links::default();
        let first = links.bind("a");
        assert_eq!(links.lose("a", Some(first.number)), Some(first.number));
        assert_eq!(links.lose("a", Some(first.number)), None, "once");
        assert_eq!((links.send("a", "1".into()), links.send("a", "2".into())), (Sent::Done, Sent::Done));
        let mut again = links.resume("a").unwrap();
        assert_eq!(frames(&mut again).await, ["1", "2"]);
        assert_eq!(links.lose("a", Some(first.number)), None, "the old socket's end comes late");
        assert!(!links.is_lost("a", again.number));
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_is_found_by_frames_and_by_bytes() {
        for (size, most) in [(1, FRAMES), (100_000, BYTES / 100_000)] {
            let mut links = Links::default();
            let mut bound = links.bind("a");
            let sent = (0..).take_while(|_| links.send("a", "x".repeat(size)) == Sent::Done).count();
            assert_eq!(sent, most);
            assert_eq!(frames(&mut bound).await.len(), most);
        }
        let mut links = Links::default();
        let mut reads = links.bind("a");
        for _ in 0..10 * BYTES / 100_000 {
            assert_eq!(links.send("a", "x".repeat(100_000)), Sent::Done);
            assert_eq!(frames(&mut reads).await.len(), 1);
        }
    }

    #[tokio::test]
    async fn who_missed_too_much_does_not_come_back() {
        for size in [1, 100_000] {
            let mut links = Links::default();
            links.bind("a");
            links.lose("a", None);
            for _ in 0..=FRAMES {
                assert_eq!(links.send("a", "x".repeat(size)), Sent::Done);
            }
            assert!(links.resume("a").is_none());
        }
    }

    #[tokio::test]
    async fn the_socket_before_is_closed_and_a_dismissed_one_told() {
        let mut links = Links::default();
        let (mut before, mut now) = (links.bind("a"), links.bind("a"));
        assert_eq!(before.next().await, Some(Out::Close));
        links.dismiss("a");
        assert_eq!((now.next().await, now.next().await), (Some(Out::Dismissed), None));
        assert_eq!(links.send("a", "x".into()), Sent::Done);
    }
}
