//! A peer's UDP socket: many datagrams a call, each with the time at which the kernel received it, so that a busy
//! generator does not count its own waiting as the server's latency.

use anyhow::Result;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, setsockopt, sockopt};
use std::cell::RefCell;
use std::io::{ErrorKind, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// Datagrams a call.
const BATCH: usize = 16;
/// Largest datagram in bytes.
const SIZE: usize = 2048;

/// One received datagram.
pub struct Datagram {
    /// Its bytes.
    pub data: Vec<u8>,
    /// Who sent it.
    pub from: SocketAddr,
    /// When the kernel received it, nanoseconds since the Unix epoch.
    pub at_ns: u64,
}

/// What a call to the kernel needs; one per thread, since its headers may not leave it.
struct Buffers {
    headers: MultiHeaders<SockaddrStorage>,
    data: Vec<[u8; SIZE]>,
}

thread_local! {
    static BUFFERS: RefCell<Buffers> = RefCell::new(Buffers {
        headers: MultiHeaders::preallocate(BATCH, Some(nix::cmsg_space!(nix::sys::time::TimeSpec))),
        data: vec![[0; SIZE]; BATCH],
    });
}

/// The socket.
pub struct Socket {
    inner: UdpSocket,
    /// Its address.
    pub local: SocketAddr,
}

impl Socket {
    /// A socket on a free port of this address.
    pub async fn bind(ip: IpAddr) -> Result<Self> {
        let inner = UdpSocket::bind((ip, 0)).await?;
        setsockopt(&inner, sockopt::ReceiveTimestampns, &true)?;
        // Forced when we may, else as much as the system allows.
        if setsockopt(&inner, sockopt::RcvBufForce, &(4 << 20)).is_err() {
            setsockopt(&inner, sockopt::RcvBuf, &(4 << 20))?;
        }
        let local = inner.local_addr()?;
        Ok(Self { inner, local })
    }

    /// Waits until something can be read.
    pub async fn readable(&self) -> Result<()> {
        Ok(self.inner.readable().await?)
    }

    /// Reads what is there without waiting; empty when there is nothing.
    pub fn receive(&self) -> Result<Vec<Datagram>> {
        let read = self.inner.try_io(Interest::READABLE, || BUFFERS.with_borrow_mut(|b| receive(&self.inner, b)));
        match read {
            Err(e) if e.kind() == ErrorKind::WouldBlock => Ok(Vec::new()),
            read => Ok(read?),
        }
    }

    /// Sends one datagram; a full socket drops it, as a network does.
    pub fn send(&self, data: &[u8], to: SocketAddr) {
        drop(self.inner.try_send_to(data, to));
    }
}

fn receive(socket: &UdpSocket, buffers: &mut Buffers) -> std::io::Result<Vec<Datagram>> {
    let mut slices: Vec<[IoSliceMut<'_>; 1]> = buffers.data.iter_mut().map(|b| [IoSliceMut::new(b)]).collect();
    let flags = MsgFlags::MSG_DONTWAIT;
    let results = recvmmsg(socket.as_raw_fd(), &mut buffers.headers, slices.iter_mut(), flags, None)?;
    let heads: Vec<_> = results.map(|r| (r.bytes, r.address.and_then(|a| plain(&a)), stamp(&r))).collect();
    let each = heads.into_iter().zip(&buffers.data);
    Ok(each
        .filter_map(|((length, from, at_ns), data)| {
            Some(Datagram { data: data[..length].to_vec(), from: from?, at_ns })
        })
        .collect())
}

fn plain(address: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = address.as_sockaddr_in().map(|a| SocketAddr::new(a.ip().into(), a.port()));
    v4.or_else(|| address.as_sockaddr_in6().map(|a| SocketAddr::new(a.ip().into(), a.port())))
}

fn stamp(message: &nix::sys::socket::RecvMsg<'_, '_, SockaddrStorage>) -> u64 {
    let Ok(mut controls) = message.cmsgs() else { return crate::source::now_ns() };
    let time = controls.find_map(|control| match control {
        ControlMessageOwned::ScmTimestampns(time) => Some(time),
        _ => None,
    });
    time.map_or_else(crate::source::now_ns, |t| t.tv_sec() as u64 * 1_000_000_000 + t.tv_nsec() as u64)
}
