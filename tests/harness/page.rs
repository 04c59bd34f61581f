//! A page of somebody else's: served from an origin that is not the service's.

use axum::response::Html;
use axum::routing::get;

/// Serves it for as long as the test lasts; its address.
pub async fn serve(page: &'static str) -> String {
    serve_with(page, "").await
}

/// The same with a script as `/script.js`.
pub async fn serve_with(page: &'static str, script: &'static str) -> String {
    serve_all(page, &[("/script.js", script)]).await
}

/// The same with scripts by their paths.
pub async fn serve_all(page: &'static str, scripts: &[(&'static str, &'static str)]) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let kind = [(axum::http::header::CONTENT_TYPE, "text/javascript")];
    let mut routes = axum::Router::new().route("/", get(move || async move { Html(page) }));
    for &(path, script) in scripts {
        let kind = kind.clone();
        routes = routes.route(path, get(move || async move { (kind, script) }));
    }
    tokio::spawn(async move { axum::serve(listener, routes).await });
    format!("http://{address}/")
}
