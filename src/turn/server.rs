//! The server as `app` starts and stops it: its sockets, and the thread on which all of it runs.
//!
//! A thread and a runtime of its own, so that relayed packets never wait behind signaling, nor signaling behind them.

use super::crowd::Crowd;
use super::door::Door;
use super::ground::{self, Ground, Place};
use super::house::{Figures, House};
use super::ledger::Ledger;
use super::pace::Pace;
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

/// Connections that have no relay.
const STRANGERS: usize = 256;
/// The same from one address: an office behind a NAT, all of which comes at once.
const STRANGERS_PER_ADDRESS: usize = 64;
/// Answers a second over UDP, and at once, to a household of which nobody has proved anything: an office behind a NAT, and no
/// flood for one who did not ask.
const ANSWERS: (u32, u32) = (100, 400);
/// TLS handshakes of a household a second, and at once. They take the time of relayed packets: a millisecond each with RSA.
const HANDSHAKES: (u32, u32) = (5, 40);
/// The same of all together.
const ALL_HANDSHAKES: u32 = 100;
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
    /// What our media port is bound to.
    pub media_bind: Option<IpAddr>,
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
        let house = Arc::new(house(settings, own, credentials, interfaces())?);
        let ports = sockets.ports(house.relay);
        let crowd = Crowd::new(STRANGERS, STRANGERS_PER_ADDRESS);
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

fn house(
    settings: &config::Turn,
    own: Own,
    credentials: Credentials,
    interfaces: io::Result<Vec<IpAddr>>,
) -> Result<House, TurnError> {
    let door = Door::new(credentials).ok_or_else(|| TurnError::System("the system gives no random numbers".into()))?;
    let known = interfaces.is_ok();
    let interfaces = interfaces.unwrap_or_default();
    let listened: Vec<IpAddr> = settings.listen.iter().chain(&settings.listen_tls).map(SocketAddr::ip).collect();
    let places = Ground::found(&own.announced, &interfaces, &listened);
    let relay = settings.relay && may_relay(known, &places);
    let (listed, media, announced) = (settings.peers.clone(), own.media.clone(), own.announced);
    Ok(House {
        door,
        peers: Peers { listed, media, announced, own: interfaces.into() },
        ledger: Ledger::new(settings.max_allocations, settings.max_allocations_per_user),
        ground: Ground { places, ports: settings.ports.clone(), media: own.media, media_bind: own.media_bind },
        answers: Pace::new(ANSWERS.0, ANSWERS.1),
        handshakes: Pace::new(HANDSHAKES.0, HANDSHAKES.1).in_all(ALL_HANDSHAKES),
        relay,
        bitrate: settings.max_bitrate,
        begun: std::time::Instant::now(),
        figures: Figures::new(),
    })
}

/// Who does not know which addresses are this machine's cannot keep relays from them.
fn may_relay(interfaces_known: bool, places: &[Place]) -> bool {
    if !interfaces_known {
        tracing::warn!(
            "nothing is relayed (TURN): the system does not tell this machine's addresses; restart when it does"
        );
    } else if places.is_empty() {
        tracing::warn!("nothing is relayed (TURN): no address to tell clients; set media.public_ips or turn.listen");
    }
    interfaces_known && !places.is_empty()
}

fn interfaces() -> io::Result<Vec<IpAddr>> {
    Ok(if_addrs::get_if_addrs()?.iter().map(if_addrs::Interface::ip).collect())
}

/// Addresses come and go; those of this machine are closed to relays from the next look on.
async fn look_around(house: Arc<House>) {
    let mut looks = tokio::time::interval(LOOK);
    loop {
        looks.tick().await;
        renew(&house.peers, interfaces());
    }
}

/// When the system says nothing, for want of descriptors perhaps, what was known stays.
fn renew(peers: &Peers, looked: io::Result<Vec<IpAddr>>) {
    if let Ok(own) = looked {
        *peers.own.write() = own;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn made(announced: &[IpAddr], interfaces: io::Result<Vec<IpAddr>>) -> House {
        let own = Own { announced: announced.into(), ..Own::default() };
        let settings = config::Turn { listen: vec!["0.0.0.0:0".parse().unwrap()], ..config::Turn::default() };
        house(&settings, own, Credentials::new(b"north"), interfaces).unwrap()
    }

    #[test]
    fn nothing_is_relayed_by_who_does_not_know_himself() {
        let told = [IpAddr::from([192, 0, 2, 1])];
        let mute = || Err(io::Error::from_raw_os_error(nix::libc::EMFILE));
        assert!(made(&told, Ok(told.to_vec())).relay);
        assert!(!made(&told, mute()).relay, "no list of its own addresses");
        assert!(!made(&[], Ok(told.to_vec())).relay, "no address to tell");
    }

    #[test]
    fn what_was_known_of_itself_stays_when_the_system_says_nothing() {
        let public = IpAddr::from([9, 9, 9, 9]);
        let house = made(&[IpAddr::from([192, 0, 2, 1])], Ok(vec![public]));
        let peer = SocketAddr::new(public, 22);
        renew(&house.peers, Err(io::Error::from_raw_os_error(nix::libc::EMFILE)));
        assert!(!house.allows(peer));
        renew(&house.peers, Ok(Vec::new()));
        assert!(house.allows(peer), "the address is another's now");
    }
}
