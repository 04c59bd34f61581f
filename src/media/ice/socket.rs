//! The socket: receives in batches, sends runs of equal size in one call (UDP_SEGMENT). Never blocks on sending.

use nix::errno::Errno;
use nix::sys::socket::{ControlMessage, MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, sendmsg};
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Datagrams read in one call.
const BATCH: usize = 64;
/// Largest datagram taken; WebRTC keeps below 1500.
const DATAGRAM: usize = 2048;
/// The kernel's limits on a segmented send.
const MAX_SEGMENTS: usize = 60;
const MAX_RUN: usize = 60_000;

/// A bound UDP socket, IPv4, or IPv6 and both where the system allows it.
pub struct Socket {
    inner: UdpSocket,
    local: SocketAddr,
    segmenting: AtomicBool,
    /// Datagrams lost because a client was unreachable.
    pub failed: AtomicU64,
}

/// Buffers for receiving, kept between calls.
pub struct Batch {
    buffers: Vec<[u8; DATAGRAM]>,
    headers: MultiHeaders<SockaddrStorage>,
    received: Vec<(usize, SocketAddr)>,
}

impl Socket {
    /// Binds; buffers of 8 MB are asked for, since one socket carries all peers.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = socket2::Socket::new(socket2::Domain::for_address(address), socket2::Type::DGRAM.cloexec(), None)?;
        if address.is_ipv6() {
            socket.set_only_v6(!address.ip().is_unspecified())?;
        }
        socket.set_recv_buffer_size(8 << 20)?;
        socket.set_send_buffer_size(8 << 20)?;
        socket.set_read_timeout(Some(Duration::from_secs(1)))?;
        socket.bind(&address.into())?;
        let inner: UdpSocket = socket.into();
        let local = inner.local_addr()?;
        Ok(Self { inner, local, segmenting: AtomicBool::new(true), failed: AtomicU64::new(0) })
    }

    /// Where it is bound.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// Takes datagrams; with `wait` it waits up to a second for some. An empty batch when none came.
    pub fn receive(&self, batch: &mut Batch, wait: bool) {
        batch.received.clear();
        let mut slices: Vec<[IoSliceMut; 1]> = batch.buffers.iter_mut().map(|b| [IoSliceMut::new(b)]).collect();
        let flags = if wait { MsgFlags::MSG_WAITFORONE } else { MsgFlags::MSG_DONTWAIT };
        if let Ok(messages) = recvmmsg(self.inner.as_raw_fd(), &mut batch.headers, slices.iter_mut(), flags, None) {
            batch.received.extend(messages.map(|m| (m.bytes, m.address.and_then(from_wire).unwrap_or(NOWHERE))));
        }
    }

    /// Sends one datagram; `false` when the socket did not take it.
    pub fn send(&self, datagram: &[u8], to: SocketAddr) -> bool {
        self.send_run(datagram, None, self.to_wire(to)).is_ok()
    }

    /// Sends datagrams lying one after another; returns how many of the last found no room. What fails otherwise (an
    /// unreachable client) is lost, as on any way.
    pub fn send_all(&self, data: &[u8], lengths: &[usize], to: SocketAddr) -> usize {
        let to = self.to_wire(to);
        let (mut at, mut rest) = (0, lengths);
        while let Some(first) = rest.first() {
            let count = if self.segmenting.load(Relaxed) { run_length(rest) } else { 1 };
            let bytes: usize = rest[..count].iter().sum();
            let Some(run) = data.get(at..at + bytes) else { return rest.len() };
            let segment = (count > 1).then_some(*first as u16);
            match self.send_run(run, segment, to) {
                Ok(()) => {}
                Err(Errno::EAGAIN | Errno::ENOBUFS | Errno::ENOMEM) => return rest.len(),
                Err(error) if segment.is_some() && refuses_segments(error) => {
                    self.segmenting.store(false, Relaxed);
                    continue;
                }
                Err(_) => drop(self.failed.fetch_add(count as u64, Relaxed)),
            }
            at += bytes;
            rest = &rest[count..];
        }
        0
    }

    fn send_run(&self, run: &[u8], segment: Option<u16>, to: SockaddrStorage) -> nix::Result<()> {
        let segments = segment.as_ref().map(ControlMessage::UdpGsoSegments);
        let (data, control) = ([IoSlice::new(run)], segments.as_slice());
        sendmsg(self.inner.as_raw_fd(), &data, control, MsgFlags::MSG_DONTWAIT, Some(&to)).map(drop)
    }

    /// A dual-stack socket speaks of IPv4 peers as mapped addresses.
    fn to_wire(&self, address: SocketAddr) -> SockaddrStorage {
        match (self.local, address.ip()) {
            (SocketAddr::V6(_), IpAddr::V4(ip)) => SocketAddr::new(ip.to_ipv6_mapped().into(), address.port()).into(),
            _ => address.into(),
        }
    }

    /// Ends a waiting `receive`.
    pub fn wake(&self) {
        let ip = if self.local.ip().is_unspecified() { loopback(self.local) } else { self.local.ip() };
        self.send(&[0], SocketAddr::new(ip, self.local.port()));
    }
}

const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), 0);

fn loopback(local: SocketAddr) -> IpAddr {
    match local {
        SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
        SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
    }
}

/// An unreachable client is not a refusal of segmentation.
fn refuses_segments(error: Errno) -> bool {
    matches!(error, Errno::EINVAL | Errno::EIO | Errno::EOPNOTSUPP | Errno::ENOPROTOOPT | Errno::EMSGSIZE)
}

/// How many of the first datagrams may go as one run: equal sizes, the last may be shorter.
fn run_length(lengths: &[usize]) -> usize {
    let Some(first) = lengths.first() else { return 0 };
    let equal = lengths.iter().take(MAX_SEGMENTS.min(MAX_RUN / (*first).max(1))).take_while(|l| *l == first).count();
    let shorter = lengths.get(equal).is_some_and(|l| l < first) && equal < MAX_SEGMENTS && equal * first < MAX_RUN;
    (equal + usize::from(shorter)).max(1)
}

fn from_wire(address: SockaddrStorage) -> Option<SocketAddr> {
    if let Some(v4) = address.as_sockaddr_in() {
        return Some(SocketAddr::new(v4.ip().into(), v4.port()));
    }
    let v6 = address.as_sockaddr_in6()?;
    Some(SocketAddr::new(v6.ip().to_canonical(), v6.port()))
}

impl Batch {
    /// Empty.
    pub fn new() -> Self {
        let headers = MultiHeaders::preallocate(BATCH, None);
        Self { buffers: vec![[0; DATAGRAM]; BATCH], headers, received: Vec::with_capacity(BATCH) }
    }

    /// How many the last `receive` brought.
    pub fn len(&self) -> usize {
        self.received.len()
    }

    /// What the last `receive` brought.
    pub fn datagrams(&self) -> impl Iterator<Item = (&[u8], SocketAddr)> {
        self.received.iter().zip(&self.buffers).map(|((length, from), data)| (&data[..*length], *from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_take_equal_sizes_and_one_shorter_end() {
        assert_eq!(run_length(&[1200, 1200, 300, 1200]), 3);
        assert_eq!(run_length(&[300, 1200]), 1);
        assert_eq!(run_length(&[1200]), 1);
        assert_eq!(run_length(&[100; 200]), MAX_SEGMENTS);
        assert!(run_length(&[1400; 200]) * 1400 <= 65_000);
        assert_eq!(run_length(&[0]), 1);
    }

    #[test]
    fn runs_arrive_as_single_datagrams() {
        let (a, b) = (Socket::bind("127.0.0.1:0".parse().unwrap()).unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
        b.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let lengths = [500, 500, 200, 700];
        let data: Vec<u8> = (0..4u8).flat_map(|i| vec![i; lengths[i as usize]]).collect();
        assert_eq!(a.send_all(&data, &lengths, b.local_addr().unwrap()), 0);
        for (i, length) in lengths.iter().enumerate() {
            let mut buffer = [0; 2048];
            assert_eq!(b.recv(&mut buffer).expect("a datagram"), *length);
            assert_eq!(buffer[0], i as u8);
        }
    }

    #[test]
    fn a_dual_stack_socket_shows_ipv4_as_ipv4() {
        let Ok(both) = Socket::bind("[::]:0".parse().unwrap()) else { return };
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        client.send_to(&[9; 30], ("127.0.0.1", both.local().port())).unwrap();
        let mut batch = Batch::new();
        both.receive(&mut batch, true);
        let (data, from) = batch.datagrams().next().expect("a datagram");
        assert_eq!((data.len(), from), (30, client.local_addr().unwrap()));
        assert!(both.send(&[1, 2, 3], from));
        assert_eq!(client.recv(&mut [0; 16]).expect("a reply"), 3);
    }
}
