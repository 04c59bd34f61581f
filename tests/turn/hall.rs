//! A server on loopback, its accounts, and an echo behind its relays.

use millrace::config::Turn;
use millrace::turn::{Credentials, Own, Ports, Server};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::net::UdpSocket;
use tokio::process::Command;

/// What every wait here is bounded by.
pub const LIMIT: Duration = Duration::from_secs(30);

/// A running server with relays on loopback.
pub struct Hall {
    pub server: Server,
    pub credentials: Credentials,
}

impl Hall {
    /// Peers on loopback are allowed.
    pub fn open() -> Self {
        Self::with(|settings| settings.peers = vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()])
    }

    /// With other settings than those that fit loopback; no peers are allowed but those of `change`.
    pub fn with(change: impl FnOnce(&mut Turn)) -> Self {
        Self::owning(change, &[])
    }

    /// With these as the media port.
    pub fn owning(change: impl FnOnce(&mut Turn), media: &[SocketAddr]) -> Self {
        let on = |address: &str| address.parse::<SocketAddr>().unwrap();
        let mut settings = Turn { listen: vec![on("127.0.0.1:0"), on("[::1]:0")], ..Turn::default() };
        settings.listen_tls = vec![on("127.0.0.1:0")];
        change(&mut settings);
        let announced: Vec<IpAddr> = vec![[127, 0, 0, 1].into(), on("[::1]:0").ip()];
        let own = Own { media: media.into(), announced };
        let credentials = Credentials::new(b"north");
        let server = Server::start(&settings, own, Some(certificate()), credentials.clone()).unwrap();
        Self { server, credentials }
    }

    pub fn ports(&self) -> Ports {
        self.server.ports()
    }

    /// Where UDP is.
    pub fn udp(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.ports().udp.unwrap()))
    }

    /// A name and its password.
    pub fn account(&self, who: &str) -> (String, String) {
        let (name, password) = self.credentials.issue(who, unix_time(), Duration::from_secs(600));
        (name, password.reveal().to_owned())
    }
}

pub fn unix_time() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

fn certificate() -> Arc<rustls::ServerConfig> {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = signing_key.serialize_der().try_into().unwrap();
    let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    Arc::new(builder.with_no_client_auth().with_single_cert(vec![cert.der().clone()], key).unwrap())
}

/// A peer that sends back whatever comes.
pub async fn echo(ip: &str) -> SocketAddr {
    let socket = UdpSocket::bind(SocketAddr::new(ip.parse().unwrap(), 0)).await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut packet = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut packet).await {
            let _ = socket.send_to(&packet[..length], from).await;
        }
    });
    address
}

/// coturn's client: `arguments` and where the server is. Returns all it says.
pub async fn uclient(arguments: &[&str], account: &(String, String), peer: SocketAddr, server: SocketAddr) -> String {
    let mut command = Command::new("turnutils_uclient");
    command.args(["-u", &account.0, "-w", &account.1, "-e", &peer.ip().to_string(), "-r", &peer.port().to_string()]);
    command.args(arguments).args(["-p", &server.port().to_string(), &server.ip().to_string()]).kill_on_drop(true);
    let output = tokio::time::timeout(LIMIT, command.output()).await.expect("turnutils_uclient ends").unwrap();
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}
