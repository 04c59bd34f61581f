use super::request::{Request, answer, head_length};
use super::{Place, Sound};
use crate::model::RoomId;

fn request(method: &str, uri: &str, more: &str) -> Result<Request, &'static str> {
    Request::read(format!("{method} {uri} RTSP/1.0\r\nCSeq: 7\r\n{more}\r\n").as_bytes())
}

fn place(uri: &str) -> Result<(Place, Option<String>), &'static str> {
    request("DESCRIBE", uri, "").and_then(|request| request.place())
}

fn of(room: &str, feed: Option<&str>, sound: Sound) -> Place {
    Place { room: RoomId::new(room), feed: feed.map(str::to_owned), sound }
}

#[test]
fn addresses_name_a_room_a_feed_and_a_sound() {
    for (uri, meant, token) in [
        ("rtsp://host:8554/hall", of("hall", None, Sound::Aac), None),
        ("rtsp://host/hall/", of("hall", None, Sound::Aac), None),
        ("rtsp://host/hall/mix?audio=opus", of("hall", Some("mix"), Sound::Opus), None),
        ("rtsp://host/hall/front%20door?token=a.b-c", of("hall", Some("front door"), Sound::Aac), Some("a.b-c")),
        ("rtsp://host/hall/a+b?audio=none", of("hall", Some("a+b"), Sound::None), None),
        ("rtsp://host/hall/3/stream=1", of("hall", Some("3"), Sound::Aac), None),
        ("rtsp://host/hall/stream=0", of("hall", None, Sound::Aac), None),
    ] {
        assert_eq!(place(uri), Ok((meant, token.map(str::to_owned))), "{uri}");
    }
}

#[test]
fn what_is_no_address_is_refused() {
    for (uri, status) in [
        ("*", "400"),
        ("http://host/hall", "400"),
        ("rtsp://host/", "404"),
        ("rtsp://host/a%2Fb", "404"),
        ("rtsp://host/hall/a/b", "404"),
        ("rtsp://host/hall/mix?audio=mp3", "451"),
    ] {
        assert!(place(uri).is_err_and(|told| told.starts_with(status)), "{uri}: {:?}", place(uri));
    }
    assert!(place(&format!("rtsp://host/hall/{}", "x".repeat(300))).is_err());
}

#[test]
fn paths_are_as_the_server_looks_them_up() {
    for (uri, path) in [
        ("rtsp://host:8554/hall/front%20door?token=x", "/hall/front%20door"),
        ("rtsp://host/hall/", "/hall"),
        ("rtsp://host//hall//3/stream=1", "/hall/3"),
    ] {
        assert_eq!(request("SETUP", uri, "").unwrap().path(), path);
    }
}

#[test]
fn the_password_is_the_token_and_goes_before_the_query() {
    let basic = |value: &str| request("DESCRIBE", "rtsp://h/r?token=query", &format!("authorization: {value}\r\n"));
    // any:the-token
    let (_, token) = basic("Basic YW55OnRoZS10b2tlbg==").unwrap().place().unwrap();
    assert_eq!(token.as_deref(), Some("the-token"));
    for other in ["Digest username=\"x\"", "Basic", "Basic !!!!", "Basic YW55"] {
        let (_, token) = basic(other).unwrap().place().unwrap();
        assert_eq!(token.as_deref(), Some("query"), "{other}");
    }
    let shown = format!("{:?}", basic("Basic YW55OnRoZS10b2tlbg==").unwrap());
    assert!(!shown.contains("token"), "{shown}");
}

#[test]
fn heads_that_are_none_are_told_so() {
    let read = |text: &str| Request::read(text.as_bytes()).map(|_| ());
    assert_eq!(read("GET /x HTTP/1.1\r\nHost: x\r\n\r\n"), Err("400 Bad Request"));
    assert_eq!(read("OPTIONS * RTSP/2.0\r\nCSeq: 1\r\n\r\n"), Err("505 RTSP Version Not Supported"));
    assert_eq!(read("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 9\r\n\r\n"), Err("413 Request Entity Too Large"));
    for bad in [
        "",
        "\r\n\r\n",
        "OPTIONS\r\n\r\n",
        "A B RTSP/1.0\r\n\r\n",
        "A B RTSP/1.0\r\nCSeq: x\r\n\r\n",
        "A B RTSP/1.0\0\r\nCSeq: 1\r\n\r\n",
    ] {
        assert_eq!(read(bad), Err("400 Bad Request"), "{bad:?}");
    }
    assert_eq!(Request::read(&[0xff, 0xfe]).map(|_| ()), Err("400 Bad Request"));
    assert_eq!((head_length(b"A\r\n\r"), head_length(b"A\r\n\r\nB")), (None, Some(5)));
    let asked = String::from_utf8(answer("401 Unauthorized", "3")).unwrap();
    assert!(asked.contains("CSeq: 3\r\n") && asked.contains("WWW-Authenticate: Basic realm="), "{asked}");
}
