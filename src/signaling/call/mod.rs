//! The two-party call (docs/CALL.md): pages that poll by `POST` and are put through to each other. The routes, and who is
//! let in.
//!
//! `wire` reads and writes JSON, `lines` is the state of all lines, `post` what waits in one, `calls` opens them, `task` is
//! a line's task and room, `talk` its media where the server is between, `secure` the way to HTTPS.

mod calls;
pub mod lines;
mod post;
mod problem;
mod secure;
mod talk;
mod task;
pub mod translate;
pub mod wire;

use super::client::ClientAddress;
use super::{Shared, guest};
use crate::auth::AuthError;
use crate::config::GuestDialect;
use crate::model::{Grants, RoomId, Sdp};
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, FromRef, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use calls::{Calls, Way, now};
use lines::Wish;
use problem::Problem;
use task::Ask;
use wire::{Description, Request};

/// The dialect's name, as the API shows it.
pub const NAME: &str = "call";
/// Browsers' descriptions are near 8 kB.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// The dialect's routes: a page posts to its own address and what follows the slash.
pub fn router(shared: Shared) -> axum::Router {
    let mut routes = axum::Router::new();
    for page in ["/video_call", "/video_call/call/{code}"] {
        for path in ["/call_line_process/", "/call_line_process"] {
            routes = routes.route(&format!("{page}{path}"), post(process));
        }
    }
    let routes = routes.method_not_allowed_fallback(no_such_method).layer(DefaultBodyLimit::max(MAX_BODY_BYTES));
    routes.route("/video_call/https", get(secure::lead)).with_state(Calls::new(shared))
}

impl FromRef<Calls> for Shared {
    fn from_ref(calls: &Calls) -> Self {
        calls.shared().clone()
    }
}

async fn no_such_method() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "a call's requests are POSTs of JSON")
}

async fn process(
    State(calls): State<Calls>,
    from: ClientAddress,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let body = body.map_err(|rejection| Problem::new(rejection.status(), rejection.body_text()))?;
    match wire::read(&body).map_err(Problem::bad_request)? {
        Request::Dial { call_code, record, relay } => {
            let grants = admit(calls.shared(), &headers, query.as_deref(), &call_code)?;
            let user = calls.dial(from, grants, &call_code, Wish { relay, record }).await?;
            Ok(json(wire::dialled(&user)))
        }
        Request::GetStatus { user_id } => Ok(json(calls.lines().status(&user_id, now())?.text())),
        Request::Offer { user_id, offer } => {
            let told = calls.lines().offer(&user_id, &offer, now())?;
            tell(told, |reply| Ask::Offer(sdp(&offer), reply)).await
        }
        Request::Answer { user_id, answer } => {
            let told = calls.lines().answer(&user_id, &answer, now())?;
            tell(told, |reply| Ask::Answer(sdp(&answer), reply)).await
        }
        Request::Ice { user_id, ice } => {
            let told = calls.lines().ice(&user_id, ice.clone(), now())?;
            let Some((way, side)) = told else { return Ok(empty()) };
            let candidate = translate::candidate(&ice).map_err(Problem::bad_request)?;
            tell(Some(way), |reply| Ask::Candidate(side, candidate, reply)).await
        }
        Request::Say { user_id, message } => {
            calls.lines().say(&user_id, message, now())?;
            Ok(empty())
        }
        Request::Disconnect { user_id } => {
            let way = calls.lines().disconnect(&user_id, now())?;
            task::hang_up(&way).await;
            Ok(empty())
        }
    }
}

/// Asks the line's call, where it has to know.
async fn tell(way: Option<Way>, ask: impl FnOnce(task::Reply) -> Ask) -> Result<Response, Problem> {
    if let Some(way) = way {
        Calls::ask(&way, ask).await??;
    }
    Ok(empty())
}

/// Who may dial. What follows needs no token: a `user_id` is a secret of its own, and one may have expired since.
fn admit(shared: &Shared, headers: &HeaderMap, query: Option<&str>, code: &str) -> Result<Grants, Problem> {
    let grants = guest::admit(shared, GuestDialect::Call, headers, query).map_err(|error| match error {
        AuthError::Unauthorized => Problem::new(StatusCode::UNAUTHORIZED, guest::REFUSED),
        AuthError::Forbidden => Problem::new(StatusCode::FORBIDDEN, error.to_string()),
    })?;
    match grants.allows_room(&RoomId::of_name(code)) {
        true => Ok(grants),
        false => Err(Problem::new(StatusCode::FORBIDDEN, "the token is for another code")),
    }
}

fn sdp(description: &Description) -> Sdp {
    Sdp::new(description.sdp.as_str())
}

fn json(text: String) -> Response {
    let kind = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], text)
        .into_response()
}

fn empty() -> Response {
    StatusCode::OK.into_response()
}
