//! RTSP as far as the door needs it (RFC 2326): the head of a request, whom it asks for, and short answers. Pure.
//!
//! Decides what a well-formed request is and what its address means; leaves who may see it to the `Door`, and everything
//! after the first allowed request to gst-rtsp-server.

use super::{Place, Sound};
use crate::model::RoomId;
use gst::glib;
use url::Url;

/// A head that is longer is no player's.
pub const MOST_HEAD: usize = 8 * 1024;
/// Longest name of a feed in an address, in bytes.
const MOST_NAME: usize = 256;
const PUBLIC: &str = "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, GET_PARAMETER, SET_PARAMETER";

/// What a client asks first.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// `DESCRIBE`…
    pub method: String,
    /// As it stands in the request.
    pub uri: String,
    /// Repeated in the answer.
    pub cseq: String,
    /// Password of basic authentication.
    pub password: Option<String>,
}

/// Tokens stay out of logs.
impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request").field("method", &self.method).field("cseq", &self.cseq).finish_non_exhaustive()
    }
}

/// Length of the first head in these bytes, its empty line included; `None` when it is not complete.
pub fn head_length(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}

impl Request {
    /// Reads a head. The error is an answer's status line.
    pub fn read(head: &[u8]) -> Result<Self, &'static str> {
        const BAD: &str = "400 Bad Request";
        let text = std::str::from_utf8(head).map_err(|_| BAD)?;
        if text.contains('\0') {
            return Err(BAD);
        }
        let mut lines = text.split("\r\n");
        let mut first = lines.next().unwrap_or_default().split(' ');
        let (method, uri, version) = (first.next(), first.next(), first.next());
        let (Some(method), Some(uri), Some(version), None) = (method, uri, version, first.next()) else {
            return Err(BAD);
        };
        if !version.starts_with("RTSP/1.") {
            return Err(if version.starts_with("RTSP/") { "505 RTSP Version Not Supported" } else { BAD });
        }
        let headers: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(':')).collect();
        let header = |name: &str| headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.trim());
        let cseq = header("CSeq").filter(|n| !n.is_empty() && n.len() <= 10 && n.bytes().all(|b| b.is_ascii_digit()));
        // A body before anything is known of the client is nobody's need.
        if header("Content-Length").is_some_and(|length| length != "0") {
            return Err("413 Request Entity Too Large");
        }
        Ok(Self {
            method: method.into(),
            uri: uri.into(),
            cseq: cseq.ok_or(BAD)?.into(),
            password: header("Authorization").and_then(basic_password),
        })
    }

    /// What its address means; the error is an answer's status line.
    pub fn place(&self) -> Result<(Place, Option<String>), &'static str> {
        const NOT_FOUND: &str = "404 Not Found";
        let url = Url::parse(&self.uri).map_err(|_| "400 Bad Request")?;
        if !matches!(url.scheme(), "rtsp" | "rtspu" | "rtspt") {
            return Err("400 Bad Request");
        }
        let parts: Vec<String> = url.path_segments().map(|all| all.map(decoded).collect()).unwrap_or_default();
        let mut parts = parts.iter().map(String::as_str).filter(|part| !part.is_empty());
        let (room, feed, more) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
        // `SETUP` names a stream below what is described.
        let is_stream = |part: &str| part.starts_with("stream=");
        let feed = feed.filter(|part| !is_stream(part));
        if !RoomId::is_valid(room) || more.is_some_and(|part| !is_stream(part)) {
            return Err(NOT_FOUND);
        }
        if feed.is_some_and(|feed| feed.len() > MOST_NAME) {
            return Err(NOT_FOUND);
        }
        let query = |key: &str| url.query_pairs().find(|(k, _)| k == key).map(|(_, value)| value.into_owned());
        let sound = match query("audio").as_deref() {
            None | Some("aac") => Sound::Aac,
            Some("opus") => Sound::Opus,
            Some("none") => Sound::None,
            Some(_) => return Err("451 Parameter Not Understood"),
        };
        let token = self.password.clone().or_else(|| query("token"));
        Ok((Place { room: RoomId::new(room), feed: feed.map(str::to_owned), sound }, token))
    }

    /// The path as gst-rtsp-server looks it up: without the query and what names a stream.
    pub fn path(&self) -> String {
        let after = self.uri.split_once("://").map_or("", |(_, rest)| rest);
        let path = after.find('/').map_or("/", |at| &after[at..]);
        let path = path.split('?').next().unwrap_or("/");
        let path = path.split("/stream=").next().unwrap_or("/");
        // As gst-rtsp-server reads it: slashes once each.
        path.split('/').filter(|part| !part.is_empty()).fold(String::new(), |path, part| path + "/" + part)
    }

    /// A short answer; 401 asks for basic authentication.
    pub fn answer(&self, status: &str) -> Vec<u8> {
        answer(status, &self.cseq)
    }

    /// What everybody may know.
    pub fn options(&self) -> Vec<u8> {
        format!("RTSP/1.0 200 OK\r\nCSeq: {}\r\nPublic: {PUBLIC}\r\nServer: Millrace\r\n\r\n", self.cseq).into_bytes()
    }
}

/// A short answer to a request of this number.
pub fn answer(status: &str, cseq: &str) -> Vec<u8> {
    let ask = if status.starts_with("401") { "WWW-Authenticate: Basic realm=\"Millrace\"\r\n" } else { "" };
    format!("RTSP/1.0 {status}\r\nCSeq: {cseq}\r\n{ask}Server: Millrace\r\n\r\n").into_bytes()
}

fn decoded(part: &str) -> String {
    // `url` leaves percent signs; what has a meaning in a query has none in a path.
    let form = part.replace('+', "%2B").replace('=', "%3D").replace('&', "%26");
    url::form_urlencoded::parse(form.as_bytes()).next().map(|(text, _)| text.into_owned()).unwrap_or_default()
}

/// The part after the colon; any user name is good.
fn basic_password(value: &str) -> Option<String> {
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(glib::base64_decode(encoded.trim())).ok()?;
    text.split_once(':').map(|(_, password)| password.to_owned())
}
