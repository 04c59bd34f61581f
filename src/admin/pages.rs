//! The web pages, embedded in the binary; in debug builds read from `web/` at each request.

use super::Shared;
use super::error::ApiError;
use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use rust_embed::{EmbeddedFile, RustEmbed};

#[derive(RustEmbed)]
#[folder = "web/"]
#[allow_missing = true]
struct Web;

/// `/` and `/console`, `/check`, `/sender` and `/viewer`, `/video_call`, `/ring`, `/conference`, `/device`, `/recordings` and a page for each recording, `/watch` for each feed, and all they need
/// under `/web/`. What a page is about its script reads from the address: the page itself tells nobody anything.
pub fn router() -> Router<Shared> {
    Router::new()
        .route("/", get(|headers| page(headers, "home")))
        .route("/console", get(|headers| page(headers, "console")))
        .route("/check", get(|headers| page(headers, "check")))
        .route("/sender/{room}", get(|headers| page(headers, "sender")))
        .route("/viewer/{room}", get(|headers| page(headers, "viewer")))
        .route("/video_call", get(|| async { Redirect::permanent("/video_call/") }))
        .route("/video_call/", get(|headers| page(headers, "call")))
        .route("/video_call/call/{code}", get(to_slash))
        .route("/video_call/call/{code}/", get(|headers| page(headers, "call")))
        .route("/conference", get(|| async { Redirect::temporary("/conference/lobby") }))
        .route("/conference/{room}", get(|headers| page(headers, "conference")))
        .route("/ring", get(|headers| page(headers, "ring")))
        .route("/device", get(|headers| page(headers, "device")))
        .route("/recordings", get(|headers| page(headers, "recordings")))
        .route("/recordings/{id}", get(|headers| page(headers, "recording")))
        .route("/watch/{room}", get(|headers| page(headers, "watch")))
        .route("/watch/{room}/{feed}", get(|headers| page(headers, "watch")))
        .route("/favicon.ico", get(|headers| asset(headers, Path("favicon.svg".into()))))
        .route("/web/{*path}", get(asset))
}

/// A call's page posts to its own address and what follows the slash.
async fn to_slash(uri: Uri) -> Redirect {
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    Redirect::permanent(&format!("{}/{query}", uri.path()))
}

async fn page(headers: HeaderMap, name: &str) -> Response {
    let file = [format!("{name}/index.html"), format!("{name}.html")].iter().find_map(|path| Web::get(path));
    respond(&headers, file)
}

async fn asset(headers: HeaderMap, Path(path): Path<String>) -> Response {
    respond(&headers, Web::get(&path))
}

fn respond(headers: &HeaderMap, file: Option<EmbeddedFile>) -> Response {
    let Some(file) = file else {
        return ApiError::new(StatusCode::NOT_FOUND, "not_found", "there is no such page").into_response();
    };
    let hash: String = file.metadata.sha256_hash().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let etag = format!("\"{hash}\"");
    // Browsers ask each time and mostly hear "not modified": pages never disagree with the server they talk to.
    let mut response = if headers.get(header::IF_NONE_MATCH).is_some_and(|seen| seen.as_bytes() == etag.as_bytes()) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, file.metadata.mimetype().to_owned())], file.data).into_response()
    };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(etag) = etag.parse() {
        response.headers_mut().insert(header::ETAG, etag);
    }
    response
}
