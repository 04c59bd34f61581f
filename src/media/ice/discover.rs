//! Which addresses the world sees us under: asks a STUN server (RFC 8489), once, with a bounded wait.

use super::stun;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::time::timeout;

/// Pauses after the repetitions of a request: a datagram may get lost.
const PAUSES: [u64; 5] = [200, 400, 800, 800, 800];

/// The public addresses, IPv4 first, of a service bound to `bind`: one for each family in which the server answers.
/// Takes no longer than `limit`.
pub async fn public_ips(server: &str, bind: IpAddr, limit: Duration) -> io::Result<Vec<IpAddr>> {
    timeout(limit, ask_all(server, bind)).await?
}

async fn ask_all(server: &str, bind: IpAddr) -> io::Result<Vec<IpAddr>> {
    let servers: Vec<SocketAddr> = tokio::net::lookup_host(server).await?.collect();
    let of = |v6: bool| servers.iter().find(move |s| s.is_ipv6() == v6).zip(source(bind, v6));
    let (v4, v6) = tokio::join!(ask(of(false)), ask(of(true)));
    let (found, failed): (Vec<_>, Vec<_>) = [v4, v6].into_iter().flatten().partition(io::Result::is_ok);
    match failed.into_iter().next() {
        Some(Err(error)) if found.is_empty() => Err(error),
        _ if found.is_empty() => Err(io::Error::new(ErrorKind::AddrNotAvailable, "it has no address of our family")),
        _ => Ok(found.into_iter().flatten().collect()),
    }
}

/// From where to ask in a family: the address that media is bound to, if it is of it.
fn source(bind: IpAddr, v6: bool) -> Option<IpAddr> {
    match (bind, v6) {
        (bind, v6) if bind.is_ipv6() == v6 => Some(bind),
        // A socket on `::` takes IPv4 as well.
        (bind, false) if bind == Ipv6Addr::UNSPECIFIED => Some(Ipv4Addr::UNSPECIFIED.into()),
        _ => None,
    }
}

async fn ask(pair: Option<(&SocketAddr, IpAddr)>) -> Option<io::Result<IpAddr>> {
    let (server, source) = pair?;
    Some(exchange(*server, source).await)
}

async fn exchange(server: SocketAddr, source: IpAddr) -> io::Result<IpAddr> {
    let socket = UdpSocket::bind((source, 0)).await?;
    socket.connect(server).await?;
    let request = stun::plain_request(rand::random());
    for pause in PAUSES {
        socket.send(&request).await?;
        if let Ok(answer) = timeout(Duration::from_millis(pause), answer(&socket, &request)).await {
            return answer;
        }
    }
    Err(io::Error::new(ErrorKind::TimedOut, format!("no answer from {server}")))
}

/// Waits for the answer to this request; anything else is passed over.
async fn answer(socket: &UdpSocket, request: &[u8]) -> io::Result<IpAddr> {
    let mut buffer = [0; 1024];
    loop {
        let length = socket.recv(&mut buffer).await?;
        let mapped = buffer.get(..length).and_then(|packet| stun::mapped_address(packet, request));
        if let Some(mapped) = mapped.filter(|mapped| !mapped.ip().is_unspecified()) {
            return Ok(mapped.ip().to_canonical());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    const LIMIT: Duration = Duration::from_secs(3);
    const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    /// A STUN server that loses the first request, and answers the second with nonsense before the truth.
    async fn responder(sees: SocketAddr) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        tokio::spawn(async move {
            let mut buffer = [0; 256];
            socket.recv_from(&mut buffer).await.unwrap();
            let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
            let request = &buffer[..length];
            let mut strange = request.to_vec();
            strange[12] ^= 1;
            let key = stun::key("");
            for answer in [vec![1; 40], stun::success(&strange, "198.51.100.1:1".parse().unwrap(), &key), Vec::new()] {
                socket.send_to(&answer, from).await.unwrap();
            }
            socket.send_to(&stun::success(request, sees, &key), from).await.unwrap();
        });
        address
    }

    #[tokio::test]
    async fn the_servers_answer_is_found_among_lost_and_strange_ones() {
        let server = responder("203.0.113.9:40000".parse().unwrap()).await;
        let found = public_ips(&server.to_string(), LOOPBACK, LIMIT).await.unwrap();
        assert_eq!(found, ["203.0.113.9".parse::<IpAddr>().unwrap()]);
    }

    #[tokio::test]
    async fn a_silent_server_is_given_up_in_time() {
        let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let begun = Instant::now();
        let server = silent.local_addr().unwrap().to_string();
        public_ips(&server, LOOPBACK, Duration::from_millis(500)).await.expect_err("nobody answered");
        assert!(begun.elapsed() < Duration::from_secs(2));
    }

    #[tokio::test]
    async fn a_server_of_another_family_or_name_is_an_error() {
        public_ips("127.0.0.1:3478", "::1".parse().unwrap(), LIMIT).await.expect_err("no family in common");
        public_ips("no port", LOOPBACK, LIMIT).await.expect_err("no name");
    }
}
