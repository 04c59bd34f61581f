//! The server as `app` starts and stops it: its sockets, and the thread on which all of it runs.
//!
//! A thread and a runtime of its own, so that relayed packets never wait behind signaling, nor signaling behind them.

use super::crowd::Crowd;
use super::door::Door;
use super::ground::{self, Ground};
use super::house::{Figures, House};
use super::ledger::Ledger;
use super::peers::Peers;
use super::{Credentials, Ports, datagrams, streams};
use crate::config;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

/// Connections beside those that have relays.
const SPARE_CONNECTIONS: usize = 256;
/// Connections from one address: an office behind a NAT.
const CONNECTIONS_PER_ADDRESS: usize = 256;
/// What the kernel keeps for us while the thread is busy.
const RECEIVE_BUFFER: usize = 4 << 20;

/// How often this machine's own addresses are looked up.
const LOOK: Duration = Duration::from_secs(15);

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum TurnError {
    /// An address cannot be had.
    #[error("cannot listen on {address} ({key}): {cause}")]
    Bind {
        /// The setting: `turn.listen` or `turn.listen_tls`.
        key: &'static str,
        /// Its address.
        address: SocketAddr,
        /// What the system says.
        cause: io::Error,
    },
    /// The system gives no thread or no random numbers.
    #[error("{0}")]
    System(String),
}

/// What is ours, for relays' peers.
#[derive(Clone, Debug, Default)]
pub struct Own {
    /// Our media port at each announced address: relays may always go there.
    pub media: Vec<SocketAddr>,
    /// The addresses that clients are told; the first of a family is that of relays.
    pub announced: Vec<IpAddr>,
}

/// A running server.
pub struct Server {
    ports: Ports,
    closing: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

/// Bound, not served yet.
#[derive(Default)]
struct Sockets {
    udp: Vec<UdpSocket>,
    tcp: Vec<TcpListener>,
    tls: Vec<TcpListener>,
}

impl Server {
    /// Listens on all addresses and serves them; `tls` is what `listen_tls` needs.
    ///
    /// # Errors
    /// An address that cannot be had, save one of IPv6 on a machine without; a system that is at its end.
    pub fn start(
        settings: &config::Turn,
        own: Own,
        tls: Option<Arc<rustls::ServerConfig>>,
        credentials: Credentials,
    ) -> Result<Self, TurnError> {
        let sockets = bind(settings, tls.is_some())?;
        let ports = sockets.ports(settings.relay);
        let house = Arc::new(house(settings, own, credentials)?);
        let crowd = Crowd::new(settings.max_allocations.saturating_add(SPARE_CONNECTIONS), CONNECTIONS_PER_ADDRESS);
        let closing = CancellationToken::new();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(system)?;
        let ended = closing.clone();
        let tls = tls.map(TlsAcceptor::from);
        let thread = std::thread::Builder::new().name("turn".into()).spawn(move || {
            runtime.block_on(async {
                if let Err(error) = serve(&house, sockets, tls, &crowd) {
                    tracing::error!(%error, "the STUN and TURN server cannot use its sockets");
                }
                ended.cancelled().await;
            });
        });
        let thread = Some(thread.map_err(system)?);
        tracing::info!(
            udp = ports.udp,
            tcp = ports.tcp,
            tls = ports.tls,
            relay = ports.relay,
            "STUN and TURN are served"
        );
        Ok(Self { ports, closing, thread })
    }

    /// Where it listens.
    pub fn ports(&self) -> Ports {
        self.ports
    }

    /// Ends all relays and waits for the thread, but no longer than `limit`.
    pub async fn stop(mut self, limit: Duration) {
        self.closing.cancel();
        let Some(thread) = self.thread.take() else { return };
        let joined = tokio::task::spawn_blocking(move || thread.join());
        if tokio::time::timeout(limit, joined).await.is_err() {
            tracing::warn!("the STUN and TURN server did not end in time");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.closing.cancel();
    }
}

impl Sockets {
    fn ports(&self, relay: bool) -> Ports {
        let tcp = |all: &[TcpListener]| all.first().and_then(|one| one.local_addr().ok()).map(|at| at.port());
        let udp = self.udp.first().and_then(|one| one.local_addr().ok()).map(|at| at.port());
        Ports { udp, tcp: tcp(&self.tcp), tls: tcp(&self.tls), relay }
    }
}

fn system(error: io::Error) -> TurnError {
    TurnError::System(error.to_string())
}

fn house(settings: &config::Turn, own: Own, credentials: Credentials) -> Result<House, TurnError> {
    let interfaces = interfaces();
    let binds: Vec<IpAddr> = settings.listen.iter().chain(&settings.listen_tls).map(SocketAddr::ip).collect();
    let both = binds.iter().copied().chain(binds.iter().map(|ip| ground::unspecified(*ip)));
    let places = Ground::places(&own.announced, &interfaces, &both.collect::<Vec<_>>());
    let door = Door::new(credentials).ok_or_else(|| TurnError::System("the system gives no random numbers".into()))?;
    let (listed, media, announced) = (settings.peers.clone(), own.media.clone(), own.announced);
    Ok(House {
        door,
        peers: Peers { listed, media, announced, own: interfaces.into() },
        ledger: Ledger::new(settings.max_allocations, settings.max_allocations_per_user),
        ground: Ground { places, ports: settings.ports.clone(), media: own.media },
        relay: settings.relay,
        bitrate: settings.max_bitrate,
        begun: std::time::Instant::now(),
        figures: Figures::new(),
    })
}

fn interfaces() -> Vec<IpAddr> {
    if_addrs::get_if_addrs().unwrap_or_default().iter().map(if_addrs::Interface::ip).collect()
}

/// Addresses come and go; those of this machine are closed to relays from the next look on.
async fn look_around(house: Arc<House>) {
    let mut looks = tokio::time::interval(LOOK);
    loop {
        looks.tick().await;
        *house.peers.own.write() = interfaces();
    }
}

fn bind(settings: &config::Turn, with_tls: bool) -> Result<Sockets, TurnError> {
    let mut sockets = Sockets::default();
    for address in &settings.listen {
        sockets.udp.extend(listen("turn.listen", *address, udp)?);
        sockets.tcp.extend(listen("turn.listen", *address, tcp)?);
    }
    for address in settings.listen_tls.iter().filter(|_| with_tls) {
        sockets.tls.extend(listen("turn.listen_tls", *address, tcp)?);
    }
    Ok(sockets)
}

/// `None` on a machine without IPv6: the address of IPv4 is listed beside it.
fn listen<T>(
    key: &'static str,
    address: SocketAddr,
    bind: impl Fn(SocketAddr) -> io::Result<T>,
) -> Result<Option<T>, TurnError> {
    use io::ErrorKind::{AddrNotAvailable, Unsupported};
    const NO_SUCH_FAMILY: i32 = nix::libc::EAFNOSUPPORT;
    match bind(address) {
        Ok(socket) => Ok(Some(socket)),
        Err(cause)
            if address.is_ipv6()
                && (matches!(cause.kind(), AddrNotAvailable | Unsupported)
                    || cause.raw_os_error() == Some(NO_SUCH_FAMILY)) =>
        {
            tracing::info!(%address, key, "there is no IPv6 here: not listened on");
            Ok(None)
        }
        Err(cause) => Err(TurnError::Bind { key, address, cause }),
    }
}

fn udp(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = ground::udp(address)?;
    // The kernel gives what it allows.
    let _ = socket2::SockRef::from(&socket).set_recv_buffer_size(RECEIVE_BUFFER);
    Ok(socket)
}

fn tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let domain = socket2::Domain::for_address(address);
    let socket = socket2::Socket::new(domain, socket2::Type::STREAM, Some(socket2::Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // Connections of the last run must not keep the port.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(256)?;
    Ok(socket.into())
}

/// Starts a task for each socket, in the runtime of this thread.
fn serve(house: &Arc<House>, sockets: Sockets, tls: Option<TlsAcceptor>, crowd: &Crowd) -> io::Result<()> {
    tokio::spawn(look_around(Arc::clone(house)));
    for socket in sockets.udp {
        tokio::spawn(datagrams::serve(Arc::clone(house), tokio::net::UdpSocket::from_std(socket)?));
    }
    let plain = sockets.tcp.into_iter().map(|listener| (listener, None));
    for (listener, tls) in plain.chain(sockets.tls.into_iter().map(|listener| (listener, tls.clone()))) {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        tokio::spawn(streams::serve(Arc::clone(house), listener, tls, crowd.clone()));
    }
    Ok(())
}
