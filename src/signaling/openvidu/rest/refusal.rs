//! Refusals in the original's form: an empty body, or a JSON one that nobody reads.

use super::super::wire::fields::Wrong;
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// Why not.
#[derive(Debug)]
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

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Empty(status) => status.into_response(),
            Self::Text(status, words) => (status, words).into_response(),
            Self::Words(status, message) => {
                let error = status.canonical_reason().unwrap_or_default();
                let timestamp = jiff::Timestamp::now().as_millisecond();
                let body = json!({
                    "timestamp": timestamp, "status": status.as_u16(), "error": error, "message": message, "path": "",
                });
                (status, Json(body)).into_response()
            }
        }
    }
}
