//! Looking for devices on this machine's networks: WS-Discovery by multicast.
//!
//! Decides where and how long; whether a device may be talked to is the gate's, and said beside it.

use super::probe::{self, Found, Kind};
use futures::future::join_all;
use socket2::{Domain, Protocol, Socket, Type};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};

/// The group and port of WS-Discovery.
pub const GROUP: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(239, 255, 255, 250)), 3702);
/// A datagram can be lost: the question is sent again after this.
const AGAIN_AFTER: Duration = Duration::from_millis(400);
/// More devices than a network has; who sends more is not listened to.
const MAX_FOUND: usize = 512;
/// The longest answer that is read.
const MAX_DATAGRAM: usize = 32 * 1024;

/// Where is looked, and for how long.
#[derive(Clone, Debug)]
pub struct Search {
    /// This machine's addresses to look from; empty: those of all interfaces but loopback.
    pub interfaces: Vec<Ipv4Addr>,
    /// How long answers are waited for.
    pub limit: Duration,
}

/// Asks on every interface and collects what answers. An interface that cannot be used is skipped and logged.
pub async fn search(wish: &Search) -> Vec<Found> {
    let interfaces = if wish.interfaces.is_empty() { interfaces() } else { wish.interfaces.clone() };
    let deadline = Instant::now() + wish.limit;
    let searches = interfaces.into_iter().map(|from| async move {
        look(from, deadline).await.unwrap_or_else(|error| {
            tracing::info!(interface = %from, reason = %error, "cameras cannot be looked for on this interface");
            Vec::new()
        })
    });
    let mut all = Vec::new();
    join_all(searches).await.into_iter().flatten().for_each(|found| probe::merge(&mut all, found));
    all.sort_by(|a, b| a.address.cmp(&b.address));
    all
}

fn interfaces() -> Vec<Ipv4Addr> {
    let all = if_addrs::get_if_addrs().unwrap_or_default();
    let v4 = all.into_iter().filter(|one| !one.is_loopback()).filter_map(|one| match one.ip() {
        std::net::IpAddr::V4(ip) => Some(ip),
        std::net::IpAddr::V6(_) => None,
    });
    v4.collect()
}

async fn look(from: Ipv4Addr, deadline: Instant) -> std::io::Result<Vec<Found>> {
    let socket = socket(from)?;
    let questions = [Kind::Camera, Kind::Device].map(|kind| (uuid(), kind));
    let asked = questions.each_ref().map(|(id, _)| id.clone());
    ask(&socket, &questions).await?;
    let mut found = Vec::new();
    collect(&socket, &asked, deadline.min(Instant::now() + AGAIN_AFTER), &mut found).await;
    ask(&socket, &questions).await?;
    collect(&socket, &asked, deadline, &mut found).await;
    Ok(found)
}

async fn ask(socket: &UdpSocket, questions: &[(String, Kind)]) -> std::io::Result<()> {
    for (id, kind) in questions {
        socket.send_to(probe::question(id, *kind).as_bytes(), GROUP).await?;
    }
    Ok(())
}

async fn collect(socket: &UdpSocket, asked: &[String], until: Instant, found: &mut Vec<Found>) {
    let mut datagram = vec![0; MAX_DATAGRAM];
    while found.len() < MAX_FOUND {
        let Ok(received) = timeout_at(until, socket.recv_from(&mut datagram)).await else { return };
        // A port that is closed somewhere is told as an error of the next reception.
        let Ok((length, from)) = received else { continue };
        for one in probe::answers(&datagram[..length], from.ip(), asked) {
            probe::merge(found, one);
        }
    }
}

/// Questions do not leave the network that they are asked on.
fn socket(from: Ipv4Addr) -> std::io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_multicast_if_v4(&from)?;
    socket.set_multicast_ttl_v4(1)?;
    socket.set_multicast_loop_v4(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::from((from, 0)).into())?;
    UdpSocket::from_std(socket.into())
}

/// A random UUID (version 4).
fn uuid() -> String {
    let random = (rand::random::<u128>() & !(0xf << 76) & !(0b11 << 62)) | (4 << 76) | (0b10 << 62);
    let hex = format!("{random:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_uuids() {
        let id = uuid();
        assert_eq!((id.len(), &id[14..15], id.matches('-').count()), (36, "4", 4));
        assert!("89ab".contains(&id[19..20]), "{id}");
    }
}
