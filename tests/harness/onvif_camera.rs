//! ONVIF cameras on loopback: three makers' ways, in their own documents. They check who asks as strictly as the standard
//! wants, and keep what they were told to do.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code)]

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use digest_auth::{AuthContext, AuthorizationHeader, HttpMethod};
use jiff::{SignedDuration, Timestamp};
use millrace::onvif::password_digest;
use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinHandle;

pub const USER: &str = "operator";
pub const PASSWORD: &str = "hunter2 <&>";
pub const PICTURE: &[u8] = include_bytes!("../../src/media/fake.jpg");

macro_rules! document {
    ($name:literal) => {
        include_str!(concat!("../../fuzz/corpus/onvif/", $name, ".xml"))
    };
}

/// Whose ways a camera has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Maker {
    /// WS-Security; its clock is an hour behind; both versions of media; can be moved, but knows no limit of time.
    Hikvision,
    /// HTTP's digest; no `GetServices`; can be moved and keeps positions.
    Dahua,
    /// WS-Security; one address for all services; cannot be moved, has no pictures.
    Axis,
    /// No camera: endless text.
    Endless,
    /// No camera: sends everybody elsewhere.
    Redirecting,
    /// No camera: a web page.
    Page,
}

/// A running camera; ends when it is dropped.
pub struct Camera {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    tasks: Vec<JoinHandle<()>>,
}

struct Shared {
    maker: Maker,
    told: Mutex<Vec<String>>,
    nonces: Mutex<HashSet<String>>,
}

impl Drop for Camera {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Camera {
    pub async fn start(maker: Maker) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared { maker, told: Mutex::default(), nonces: Mutex::default() });
        let router = axum::Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, shared, tasks: vec![task] }
    }

    /// From now on it also answers those who look for cameras on loopback.
    pub fn discoverable(mut self) -> Self {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None).unwrap();
        socket.set_reuse_address(true).unwrap();
        socket.set_nonblocking(true).unwrap();
        let group = Ipv4Addr::new(239, 255, 255, 250);
        socket.bind(&SocketAddr::from((group, 3702)).into()).unwrap();
        socket.join_multicast_v4(&group, &Ipv4Addr::LOCALHOST).unwrap();
        let socket = UdpSocket::from_std(socket.into()).unwrap();
        self.tasks.push(tokio::spawn(respond(socket, self.address)));
        self
    }

    /// What it was told to do, in order.
    pub fn told(&self) -> Vec<String> {
        self.shared.told.lock().unwrap().clone()
    }
}

/// Answers those that ask for cameras, as Dahua's do.
async fn respond(socket: UdpSocket, at: SocketAddr) {
    let mut datagram = vec![0; 4096];
    loop {
        let (length, from) = socket.recv_from(&mut datagram).await.unwrap();
        let question = String::from_utf8_lossy(&datagram[..length]).into_owned();
        if !question.contains("NetworkVideoTransmitter") {
            continue;
        }
        let id = between(&question, "<w:MessageID>uuid:", "</w:MessageID>").expect("a question has an id");
        let text = document!("probe_dahua").replace("e32e6863-ea5e-4ee4-997e-69539d1ff2cc", &id);
        let text = text.replace("http://192.168.1.108/", &format!("http://{at}/"));
        socket.send_to(text.as_bytes(), from).await.unwrap();
    }
}

async fn answer(State(camera): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 64 * 1024).await.unwrap();
    match camera.maker {
        Maker::Endless => return endless(),
        Maker::Redirecting => return (StatusCode::FOUND, [(header::LOCATION, "http://127.0.0.1:9/")]).into_response(),
        Maker::Page => return "<html><body>Welcome<br></body></html>".into_response(),
        _ => {}
    }
    let text = String::from_utf8(body.to_vec()).unwrap();
    let anybody = text.contains("<GetSystemDateAndTime");
    if !anybody && let Some(refusal) = camera.refusal(&parts.method, &parts.uri, &parts.headers, &body) {
        return refusal;
    }
    if parts.method == Method::GET {
        return ([(header::CONTENT_TYPE, "image/jpeg")], PICTURE).into_response();
    }
    let kind = parts.headers[header::CONTENT_TYPE].to_str().unwrap();
    assert!(kind.starts_with("application/soap+xml"), "{kind}");
    camera.soap(parts.uri.path(), &text)
}

fn endless() -> Response {
    let chunks = futures::stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from(vec![b' '; 64 * 1024])));
    Response::new(Body::from_stream(chunks))
}

impl Shared {
    fn now(&self) -> Timestamp {
        let ahead = if self.maker == Maker::Hikvision { -3600 } else { 5 };
        Timestamp::now() + SignedDuration::from_secs(ahead)
    }

    fn refusal(&self, method: &Method, uri: &Uri, headers: &HeaderMap, body: &Bytes) -> Option<Response> {
        // Pictures are HTTP, so their proof is HTTP's too, whatever the maker.
        if self.maker == Maker::Dahua || method == Method::GET {
            return (!digest_is_right(method, uri, headers, body)).then(|| {
                let challenge = "Digest realm=\"Login to 6G0A\", qop=\"auth\", nonce=\"1832645203\", opaque=\"9b1e\"";
                let both = [(header::WWW_AUTHENTICATE, "Basic realm=\"x\""), (header::WWW_AUTHENTICATE, challenge)];
                (StatusCode::UNAUTHORIZED, axum::response::AppendHeaders(both)).into_response()
            });
        }
        let text = String::from_utf8_lossy(body);
        (!self.token_is_right(&text)).then(|| (StatusCode::BAD_REQUEST, document!("not_authorized")).into_response())
    }

    /// The token is made of the password, is of this minute, and was never seen before.
    fn token_is_right(&self, text: &str) -> bool {
        let field = |name: &str| {
            let rest = text.split_once("<wsse:UsernameToken>")?.1.split_once(name)?.1;
            between(rest, ">", "<")
        };
        let all = (field("<wsse:Username"), field("<wsse:Password"), field("<wsse:Nonce"), field("<wsu:Created"));
        let (Some(user), Some(digest), Some(nonce), Some(created)) = all else { return false };
        let at: Timestamp = created.parse().unwrap();
        let fresh = at.duration_since(self.now()).abs() < SignedDuration::from_secs(30);
        let new = self.nonces.lock().unwrap().insert(nonce.clone());
        let right = password_digest(&STANDARD.decode(nonce).unwrap(), &created, PASSWORD) == digest;
        user == USER && fresh && new && right
    }

    fn soap(&self, path: &str, text: &str) -> Response {
        let body = between(text, "<s:Body><", "</s:Body>").expect("an envelope with a body");
        let action = body.split([' ', '>']).next().unwrap().to_owned();
        let namespace = between(&body, "xmlns=\"", "\"").unwrap();
        assert_eq!(namespace, expected_namespace(self.maker, path, &action), "{action} at {path}");
        let xml = match (self.maker, action.as_str()) {
            (_, "GetSystemDateAndTime") => date(self.now()),
            (_, "GetDeviceInformation") => self.information(),
            (Maker::Dahua, "GetServices") => {
                return (StatusCode::BAD_REQUEST, document!("dahua_fault")).into_response();
            }
            (Maker::Dahua, "GetCapabilities") => document!("dahua_capabilities").into(),
            (Maker::Hikvision, "GetServices") => document!("hikvision_services").into(),
            (Maker::Axis, "GetServices") => document!("axis_services").into(),
            (Maker::Hikvision, "GetProfiles") => document!("hikvision_profiles2").into(),
            (Maker::Dahua, "GetProfiles") => document!("dahua_profiles").into(),
            (Maker::Axis, "GetProfiles") => document!("axis_profiles").into(),
            (Maker::Axis, "GetStreamUri") => document!("axis_stream").into(),
            (_, "GetStreamUri") => self.stream(&body),
            (Maker::Hikvision | Maker::Dahua, "GetSnapshotUri") => {
                uri("GetSnapshotUri", "http://192.168.1.64/picture?channel=1&amp;sub=0")
            }
            (Maker::Dahua, "GetPresets") => document!("dahua_presets").into(),
            (Maker::Hikvision | Maker::Dahua, "ContinuousMove" | "Stop" | "GotoPreset" | "SetSynchronizationPoint") => {
                return self.obey(&action, &body);
            }
            _ => return (StatusCode::INTERNAL_SERVER_ERROR, document!("dahua_fault")).into_response(),
        };
        ([(header::CONTENT_TYPE, "application/soap+xml; charset=utf-8")], xml).into_response()
    }

    fn information(&self) -> String {
        envelope(&format!(
            "<tds:GetDeviceInformationResponse><tds:Manufacturer>{:?}</tds:Manufacturer><tds:Model>M-1</tds:Model>\
             <tds:FirmwareVersion>V1.2</tds:FirmwareVersion><tds:SerialNumber>S7</tds:SerialNumber>\
             <tds:HardwareId>88</tds:HardwareId></tds:GetDeviceInformationResponse>",
            self.maker
        ))
    }

    /// The second stream of Dahua's has the password in its address, as some cameras do.
    fn stream(&self, body: &str) -> String {
        let profile = between(body, "<ProfileToken>", "<").unwrap();
        let address = match (self.maker, profile.as_str()) {
            (Maker::Dahua, "MediaProfile00001") => {
                "rtsp://192.168.1.108:554/user=operator_password=hunter2%20%3C&amp;%3E"
            }
            (Maker::Dahua, _) => "rtsp://192.168.1.108:554/cam/realmonitor?channel=1&amp;subtype=0&amp;unicast=true",
            _ => "rtsp://operator:secret@192.168.1.64:554/Streaming/Channels/101?transportmode=unicast",
        };
        uri("GetStreamUri", address)
    }

    fn obey(&self, action: &str, body: &str) -> Response {
        if self.maker == Maker::Hikvision && body.contains("<Timeout>") {
            let fault = document!("dahua_fault").replace("ActionNotSupported", "InvalidArgVal");
            return (StatusCode::BAD_REQUEST, fault).into_response();
        }
        self.told.lock().unwrap().push(body.to_owned());
        envelope(&format!("<x:{action}Response/>")).into_response()
    }
}

fn expected_namespace(maker: Maker, path: &str, action: &str) -> &'static str {
    match (maker, path) {
        (Maker::Axis, "/onvif/services") if action != "GetDeviceInformation" => "http://www.onvif.org/ver10/media/wsdl",
        (_, "/onvif/device_service") => "http://www.onvif.org/ver10/device/wsdl",
        (_, "/onvif/Media2") => "http://www.onvif.org/ver20/media/wsdl",
        (_, "/onvif/Media" | "/onvif/media_service") => "http://www.onvif.org/ver10/media/wsdl",
        (_, "/onvif/PTZ" | "/onvif/ptz_service") => "http://www.onvif.org/ver20/ptz/wsdl",
        other => panic!("nobody lives at {other:?}"),
    }
}

fn digest_is_right(method: &Method, uri: &Uri, headers: &HeaderMap, body: &Bytes) -> bool {
    let Some(header) = headers.get(header::AUTHORIZATION) else { return false };
    let Ok(given) = AuthorizationHeader::parse(header.to_str().unwrap()) else { return false };
    let method = if method == Method::GET { HttpMethod::GET } else { HttpMethod::POST };
    let path = uri.path_and_query().unwrap().as_str();
    let context = AuthContext::new_with_method(USER, PASSWORD, path, Some(&body[..]), method);
    let mut ours = given.clone();
    ours.digest(&context);
    given.uri == path && ours.response == given.response
}

fn date(at: Timestamp) -> String {
    let at = at.to_zoned(jiff::tz::TimeZone::UTC);
    envelope(&format!(
        "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:DateTimeType>NTP</tt:DateTimeType><tt:UTCDateTime>\
         <tt:Time><tt:Hour>{}</tt:Hour><tt:Minute>{}</tt:Minute><tt:Second>{}</tt:Second></tt:Time><tt:Date><tt:Year>{}\
         </tt:Year><tt:Month>{}</tt:Month><tt:Day>{}</tt:Day></tt:Date></tt:UTCDateTime></tds:SystemDateAndTime>\
         </tds:GetSystemDateAndTimeResponse>",
        at.hour(),
        at.minute(),
        at.second(),
        at.year(),
        at.month(),
        at.day()
    ))
}

fn uri(action: &str, address: &str) -> String {
    envelope(&format!(
        "<trt:{action}Response><trt:MediaUri><tt:Uri>{address}</tt:Uri></trt:MediaUri></trt:{action}Response>"
    ))
}

fn envelope(body: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><env:Envelope xmlns:env=\"http://www.w3.org/2003/05/soap-envelope\" xmlns:x=\"urn:x\" \
         xmlns:tt=\"http://www.onvif.org/ver10/schema\" xmlns:tds=\"http://www.onvif.org/ver10/device/wsdl\" \
         xmlns:trt=\"http://www.onvif.org/ver10/media/wsdl\"><env:Body>{body}</env:Body></env:Envelope>"
    )
}

fn between(text: &str, from: &str, to: &str) -> Option<String> {
    let rest = text.split_once(from)?.1;
    Some(rest.split_once(to)?.0.to_owned())
}
