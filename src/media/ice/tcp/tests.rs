//! The port seen by clients over TCP: plain sockets.

use crate::media::egress::Wire;
use crate::media::ice::IceState;
use crate::media::ice::Mux;
use crate::media::ice::testing::{LIMIT, mux, request, until};
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

fn client(mux: &Mux) -> TcpStream {
    let stream = TcpStream::connect(mux.local_addr()).expect("connected");
    stream.set_read_timeout(Some(LIMIT)).expect("a timeout");
    stream.set_nodelay(true).expect("no delay");
    stream
}

fn framed(datagram: &[u8]) -> Vec<u8> {
    [&(datagram.len() as u16).to_be_bytes(), datagram].concat()
}

fn send(client: &mut TcpStream, datagram: &[u8]) {
    client.write_all(&framed(datagram)).expect("sent");
}

fn receive(client: &mut TcpStream) -> Option<Vec<u8>> {
    let mut head = [0; 2];
    client.read_exact(&mut head).ok()?;
    let mut datagram = vec![0; usize::from(u16::from_be_bytes(head))];
    client.read_exact(&mut datagram).ok().map(|()| datagram)
}

/// The server has ended the connection and sent nothing before.
fn is_cut_off(mut client: TcpStream) -> bool {
    match client.read(&mut [0; 64]) {
        Ok(count) => count == 0,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

/// A link with names, and a client that has proved itself over TCP.
fn joined(mux: &Mux) -> (std::sync::Arc<crate::media::ice::Link>, TcpStream) {
    let link = mux.link();
    link.register("ours", "password");
    let mut stream = client(mux);
    send(&mut stream, &request("ours:x", "password", true));
    receive(&mut stream).expect("answered");
    (link, stream)
}

#[test]
fn the_port_has_one_number_and_both_kinds_of_candidates() {
    let mux = mux();
    let kinds: Vec<bool> = mux.announced().iter().map(|candidate| candidate.tcp).collect();
    assert_eq!(kinds, [false, true]);
    assert!(mux.announced().iter().all(|candidate| candidate.address == mux.local_addr()));
}

#[test]
fn a_check_is_answered_framed_and_selects_the_connection() {
    let mux = mux();
    let link = mux.link();
    link.register("ours", "password");
    let mut stream = client(&mux);
    let check = framed(&request("ours:theirs", "password", false));
    // In three pieces, to be put together again.
    for piece in [&check[..1], &check[1..9], &check[9..]] {
        stream.write_all(piece).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert_eq!(receive(&mut stream).expect("answered")[..2], [1, 1]);
    assert_eq!((link.selected(), link.state()), (Some(stream.local_addr().unwrap()), IceState::Connected));
    assert_eq!(link.send(&[5, 6, 6], &[1, 2]), 0);
    assert_eq!((receive(&mut stream), receive(&mut stream)), (Some(vec![5]), Some(vec![6, 6])));
}

#[test]
fn whoever_begins_with_anything_but_an_authentic_check_is_cut_off() {
    let mux = mux();
    let link = mux.link();
    link.register("ours", "password");
    let wrong = [
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        framed(&request("nobody:x", "password", true)),
        framed(&request("ours:x", "wrong", true)),
        framed(&[22; 40]),
        framed(&[0x80; 40]),
        framed(&[]),
        vec![0xff; 2],
    ];
    for bytes in &wrong {
        let mut stream = client(&mux);
        stream.write_all(bytes).unwrap();
        assert!(is_cut_off(stream), "{bytes:?}");
    }
    let tcp = &mux.counters().tcp;
    until("all counted", || tcp.garbage.load(Relaxed) == wrong.len() as u64 && tcp.open.load(Relaxed) == 0);
    assert_eq!(link.state(), IceState::New);
}

#[test]
fn the_silent_are_cut_off_after_a_while_and_the_proven_are_not() {
    let mux = mux();
    let (_link, mut proven) = joined(&mux);
    let begun = Instant::now();
    let mut silent = client(&mux);
    silent.set_read_timeout(Some(2 * LIMIT)).unwrap();
    silent.write_all(&[0, 90, 0, 1]).unwrap(); // the beginning of a frame that never ends
    assert!(is_cut_off(silent));
    assert!(begun.elapsed() < 2 * LIMIT, "cut off after {:?}", begun.elapsed());
    assert_eq!(mux.counters().tcp.silent.load(Relaxed), 1);
    send(&mut proven, &request("ours:x", "password", true));
    receive(&mut proven).expect("still answered");
}

#[test]
fn a_crowd_of_newcomers_keeps_nobody_out() {
    let mux = mux();
    let crowd: Vec<TcpStream> = (0..300).map(|_| client(&mux)).collect();
    let tcp = &mux.counters().tcp;
    until("all accepted", || tcp.accepted.load(Relaxed) == 300);
    assert!(tcp.open.load(Relaxed) <= super::listener::MAX_UNPROVEN as u64);
    let (_link, mut stream) = joined(&mux);
    assert!(tcp.crowded.load(Relaxed) >= 44, "{tcp:?}");
    drop(crowd);
    until("the crowd is gone", || tcp.open.load(Relaxed) == 1);
    send(&mut stream, &request("ours:x", "password", true));
    receive(&mut stream).expect("still answered");
}

#[test]
fn one_that_floods_does_not_keep_others_waiting() {
    let mux = mux();
    let (_link, mut flooding) = joined(&mux);
    let flood = std::thread::spawn(move || {
        let zeros = vec![0; 64 << 10]; // empty frames, 32768 at a time
        for _ in 0..200 {
            if flooding.write_all(&zeros).is_err() {
                break;
            }
        }
    });
    let other = mux.link();
    other.register("other", "password");
    let mut stream = client(&mux);
    for _ in 0..20 {
        let begun = Instant::now();
        send(&mut stream, &request("other:x", "password", true));
        receive(&mut stream).expect("answered");
        assert!(begun.elapsed().as_millis() < 1000, "answered after {:?}", begun.elapsed());
    }
    flood.join().unwrap();
}

#[test]
fn moving_between_udp_and_tcp_is_followed_and_a_lost_connection_is_forgotten() {
    let mux = mux();
    let (link, stream) = joined(&mux);
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    udp.connect(mux.local_addr()).unwrap();
    udp.set_read_timeout(Some(LIMIT)).unwrap();
    udp.send(&request("ours:x", "password", false)).unwrap();
    udp.recv(&mut [0; 128]).expect("answered");
    assert_eq!(link.selected(), Some(stream.local_addr().unwrap()), "not nominated");
    drop(stream);
    until("the connection is forgotten", || link.selected().is_none());
    udp.send(&request("ours:x", "password", false)).unwrap();
    udp.recv(&mut [0; 128]).expect("answered");
    assert_eq!(link.selected(), Some(udp.local_addr().unwrap()));
    assert_eq!(mux.counters().roamed.load(Relaxed), 1);
}

#[test]
fn a_closed_link_ends_its_connection_and_leaves_nothing() {
    let mux = mux();
    let (link, stream) = joined(&mux);
    link.close();
    assert!(is_cut_off(stream));
    until("the connection is gone", || mux.counters().tcp.open.load(Relaxed) == 0);
    until("nobody holds the link", || std::sync::Arc::strong_count(&link) == 1);
}

#[test]
fn dropping_the_port_ends_all_connections() {
    let mux = mux();
    let (link, stream) = joined(&mux);
    let begun = Instant::now();
    drop((link, mux));
    assert!(is_cut_off(stream) && begun.elapsed() < LIMIT);
}
