//! Listeners for HTTP and HTTPS: bound at once, served by a task each, stopped within a limit.

use super::either::TlsOrPlain;
use super::{StartError, tls};
use crate::config::Config;
use axum::Router;
use axum_server::Handle;
use axum_server::accept::NoDelayAcceptor;
use axum_server::tls_rustls::RustlsConfig;
use hyper_util::rt::TokioTimer;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::time::Duration;
use tokio::task::JoinHandle;

/// Who has not sent a request's head by then is only keeping a socket busy.
const HEAD_LIMIT: Duration = Duration::from_secs(15);

/// A listening server.
pub struct Server {
    address: SocketAddr,
    handle: Handle<SocketAddr>,
    task: JoinHandle<std::io::Result<()>>,
}

impl Server {
    /// Its real address: with port 0 in the settings, the port that was picked.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops listening and waits for its connections to end, but no longer than this.
    pub async fn stop(&self, limit: Duration) {
        self.handle.graceful_shutdown(Some(limit));
        let ended = async {
            while !self.task.is_finished() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let _ = tokio::time::timeout(limit, ended).await;
        self.task.abort();
    }
}

/// Plain HTTP and WebSocket.
pub fn http(address: SocketAddr, router: Router) -> Result<Server, StartError> {
    let (listener, address) = bind("server.http", "--http", address)?;
    let handle = Handle::new();
    let mut server =
        axum_server::Server::from_listener(listener).acceptor(NoDelayAcceptor::new()).handle(handle.clone());
    server.http_builder().http1().timer(TokioTimer::new()).header_read_timeout(HEAD_LIMIT);
    Ok(Server {
        address,
        handle,
        task: tokio::spawn(server.serve(router.into_make_service_with_connect_info::<SocketAddr>())),
    })
}

/// HTTPS, unless it is switched off; applications of OpenVidu may speak plain HTTP there too.
pub fn https(config: &Config, router: Router) -> Result<Option<Server>, StartError> {
    let Some(wanted) = config.server.https else { return Ok(None) };
    let tls = tls::server_config(&config.server, &config.media.announced())?;
    let (listener, address) = bind("server.https", "--https", wanted)?;
    let handle = Handle::new();
    let acceptor = TlsOrPlain::new(RustlsConfig::from_config(tls), config.openvidu.secret.is_some());
    let mut server = axum_server::Server::from_listener(listener).acceptor(acceptor).handle(handle.clone());
    server.http_builder().http1().timer(TokioTimer::new()).header_read_timeout(HEAD_LIMIT);
    Ok(Some(Server {
        address,
        handle,
        task: tokio::spawn(server.serve(router.into_make_service_with_connect_info::<SocketAddr>())),
    }))
}

/// Listens on an address; says by `key` and `flag` how it could be another one.
pub fn bind(
    key: &'static str,
    flag: &'static str,
    address: SocketAddr,
) -> Result<(tokio::net::TcpListener, SocketAddr), StartError> {
    let listen = || -> std::io::Result<_> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let actual = listener.local_addr()?;
        Ok((tokio::net::TcpListener::from_std(listener)?, actual))
    };
    listen().map_err(|cause| StartError::Bind { key, flag, address, cause })
}

/// The address to connect to from this machine: a wildcard cannot be connected to.
pub fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// The same for people and their browsers, which trust the name `localhost` with the camera.
pub fn reachable_name(address: SocketAddr) -> String {
    let address = reachable(address);
    if address.ip().is_loopback() { format!("localhost:{}", address.port()) } else { address.to_string() }
}
