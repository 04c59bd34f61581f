//! The port seen by clients: plain UDP sockets.

use super::*;
use crate::media::ice::testing::{mux, mux_on, request, until};
use crate::media::ice::{Gate, LinkUser};
use crate::model::PeerId;
use std::net::UdpSocket;
use std::sync::Weak;

fn client(mux: &Mux) -> UdpSocket {
    client_of(mux.local_addr())
}

fn client_of(server: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind((server.ip(), 0)).expect("a socket");
    socket.connect(server).expect("connected");
    socket.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout");
    socket
}

fn answer(socket: &UdpSocket) -> Option<[u8; 2]> {
    let mut buffer = [0; 256];
    socket.recv(&mut buffer).ok().map(|_| [buffer[0], buffer[1]])
}

#[test]
fn a_check_is_answered_and_selects_the_address() {
    let mux = mux();
    let link = mux.link();
    link.register("ours", "password");
    link.set_remote_name("theirs");
    let socket = client(&mux);
    socket.send(&request("ours:theirs", "password", false)).unwrap();
    assert_eq!(answer(&socket), Some([1, 1]));
    assert_eq!(link.selected(), Some(socket.local_addr().unwrap()));
    assert_eq!(link.state(), IceState::Connected);
}

#[test]
fn strangers_and_forgers_get_no_answer() {
    let mux = mux();
    let link = mux.link();
    link.register("ours", "password");
    link.set_remote_name("theirs");
    let socket = client(&mux);
    for bad in [
        request("nobody:theirs", "password", true),
        request("ours:theirs", "wrong", true),
        request("ours:other", "password", true),
        vec![0x80; 40],
        vec![77; 40],
    ] {
        socket.send(&bad).unwrap();
    }
    let count = mux.counters();
    until("five datagrams", || count.received.load(SeqCst) == 5);
    socket.send(&request("ours:theirs", "password", true)).unwrap();
    assert_eq!(answer(&socket), Some([1, 1]), "the first answer is to the right request");
    let counted = [&count.unknown_user, &count.bad_integrity, &count.unknown_address, &count.malformed];
    assert_eq!(counted.map(|c| c.load(SeqCst)), [1, 2, 1, 1]);
}

#[test]
fn a_nominated_check_from_elsewhere_moves_the_peer() {
    let mux = mux();
    let link = mux.link();
    link.register("ours", "password");
    let (old, new) = (client(&mux), client(&mux));
    old.send(&request("ours:x", "password", true)).unwrap();
    answer(&old).expect("answered");
    new.send(&request("ours:x", "password", false)).unwrap();
    answer(&new).expect("answered");
    assert_eq!(link.selected(), Some(old.local_addr().unwrap()), "not nominated");
    new.send(&request("ours:x", "password", true)).unwrap();
    answer(&new).expect("answered");
    until("the move", || link.selected() == Some(new.local_addr().unwrap()));
    assert_eq!(mux.counters().roamed.load(SeqCst), 1);
}

#[test]
fn a_closed_link_leaves_nothing_behind() {
    let mux = mux();
    let link = mux.link();
    link.register("ours", "password");
    let socket = client(&mux);
    socket.send(&request("ours:x", "password", true)).unwrap();
    answer(&socket).expect("answered");
    until("the address", || mux.port.addresses.read().len() == 1);
    link.close();
    assert_eq!((mux.port.names.read().len(), mux.port.addresses.read().len()), (0, 0));
    until("the worker to let go", || Arc::strong_count(&link) == 1);
}

#[test]
fn silence_is_judged_in_two_steps_and_ends_with_the_next_check() {
    let mux = mux();
    let link = mux.link();
    let from = &Path::Udp("127.0.0.1:9".parse().unwrap());
    assert_eq!(link.checked(from, true), Some(IceState::Connected));
    let after = |seconds| Instant::now() + Duration::from_secs(seconds);
    assert_eq!(link.judge_silence(after(5), DISCONNECTED, FAILED), None);
    assert_eq!(link.judge_silence(after(12), DISCONNECTED, FAILED), Some(IceState::Disconnected));
    assert_eq!(link.judge_silence(after(13), DISCONNECTED, FAILED), None);
    assert_eq!(link.judge_silence(after(31), DISCONNECTED, FAILED), Some(IceState::Failed));
    assert_eq!(link.checked(from, true), Some(IceState::Connected));
}

#[test]
fn a_copied_check_from_elsewhere_moves_nobody_and_gets_no_answer() {
    let mux = mux();
    let link = mux.link();
    link.register("ours", "password");
    let (client, thief) = (client(&mux), client(&mux));
    let check = request("ours:x", "password", true);
    for _ in 0..2 {
        client.send(&check).unwrap();
        assert_eq!(answer(&client), Some([1, 1]), "a repetition is answered");
    }
    thief.send(&check).unwrap();
    until("the theft is counted", || mux.counters().replayed.load(SeqCst) == 1);
    assert_eq!(link.selected(), Some(client.local_addr().unwrap()));
    thief.set_nonblocking(true).unwrap();
    assert!(thief.recv(&mut [0; 128]).is_err(), "the thief was answered");
}

#[test]
fn ipv6_works_alone_and_beside_ipv4() {
    for (bind, clients) in [("::1", &["::1"][..]), ("::", &["::1", "127.0.0.1"])] {
        let mux = mux_on(bind);
        for ip in clients {
            let link = mux.link();
            link.register("ours", "password");
            let socket = client_of(SocketAddr::new(ip.parse().unwrap(), mux.local_addr().port()));
            socket.send(&request("ours:x", "password", true)).unwrap();
            assert_eq!(answer(&socket), Some([1, 1]), "{ip} on {bind}");
            assert_eq!(link.selected(), Some(socket.local_addr().unwrap()), "{ip} on {bind}");
            link.close();
        }
        assert!(mux.announced().iter().any(|candidate| candidate.address.is_ipv6()), "{bind}");
    }
}

#[test]
fn without_tcp_nothing_listens_and_no_candidate_says_so() {
    let config = Media { port: 0, bind: [127, 0, 0, 1].into(), tcp: false, workers: 1, ..Media::default() };
    let mux = Mux::start(&config).expect("a port");
    assert!(mux.announced().iter().all(|candidate| !candidate.tcp));
    std::net::TcpStream::connect(mux.local_addr()).expect_err("nobody listens");
}

#[test]
fn behind_a_nat_both_kinds_of_candidates_carry_the_public_address_and_the_port() {
    let public = "203.0.113.9".parse().unwrap();
    let public_ips = crate::config::PublicIps::Listed(vec![public]);
    let config = Media { port: 0, bind: [127, 0, 0, 1].into(), public_ips, workers: 1, ..Media::default() };
    let mux = Mux::start(&config).expect("a port");
    let address = SocketAddr::new(public, mux.local_addr().port());
    let of = |tcp| HostCandidate { address, tcp };
    assert_eq!(mux.announced(), [of(false), of(true)]);
}

#[test]
fn a_port_taken_by_another_tcp_service_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let config = Media { port, bind: [127, 0, 0, 1].into(), workers: 1, ..Media::default() };
    let error = Mux::start(&config).err().expect("it is taken").to_string();
    assert!(error.contains("TCP") && error.contains(&port.to_string()), "{error}");
}

/// Takes packets for authentic whose last byte is 1.
struct Opener;

impl LinkUser for Opener {
    fn srtp(&self, datagram: &[u8], _: PeerId, _: Instant) -> bool {
        datagram.last() == Some(&1)
    }
    fn srtcp(&self, _: &[u8], _: Instant) -> bool {
        false
    }
    fn drained(&self) -> bool {
        false
    }
    fn flush(&self) {}
    fn roamed(&self) {}
    fn state(&self, _: IceState) {}
}

#[test]
fn a_forged_packet_takes_nobodys_place() {
    let mux = mux();
    let link = mux.link();
    let user = Arc::new(Opener);
    let weak: Weak<Opener> = Arc::downgrade(&user);
    link.set_user(weak);
    link.set_verified();
    link.activate();
    let mut gate = Gate::default();
    gate.learn(96);
    assert_eq!(link.set_gate(PeerId(1), gate), Ok(Vec::new()));
    let send = |ssrc: u8, last: u8| {
        link.media(Datagram::Rtp, &[0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, ssrc, last], Instant::now());
        (link.received().0, mux.counters().unannounced_ssrc.load(SeqCst))
    };
    assert_eq!(send(1, 0), (0, 0), "forged: opened in vain");
    assert_eq!(send(2, 1), (1, 0), "the publisher's");
    assert_eq!(send(1, 1), (1, 1), "the place is taken now");
    assert_eq!(send(2, 1), (2, 1));
    drop(user);
}
