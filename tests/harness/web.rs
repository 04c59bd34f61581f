//! A web server for files: with ranges, a folder behind a password, and a redirect to where nobody may go.
#![allow(dead_code)]

use axum::Router;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION, WWW_AUTHENTICATE};
use axum::http::{Request, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::path::Path;
use std::time::Duration;
use tower_http::services::ServeDir;

/// `viewer:hunter2-is-right`
const KEY: &str = "Basic dmlld2VyOmh1bnRlcjItaXMtcmlnaHQ=";

/// A server that ends with its handle.
pub struct Web {
    scheme: &'static str,
    port: u16,
    _runtime: tokio::runtime::Runtime,
}

impl Web {
    pub fn url(&self, path: &str) -> String {
        format!("{}://127.0.0.1:{}/{path}", self.scheme, self.port)
    }
}

/// Serves a folder at `/`, and at `/locked` for who has the key.
pub fn serve(dir: &Path) -> Web {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let away = || async { (StatusCode::FOUND, [(LOCATION, "http://169.254.169.254/latest/meta-data")]) };
    let picture = dir.join("picture.jpg");
    let stream = move || live(std::fs::read(&picture).unwrap_or_default());
    let again = stream.clone();
    let digest = Router::new().route("/live", get(again)).layer(from_fn(digest));
    let locked = Router::new().route("/live", get(stream)).fallback_service(ServeDir::new(dir)).layer(from_fn(lock));
    let app = Router::new()
        .nest("/locked", locked)
        .nest("/digest", digest)
        .route("/redirect", get(away))
        .fallback_service(ServeDir::new(dir));
    runtime.spawn(async move { axum::serve(listener, app).await });
    Web { scheme: "http", port, _runtime: runtime }
}

/// The same over TLS, with a certificate that nobody signed; and its SHA-256.
pub fn serve_tls(dir: &Path) -> (Web, String) {
    let made = rcgen::generate_simple_self_signed(["camera".to_owned()]).expect("a certificate");
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, made.cert.der());
    let fingerprint: Vec<String> = digest.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let (certificate, key) = (made.cert.der().to_vec(), made.signing_key.serialize_der());
    let config = axum_server::tls_rustls::RustlsConfig::from_der(vec![certificate], key);
    let config = runtime.block_on(config).expect("settings");
    let handle: axum_server::Handle<std::net::SocketAddr> = axum_server::Handle::new();
    let app = Router::new().fallback_service(ServeDir::new(dir));
    let server = axum_server::bind_rustls(([127, 0, 0, 1], 0).into(), config).handle(handle.clone());
    runtime.spawn(server.serve(app.into_make_service()));
    let port = runtime.block_on(handle.listening()).expect("a port").port();
    (Web { scheme: "https", port, _runtime: runtime }, fingerprint.join(":"))
}

const CHALLENGE: &str = "Digest realm=\"camera\", qop=\"auth\", nonce=\"0badcafe\", algorithm=MD5";

/// RFC 7616, worked out anew from what the client says of itself.
async fn digest(request: Request<axum::body::Body>, next: Next) -> Response {
    let answer = request.headers().get(AUTHORIZATION).and_then(|answer| answer.to_str().ok());
    if let Some(Ok(answer)) = answer.map(digest_auth::AuthorizationHeader::parse) {
        let mut context = digest_auth::AuthContext::new("viewer", "hunter2-is-right", answer.uri.clone());
        context.set_custom_cnonce(answer.cnonce.clone().unwrap_or_default());
        let mut expected = digest_auth::parse(CHALLENGE).expect("a challenge");
        let expected = expected.respond(&context).expect("an answer");
        if expected.response == answer.response && answer.uri == "/digest/live" {
            return next.run(request).await;
        }
    }
    (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, CHALLENGE)]).into_response()
}

/// A JPEG camera: the same picture fifteen times a second, without end.
async fn live(picture: Vec<u8>) -> impl IntoResponse {
    let mut part =
        format!("--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n", picture.len()).into_bytes();
    part.extend_from_slice(&picture);
    part.extend_from_slice(b"\r\n");
    let ticks = tokio::time::interval(Duration::from_millis(66));
    let parts = futures::stream::unfold((ticks, bytes::Bytes::from(part)), |(mut ticks, part)| async move {
        ticks.tick().await;
        Some((Ok::<_, std::convert::Infallible>(part.clone()), (ticks, part)))
    });
    let kind = [(CONTENT_TYPE, "multipart/x-mixed-replace; boundary=frame")];
    (kind, axum::body::Body::from_stream(parts))
}

async fn lock(request: Request<axum::body::Body>, next: Next) -> Response {
    if request.headers().get(AUTHORIZATION).is_some_and(|key| key == KEY) {
        return next.run(request).await;
    }
    (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "Basic realm=\"camera\"")]).into_response()
}
