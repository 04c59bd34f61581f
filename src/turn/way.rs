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

/// What waits for a stream.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    more: Notify,
}

#[derive(Default)]
struct Waiting {
    messages: VecDeque<Vec<u8>>,
    bytes: usize,
}

impl Queue {
    fn push(&self, mut message: Vec<u8>) -> bool {
        frames::pad(&mut message);
        let mut waiting = self.waiting.lock();
        if waiting.bytes + message.len() > MAX_QUEUE {
            return false;
        }
        waiting.bytes += message.len();
        waiting.messages.push_back(message);
        self.more.notify_one();
        true
    }

    /// All that waits, as soon as there is something.
    pub(super) async fn take(&self) -> VecDeque<Vec<u8>> {
        loop {
            let taken = std::mem::take(&mut *self.waiting.lock());
            if taken.bytes > 0 {
                return taken.messages;
            }
            self.more.notified().await;
        }
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
        let way = Way::Stream(Arc::clone(&queue));
        let sent = (0..1000).filter(|_| way.send(vec![1; 1199])).count();
        assert_eq!(sent, MAX_QUEUE / 1200);
        assert!(queue.take().await.len() == sent);
        assert!(way.send(vec![1]));
        assert_eq!(queue.take().await, [[1, 0, 0, 0]]);
    }
}
