//! A web server for files: with ranges, a folder behind a password, and a redirect to where nobody may go.
#![allow(dead_code)]

use axum::Router;
use axum::http::header::{AUTHORIZATION, LOCATION, WWW_AUTHENTICATE};
use axum::http::{Request, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::path::Path;
use tower_http::services::ServeDir;

/// `viewer:hunter2-is-right`
const KEY: &str = "Basic dmlld2VyOmh1bnRlcjItaXMtcmlnaHQ=";

/// A server that ends with its handle.
pub struct Web {
    port: u16,
    _runtime: tokio::runtime::Runtime,
}

impl Web {
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }
}

/// Serves a folder at `/`, and at `/locked` for who has the key.
pub fn serve(dir: &Path) -> Web {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let away = || async { (StatusCode::FOUND, [(LOCATION, "http://169.254.169.254/latest/meta-data")]) };
    let locked = Router::new().fallback_service(ServeDir::new(dir)).layer(from_fn(lock));
    let app = Router::new().nest("/locked", locked).route("/redirect", get(away)).fallback_service(ServeDir::new(dir));
    runtime.spawn(async move { axum::serve(listener, app).await });
    Web { port, _runtime: runtime }
}

async fn lock(request: Request<axum::body::Body>, next: Next) -> Response {
    if request.headers().get(AUTHORIZATION).is_some_and(|key| key == KEY) {
        return next.run(request).await;
    }
    (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "Basic realm=\"camera\"")]).into_response()
}
