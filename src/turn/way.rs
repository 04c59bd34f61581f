//! How a client is written to: by a datagram, or by its stream's queue. Never waits: what cannot go now is lost, as on any line.

use super::frames;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::UdpSocket;
use tokio::sync::Notify;

/// Bytes that may wait for a client that reads slowly: a keyframe and a little.
const MAX_QUEUE: usize = 512 * 1024;
/// The same before there is a relay: some answers. Nobody is known then, and connections are cheap.
const MAX_STRANGER: usize = 4 * 1024;

/// To one client. Cheap to clone.
#[derive(Clone)]
pub(super) enum Way {
    /// From the socket that it wrote to.
    Datagram(Arc<UdpSocket>, SocketAddr),
    /// By what its connection writes.
    Stream(Arc<Queue>),
}

impl Way {
    /// Sends a message; false if it is lost.
    pub(super) fn send(&self, message: Vec<u8>) -> bool {
        match self {
            Self::Datagram(socket, client) => send_now(socket, &message, *client),
            Self::Stream(queue) => queue.push(message),
        }
    }
}

/// Sends a datagram; false if it is lost. Asks the kernel, not tokio: that knows nothing of a new socket until it has
/// looked, and the first packets would be lost.
pub(super) fn send_now(socket: &UdpSocket, data: &[u8], to: SocketAddr) -> bool {
    socket2::SockRef::from(socket).send_to(data, &to.into()).is_ok()
}

/// What waits for a stream, and what is being written to it. A stranger's is short: more waits only for one who does not read,
/// and that ends the connection.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    more: Notify,
}

#[derive(Default)]
struct Waiting {
    messages: VecDeque<Vec<u8>>,
    /// All that is here or was handed out and is not written yet.
    bytes: usize,
    /// Of these, handed out.
    out: usize,
    has_relay: bool,
    is_broken: bool,
}

/// What a message takes in memory: the allocator and the list want their part.
fn cost(message: &Vec<u8>) -> usize {
    message.capacity() + 64
}

impl Queue {
    fn push(&self, mut message: Vec<u8>) -> bool {
        frames::pad(&mut message);
        let mut waiting = self.waiting.lock();
        let max = if waiting.has_relay { MAX_QUEUE } else { MAX_STRANGER };
        if waiting.bytes + cost(&message) > max {
            waiting.is_broken |= !waiting.has_relay;
            return false;
        }
        waiting.bytes += cost(&message);
        waiting.messages.push_back(message);
        self.more.notify_one();
        true
    }

    /// Its client has a relay, or has none any more.
    pub(super) fn has_relay(&self, has: bool) {
        self.waiting.lock().has_relay = has;
    }

    /// Whether a stranger let too much wait.
    pub(super) fn is_broken(&self) -> bool {
        self.waiting.lock().is_broken
    }

    /// The next message, as soon as there is one. The one before counts as written then.
    pub(super) async fn next(&self) -> Vec<u8> {
        loop {
            if let Some(message) = self.waiting.lock().hand_out() {
                return message;
            }
            self.more.notified().await;
        }
    }
}

impl Waiting {
    fn hand_out(&mut self) -> Option<Vec<u8>> {
        self.bytes -= std::mem::take(&mut self.out);
        let message = self.messages.pop_front()?;
        self.out = cost(&message);
        Some(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_sends_from_its_first_moment() {
        let to = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        // Nothing is awaited in between: tokio has not looked at the socket yet.
        let socket = crate::turn::ground::udp("127.0.0.1:0".parse().unwrap()).unwrap();
        let socket = UdpSocket::from_std(socket).unwrap();
        assert!(send_now(&socket, b"x", to.local_addr().unwrap()));
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_costs_a_bounded_queue() {
        let queue = Arc::new(Queue::default());
        queue.has_relay(true);
        let way = Way::Stream(Arc::clone(&queue));
        let sent = (0..1000).filter(|_| way.send(vec![1; 1199])).count();
        assert_eq!(sent, MAX_QUEUE / (1200 + 64), "with what a message costs beside its bytes");
        assert_eq!(queue.next().await.len(), 1200);
        assert!(!way.send(vec![1; 1199]), "what is being written still counts");
        queue.next().await;
        assert!(way.send(vec![1; 1199]) && !queue.is_broken());
    }

    #[tokio::test]
    async fn little_waits_for_a_stranger_and_more_breaks_the_line() {
        let queue = Arc::new(Queue::default());
        let way = Way::Stream(Arc::clone(&queue));
        assert!(way.send(vec![1]));
        assert_eq!(queue.next().await, [1, 0, 0, 0]);
        let sent = (0..1000).filter(|_| way.send(vec![1; 100])).count();
        assert_eq!((sent, queue.is_broken()), ((MAX_STRANGER - 68) / 164, true));
    }
}
