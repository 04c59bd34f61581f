//! The routes of a session: `PATCH` (candidates, an ICE restart, or what a viewer wants at most) and `DELETE`. Its
//! address is its secret: no token is asked for, as one may have expired since.

use super::member::{Ask, Changed};
use super::{Endpoint, Problem, fragment, http};
use crate::model::ViewChange;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete};
use axum::{Json, Router, handler::Handler};
use tokio::sync::oneshot;

/// Browsers' offers are near 8 kB.
const MAX_OFFER_BYTES: usize = 64 * 1024;

/// The routes of a session. `accepts`: kinds of body that its `PATCH` takes.
pub fn session(accepts: &'static str) -> MethodRouter<Endpoint> {
    let change = change.layer(DefaultBodyLimit::max(fragment::MAX_BYTES));
    delete(end).patch(change).options(move || http::session_options(accepts))
}

/// What surrounds a dialect's routes.
pub fn finish(routes: Router<Endpoint>, endpoint: Endpoint) -> Router {
    let limited = routes.method_not_allowed_fallback(http::no_such_method);
    let limited = limited.layer(DefaultBodyLimit::max(MAX_OFFER_BYTES)).layer(map_response(http::add_cors));
    limited.with_state(endpoint)
}

async fn change(
    State(endpoint): State<Endpoint>,
    Path((room, id)): Path<(String, String)>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let session = endpoint.sessions.find(&room, &id).ok_or_else(Problem::no_session)?;
    if http::is(&headers, http::MERGE) {
        let change = http::json(&headers, body, http::MERGE)?;
        return limit(&endpoint, &room, &id, change).await;
    }
    let text = http::text(&headers, body, http::FRAGMENT)?;
    let fragment = fragment::read(&text).map_err(Problem::bad_request)?;
    let if_match = headers.get(header::IF_MATCH).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (reply, changed) = oneshot::channel();
    let asked = session.send(Ask::Change { if_match, fragment, reply }).await;
    asked.map_err(|_| Problem::no_session())?;
    Ok(match changed.await.map_err(|_| Problem::no_session())?? {
        Changed::Trickled => StatusCode::NO_CONTENT.into_response(),
        Changed::Restarted { fragment, tag } => {
            let headers = [(header::CONTENT_TYPE, http::FRAGMENT.to_owned()), (header::ETAG, format!("\"{tag}\""))];
            (headers, fragment).into_response()
        }
    })
}

/// Changes what a session wants at most; the answer says what it wants from now on.
pub async fn limit(endpoint: &Endpoint, room: &str, id: &str, change: ViewChange) -> Result<Response, Problem> {
    let session = endpoint.sessions.find(room, id).ok_or_else(Problem::no_session)?;
    let (reply, changed) = oneshot::channel();
    session.send(Ask::Limit(change, reply)).await.map_err(|_| Problem::no_session())?;
    let limits = changed.await.map_err(|_| Problem::no_session())??;
    Ok(Json(limits).into_response())
}

async fn end(
    State(endpoint): State<Endpoint>,
    Path((room, id)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let session = endpoint.sessions.find(&room, &id).ok_or_else(Problem::no_session)?;
    let (reply, ended) = oneshot::channel();
    session.send(Ask::End(reply)).await.map_err(|_| Problem::no_session())?;
    ended.await.map_err(|_| Problem::no_session())?;
    Ok(StatusCode::OK)
}
