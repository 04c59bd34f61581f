//! The port seen by clients: plain UDP sockets.

use super::*;
use std::net::UdpSocket;

fn mux() -> Mux {
    let config = Media { port: 0, bind: [127, 0, 0, 1].into(), workers: 1, ..Media::default() };
    Mux::start(&config).expect("a port")
}

fn client(mux: &Mux) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.connect(mux.local_addr()).expect("connected");
    socket.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout");
    socket
}

/// A binding request with integrity, nominating when asked to.
fn request(user: &str, password: &str, nominate: bool) -> Vec<u8> {
    let mut out = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    out.extend_from_slice(&[7; 12]);
    out.extend_from_slice(&[0, 6, 0, user.len() as u8]);
    out.extend_from_slice(user.as_bytes());
    out.resize(out.len().next_multiple_of(4), 0);
    if nominate {
        out.extend_from_slice(&[0, 0x25, 0, 0]);
    }
    let length = (out.len() - 20 + 24) as u16;
    out[2..4].copy_from_slice(&length.to_be_bytes());
    let tag = hmac::sign(&stun::key(password), &out);
    out.extend_from_slice(&[0, 8, 0, 20]);
    out.extend_from_slice(tag.as_ref());
    out
}

fn answer(socket: &UdpSocket) -> Option<[u8; 2]> {
    let mut buffer = [0; 256];
    socket.recv(&mut buffer).ok().map(|_| [buffer[0], buffer[1]])
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(5);
    while !done() {
        assert!(Instant::now() < end, "still waiting for: {what}");
        std::thread::yield_now();
    }
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
    let from = "127.0.0.1:9".parse().unwrap();
    assert_eq!(link.checked(from, true), Some(IceState::Connected));
    let after = |seconds| Instant::now() + Duration::from_secs(seconds);
    assert_eq!(link.judge_silence(after(5), DISCONNECTED, FAILED), None);
    assert_eq!(link.judge_silence(after(12), DISCONNECTED, FAILED), Some(IceState::Disconnected));
    assert_eq!(link.judge_silence(after(13), DISCONNECTED, FAILED), None);
    assert_eq!(link.judge_silence(after(31), DISCONNECTED, FAILED), Some(IceState::Failed));
    assert_eq!(link.checked(from, true), Some(IceState::Connected));
}
