//! Refusals in the original's form: an empty body, or a JSON one that nobody reads.

use super::super::wire::fields::Wrong;
use axum::Json;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// Why not.
#[derive(Clone, Debug)]
pub enum Refusal {
    /// The status alone.
    Empty(StatusCode),
    /// With words, as text.
    Text(StatusCode, String),
    /// With words.
    Words(StatusCode, String),
}

impl Refusal {
    /// There is none of this name.
    pub const NOT_FOUND: Self = Self::Empty(StatusCode::NOT_FOUND);
    /// Rows of the contract where a missing session is a bad request.
    pub const NO_SESSION: Self = Self::Empty(StatusCode::BAD_REQUEST);
}

impl From<Wrong> for Refusal {
    fn from(wrong: Wrong) -> Self {
        Self::Words(StatusCode::BAD_REQUEST, wrong.0)
    }
}

/// The status; `worded` adds the body.
impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Empty(status) => status.into_response(),
            Self::Text(status, words) => (status, words).into_response(),
            Self::Words(status, message) => {
                let mut response = status.into_response();
                response.extensions_mut().insert(Worded(message));
                response
            }
        }
    }
}

#[derive(Clone)]
struct Worded(String);

/// Writes the body of refusals that have words: it names the address, which only the way in knows.
pub async fn worded(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let mut response = next.run(request).await;
    let Some(Worded(message)) = response.extensions_mut().remove() else { return response };
    let (status, timestamp) = (response.status(), jiff::Timestamp::now().as_millisecond());
    let error = status.canonical_reason().unwrap_or_default();
    let body = json!({
        "timestamp": timestamp, "status": status.as_u16(), "error": error, "message": message, "path": path,
    });
    let mut worded = (status, Json(body)).into_response();
    for (name, value) in response.headers() {
        // Those of the empty body are no longer true.
        worded.headers_mut().entry(name).or_insert_with(|| value.clone());
    }
    worded
}

/// An address that means nothing.
pub async fn unknown() -> Refusal {
    Refusal::Words(StatusCode::NOT_FOUND, "there is nothing here".into())
}
