//! Clients that mean no good, or do not read.

use crate::hall::{Hall, LIMIT, judge, pull, until};
use millrace::model::Codec;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn connect(hall: &Hall) -> TcpStream {
    TcpStream::connect(hall.running.rtsp().unwrap()).await.unwrap()
}

/// Sends, and reads an answer's head.
async fn ask(socket: &mut TcpStream, text: &str) -> String {
    socket.write_all(text.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = async {
        while !answer.windows(4).any(|four| four == b"\r\n\r\n") && socket.read_buf(&mut answer).await.unwrap_or(0) > 0
        {
        }
    };
    tokio::time::timeout(LIMIT, read).await.expect("an answer");
    String::from_utf8_lossy(&answer).into_owned()
}

async fn describe(hall: &Hall, socket: &mut TcpStream) {
    let url = hall.url("", "/hall/door");
    let told = ask(socket, &format!("DESCRIBE {url} RTSP/1.0\r\nCSeq: 2\r\nAccept: application/sdp\r\n\r\n")).await;
    assert!(told.starts_with("RTSP/1.0 200"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_get_short_answers_and_one_path_is_one_path() {
    let hall = Hall::open().await;
    for (text, status) in [
        ("GET /hall HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), "400"),
        (format!("DESCRIBE rtsp://h/{} RTSP/1.0\r\nCSeq: 1\r\n\r\n", "x".repeat(20_000)), "400"),
        ("DESCRIBE rtsp://h/hall RTSP/1.0\r\n\r\n".into(), "400"),
        ("PLAY rtsp://h/hall RTSP/1.0\r\nCSeq: 1\r\nSession: 1\r\n\r\n".into(), "454"),
        ("ANNOUNCE rtsp://h/hall RTSP/1.0\r\nCSeq: 1\r\n\r\n".into(), "501"),
        ("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n".into(), "200"),
        ("DESCRIBE rtsp://h/hall RTSP/1.0\r\nCSeq: 1\r\n\r\n".into(), "404"),
    ] {
        let told = ask(&mut connect(&hall).await, &text).await;
        assert!(told.starts_with(&format!("RTSP/1.0 {status}")), "{text:.40}: {told}");
    }
    let (door, _garden) =
        (hall.device("door", Some(Codec::H264)).await, hall.device("garden", Some(Codec::H264)).await);
    let mut socket = connect(&hall).await;
    describe(&hall, &mut socket).await;
    let url = hall.url("", "/hall/garden");
    let mut other = String::new();
    // The description's body may still be on its way.
    for cseq in 3..6 {
        other += &ask(&mut socket, &format!("DESCRIBE {url} RTSP/1.0\r\nCSeq: {cseq}\r\n\r\n")).await;
    }
    assert!(other.contains("RTSP/1.0 404"), "let in for one feed, another is not there: {other}");
    door.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn packets_go_to_nobody_but_who_asks() {
    let hall = Hall::open().await;
    let device = hall.device("door", Some(Codec::H264)).await;
    for wanted in ["RTP/AVP;unicast;destination=127.0.0.9;client_port=40000-40001", "RTP/AVP;multicast"] {
        let mut socket = connect(&hall).await;
        let setup =
            format!("SETUP {}/stream=0 RTSP/1.0\r\nCSeq: 3\r\nTransport: {wanted}\r\n\r\n", hall.url("", "/hall/door"));
        let told = ask(&mut socket, &setup).await;
        let elsewhere = told.starts_with("RTSP/1.0 200") && (told.contains("127.0.0.9") || told.contains("multicast"));
        assert!(!elsewhere, "{wanted}: {told}");
    }
    device.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_read_hurts_nobody_and_a_full_house_says_so() {
    let hall = Hall::with(|config| config.rtsp.max_clients = 2).await;
    let device = hall.device("door", Some(Codec::H264)).await;
    let mut stalled = connect(&hall).await;
    describe(&hall, &mut stalled).await;
    let url = hall.url("", "/hall/door");
    let mut session = String::new();
    // Pictures alone, as recorders do.
    for (stream, channels) in [(0, "0-1")] {
        let transport = format!("RTP/AVP/TCP;unicast;interleaved={channels}{session}");
        let setup = format!("SETUP {url}/stream={stream} RTSP/1.0\r\nCSeq: 3\r\nTransport: {transport}\r\n\r\n");
        stalled.write_all(setup.as_bytes()).await.unwrap();
        let mut text = String::new();
        while !text.contains("Session: ") || !text.ends_with("\r\n\r\n") {
            let mut more = [0; 4096];
            let count = tokio::time::timeout(LIMIT, stalled.read(&mut more)).await.expect("an answer").unwrap();
            assert!(count > 0, "{text}");
            text += &String::from_utf8_lossy(&more[..count]);
        }
        let id = text.split("Session: ").nth(1).unwrap().split([';', '\r']).next().unwrap();
        session = format!("\r\nSession: {id}");
    }
    let play = format!("PLAY {url} RTSP/1.0\r\nCSeq: 4{session}\r\n\r\n");
    stalled.write_all(play.as_bytes()).await.unwrap();
    // It reads nothing from here on; another one beside it sees all.
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("out.mkv");
    let (good, said) = pull(&url, &["-rtsp_transport", "tcp"], "3", &file).await;
    assert!(good, "{said}");
    let (_, [pictures, sounds]) = judge(&file).await;
    assert!(pictures >= 55 && sounds >= 100, "{pictures} pictures, {sounds} of sound");
    let threads = std::fs::read_dir("/proc/self/task").unwrap().count();
    eprintln!("{threads} threads with one client that stalls, the device and the service");
    // The house is full with two.
    until("the third is refused", async || {
        // Anew each time: the player that has just gone may have been the second still.
        let _second = connect(&hall).await;
        let mut third = connect(&hall).await;
        let mut answer = [0; 12];
        let read = tokio::time::timeout(Duration::from_millis(200), third.read_exact(&mut answer)).await;
        read.is_ok_and(|read| read.is_ok()) && &answer == b"RTSP/1.0 503"
    })
    .await;
    device.stop().await;
}
