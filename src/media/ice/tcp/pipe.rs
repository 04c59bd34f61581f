//! The sending side of a TCP connection: any thread may send, none ever waits.
//!
//! What the kernel does not take is queued, bounded; what does not fit the queue is refused whole, frame by frame.

use super::frame;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::time::{Duration, Instant};

/// Bytes that may wait: a large keyframe. More would only be late.
const MAX_QUEUED: usize = 256 << 10;
/// What the kernel may hold unsent; its own limit of megabytes would be many seconds of video.
const MAX_UNSENT: u32 = 64 << 10;
/// An empty queue gives back more room than this.
const KEPT_ROOM: usize = 32 << 10;
/// A client that reads nothing for so long is given up.
const STALLED: Duration = Duration::from_secs(5);

/// One connection.
pub struct Pipe {
    peer: SocketAddr,
    stream: TcpStream,
    out: Mutex<Out>,
}

struct Out {
    queue: VecDeque<u8>,
    closed: bool,
    /// When the kernel last took something, or the queue began to fill.
    moved: Instant,
}

impl Pipe {
    /// Of an accepted connection.
    pub fn new(stream: TcpStream, peer: SocketAddr) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        socket2::SockRef::from(&stream).set_tcp_notsent_lowat(MAX_UNSENT)?;
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        let out = Out { queue: VecDeque::new(), closed: false, moved: Instant::now() };
        Ok(Self { peer, stream, out: Mutex::new(out) })
    }

    /// The client's address.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }
    /// For polling.
    pub fn descriptor(&self) -> RawFd {
        self.stream.as_raw_fd()
    }
    /// Reads what is there.
    pub fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        (&self.stream).read(buffer)
    }

    /// Sends datagrams that lie one after another, framed; returns how many of the last found no room.
    pub fn send_all(&self, data: &[u8], lengths: &[usize]) -> usize {
        let mut out = self.out.lock();
        if out.queue.is_empty() {
            out.moved = Instant::now();
        }
        let mut at = 0;
        let taken = lengths.iter().take_while(|length| {
            let datagram = data.get(at..at + **length).unwrap_or_default();
            at += **length;
            self.add(&mut out, datagram)
        });
        let refused = lengths.len() - taken.count();
        self.write(&mut out);
        refused
    }

    fn add(&self, out: &mut Out, datagram: &[u8]) -> bool {
        let Some(head) = frame::head(datagram.len()) else { return false };
        let room = |out: &Out| out.queue.len() + head.len() + datagram.len() <= MAX_QUEUED;
        if !room(out) {
            self.write(out);
        }
        if out.closed || !room(out) {
            return false;
        }
        out.queue.extend(&head);
        out.queue.extend(datagram);
        true
    }

    /// The kernel has room again.
    pub fn flush(&self) {
        self.write(&mut self.out.lock());
    }

    fn write(&self, out: &mut Out) {
        while !out.queue.is_empty() && !out.closed {
            match (&self.stream).write(out.queue.as_slices().0) {
                Ok(0) => out.closed = true,
                Ok(taken) => {
                    out.queue.drain(..taken);
                    out.moved = Instant::now();
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => out.closed = true,
            }
        }
        if out.queue.is_empty() && out.queue.capacity() > KEPT_ROOM {
            out.queue.shrink_to(KEPT_ROOM);
        }
    }

    /// Whether it has been waiting for the client to read for too long.
    pub fn is_stalled(&self, now: Instant) -> bool {
        let out = self.out.lock();
        !out.queue.is_empty() && now.saturating_duration_since(out.moved) > STALLED
    }

    /// Ends it in both directions; its reader sees the end.
    pub fn close(&self) {
        let mut out = self.out.lock();
        out.closed = true;
        out.queue = VecDeque::new();
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn pair() -> (Pipe, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let (stream, peer) = listener.accept().unwrap();
        (Pipe::new(stream, peer).unwrap(), client)
    }

    #[test]
    fn datagrams_arrive_framed_and_in_order() {
        let (pipe, mut client) = pair();
        assert_eq!(pipe.send_all(&[1, 2, 2, 3, 3, 3], &[1, 2, 3]), 0);
        let mut got = [0; 12];
        client.read_exact(&mut got).unwrap();
        assert_eq!(got, [0, 1, 1, 0, 2, 2, 2, 0, 3, 3, 3, 3]);
    }

    #[test]
    fn a_client_that_does_not_read_costs_a_bounded_queue_and_gets_whole_frames_later() {
        let (pipe, mut client) = pair();
        let (packet, begun) = ([7u8; 1200], Instant::now());
        let mut taken = 0u32;
        while pipe.send_all(&packet, &[1200]) == 0 {
            taken += 1;
            assert!(taken < 20_000, "nothing bounds the queue");
        }
        assert!(begun.elapsed() < Duration::from_secs(5), "sending waited");
        assert!(pipe.out.lock().queue.len() <= MAX_QUEUED);
        assert!(!pipe.is_stalled(Instant::now()) && pipe.is_stalled(Instant::now() + 2 * STALLED));
        let mut frame = [0; 1202];
        for number in 0..taken {
            pipe.flush();
            client.read_exact(&mut frame).unwrap();
            assert!(frame[..2] == [4, 176] && frame[2..].iter().all(|b| *b == 7), "frame {number} is torn");
        }
        assert!(!pipe.is_stalled(Instant::now() + 2 * STALLED), "nothing waits any more");
        assert!(pipe.out.lock().queue.capacity() <= 2 * KEPT_ROOM, "room is given back");
    }

    #[test]
    fn a_closed_one_refuses_everything() {
        let (pipe, client) = pair();
        pipe.close();
        assert_eq!(pipe.send_all(&[1, 2], &[1, 1]), 2);
        drop(client);
    }
}
