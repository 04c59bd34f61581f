//! coturn's own clients against our server: UDP, TCP, TLS, IPv6, channels and indications.

use super::hall::{Hall, LIMIT, echo, uclient};
use std::net::SocketAddr;
use tokio::process::Command;

/// 2 clients, 30 messages each, all of which come back.
async fn all_come_back(how: &[&str], peer: &str, server: impl Fn(&Hall) -> SocketAddr) {
    let hall = Hall::open();
    let peer = echo(peer).await;
    let arguments = [&["-c", "-n", "30", "-m", "2", "-l", "601", "-z", "5"], how].concat();
    let said = uclient(&arguments, &hall.account("me"), peer, server(&hall)).await;
    assert!(said.contains("tot_send_msgs=60, tot_recv_msgs=60"), "{how:?}: {said}");
    hall.server.stop(LIMIT).await;
}

fn at(ip: [u8; 4], port: Option<u16>) -> SocketAddr {
    SocketAddr::from((ip, port.unwrap()))
}

#[tokio::test(flavor = "multi_thread")]
async fn over_udp_by_channels_and_by_indications() {
    all_come_back(&[], "127.0.0.1", Hall::udp).await;
    all_come_back(&["-s"], "127.0.0.1", Hall::udp).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tcp() {
    let tcp = |hall: &Hall| at([127, 0, 0, 1], hall.ports().tcp);
    all_come_back(&["-t"], "127.0.0.1", tcp).await;
    all_come_back(&["-t", "-s"], "127.0.0.1", tcp).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls() {
    all_come_back(&["-t", "-S"], "127.0.0.1", |hall| at([127, 0, 0, 1], hall.ports().tls)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn relays_of_ipv6() {
    all_come_back(&["-x"], "::1", Hall::udp).await;
    all_come_back(&["-x", "-t"], "::1", |hall| at([127, 0, 0, 1], hall.ports().tcp)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_over_ipv6() {
    let free = std::net::UdpSocket::bind("[::1]:0").unwrap().local_addr().unwrap();
    let hall = Hall::with(|settings| {
        settings.listen = vec![free];
        settings.peers = vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
    });
    let peer = echo("::1").await;
    let arguments = ["-c", "-n", "30", "-m", "2", "-l", "300", "-z", "5", "-x"];
    let said = uclient(&arguments, &hall.account("me"), peer, free).await;
    assert!(said.contains("tot_send_msgs=60, tot_recv_msgs=60"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_clients_with_relays_reach_each_other() {
    // `-y`: each client's peer is the other's relay, which no setting lists.
    let hall = Hall::with(|_| ());
    let arguments = ["-y", "-c", "-n", "30", "-m", "2", "-l", "300", "-z", "5"];
    let said = uclient(&arguments, &hall.account("me"), hall.udp(), hall.udp()).await;
    assert!(said.contains("tot_send_msgs=60, tot_recv_msgs=60"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn stunclient_learns_its_address() {
    let hall = Hall::with(|settings| settings.relay = false);
    let port = hall.udp().port().to_string();
    let mut command = Command::new("turnutils_stunclient");
    let output = command.args(["-p", &port, "127.0.0.1"]).kill_on_drop(true).output();
    let output = tokio::time::timeout(LIMIT, output).await.expect("turnutils_stunclient ends").unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(said.contains("UDP reflexive addr: 127.0.0.1:"), "{said}");
}
