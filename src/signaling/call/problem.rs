//! Refusals as JSON: a status, and words that say what to do.

use super::lines::Refusal;
use super::{translate, wire};
use crate::room::RoomError;
use crate::signaling::quota::OverQuota;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// Seconds after which one who did too much may try again.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    words: String,
}

impl Problem {
    /// Any refusal.
    pub fn new(status: StatusCode, words: impl Into<String>) -> Self {
        Self { status, words: words.into() }
    }
    /// The request cannot be understood.
    pub fn bad_request(words: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, words)
    }
    /// Too many, or too often.
    pub fn too_often(over: &OverQuota) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, format!("{over}: try again in a few seconds"))
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::new(translate::status(&refusal), refusal.to_string())
    }
}

impl From<RoomError> for Problem {
    fn from(error: RoomError) -> Self {
        Self::new(translate::room_status(&error), error.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        if self.status.is_server_error() {
            tracing::warn!(reason = self.words, "a call's request failed");
        }
        let json = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        let mut response = (self.status, json, wire::refusal(&self.words)).into_response();
        let headers = response.headers_mut();
        match self.status {
            StatusCode::TOO_MANY_REQUESTS => headers.insert(header::RETRY_AFTER, RETRY_AFTER),
            StatusCode::UNAUTHORIZED => headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")),
            StatusCode::METHOD_NOT_ALLOWED => headers.insert(header::ALLOW, HeaderValue::from_static("POST")),
            _ => None,
        };
        response
    }
}
